"""Random calls to the APIs and to the control API, over several worlds, against a model of a few lines."""

import copy
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

AUDIENCES = f"ad_accounts/{AD_ACCOUNT}/audiences"
FIRST_ID = 2542623499806
FIRST_FACEBOOK_ID = 6006183285954
BUILD_DELAY_S = 60
START_S = 1_800_000_000
WORLDS = st.sampled_from(["default", "red", "green", "blue"])
SNAPSHOTS = st.sampled_from(["one", "two"])


@dataclass
class Model:
    """What a world should hold: Pinterest's audiences by id (name, and when each is ready), how many
    lookalikes PitchTarget has made, and the time."""

    audiences: dict[int, tuple[str, int]] = field(default_factory=dict)
    next_id: int = FIRST_ID
    lookalikes: int = 0
    now_s: int = START_S


@dataclass
class Named:
    """A world and its snapshots."""

    holds: Model = field(default_factory=Model)
    snapshots: dict[str, Model] = field(default_factory=dict)


class Worlds(RuleBasedStateMachine):
    """Each rule does the same to the server and to the model; each read compares the two."""

    def __init__(self) -> None:
        super().__init__()
        self.mock = MockServer(build_delay_s=BUILD_DELAY_S)
        self.mock.__enter__()
        self.client = httpx.Client(base_url=self.mock.url)
        self.worlds: dict[str, Named] = {}

    def teardown(self) -> None:
        self.client.close()
        self.mock.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        self.model("default")

    def model(self, world: str) -> Named:
        """The model of a world, which is created with its clock set when it is first named."""
        if world not in self.worlds:
            self.worlds[world] = Named()
            self.set_clock(world)
        return self.worlds[world]

    def set_clock(self, world: str) -> None:
        now = {"now": START_S, "frozen": True}
        assert self.control("PUT", world, "clock", json=now).status_code == 200

    def pinterest(self, method: str, world: str, path: str = "", **more: Any) -> httpx.Response:
        url = f"/worlds/{world}/v5/{AUDIENCES}{path}"
        return self.client.request(method, url, headers=PINTEREST_TOKEN, **more)

    def control(self, method: str, world: str, path: str, **more: Any) -> httpx.Response:
        return self.client.request(method, f"/worlds/{world}/__admin/{path}", **more)

    @rule(world=WORLDS, name=st.text("abc", min_size=1, max_size=3))
    def create(self, world: str, name: str) -> None:
        model = self.model(world).holds
        body = {"name": name, "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
        made = self.pinterest("POST", world, json=body)
        assert (made.status_code, made.json()["id"]) == (201, str(model.next_id))
        assert made.json()["created_timestamp"] == model.now_s
        model.audiences[model.next_id] = (name, model.now_s + BUILD_DELAY_S)
        model.next_id += 1

    @rule(world=WORLDS)
    def create_lookalike(self, world: str) -> None:
        model = self.model(world).holds
        body = {
            "type": "lookalike",
            "fb_ad_account_id": "61",
            "name": "Like them",
            "origin_audience_id": 6006164557194,
            "lookalike_spec": {"type": "similarity", "country": "US"},
        }
        url = f"/worlds/{world}/custom_audiences"
        made = self.client.post(url, json=body, headers=PITCHTARGET_TOKEN)
        assert made.json() == {"id": str(FIRST_FACEBOOK_ID + model.lookalikes)}
        model.lookalikes += 1

    @precondition(lambda self: any(named.holds.audiences for named in self.worlds.values()))
    @rule(data=st.data(), name=st.text("xyz", min_size=1, max_size=3))
    def rename(self, data: st.DataObject, name: str) -> None:
        world, id = self.any_audience(data)
        audiences = self.worlds[world].holds.audiences
        assert self.pinterest("PATCH", world, f"/{id}", json={"name": name}).json()["name"] == name
        audiences[id] = (name, audiences[id][1])

    @precondition(lambda self: any(named.holds.audiences for named in self.worlds.values()))
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        world, id = self.any_audience(data)
        assert self.pinterest("PATCH", world, f"/{id}", json={"operation_type": "REMOVE"}).status_code == 200
        assert self.pinterest("GET", world, f"/{id}").status_code == 404
        del self.worlds[world].holds.audiences[id]

    def any_audience(self, data: st.DataObject) -> tuple[str, int]:
        everywhere = [(world, id) for world, named in self.worlds.items() for id in named.holds.audiences]
        return data.draw(st.sampled_from(everywhere))

    @rule(world=WORLDS, seconds=st.integers(0, 2 * BUILD_DELAY_S))
    def advance(self, world: str, seconds: int) -> None:
        model = self.model(world).holds
        response = self.control("POST", world, "clock/advance", json={"seconds": seconds})
        assert response.status_code == 200, response.text
        model.now_s += seconds

    @rule(world=WORLDS, to=st.sampled_from(["seed", "empty"]))
    def reset(self, world: str, to: str) -> None:
        self.model(world).holds = Model()
        assert self.control("POST", world, "reset", json={"to": to}).status_code == 204
        self.set_clock(world)

    @rule(world=WORLDS, name=SNAPSHOTS)
    def take(self, world: str, name: str) -> None:
        model = self.model(world)
        assert self.control("PUT", world, f"snapshots/{name}").status_code == 204
        model.snapshots[name] = copy.deepcopy(model.holds)

    @rule(world=WORLDS, name=SNAPSHOTS)
    def restore(self, world: str, name: str) -> None:
        model = self.model(world)
        restored = self.control("POST", world, f"snapshots/{name}/restore")
        assert restored.status_code == (204 if name in model.snapshots else 404)
        if name in model.snapshots:
            model.holds = copy.deepcopy(model.snapshots[name])

    @rule(source=WORLDS, name=WORLDS)
    def fork(self, source: str, name: str) -> None:
        origin = self.model(source)
        forked = self.client.post(f"/__admin/worlds/{source}/fork", json={"name": name})
        assert forked.status_code == (409 if name in self.worlds else 201)
        if name not in self.worlds:
            self.worlds[name] = Named(copy.deepcopy(origin.holds))

    @rule(world=WORLDS)
    def delete(self, world: str) -> None:
        gone = self.client.delete(f"/__admin/worlds/{world}")
        if world == "default":
            assert gone.status_code == 409
        else:
            assert gone.status_code == (204 if world in self.worlds else 404)
            self.worlds.pop(world, None)

    @rule(world=WORLDS)
    def fail_once(self, world: str) -> None:
        """A planned fault hits one call of one world, and changes nothing."""
        self.model(world)
        fault = {"operation": "audiences/create", "first": 1, "status": 503}
        assert self.control("POST", world, "faults", json=fault).status_code == 201
        body = {"name": "lost", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
        assert self.pinterest("POST", world, json=body).status_code == 503

    @invariant()
    def each_world_holds_what_its_model_holds(self) -> None:
        assert self.client.get("/__admin/worlds").json()["worlds"] == sorted(self.worlds)
        for world, named in self.worlds.items():
            items = self.pinterest("GET", world, params={"page_size": 250}).json()["items"]
            read = {int(item["id"]): (item["name"], item["status"]) for item in items}
            now_s = named.holds.now_s
            assert read == {
                id: (name, "INITIALIZING" if now_s < ready_s else "READY")
                for id, (name, ready_s) in named.holds.audiences.items()
            }


TestWorlds = Worlds.TestCase
TestWorlds.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
