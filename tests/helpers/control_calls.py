"""A call of each operation of the control API for each status that it describes."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from audience_mock.core.controls import faults, subscriptions
from audience_mock.core.seeds import export
from audience_mock.core.worlds import snapshots, worlds
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.engines import POSTGRESQL, SQLITE

AUDIENCE = {
    "api": "pinterest",
    "id": "2542623499806",
    "account": AD_ACCOUNT,
    "kind": "ENGAGEMENT",
    "name": "Buyers",
}
FAULT = {"operation": "audiences/list", "first": 1, "status": 503}
Prepare = Callable[[MockServer, pytest.MonkeyPatch], object]


class Call(NamedTuple):
    """A request that an operation answers with a status, and what is done before it."""

    operation: str
    status: int
    path: Mapping[str, str] = {}
    body: Any = None
    query: Mapping[str, str] = {}
    before: Prepare = lambda mock, patch: None


def seeded(*audiences: Mapping[str, Any]) -> Prepare:
    return lambda mock, patch: mock.seed({"audiences": [*audiences]})


def made(*names: str, **settings: Any) -> Prepare:
    return lambda mock, patch: [mock.in_world(name).configure(**settings) for name in names]


def limited(module: Any, name: str, to: int = 0) -> Prepare:
    return lambda mock, patch: patch.setattr(module, name, to)


def called(mock: MockServer, patch: object) -> None:
    httpx.get(f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences", headers=PINTEREST_TOKEN)
    fields = {"fb_ad_account_id": "2", "name": "n", "user_type": "fbid"}
    fields |= {"description": "d", "opt_out_link": "http://a.example"}
    files = {"file": ("u.csv", b"1\n2\nx\n")}
    httpx.post(f"{mock.url}/custom_audiences", data=fields, files=files, headers=PITCHTARGET_TOKEN)


def recorded_and_called(mock: MockServer, patch: object) -> None:
    mock.configure(record=True)
    pending(mock, patch)


def misspelled(mock: MockServer, patch: object) -> None:
    url = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    assert httpx.get(url, params={"pagesize": "5"}, headers=PINTEREST_TOKEN).is_success


def pending(mock: MockServer, patch: object) -> None:
    body = {"name": "n", "audience_type": "ENGAGEMENT", "rule": {}}
    url = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    assert httpx.post(url, json=body, headers=PINTEREST_TOKEN).is_success


def full(mock: MockServer, patch: pytest.MonkeyPatch) -> None:
    called(mock, patch)
    patch.setattr(export, "MAX_BYTES", 0)


def two_of_which_one_is_full(mock: MockServer, patch: pytest.MonkeyPatch) -> None:
    made("blue")(mock, patch)
    full(mock, patch)


unrecorded = made("default", journal_entries=0)


def planned(mock: MockServer, patch: object) -> None:
    mock.control("POST", "/faults", FAULT)


def listed(mock: MockServer, patch: object) -> None:
    url = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
    body = {"name": "l", "records": "ann@example.com"}
    assert httpx.post(url, json=body, headers=PINTEREST_TOKEN).json()["id"] == LIST["id"]


TOKEN = {"token": "pina_a", "scopes": ["ads:read"]}
LIST = {"id": "5497558"}
BOTH = ({**AUDIENCE, "id": "54"}, {**AUDIENCE, "id": "54", "api": "pitchtarget", "kind": "WEBSITE"})
NONE = {"world": "none"}
BLUE = {"world": "blue"}

CALLS = [
    Call("health/get", 200),
    Call("overview/get", 200, before=called),
    Call("state/demo", 200),
    Call("audiences/search", 200, query={"status": "READY"}, before=seeded(AUDIENCE)),
    Call("audience/delete", 204, {"id": "2542623499806"}, before=seeded(AUDIENCE)),
    Call("audience/delete", 404, {"id": "1"}),
    Call("audience/delete", 409, {"id": "54"}, before=seeded(*BOTH)),
    Call("audience/objects", 200, {"id": "2542623499806"}, before=seeded(AUDIENCE)),
    Call("audience/objects", 404, {"id": "1"}),
    Call("audience/objects", 409, {"id": "54"}, before=seeded(*BOTH)),
    Call("customer_lists/search", 200, before=listed),
    Call("customer_list/get", 200, LIST, before=listed),
    Call("customer_list/get", 404, LIST),
    Call("customer_list/update", 200, LIST, {"status": "READY"}, before=listed),
    Call("customer_list/update", 404, LIST, {"status": "READY"}),
    Call("customer_list/objects", 200, LIST, before=listed),
    Call("customer_list/objects", 404, LIST),
    Call("journal/summary", 200, before=called),
    Call("journal/entry", 200, {"number": "1"}, before=called),
    Call("journal/entry", 404, {"number": "1"}),
    Call("tokens/list", 200, before=lambda mock, patch: mock.seed({"tokens": [TOKEN]})),
    Call("limits/list", 200, before=called),
    Call("limits/restart", 204),
    Call("events/subscribe", 200, query={"for_s": "0"}),
    Call("events/subscribe", 409, before=limited(subscriptions, "MAX_SUBSCRIBERS")),
    Call("live/get", 200),
    Call("ready/get", 200),
    Call("ready/get", 503, before=lambda mock, patch: mock.app.state.probes.drain()),
    Call("backup/get", 200),
    Call("backup/get", 409),
    Call("worlds/list", 200, before=made("blue")),
    Call("worlds/get", 200, BLUE, before=made("blue", build_delay_s=0)),
    Call("worlds/get", 404, NONE),
    Call("worlds/put", 201, BLUE, {"settings": {"build_delay_s": 0}}),
    Call("worlds/put", 201, BLUE),
    Call("worlds/put", 200, BLUE, {}, before=made("blue")),
    Call("worlds/put", 409, BLUE, {}, before=limited(worlds, "MAX_WORLDS")),
    Call("worlds/update", 201, BLUE, {"settings": {"build_delay_s": 0}}),
    Call("worlds/update", 200, BLUE, before=made("blue")),
    Call("worlds/update", 409, BLUE, {}, before=limited(worlds, "MAX_WORLDS")),
    Call("worlds/delete_matching", 200, query={"match": "b*"}, before=made("blue")),
    Call("worlds/delete", 204, BLUE, before=made("blue")),
    Call("worlds/delete", 404, NONE),
    Call("worlds/delete", 409, {"world": "default"}),
    Call("worlds/fork", 201, {"world": "default"}, {"name": "green"}),
    Call("worlds/fork", 404, NONE, {"name": "green"}),
    Call("worlds/fork", 409, {"world": "default"}, {"name": "blue"}, before=made("blue")),
    Call("worlds/diff", 200, {"world": "default", "other": "default"}),
    Call("worlds/diff", 404, {"world": "default", "other": "none"}),
    Call("worlds/diff", 409, {"world": "default", "other": "blue"}, before=two_of_which_one_is_full),
    Call("state/get", 200, before=seeded(AUDIENCE)),
    Call("state/get", 409, before=full),
    Call("bridge/get", 200, before=seeded(AUDIENCE), query={"source": "pinterest"}),
    Call("bridge/get", 409, before=full),
    Call("bridge/seed", 200, before=seeded(AUDIENCE), query={"source": "pinterest"}),
    Call("bridge/seed", 409, before=full),
    Call("state/reset", 204, body={"to": "empty"}),
    Call("state/reset", 204),
    Call("state/seed", 200, body={"audiences": [AUDIENCE]}),
    Call("state/seed", 200),
    Call("state/seed", 409, body={"audiences": [AUDIENCE]}, before=seeded(AUDIENCE)),
    Call("snapshots/list", 200, before=lambda mock, patch: mock.snapshot("signed-in")),
    Call("snapshots/put", 204, {"snapshot": "signed-in"}),
    Call("snapshots/put", 409, {"snapshot": "signed-in"}, before=limited(snapshots, "MAX_SNAPSHOTS")),
    Call("snapshots/delete", 204, {"snapshot": "a"}, before=lambda mock, patch: mock.snapshot("a")),
    Call("snapshots/delete", 404, {"snapshot": "none"}),
    Call("snapshots/restore", 204, {"snapshot": "a"}, before=lambda mock, patch: mock.snapshot("a")),
    Call("snapshots/restore", 404, {"snapshot": "none"}),
    Call("bundle/get", 200, before=lambda mock, patch: mock.configure(record=True)),
    Call("bundle/get", 409),
    Call("contract_diff/get", 200, query={"from": "5.23"}, before=recorded_and_called),
    Call("contract_diff/get", 409),
    Call("contract_diff/versions", 200),
    Call("clock/get", 200),
    Call("clock/put", 200, body={"now": 1_800_000_000, "frozen": True}),
    Call("clock/put", 200, body={"now": "2026-07-01T12:00:00Z"}),
    Call("clock/advance", 200, body={"seconds": 60}, before=pending),
    Call("clock/advance", 200, body={"to": "next-event"}, before=pending),
    Call("clock/agenda", 200, query={"limit": "1"}, before=pending),
    Call("audience/get", 200, {"id": AUDIENCE["id"]}, before=seeded(AUDIENCE)),
    Call("audience/get", 404, {"id": "1"}),
    Call("audience/get", 409, {"id": "54"}, before=seeded(*BOTH)),
    Call("audience/update", 200, {"id": AUDIENCE["id"]}, {"status": "READY"}, before=seeded(AUDIENCE)),
    Call("audience/update", 200, {"id": "54"}, {"size": 7}, {"api": "pinterest"}, seeded(*BOTH)),
    Call("audience/update", 404, {"id": "1"}, {"status": "READY"}),
    Call("audience/update", 409, {"id": "54"}, {"status": "READY"}, before=seeded(*BOTH)),
    Call("ids/get", 200),
    Call("ids/put", 200, body={"pinterest_audience": "2542623500000"}),
    Call("ids/put", 200),
    Call("faults/list", 200, before=planned),
    Call("faults/add", 201, body=FAULT),
    Call("faults/add", 201, body={"faults": [FAULT, {"operation": "*", "latency_ms": 5}]}),
    Call("faults/add", 409, body=FAULT, before=limited(faults, "MAX_FAULTS")),
    Call("faults/clear", 204),
    Call(
        "faults/get",
        200,
        {"fault": "fault-1"},
        before=planned,
    ),
    Call("faults/get", 404, {"fault": "fault-9"}),
    Call(
        "faults/delete",
        204,
        {"fault": "fault-1"},
        before=planned,
    ),
    Call("faults/delete", 404, {"fault": "fault-9"}),
    Call("journal/get", 200, query={"operation": "audiences/list"}, before=called),
    Call("journal/empty", 204),
    Call("journal/search", 200, body={"status": "2xx"}, before=called),
    Call("journal/search", 200, before=called),
    Call("journal/verify", 200, body={"operation": "audiences/list", "count": 1}, before=called),
    Call("journal/verify", 409, body={"operation": "audiences/list"}, before=unrecorded),
    Call("journal/verify", 417, body={"operation": "audiences/create"}, before=called),
    Call("conduct/get", 200, query={"fail_on": "error"}, before=misspelled),
    Call("conduct/get", 409, before=unrecorded),
    Call("conduct/rules", 200),
    Call("sweep/plan", 200, query={"kinds": "500,reset", "limit": "3"}, before=called),
    Call("sweep/plan", 409, before=unrecorded),
    Call("uploads/list", 200, before=called),
    Call("uploads/lint", 200, before=called),
    Call("identities/list", 200),
    Call("uploads/lint_for", 200, body={"people": [{"email": "eva@a.example"}]}, before=called),
    Call("operations/list", 200, query={"provider": "pitchtarget"}),
]
"""Every operation, and every status that it alone describes."""

VARIES = (
    *("backup/get", "events/subscribe", "journal/entry"),
    *("bridge/seed", "state/demo", "state/get", "state/seed", "worlds/diff"),
)
"""Operations whose answers have keys by what there is, or none."""

OF_ONE_ENGINE: Mapping[tuple[str, int], str] = {
    ("backup/get", 200): SQLITE,
    ("backup/get", 409): POSTGRESQL,
    ("bundle/get", 200): SQLITE,
    ("contract_diff/get", 200): SQLITE,
}
"""The engine of answers that servers on the other one do not give: PostgreSQL has backups of its own, and
records no world."""


def skip_on_other_engine(call: Call, engine: str) -> None:
    """Skips the test of a call whose answer is of one engine, on the other."""
    of = OF_ONE_ENGINE.get((call.operation, call.status), engine)
    if of != engine:
        pytest.skip(f"of {of} alone")


_DESCRIPTION = json.loads((Path(__file__).parents[2] / "openapi/control.json").read_text())
_PLACES = {
    facts["operationId"]: (method.upper(), path)
    for path, methods in _DESCRIPTION["paths"].items()
    for method, facts in methods.items()
}


def send(server: MockServer, number: int, call: Call) -> httpx.Response:
    """Make a call in a world of its own, the one of this number."""
    world = server.in_world(f"w{number}")
    with pytest.MonkeyPatch.context() as patch:
        call.before(world, patch)  # type: ignore[arg-type]  # what they use of a server, a world has
        method, template = _PLACES[call.operation]
        path = re.sub(r"\{(\w+)\}", lambda found: call.path.get(found[1], "x"), template)
        body = {} if call.body is None else {"json": call.body}
        return httpx.request(method, world.url + path, params=dict(call.query), timeout=60, **body)
