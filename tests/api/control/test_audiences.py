"""How audiences are built: by the policy of a world, or by a test that changes one of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from audience_mock.core.worlds.world import World
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE

VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"


@pytest.fixture
def connect() -> Iterator[Callable[[str], httpx.Client]]:
    """Gives plain HTTP to a base URL."""
    with ExitStack() as opened:
        yield lambda url: opened.enter_context(httpx.Client(base_url=url, headers=PINTEREST_TOKEN))


@pytest.fixture
def of(
    start: Callable[..., MockServer], connect: Callable[[str], httpx.Client]
) -> Callable[[str], httpx.Client]:
    """Plain HTTP to a server with a build policy and a frozen clock."""

    def client(policy: str) -> httpx.Client:
        mock = start(audience_ready=policy, pitchtarget_revision="2014-04")
        mock.world.clock.freeze()
        return connect(mock.url)

    return client


def make(client: httpx.Client) -> dict[str, Any]:
    made = client.post(AUDIENCES, json=VISITORS)
    assert made.status_code == 201, made.text
    audience: dict[str, Any] = made.json()
    return audience


def seen(client: httpx.Client, id: str) -> tuple[str, bool]:
    """The status of an audience, and whether it has people."""
    audience = client.get(f"{AUDIENCES}/{id}").json()
    return audience["status"], audience["size"] > 0


def seen_by_facebook(client: httpx.Client, id: str) -> tuple[str, bool]:
    audience = client.get(f"/custom_audiences/{id}", headers=PITCHTARGET_TOKEN).json()
    return audience["status"], audience["approximate_count"] > 0


def people_reached(client: httpx.Client) -> int:
    """By all audiences of the ad account, as its insights say."""
    which = {"audience_insight_type": "YOUR_TOTAL_AUDIENCE"}
    insights = client.get(f"/v5/ad_accounts/{AD_ACCOUNT}/audience_insights", params=which).json()
    return int(insights["size"])


def make_lookalike(client: httpx.Client) -> str:
    return str(client.post("/custom_audiences", json=LOOKALIKE, headers=PITCHTARGET_TOKEN).json()["id"])


def make_from_file(client: httpx.Client) -> None:
    sent: Any = {"data": FILE_FIELDS, "files": FILE}
    assert client.post("/custom_audiences", headers=PITCHTARGET_TOKEN, **sent).status_code == 201


def wait(client: httpx.Client, seconds: float) -> None:
    client.post("/__admin/clock/advance", json={"seconds": seconds}).raise_for_status()


def patch(client: httpx.Client, id: str, query: str = "", **body: Any) -> dict[str, Any]:
    response = client.patch(f"/__admin/audiences/{id}{query}", json=body)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


def test_built_at_once(of: Callable[[str], httpx.Client]) -> None:
    """With `at_once` an audience is READY in the answer that made it; lists and uploads are done."""
    client = of("at_once")
    made = make(client)
    assert (made["status"], made["size"] > 0) == ("READY", True)
    assert seen_by_facebook(client, make_lookalike(client)) == ("ready", True)
    made_list = client.post(LISTS, json={"name": "l", "records": "ann@example.com"}).json()
    assert made_list["status"] == "TOO_SMALL"
    path = f"{LISTS}/{made_list['id']}/uploads"
    upload = client.post(path, json={"operation": "ADD", "total_parts": 1}).json()
    httpx.put(upload["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"], content=b"a@b.example\n")
    assert client.post(f"{path}/{upload['customer_list_upload']['id']}/run").json()["state"] == "SUCCEEDED"


@pytest.mark.parametrize("reads", [1, 2, 5])
def test_built_by_reads(of: Callable[[str], httpx.Client], reads: int) -> None:
    """With `after_reads:N` the N-th GET of an audience shows it READY; time and lists do not count."""
    client = of(f"after_reads:{reads}")
    id, other = make(client)["id"], make(client)["id"]
    for _ in range(10):
        assert {item["status"] for item in client.get(AUDIENCES).json()["items"]} == {"INITIALIZING"}
        assert client.get(f"/__admin/audiences/{id}").json()["policy"] == f"after_reads:{reads}"
    wait(client, 1e9)
    assert [seen(client, id) for _ in range(reads + 1)] == [("INITIALIZING", False)] * (reads - 1) + [
        ("READY", True)
    ] * 2
    assert client.get(f"/__admin/audiences/{other}").json()["status"] == "INITIALIZING"
    lookalike = make_lookalike(client)
    shown = [seen_by_facebook(client, lookalike)[0] for _ in range(reads + 1)]
    assert shown == ["updating"] * (reads - 1) + ["ready"] * 2


def test_facebook_takes_an_audience_that_was_read_often_enough(
    start: Callable[..., MockServer], connect: Callable[[str], httpx.Client]
) -> None:
    """The read that builds an audience of PitchTarget's shows Facebook's id, the ones before it show none."""
    client = connect(start(audience_ready="after_reads:2").url)
    make_from_file(client)
    shown = [
        client.get("/custom_audiences/54", headers=PITCHTARGET_TOKEN).json()["fb_custom_audience"]["fb_id"]
        for _ in range(3)
    ]
    assert [str(id) for id in shown] == ["None", "6006183285954", "6006183285954"]


def test_built_by_hand(of: Callable[[str], httpx.Client]) -> None:
    """With `by_hand` an audience is INITIALIZING until the control API changes it, in both APIs."""
    client = of("by_hand")
    id, lookalike = make(client)["id"], make_lookalike(client)
    make_from_file(client)
    wait(client, 1e9)
    agenda = client.get("/__admin/clock/agenda?kinds=audience,facebook_id").json()
    assert agenda == {"events": [], "total": 0}
    assert seen(client, id) == ("INITIALIZING", False)
    assert seen_by_facebook(client, lookalike) == ("updating", False)
    assert client.get("/custom_audiences/55", headers=PITCHTARGET_TOKEN).json()["id"] is None
    for audience in (id, lookalike, "55"):
        shown = patch(client, audience, status="READY")
        assert (shown["status"], shown["held_status"]) == ("READY", "READY")
    assert seen(client, id) == ("READY", True)
    assert seen_by_facebook(client, lookalike) == ("ready", True)
    taken = client.get("/custom_audiences/55", headers=PITCHTARGET_TOKEN).json()
    assert (taken["id"], taken["status"]) == ("6006183285955", "ready")


def test_a_build_that_fails(of: Callable[[str], httpx.Client]) -> None:
    """With `failed` an audience ends TOO_SMALL and empty after the delay, in both APIs."""
    client = of("failed")
    before = people_reached(client)
    id, lookalike = make(client)["id"], make_lookalike(client)
    assert seen(client, id) == ("INITIALIZING", False)
    assert seen_by_facebook(client, lookalike) == ("updating", False)
    [event, _] = client.get("/__admin/clock/agenda?kinds=audience").json()["events"]
    assert event["becomes"] == "TOO_SMALL"
    wait(client, 5)
    assert seen(client, id) == ("TOO_SMALL", False)
    assert seen_by_facebook(client, lookalike) == ("too_small", False)
    assert people_reached(client) == before
    patch(client, id, policy="at_once")
    assert people_reached(client) > before


def test_a_world_has_its_policy(mock: MockServer, connect: Callable[[str], httpx.Client]) -> None:
    """A policy is a setting of each world; an unknown one is rejected; seeds keep their own."""
    blue = httpx.put(f"{mock.url}/__admin/worlds/blue", json={"settings": {"audience_ready": "at_once"}})
    assert blue.status_code == 201
    for world, status in (("blue", "READY"), ("red", "INITIALIZING")):
        assert make(connect(f"{mock.url}/worlds/{world}"))["status"] == status
    for wrong in ("after_reads", "after_reads:0", "after_reads:1000000", "never", ""):
        put = httpx.put(f"{mock.url}/__admin/worlds/blue", json={"settings": {"audience_ready": wrong}})
        assert "settings.audience_ready" in control_error(put, 400)["error"]


def test_a_seed_is_built_as_it_says(start: Callable[..., MockServer]) -> None:
    """Rows of a seed are built as the seed says, whatever the policy of the world."""
    shown = []
    for policy in ("after_delay", "by_hand"):
        mock = start(seed="demo", audience_ready=policy)
        listed = httpx.get(f"{mock.url}{AUDIENCES}", headers=PINTEREST_TOKEN).json()["items"]
        shown.append([item["status"] for item in listed])
    assert shown[0] == shown[1]
    assert "READY" in shown[0]


def test_each_status_can_be_held(of: Callable[[str], httpx.Client]) -> None:
    """Pinterest's audience is shown in each of its six statuses, empty while it is initializing."""
    client = of("after_delay")
    id = make(client)["id"]
    before = client.get(f"{AUDIENCES}/{id}").json()
    wait(client, 3600)
    for status in (
        *("INITIALIZING", "READY", "TOO_SMALL", "ELIGIBLE"),
        *("PERSONAS_INITIALIZING", "PERSONAS_INELIGIBLE_SIZE"),
    ):
        assert patch(client, id, status=status)["held_status"] == status
        assert seen(client, id) == (status, not status.endswith("INITIALIZING"))
    assert client.get(f"{AUDIENCES}/{id}").json()["updated_timestamp"] == before["updated_timestamp"]
    assert patch(client, id, status=None)["held_status"] is None
    assert seen(client, id) == ("READY", True)


def test_an_unknown_status_is_rejected_with_the_list(of: Callable[[str], httpx.Client]) -> None:
    """A status that the audience's API does not have is rejected with those that it has."""
    client = of("after_delay")
    id, lookalike = make(client)["id"], make_lookalike(client)
    rejected = control_error(client.patch(f"/__admin/audiences/{id}", json={"status": "DONE"}), 400)
    assert rejected["field"] == "status"
    assert "READY, TOO_SMALL, ELIGIBLE, PERSONAS_INITIALIZING, PERSONAS_INELIGIBLE_SIZE" in rejected["error"]
    rejected = control_error(
        client.patch(f"/__admin/audiences/{lookalike}", json={"status": "ELIGIBLE", "size": 7}), 400
    )
    assert "INITIALIZING, READY, TOO_SMALL, not 'ELIGIBLE'" in rejected["error"]
    assert client.get(f"/__admin/audiences/{lookalike}").json()["people"] != 7


def test_a_size_decides_the_status(of: Callable[[str], httpx.Client]) -> None:
    """`size` are the people of an audience once it is built; under 100 it is TOO_SMALL."""
    client = of("after_delay")
    id, lookalike = make(client)["id"], make_lookalike(client)
    assert patch(client, id, size=99)["size"] == 0
    patch(client, lookalike, size=100)
    wait(client, 5)
    assert client.get(f"{AUDIENCES}/{id}").json()["size"] == 99
    assert seen(client, id) == ("TOO_SMALL", True)
    assert seen_by_facebook(client, lookalike) == ("ready", True)


def test_a_size_goes_before_the_customer_lists(of: Callable[[str], httpx.Client]) -> None:
    """With a size of its own, an audience does not follow its customer list any more."""
    client = of("at_once")
    made = client.post(LISTS, json={"name": "l", "records": "ann@example.com,bob@example.com"}).json()
    body = {"name": "c", "audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": made["id"]}}
    id = client.post(AUDIENCES, json=body).json()["id"]
    assert client.get(f"/__admin/audiences/{id}").json()["customer_list"] == made["id"]
    assert client.get(f"{AUDIENCES}/{id}").json()["size"] == 2
    assert patch(client, id, size=5000)["customer_list"] is None
    read = client.get(f"{AUDIENCES}/{id}").json()
    assert (read["size"], read["status"], read["rule"]) == (5000, "READY", {"customer_list_id": made["id"]})


def test_the_time_of_a_build_is_set(of: Callable[[str], httpx.Client]) -> None:
    """`ready_in_s` and `ready_at` say when an audience is built, earlier or later, and release a status."""
    client = of("by_hand")
    id = make(client)["id"]
    now = client.get("/__admin/clock").json()["unix"]
    assert patch(client, id, ready_in_s=60)["ready_at"] == pytest.approx(now + 60)
    wait(client, 59.999)
    assert seen(client, id)[0] == "INITIALIZING"
    wait(client, 0.001)
    assert seen(client, id)[0] == "READY"
    assert patch(client, id, ready_at="2090-01-01T00:00:00Z")["ready_at"] == 3_786_912_000
    assert seen(client, id)[0] == "INITIALIZING"
    patch(client, id, status="TOO_SMALL")
    assert patch(client, id, ready_at=now)["held_status"] is None
    assert seen(client, id)[0] == "READY"


def test_a_policy_begins_the_build_again(of: Callable[[str], httpx.Client]) -> None:
    """A policy for one audience starts its build again, whatever it was before."""
    client = of("at_once")
    id = make(client)["id"]
    patch(client, id, status="ELIGIBLE")
    assert patch(client, id, policy="after_delay")["status"] == "INITIALIZING"
    wait(client, 5)
    assert seen(client, id) == ("READY", True)
    assert patch(client, id, policy="after_reads:2")["ready_at"] is None
    assert [seen(client, id)[0] for _ in range(2)] == ["INITIALIZING", "READY"]
    assert patch(client, id, policy="by_hand")["policy"] == "by_hand"
    wait(client, 1e9)
    assert seen(client, id) == ("INITIALIZING", False)
    assert patch(client, id, policy="failed", ready_in_s=0)["status"] == "TOO_SMALL"
    assert seen(client, id) == ("TOO_SMALL", False)
    assert patch(client, id, policy="at_once")["status"] == "READY"
    assert seen(client, id) == ("READY", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "READY", "ready_in_s": 1}, "status"),
        ({"status": "READY", "policy": "at_once"}, "status"),
        ({"ready_at": 1, "ready_in_s": 1}, "ready_in_s"),
        ({"policy": "by_hand", "ready_in_s": 1}, "policy"),
        ({"policy": "after_reads:0"}, "policy"),
        ({"size": -1}, "size"),
        ({"ready_in_s": -1}, "ready_in_s"),
        ({"ready_at": "soon"}, "ready_at"),
        ({"name": "n"}, "name"),
    ],
)
def test_contradictory_fields_are_rejected(
    of: Callable[[str], httpx.Client], body: dict[str, Any], field: str
) -> None:
    """A PATCH with contradictory fields names the field and changes nothing."""
    client = of("after_delay")
    id = make(client)["id"]
    before = client.get(f"/__admin/audiences/{id}").json()
    rejected = client.patch(f"/__admin/audiences/{id}", json=body)
    assert control_error(rejected, 400)["field"] == field
    assert client.get(f"/__admin/audiences/{id}").json() == before


def test_an_id_of_both_apis_needs_the_api(of: Callable[[str], httpx.Client]) -> None:
    """Where both APIs have an audience of an id, `api` says which is meant; an unknown id is 404."""
    client = of("after_delay")
    client.put("/__admin/ids", json={"pinterest_audience": 54}).raise_for_status()
    make(client)
    make_from_file(client)
    assert "?api=pinterest" in control_error(client.get("/__admin/audiences/54"), 409)["error"]
    rejected = client.patch("/__admin/audiences/54", json={"status": "READY"})
    assert "?api=pitchtarget" in control_error(rejected, 409)["error"]
    for api in ("pinterest", "pitchtarget"):
        assert client.get(f"/__admin/audiences/54?api={api}").json()["api"] == api
    assert patch(client, "54", "?api=pinterest", status="READY")["account"] == AD_ACCOUNT
    assert client.get("/__admin/audiences/54?api=pitchtarget").json()["status"] == "INITIALIZING"
    for unknown in ("55", "x", "9" * 5000, "54?api=pinterest&api=both"):
        response = client.get(f"/__admin/audiences/{unknown}")
        assert control_error(response, 400 if "both" in unknown else 404)


def test_an_audience_in_the_terms_of_a_seed(of: Callable[[str], httpx.Client]) -> None:
    """GET shows an audience of either API in the terms of a seed, by any of its ids."""
    client = of("after_delay")
    client.put("/__admin/clock", json={"now": 1_782_907_200}).raise_for_status()
    id = make_lookalike(client)
    shown = client.get(f"/__admin/audiences/{id}").json()
    people = shown.pop("people")
    assert people >= 1000
    assert shown == {
        "api": "pitchtarget",
        "id": "54",
        "account": "61",
        "kind": "LOOKALIKE",
        "name": "Boys Apparel_lookalike_US_Similarity",
        "status": "INITIALIZING",
        "held_status": None,
        "policy": "after_delay",
        "size": 0,
        "ready_at": 1_782_907_205,
        "created_at": 1_782_907_200,
        "updated_at": 1_782_907_200,
        "facebook_id": "6006183285954",
        "customer_list": None,
    }
    assert client.get("/__admin/audiences/54").json()["facebook_id"] == id


@pytest.mark.sqlite_only(reason="it counts the transactions of the class for SQLite")
def test_reads_that_are_not_counted_write_nothing(
    of: Callable[[str], httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GET of Pinterest's audience opens no transaction unless its policy counts reads."""
    client = of("after_delay")
    id = make(client)["id"]
    opened: list[None] = []
    transact = World.transact_now

    def counted(world: World, *args: Any, **kwargs: Any) -> Any:
        opened.append(None)
        return transact(world, *args, **kwargs)

    monkeypatch.setattr(World, "transact_now", counted)
    seen(client, id)
    assert not opened
    patch(client, id, policy="after_reads:9")
    opened.clear()
    seen(client, id)
    assert len(opened) == 1
