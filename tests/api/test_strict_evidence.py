"""Strict evidence: 501 where the mock would have to guess, naming the rule."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from audience_mock.client import ControlError, MockWorld
from audience_mock.providers.pinterest.guesses import GUESSES as OF_PINTEREST
from audience_mock.providers.pitchtarget.guesses import GUESSES as OF_PITCHTARGET
from audience_mock.testing import MockServer
from audience_mock.web.strict_evidence import always, never
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE, WEBSITE

ACCOUNT = f"/v5/ad_accounts/{AD_ACCOUNT}"
AUDIENCES, LISTS = f"{ACCOUNT}/audiences", f"{ACCOUNT}/customer_lists"
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
HEADER = "X-Audience-Mock-Evidence"
LEVELS = ("recorded", "documented", "inferred", "off")
RECORDS = {"name": "n", "records": "ann@example.com"}
OLD_WEBSITE = {name: value for name, value in WEBSITE.items() if name != "type"}
WITH_200 = {"Prefer": "code=200"}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """One for all tests: a server reads its descriptions when it is first asked to be strict."""
    with MockServer() as started:
        yield started


@pytest.fixture
def mock(server: MockServer, request: pytest.FixtureRequest) -> MockWorld:
    """A world for each test."""
    return server.in_world(f"w{abs(hash(request.node.name))}")


def call(mock: MockWorld, method: str, path: str, level: str | None = None, **more: Any) -> httpx.Response:
    token = PINTEREST_TOKEN if path.startswith("/v5") else PITCHTARGET_TOKEN
    headers = token | more.pop("headers", {}) | ({} if level is None else {HEADER: level})
    return httpx.request(method, f"{mock.url}{path}", headers=headers, **more)


def rule_of(response: httpx.Response) -> str:
    """What a 501 says, in the shape of either API's errors."""
    assert response.status_code == 501, response.text
    body = response.json()
    assert [*body] in (["code", "message"], ["errors"])
    (message,) = [body["message"]] if "message" in body else body["errors"]["base"]
    return str(message)


def least(mock: MockWorld, method: str, path: str, **more: Any) -> str:
    """The highest level at which a call is answered."""
    for level in LEVELS:
        if call(mock, method, path, level, **more).status_code != 501:
            return level
    raise AssertionError(f"{method} {path} is not answered at all")


@pytest.mark.parametrize(
    ("level", "method", "path", "more"),
    [
        ("recorded", "GET", AUDIENCES, {}),
        ("recorded", "GET", LISTS, {}),
        ("documented", "POST", LISTS, {"json": RECORDS, "headers": WITH_200}),
        ("off", "POST", LISTS, {"json": RECORDS}),
        ("documented", "POST", AUDIENCES, {"json": VISITORS, "headers": WITH_200}),
        ("off", "POST", AUDIENCES, {"json": VISITORS}),
        ("documented", "POST", AUDIENCES, {"json": VISITORS | {"description": "d"}, "headers": WITH_200}),
        (
            "inferred",
            "POST",
            AUDIENCES,
            {"json": VISITORS | {"ad_account_id": AD_ACCOUNT}, "headers": WITH_200},
        ),
        ("documented", "GET", "/v5/businesses/729090764583391194/audiences", {}),
        ("inferred", "GET", f"{ACCOUNT}/customer_segments", {}),
        ("off", "GET", f"{ACCOUNT}/customer_segments?search_query=a", {}),
        ("off", "GET", f"{ACCOUNT}/audience_insights?audience_insight_type=YOUR_TOTAL_AUDIENCE", {}),
        ("off", "POST", f"{ACCOUNT}/ad_groups/audience_sizing", {"json": {}}),
        ("off", "GET", "/v5/ad_accounts/9", {}),
        # Errors
        ("recorded", "GET", AUDIENCES, {"headers": {"Authorization": "Bearer pina_mock_expired.ads:read"}}),
        ("recorded", "GET", "/v5/nothing", {}),
        ("off", "GET", f"{AUDIENCES}/2542623499999", {}),
        ("off", "GET", f"{AUDIENCES}?page_size=0", {}),
        ("documented", "GET", f"{AUDIENCES}?page_size=x", {}),
        ("off", "POST", AUDIENCES, {"json": VISITORS | {"name": "n" * 1001}}),
        ("inferred", "POST", AUDIENCES, {"json": VISITORS | {"rule": {"engager_type": 3}}}),
        ("recorded", "POST", AUDIENCES, {"json": {"name": 5}}),
        # PitchTarget
        ("recorded", "GET", "/custom_audiences?fb_ad_account_id=2", {}),
        ("documented", "GET", "/custom_audiences?fb_ad_account_id=2&page=2", {}),
        ("documented", "POST", "/custom_audiences", {"data": FILE_FIELDS, "files": FILE}),
        ("documented", "POST", "/custom_audiences", {"json": LOOKALIKE}),
        ("recorded", "POST", "/websitecustomaudiences", {"json": OLD_WEBSITE}),
        ("off", "POST", "/custom_audiences", {"json": WEBSITE | {"retention_days": 181}}),
        ("off", "GET", "/nothing", {}),
        ("off", "GET", "/custom_audiences/99999999999999", {}),
    ],
)
def test_each_answer_has_a_level(
    mock: MockWorld, level: str, method: str, path: str, more: Mapping[str, Any]
) -> None:
    """A call is answered up to the level of the least known rule that makes its response."""
    assert least(mock, method, path, **more) == level


def test_the_answer_names_the_rule(mock: MockWorld) -> None:
    """It says the rule, the grade, the source, and what to send to be answered nevertheless."""
    message = rule_of(call(mock, "GET", f"{AUDIENCES}/1", "documented"))
    assert message == (
        "Not known to be so by documented evidence: error 404, an id, in the path or of the audience to"
        " share, that does not exist: Sorry! We could not find your {what}. (invented: chosen: no such"
        " response was published; in the style of newer messages). To allow it, send"
        " X-Audience-Mock-Evidence: off, or lower strict_evidence"
    )
    (entry,) = mock.journal.entries(fault="evidence")
    assert entry["reason"] == message.partition("evidence: ")[2].partition(". To allow it")[0]


def test_what_follows_from_the_state_is_a_guess(mock: MockWorld) -> None:
    """An audience is recorded while it is built, documented as READY, and has people by invention."""
    made = call(mock, "POST", AUDIENCES, "off", json=VISITORS).json()["id"]
    one = f"{AUDIENCES}/{made}"
    change = {"json": {"name": "other"}}
    assert least(mock, "GET", one) == "recorded"
    assert least(mock, "PATCH", one, **change) == "recorded"
    assert least(mock, "GET", AUDIENCES) == "recorded"
    mock.clock.advance(3600)
    assert least(mock, "GET", one) == least(mock, "GET", AUDIENCES) == "off"
    assert "size" in rule_of(call(mock, "PATCH", one, "documented", json={"name": "third"}))
    assert mock.audiences()[0]["name"] == "other"
    mock.control("PATCH", f"/audiences/{made}", {"size": 0})
    assert least(mock, "GET", one) == "documented"
    mock.configure(build_delay_s=0)
    assert least(mock, "POST", AUDIENCES, json=VISITORS, headers=WITH_200) == "off"


def test_a_world_and_a_request_can_be_strict(start: Any) -> None:
    """The setting is the server's, a world's, or none; the header of a request takes its place."""
    mock = start(strict_evidence="documented")
    lax = mock.in_world("lax")
    lax.configure(strict_evidence=None)
    for world, answered in ((mock, False), (lax, True)):
        for level, expected in ((None, answered), ("off", True), ("Recorded", False)):
            response = call(world, "POST", AUDIENCES, level, json=VISITORS)
            assert response.status_code == (201 if expected else 501)
    with pytest.raises(ControlError, match="strict_evidence"):
        mock.configure(strict_evidence="invented")


@pytest.mark.parametrize("path", [AUDIENCES, "/custom_audiences?fb_ad_account_id=2"])
def test_a_header_that_names_no_level_is_rejected(mock: MockWorld, path: str) -> None:
    """In the shape of the API's own errors."""
    response = call(mock, "GET", path, "certain")
    assert response.status_code in (400, 422)
    assert "must be one of inferred, documented, recorded, off (given: 'certain')" in response.text


def test_what_a_test_asks_for_is_no_guess(mock: MockWorld) -> None:
    """Planned faults, faults by header and magic identities answer as they do otherwise."""
    mock.configure(strict_evidence="recorded")
    mock.faults.add("audiences/list", status=503, first=1)
    assert call(mock, "GET", AUDIENCES).status_code == 503
    assert call(mock, "GET", AUDIENCES, headers={"X-Audience-Mock-Fault": "status=404"}).status_code == 404
    record = mock.identities()["reject-403"]["email"]["md5"]
    response = call(mock, "POST", LISTS, json=RECORDS | {"records": record}, headers=WITH_200)
    assert response.status_code == 403
    assert mock.control("GET", "/overview")


class Careful:
    """Sends each call with the highest level first; what is answered 501 must have changed nothing."""

    def __init__(self, mock: MockWorld) -> None:
        self.mock = mock
        self.answered: dict[str, int] = dict.fromkeys(LEVELS, 0)

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        before = self._state()
        if "/v5" in path and method == "POST":
            more["headers"] = WITH_200
        for level in LEVELS:
            response = call(self.mock, method, path, level, **more)
            if response.status_code != 501:
                assert response.is_success, response.text
                self.answered[level] += 1
                return response
            rule_of(response)
            assert self._state() == before
        raise AssertionError(f"{method} {path} is not answered at all")

    def _state(self) -> Any:
        return self.mock.state()


def test_a_guess_writes_nothing(mock: MockWorld) -> None:
    """Whatever an operation would have changed, it is as it was: rows, ids and counters."""
    mock.clock.freeze("2026-07-01T12:00:00Z")
    send = Careful(mock)
    audience = send("POST", AUDIENCES, json=VISITORS).json()["id"]
    send("PATCH", f"{AUDIENCES}/{audience}", json={"rule": {"visitor_source_id": "1"}})
    share = {"audience_id": audience, "operation_type": "SHARE", "recipient_account_ids": ["5"]}
    send("PATCH", f"{AUDIENCES}/ad_accounts/shared", json=share)
    custom = {"name": "c", "rule": VISITORS["rule"], "sharing_type": "CUSTOM", "data_party": "1p"}
    send("POST", f"{AUDIENCES}/custom", json=custom)
    listed = send("POST", LISTS, json=RECORDS).json()["id"]
    send("PATCH", f"{LISTS}/{listed}", json={"operation_type": "ADD", "records": "bob@example.com"})
    body = {"operation": "ADD", "total_parts": 1}
    upload = send("POST", f"{LISTS}/{listed}/uploads", json=body).json()
    url = upload["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"]
    assert httpx.put(url, content=b"cyd@example.com").is_success
    send("POST", f"{LISTS}/{listed}/uploads/{upload['customer_list_upload']['id']}/run")
    members = {"name": "s", "audience_ids": [audience]}
    segment = send("POST", f"{ACCOUNT}/customer_segments", json=members).json()["id"]
    send("POST", f"{ACCOUNT}/customer_segments", json=members)
    removed = {"id": segment, "operation_type": "REMOVE"}
    send("PATCH", f"{ACCOUNT}/customer_segments", json=removed)
    send("PATCH", f"{AUDIENCES}/{audience}", json={"operation_type": "REMOVE"})
    made = send("POST", "/custom_audiences", data=FILE_FIELDS, files=FILE)
    own = made.json()["fb_custom_audience"]["id"]
    send("PUT", f"/custom_audiences/{own}", files=FILE)
    send("POST", "/custom_audiences", json=LOOKALIKE)
    send("POST", "/custom_audiences", json=WEBSITE)
    send("PUT", "/custom_audiences", data={"fb_ad_account_id": "2"})
    pixel = {"fb_ad_account_id": "2", "name": "p", "tag": "LEAD"}
    send("POST", "/offsite_pixels", data=pixel)
    send("DELETE", f"/custom_audiences/{own}")
    assert all(send.answered.values()), send.answered


def test_a_guess_counts_no_read(mock: MockWorld) -> None:
    """An audience that its second read completes is complete after two reads that were answered."""
    mock.configure(audience_ready="after_reads:2")
    made = call(mock, "POST", AUDIENCES, "off", json=VISITORS).json()["id"]
    one = f"{AUDIENCES}/{made}"
    assert call(mock, "GET", one, "documented").json()["status"] == "INITIALIZING"
    for _ in range(3):
        assert "size" in rule_of(call(mock, "GET", one, "documented"))
    assert mock.audiences()[0]["status"] == "INITIALIZING"
    assert call(mock, "GET", one, "off").json()["status"] == "READY"


REJECTS = re.compile(
    r"at most|at least|not blank|no NUL|1 to \d+|exists in|a known scope|the audience's own"
    r"|audiences that the ad account owns"
)
"""Rules that make a response only if a value is rejected for them."""

ALTERNATIVES = re.compile(
    r"digits in quotes too|integers, too|text, or an object|text or a list|a list of one"
)
"""Forms of a value that count as much as the field itself does."""


@pytest.mark.parametrize(
    ("provider", "guesses"), [("pinterest", OF_PINTEREST), ("pitchtarget", OF_PITCHTARGET)]
)
def test_each_rule_is_known_to_make_a_response_or_not(
    mock: MockWorld, provider: str, guesses: Mapping[str, Any]
) -> None:
    """A rule about a field without evidence has a condition, unless it is a constraint; and each condition is
    of a rule. What is documented about a field counts as the field itself does."""
    description = json.loads(httpx.get(f"{mock.url}/openapi/{provider}.json").text)
    operations = mock.control("GET", f"/operations?provider={provider}")["operations"]
    rules = {rule["rule"] for operation in operations for rule in operation["rules"]}
    assert {*guesses} <= rules
    stated = {
        evidence["rule"]
        for schema in _schemas(description)
        for evidence in schema.get("x-evidence", ())
        if "rule" in evidence and evidence["grade"] in ("inferred", "invented")
    }
    of_requests = {
        rule["rule"]
        for operation in operations
        for rule in operation["rules"]
        if rule["field"].startswith(("body ", "query ", "path "))
    }
    unknown = {rule for rule in stated & of_requests - {*guesses} if not REJECTS.search(rule)}
    assert unknown == set()
    assert any(condition not in (always, never) for condition in guesses.values())


def _schemas(part: Any) -> Any:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _schemas(value)
    elif isinstance(part, list):
        for value in part:
            yield from _schemas(value)


@pytest.mark.parametrize(
    "body",
    [
        '{"rule":' * 500 + "1" + "}" * 500,
        "[" * 900 + "]" * 900,
        '{"rule":[' * 400 + "]}" * 400,
        json.dumps({"x" * 500_000: dict.fromkeys(map(str, range(40_000)), 1)}),
    ],
    ids=["objects", "lists", "both", "long names"],
)
@pytest.mark.parametrize("path", [AUDIENCES, LISTS, "/custom_audiences"])
def test_bodies_of_any_shape_get_an_answer_of_the_api(mock: MockWorld, path: str, body: str) -> None:
    """However deep they are and whatever their names: not a server error, and nothing is written."""
    response = call(
        mock, "POST", path, "inferred", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 401, 415, 422, 501), response.text
    assert mock.state().keys().isdisjoint({"audiences", "customer_lists"})


def test_fields_in_lists_count_as_sent(mock: MockWorld) -> None:
    """A field of an item of a list is found, in the first item or in a later one."""
    rows: list[dict[str, Any]] = [{}, {"email": "ann@example.com"}]
    sent = {"name": "n", "records_v2": rows}
    assert call(mock, "POST", LISTS, "recorded", json=sent, headers=WITH_200).status_code == 501


HOSTILE = ["custom", "1" * 300, "1" * 5000, "-1", "%D9%A1", "1%00", "0x1"]
DEEP = "[" * 400 + "]" * 400
BODIES = [
    "{}",
    "[1, null]",
    f'{{"account_ids": [{DEEP}, {DEEP}], "rule": {DEEP}, "audience_ids": [{DEEP}], "type": {DEEP}}}',
]


@pytest.mark.parametrize("id", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("api", ["pinterest", "pitchtarget"])
def test_no_operation_fails_for_what_a_request_holds(mock: MockWorld, api: str, id: str) -> None:
    """Ids and bodies are looked at before the operation has rejected them: it does, or 501 names the rule."""
    description = httpx.get(f"{mock.url}/openapi/{api}.json").json()
    base = "/v5" if api == "pinterest" else ""
    failed = []
    for template, operations in description["paths"].items():
        path = base + re.sub(r"\{\w+\}", id, re.sub(r"\{ad_account_id\}", AD_ACCOUNT, template))
        for method in operations:
            for body in BODIES if method in ("post", "put", "patch") else [""]:
                json_type = {"Content-Type": "application/json"}
                response = call(mock, method, path, "inferred", content=body, headers=json_type)
                if response.status_code >= 500 and response.status_code != 501:
                    failed.append((method, path[:80], body[:20], response.text))
    assert failed == []
