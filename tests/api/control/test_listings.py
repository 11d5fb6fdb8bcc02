"""The audiences and customer lists of a world, searched, sorted and paged; and one in the JSON of its API."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import httpx
import pytest

from audience_mock.core.audiences.lifecycle import size_at, status_at
from audience_mock.core.audiences.overrides import find
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error

AUDIENCES = "/__admin/audiences"
LISTS = "/__admin/customer-lists"
VISITORS = {"name": "a", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}


@pytest.fixture
def demo(start: Callable[..., MockServer]) -> MockServer:
    """A server with the demo data, whose clock stands still."""
    mock = start(seed="demo")
    mock.world.clock.freeze()
    return mock


@pytest.fixture
def client(demo: MockServer) -> Iterator[httpx.Client]:
    """Plain HTTP to it."""
    with httpx.Client(base_url=demo.url) as client:
        yield client


def audiences(client: httpx.Client, **criteria: Any) -> list[dict[str, Any]]:
    found = client.get(AUDIENCES, params={"limit": 1000, **criteria})
    assert found.status_code == 200, found.text
    body = found.json()
    assert body["total"] == len(body["audiences"])
    shown: list[dict[str, Any]] = body["audiences"]
    return shown


def test_status_and_size_are_those_of_the_lifecycle(demo: MockServer, client: httpx.Client) -> None:
    """The database computes both as the rest of the server does, at any time and for held ones too."""
    world = demo.world
    for days in (0, 1, 20_000):
        world.advance_clock(days * 86_400_000)
        by_status: dict[str, int] = {}
        for shown in audiences(client):
            row = world.read_now(find, id=shown["id"], api=shown["api"])
            now_ms = world.clock.now_ms()
            assert (shown["status"], shown["size"]) == (status_at(row, now_ms), size_at(row, now_ms))
            by_status[shown["status"]] = by_status.get(shown["status"], 0) + 1
        for status, count in by_status.items():
            assert len(audiences(client, status=status)) == count
        counted = client.get("/__admin/overview").json()["audiences"]
        assert sum(sum(of.values()) for of in counted.values()) == sum(by_status.values()) == 35


def test_criteria_select_audiences(client: httpx.Client) -> None:
    """By API, account, kind and status, and all of them together."""
    every = audiences(client)
    for name in ("api", "account", "kind", "status"):
        for value in {each[name] for each in every}:
            expected = {each["id"] for each in every if each[name] == value}
            assert {each["id"] for each in audiences(client, **{name: value})} == expected
    one = every[0]
    criteria = {name: one[name] for name in ("api", "account", "kind", "status")}
    assert one["id"] in {each["id"] for each in audiences(client, **criteria, text=one["name"])}
    assert audiences(client, api="pinterest", account="2") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NEWSLETTER", True),
        ("ewslette", True),
        ("2542620112336", True),
        ("25426201", True),
        ("542620112336", False),
        ("549755885175", True),
        ("%", False),
        ("_____________", False),
        ("' OR 1=1 --", False),
        ("\\", False),
    ],
)
def test_text_is_part_of_a_name_or_the_beginning_of_an_id(
    client: httpx.Client, text: str, found: bool
) -> None:
    """In any case; what means something in SQL means itself here."""
    assert bool(audiences(client, text=text)) is found


def test_a_name_with_wildcards_is_found_by_them(client: httpx.Client) -> None:
    """A percent sign in a name is found, and finds no other name."""
    body = {**VISITORS, "name": "100% wool_socks"}
    made = client.post(f"/v5/ad_accounts/{AD_ACCOUNT}/audiences", json=body, headers=PINTEREST_TOKEN)
    assert made.status_code == 201
    for text in ("100%", "% WOOL", "wool_s"):
        assert [each["name"] for each in audiences(client, text=text)] == ["100% wool_socks"]


SORTS = ("created_at", "updated_at", "ready_at", "name", "kind", "account", "status", "size")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_follow_the_order(client: httpx.Client, sort: str, order: str) -> None:
    """Pages have each audience once, in the order asked for."""
    seen: list[dict[str, Any]] = []
    while True:
        page = client.get(AUDIENCES, params={"sort": sort, "order": order, "limit": 10, "offset": len(seen)})
        if not page.json()["audiences"]:
            break
        seen += page.json()["audiences"]
    assert len({(each["api"], each["id"]) for each in seen}) == len(seen) == page.json()["total"] == 35

    def key(audience: dict[str, Any]) -> Any:
        value = audience[sort]
        return value.lower() if isinstance(value, str) else value if value is not None else float("inf")

    assert [key(each) for each in seen] == sorted(map(key, seen), reverse=order == "desc")


@pytest.mark.both_engines
def test_one_order_on_either_engine(start: Callable[..., MockServer]) -> None:
    """Rows with and without what may be missing, names in any script and case, and rows that are equal in
    what they are sorted by: pages have one order, whatever engine stores them."""
    mock = start()
    mock.world.clock.freeze()
    kept = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "definition": {}}
    more = {"description": "d", "created_by": "1", "status": "READY", "retention_days": 3, "people": 900}
    names = ("b", "A", "Ä", "ä", "Z", "Ж", "_", "a", "😀", "b")
    rows = [{**kept, "name": name, **(more if place % 2 else {})} for place, name in enumerate(names)]
    rows[0]["ready_in_s"] = rows[4]["ready_in_s"] = 60
    lists = [{"account": AD_ACCOUNT, "name": name, "users": []} for name in names]
    mock.seed({"audiences": rows, "customer_lists": lists})

    def compared(value: Any) -> Any:
        """Text by its bytes, without the case of ASCII's letters."""
        return value.encode().lower() if isinstance(value, str) else value

    for path, key, sorts in (
        (AUDIENCES, "audiences", SORTS),
        (LISTS, "customer_lists", ("created_at", "updated_at", "ready_at", "name", "account", "status")),
    ):
        for sort, order in product(sorts, ("asc", "desc")):
            seen: list[dict[str, Any]] = []
            while len(seen) < len(names):
                query = f"sort={sort}&order={order}&limit=4&offset={len(seen)}"
                seen += httpx.get(f"{mock.url}{path}?{query}").json()[key]
            by = [(compared(each[sort]), int(each["id"])) for each in seen]
            assert by == sorted(by, reverse=order == "desc"), (path, sort, order)


NAMES = (
    "a",
    "b a",
    "A%b_c",
    "a\\b",
    "a/b",
    "Ärger ЖУК",
    "A\u0308rger",
    "Straße",
    "İı",
    "😀",
    "n" * 180 + "ame",
)


@pytest.mark.both_engines
def test_a_name_is_found_by_the_whole_text(mock: MockServer) -> None:
    """What is found contains all of the text, letters of ASCII in either case and all others as they are,
    whatever engine stores it: in the control API, and in Pinterest's list of segments. No character ends the
    text or stands for others, U+0000 included."""
    mock.seed(
        {
            "audiences": [
                {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "definition": {}, "name": name}
                for name in NAMES
            ],
            "customer_lists": [{"account": AD_ACCOUNT, "name": name, "users": []} for name in NAMES],
        }
    )
    segments = f"{mock.pinterest_url}/ad_accounts/{AD_ACCOUNT}/customer_segments"
    with httpx.Client(headers=PINTEREST_TOKEN) as http:
        for name in NAMES:
            assert http.post(segments, json={"name": name, "audience_ids": []}).status_code == 201

        def found(url: str, key: str, query: dict[str, str]) -> set[str]:
            answer = http.get(url, params=query)
            assert answer.status_code == 200, answer.text
            return {each["name"] for each in answer.json()[key]}

        parts = {text for name in NAMES for text in (name, name.swapcase(), name[1:], name[:1])} - {""}
        with_nul = {"\0", "a\0", "a\0b", "\0a", "A%\0", *(f"{name}\0" for name in NAMES)}
        for text in (
            parts
            | with_nul
            | {"%", "_", "\\", "/", "a%", "a_b", "[a]", "*", "ARGER", "ss", "u0000", "x" * 500}
        ):
            expected = {name for name in NAMES if text.encode().lower() in name.encode().lower()}
            assert found(f"{mock.url}{AUDIENCES}", "audiences", {"text": text}) == expected, text
            assert found(f"{mock.url}{LISTS}", "customer_lists", {"text": text}) == expected, text
            assert found(segments, "items", {"search_query": text, "page_size": "100"}) == expected, text


@pytest.mark.both_engines
@pytest.mark.parametrize("behind", ["\0", "\0x", "%", "_", "\u0660", "\u00b2", " ", "e0"])
def test_an_id_is_found_by_digits_alone(mock: MockServer, behind: str) -> None:
    """The beginning of an id finds it; with anything behind it that no id has, it does not."""
    kept = {"account": AD_ACCOUNT, "name": "a"}
    audience = {"api": "pinterest", "kind": "VISITOR", "definition": {}, **kept}
    mock.seed({"audiences": [audience], "customer_lists": [{**kept, "users": []}]})
    for path, key in ((AUDIENCES, "audiences"), (LISTS, "customer_lists")):
        (one,) = httpx.get(mock.url + path).json()[key]
        for digits in (one["id"], one["id"][:-3]):
            for text, total in (
                (digits, 1),
                (digits + behind, 0),
                (one["account"], 1),
                (one["account"] + behind, 0),
            ):
                assert httpx.get(mock.url + path, params={"text": text}).json()["total"] == total, text


@pytest.mark.both_engines
@pytest.mark.parametrize("sent", ["%ED%A0%80", "%FF", "a%C3", "%F4%90%80%80"])
def test_bytes_that_are_no_text_are_no_error(mock: MockServer, sent: str) -> None:
    """A text that is not UTF-8, half of a pair of surrogates for example, is looked for and not found."""
    for path in (AUDIENCES, LISTS):
        answer = httpx.get(f"{mock.url}{path}?text={sent}")
        assert (answer.status_code, answer.json()["total"]) == (200, 0)
    segments = f"{mock.pinterest_url}/ad_accounts/{AD_ACCOUNT}/customer_segments?search_query={sent}"
    answer = httpx.get(segments, headers=PINTEREST_TOKEN)
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("sort=colour", "sort"),
        ("order=up", "order"),
        ("api=meta", "api"),
        ("txt=a", "txt"),
    ],
)
def test_wrong_queries_are_explained(client: httpx.Client, query: str, field: str) -> None:
    """The error names the parameter."""
    for path in (AUDIENCES, LISTS):
        assert control_error(client.get(f"{path}?{query}"), 400)["field"] == field


def test_an_audience_in_the_json_of_its_api(client: httpx.Client) -> None:
    """Each audience is shown as a GET of its API would, Facebook's form where Facebook has it."""
    for shown in audiences(client):
        path = f"{AUDIENCES}/{shown['id']}/objects"
        objects = client.get(path, params={"api": shown["api"]}).json()["objects"]
        if shown["api"] == "pinterest":
            path = f"/v5/ad_accounts/{shown['account']}/audiences/{shown['id']}"
            assert objects == {"audiences/get": client.get(path, headers=PINTEREST_TOKEN).json()}
            continue
        names = {"custom_audiences/get": f"/custom_audiences/{shown['id']}"}
        if shown["facebook_id"] is not None:
            names["customaudiences/get"] = f"/customaudiences/{shown['id']}"
        assert list(objects) == list(names)
        for name, path in names.items():
            assert objects[name] == client.get(path, headers=PITCHTARGET_TOKEN).json()


def test_showing_is_no_read(start: Callable[..., MockServer]) -> None:
    """A policy that counts reads does not count what the control API shows."""
    mock = start(audience_ready="after_reads:1")
    path = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    made = httpx.post(path, json=VISITORS, headers=PINTEREST_TOKEN).json()
    for _ in range(2):
        shown = httpx.get(f"{mock.url}{AUDIENCES}/{made['id']}/objects").json()["objects"]
        assert shown["audiences/get"]["status"] == "INITIALIZING"


def test_an_audience_is_deleted(client: httpx.Client) -> None:
    """It is gone from its API, with its users and shares; a second time it is not there."""
    shown = audiences(client, api="pitchtarget")[0]
    path = f"{AUDIENCES}/{shown['id']}?api=pitchtarget"
    assert client.delete(path).status_code == 204
    assert client.get(f"/custom_audiences/{shown['id']}", headers=PITCHTARGET_TOKEN).status_code == 404
    for method in ("GET", "DELETE"):
        assert control_error(client.request(method, path), 404)


def test_customer_lists_are_found_and_changed(client: httpx.Client) -> None:
    """Lists are searched as audiences are; a held status, its release and a time decide what they show."""
    every = client.get(LISTS).json()
    assert every["total"] == len(every["customer_lists"]) == 4
    for status in {each["status"] for each in every["customer_lists"]}:
        found = client.get(LISTS, params={"status": status}).json()
        assert {each["status"] for each in found["customer_lists"]} == {status}
    pending = client.get(LISTS, params={"status": "PROCESSING"}).json()["customer_lists"][0]
    path = f"{LISTS}/{pending['id']}"
    assert client.get(path).json() == pending
    built = client.patch(path, json={"ready_in_s": 0}).json()
    assert built["status"] in ("READY", "TOO_SMALL")
    held = client.patch(path, json={"status": "PROCESSING"}).json()
    assert (held["status"], held["held_status"]) == ("PROCESSING", "PROCESSING")
    objects = client.get(f"{path}/objects").json()["objects"]
    read = client.get(
        f"/v5/ad_accounts/{pending['account']}/customer_lists/{pending['id']}", headers=PINTEREST_TOKEN
    )
    assert objects == {"customer_lists/get": read.json()}
    assert objects["customer_lists/get"]["status"] == "PROCESSING"
    assert client.patch(path, json={"status": None}).json()["status"] == built["status"]
    assert client.get(LISTS, params={"text": pending["name"].upper()}).json()["total"] == 1


@pytest.mark.parametrize(
    ("id", "body", "status"),
    [
        ("1", {}, 404),
        ("x", {}, 404),
        ("99999999999999999999", {}, 404),
        ("²", {}, 404),
        (None, {"status": "BUILT"}, 400),
        (None, {"status": "READY", "ready_in_s": 1}, 400),
        (None, {"ready_at": 1, "ready_in_s": 1}, 400),
        (None, {"size": 1}, 400),
    ],
)
def test_wrong_changes_of_a_list_are_explained(
    client: httpx.Client, id: str | None, body: dict[str, Any], status: int
) -> None:
    """A list that is not there, and a change that contradicts itself."""
    id = id or client.get(LISTS).json()["customer_lists"][0]["id"]
    control_error(client.patch(f"{LISTS}/{id}", json=body), status)


@pytest.mark.sqlite_only(reason="it counts the statements of SQLite")
def test_a_page_is_two_statements(mock: MockServer) -> None:
    """A page is read by one statement and counted by another, whatever the criteria."""
    run: list[str] = []
    driver = mock.world.database.driver
    driver.set_trace_callback(lambda text: run.append(text.split(maxsplit=1)[0]))
    try:
        httpx.get(mock.url + AUDIENCES, params={"text": "a", "status": "READY", "sort": "size"})
    finally:
        driver.set_trace_callback(None)
    assert run == ["SELECT", "SELECT"]
