"""/__admin/journal over HTTP: what it shows of requests, and what it never shows."""

import json
import re
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error
from helpers.held_steps import ask_while_held

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
NOON_MS = 1_700_000_000_000


@pytest.fixture
def client(mock: MockServer) -> Iterator[httpx.Client]:
    """A caller of Pinterest's API at the fresh server, whose clock stands at a known time."""
    mock.world.clock.freeze(NOON_MS)
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        yield client


def journal(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    page = client.get("/__admin/journal", params=query)
    assert page.status_code == 200, page.text
    entries: list[dict[str, Any]] = page.json()["entries"]
    return entries


def numbers(client: httpx.Client, **query: Any) -> list[int]:
    return [entry["number"] for entry in journal(client, **query)]


def test_a_request_is_shown_with_its_answer(client: httpx.Client) -> None:
    """An entry has what was sent and what was answered, JSON as JSON, and the time of the world."""
    made = client.post(f"{AUDIENCES}?x=1&y=%20", json=VISITORS)
    (entry,) = journal(client)
    request, answer = entry.pop("request"), entry.pop("answer")
    assert entry == {
        "number": 1,
        "at": "2023-11-14T22:13:20.000Z",
        "api": "pinterest",
        "operation": "audiences/create",
        "fault": None,
    }
    assert request.pop("headers").items() >= {"authorization": "Bearer pina_…", "accept": "*/*"}.items()
    assert request == {
        "method": "POST",
        "path": f"{AUDIENCES}?x=1&y=%20",
        "path_params": {"ad_account_id": AD_ACCOUNT},
        "query": {"x": "1", "y": " "},
        "body": VISITORS,
        "body_bytes": len(made.request.content),
    }
    assert answer.pop("headers") == dict(made.headers)
    assert answer == {"status": 201, "body": made.json(), "body_bytes": len(made.content)}


def test_a_form_with_a_file_is_shown_by_its_fields(mock: MockServer, client: httpx.Client) -> None:
    """For a streamed file the journal has name and size, for a part of an upload the size."""
    fields = {"fb_ad_account_id": "2", "name": "n", "user_type": "email_hash"}
    client.post(
        "/custom_audiences",
        data=fields,
        files={"file": ("people.csv", b"0" * 64 + b"\n")},
        headers=PITCHTARGET_TOKEN,
    )
    lists = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
    made = client.post(lists, json={"name": "l", "records": "a@example.com", "list_type": "EMAIL"}).json()
    upload = client.post(f"{lists}/{made['id']}/uploads", json={"operation": "ADD", "total_parts": 1}).json()
    part = upload["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"]
    assert httpx.put(part, content=b"x" * 1000).status_code == 200
    form, *_, part_sent = [entry["request"] for entry in journal(client)]
    assert form["body"] == {"fields": fields, "files": {"file": {"filename": "people.csv", "bytes": 65}}}
    assert (part_sent["body"], part_sent["body_bytes"]) == (None, 1000)


def test_a_large_upload_leaves_no_trace_in_memory(start: Callable[..., MockServer]) -> None:
    """An upload of a hundred megabytes takes as much of the journal as its fields."""
    mock = start(journal_bytes=5_000)
    size = 100_000_000
    boundary = b"limit"
    head = (
        b'--limit\r\nContent-Disposition: form-data; name="fb_ad_account_id"\r\n\r\n2\r\n'
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    tail = b"\r\n--limit--\r\n"
    line = b"0" * 63 + b"\n"

    def content() -> Iterator[bytes]:
        yield head
        for _ in range(size // 1_000_000):
            yield line * (1_000_000 // 64)
        yield tail

    # No user_type precedes the file, so it waits in a temporary file and is rejected because none follows.
    rejected = httpx.post(
        f"{mock.url}/custom_audiences",
        content=content(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary.decode()}", **PITCHTARGET_TOKEN},
        timeout=60,
    )
    assert rejected.status_code == 422
    with httpx.Client(base_url=mock.url) as client:
        (entry,) = journal(client)
    assert entry["request"]["body"]["files"] == {"file": {"filename": "f", "bytes": size}}
    assert entry["request"]["body"]["fields"] == {"fb_ad_account_id": "2"}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", None),
        (b'{"a": 1', '{"a": 1'),
        (b'"\\ud800"', '"\\ud800"'),
        (b'{"a": NaN}', '{"a": NaN}'),
        (b'{"a": 1e999}', '{"a": 1e999}'),
        (b"9" * 5000, None),
        (b"[" * 5000, "[" * 5000),
        (b"\xff\xfe", "��"),
        (b'{"a": "\\u0000"}', '{"a": "\\u0000"}'),
    ],
)
def test_a_body_that_is_no_json_is_shown_as_text(client: httpx.Client, body: bytes, shown: Any) -> None:
    """Whatever came, the journal's own answer is JSON."""
    rejected = client.post(AUDIENCES, content=body, headers={"Content-Type": "application/json"})
    assert rejected.status_code == 400
    (entry,) = journal(client)
    assert entry["request"]["body_bytes"] == len(body)
    if shown is None and body:
        assert str(entry["request"]["body"]) == body.decode()
    else:
        assert entry["request"]["body"] == shown


def test_a_long_body_is_cut(client: httpx.Client) -> None:
    """Of a body of more than 64 KiB its beginning is shown, with its whole size."""
    body = json.dumps({**VISITORS, "ignored": "x" * 70_000}).encode()
    client.post(AUDIENCES, content=body, headers={"Content-Type": "application/json"})
    (entry,) = journal(client)
    assert entry["request"]["body"] == body[:65536].decode()
    assert (entry["request"]["body_bytes"], entry["request"]["body_cut"]) == (len(body), True)


def test_no_secret_is_shown(client: httpx.Client) -> None:
    """Tokens, codes, passwords and apps' secrets are nowhere in the journal, however they were sent."""
    hidden = [f"hidden{number}word" for number in range(20)]
    secret = iter(hidden)
    basic = b64encode(f"1234567:{next(secret)}".encode()).decode()
    app = {"Authorization": f"Basic {basic}"}
    code = {"grant_type": "authorization_code", "redirect_uri": "https://a", "code": next(secret)}
    given = client.post("/v5/oauth/token", data=code, headers=app).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    again = client.post("/v5/oauth/token", data=refresh, headers=app).json()
    client.post("/v5/oauth/token/revoke", data={"token": again["access_token"]}, headers=app)
    client.post("/v5/oauth/token", json={"client_secret": next(secret)}, headers=app)
    person = {"username": "ann", "password": next(secret), "grant_type": "password", "client_id": "shop"}
    other = client.post("/oauth/authorize", json=person).json()
    client.get("/custom_audiences", headers={"Authorization": f"OAuth {other['access_token']}"})
    client.get(f"{AUDIENCES}?access_token={next(secret)}&access%5Ftoken={next(secret)}&a=1")
    client.get(AUDIENCES, headers={"Authorization": f"Bearer pina_{next(secret)}"})
    client.get(AUDIENCES, headers={"Authorization": f"Bearer pina_{next(secret)}~default"})
    client.get(AUDIENCES, headers={"Authorization": f"bearer{next(secret)}"})
    client.get(AUDIENCES, headers={"Cookie": f"session={next(secret)}", "X-Api-Key": next(secret)})
    client.get(AUDIENCES, headers={"Referer": f"https://a.example/?access_token={next(secret)}"})
    deep = {"deep": [{"accessToken": next(secret), "token": 123456789123}]}
    assert "123456789123" in client.post(AUDIENCES, json={**VISITORS, "name": deep}).text
    client.post(AUDIENCES, content=f'{{"refresh_token": "a\\"{next(secret)}", '.encode())
    client.post("/custom_audiences", json={"client_secret": next(secret), "x": "y" * 70_000})
    long = {"fb_ad_account_id": "2", "access_token": next(secret)}
    client.post("/custom_audiences", data=long, files={"file": b"x"}, headers=PITCHTARGET_TOKEN)
    shown = client.get("/__admin/journal").text
    failed = client.post("/__admin/verify", json={"count": 99, "match": {"body": {"token": "wanted"}}}).text
    by_token = {"match": {"headers": {"authorization": "x"}, "query": {"access_token": "y"}}}
    failed += client.post("/__admin/verify", json=by_token).text
    issued = [given["access_token"], given["refresh_token"], again["access_token"], again["refresh_token"]]
    for each in [*hidden, *issued, other["access_token"], basic, "123456789123"]:
        assert each not in shown + failed, each
    assert shown.count("Bearer pina_…") >= 3
    assert "Basic …" not in failed
    assert '"code":"…"' in shown


def test_a_request_without_a_route_has_suggestions(client: httpx.Client) -> None:
    """A wrong word, method, version or slash gets the intended route as a suggestion; nonsense gets none."""
    audiences = "/v5/ad_accounts/{ad_account_id}/audiences"
    for method, path, status, near in (
        ("GET", "/v5/ad_account/5/audiences", 404, f"GET {audiences}"),
        ("GET", "/ad_accounts/5/audience", 404, f"GET {audiences}"),
        ("POST", "/v5/ad_accounts/5/audiences/", 404, f"POST {audiences}"),
        ("GET", "/v4/ad_accounts/5/audiences", 404, f"GET {audiences}"),
        ("GET", "/api/v5/ad_accounts/5/audiences", 404, f"GET {audiences}"),
        ("HEAD", "/v5/ad_accounts/5/audiencs", 404, f"GET {audiences}"),
        ("PUT", "/v5/ad_accounts/5/audiences", 405, f"POST {audiences}"),
        ("GET", "/5/audiences", 404, f"GET {audiences}"),
        ("GET", "/custom_audience/5", 404, "GET /custom_audiences/{id}"),
        ("POST", "/oauth/token", 404, "POST /v5/oauth/token"),
        ("GET", "/v5/audience_insights/x/y/z", 404, None),
        ("GET", "/nothing", 404, None),
        ("GET", "/" + "a/" * 100, 404, None),
    ):
        assert client.request(method, path).status_code == status, path
        entry = journal(client)[-1]
        assert (entry["operation"], entry["request"]["method"]) == (None, method)
        assert (near in entry["suggestions"]) if near else ("suggestions" not in entry), (
            path,
            entry.get("suggestions"),
        )


def test_the_log_suggests_routes(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """The log line of a request without a route names the closest routes."""
    with caplog.at_level("INFO", "audience_mock"):
        client.get("/v5/ad_account/5/audiences")
        client.get("/custom_audience/5")
    near = [message.partition("(did you mean: ")[2] for message in caplog.messages]
    assert near[0].startswith("GET /v5/ad_accounts/{ad_account_id}/audiences, ")
    assert near[1].startswith("GET /custom_audiences/{id}, ")


def test_heads_and_preflights_are_noted(client: httpx.Client) -> None:
    """HEAD requests and CORS preflights are recorded as such, in both APIs."""
    client.head(AUDIENCES)
    asks = {"Origin": "http://a.example", "Access-Control-Request-Method": "POST"}
    client.options(AUDIENCES, headers=asks)
    client.options("/custom_audiences", headers=asks)
    client.get(AUDIENCES, headers={"Origin": "http://a.example"})
    shown = [
        (entry["request"]["method"], entry["operation"], entry["answer"]["status"])
        for entry in journal(client)
    ]
    assert shown == [
        ("HEAD", "audiences/list", 200),
        ("OPTIONS", None, 200),
        ("OPTIONS", None, 204),
        ("GET", "audiences/list", 200),
    ]
    assert journal(client)[0]["answer"]["body"] is None


def test_a_client_that_went_away_is_noted(mock: MockServer, client: httpx.Client) -> None:
    """A request whose body never came has an entry without a status."""
    port = urlsplit(mock.url).port
    with socket.create_connection(("127.0.0.1", port)) as gone:
        gone.sendall(
            f"POST {AUDIENCES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            "Authorization: Bearer pina_test\r\n\r\n{".encode()
        )
        client.get(AUDIENCES)  # what came before is being read by now
    for _ in range(1000):
        if found := journal(client, status="none"):
            break
    assert [(entry["operation"], entry["answer"]["status"]) for entry in found] == [
        ("audiences/create", None)
    ]


def test_entries_are_found_by_what_they_are(client: httpx.Client, mock: MockServer) -> None:
    """Each filter selects matching entries, the newest last; an entry has to match all filters."""
    made = client.post(AUDIENCES, json=VISITORS).json()["id"]
    mock.world.clock.advance(10_000)
    client.get(f"{AUDIENCES}/{made}")
    client.get(f"{AUDIENCES}/1")
    mock.world.clock.advance(10_000)
    client.get(f"/worlds/default{AUDIENCES}?page_size=5")
    client.get("/custom_audiences/1", headers=PITCHTARGET_TOKEN)
    for query, found in (
        ({}, [1, 2, 3, 4, 5]),
        ({"api": "pitchtarget"}, [5]),
        ({"operation": "audiences/get"}, [2, 3]),
        ({"operation": "audiences/get", "status": "200"}, [2]),
        ({"status": "4xx"}, [3, 5]),
        ({"method": "post"}, [1]),
        ({"path": f"{AUDIENCES}/*"}, [2, 3]),
        ({"path": AUDIENCES}, [1, 4]),
        ({"path": "*?page_size=5"}, [4]),
        ({"after": 3}, [4, 5]),
        ({"before": 2}, [1]),
        ({"after": "2023-11-14T22:13:20Z", "before": "2023-11-14T22:13:40Z"}, [2, 3]),
        ({"after": "2023-11-14T23:13:30.000+01:00"}, [4, 5]),
        ({"fault": "f1"}, []),
        ({"operation": "none"}, []),
        ({"limit": 2}, [4, 5]),
        ({"limit": 2, "after": 0}, [1, 2]),
        ({"limit": 0}, []),
    ):
        assert numbers(client, **query) == found, query


def test_entries_are_found_by_a_part_of_the_request(client: httpx.Client) -> None:
    """A search finds requests that contain the given JSON; headers are compared unmasked."""
    for name in ("a", "b"):
        client.post(AUDIENCES, json={**VISITORS, "name": name})
    client.get(AUDIENCES, params={"page_size": 5}, headers={"X-Trace": "7"})
    for match, found in (
        ({"body": {"name": "a"}}, [1]),
        ({"body": {"rule": {}}}, [1, 2]),
        ({"body": None}, [3]),
        ({"query": {"page_size": "5"}}, [3]),
        ({"path_params": {"ad_account_id": AD_ACCOUNT}}, [1, 2, 3]),
        ({"headers": {"Authorization": PINTEREST_TOKEN["Authorization"]}}, [1, 2, 3]),
        ({"headers": {"authorization": "Bearer pina_…"}}, []),
        ({"headers": {"x-trace": "7"}, "body": None}, [3]),
    ):
        page = client.post("/__admin/journal/search", json={"match": match})
        assert [entry["number"] for entry in page.json()["entries"]] == found, match


def test_pages_follow_one_another(client: httpx.Client) -> None:
    """`next` of a page, as `after`, gives what follows, until there is nothing and later when there is."""
    for _ in range(5):
        client.get(AUDIENCES)
    client.post(AUDIENCES, json=VISITORS)
    seen, after = [], 0
    for _ in range(4):
        page = client.get("/__admin/journal", params={"after": after, "limit": 2, "method": "GET"}).json()
        seen.append([entry["number"] for entry in page["entries"]])
        after = page["next"]
    assert seen == [[1, 2], [3, 4], [5], []]
    client.get(AUDIENCES)
    assert numbers(client, after=after) == [7]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"operation": "audiences/gett"}, "operation"),
        ({"status": "999"}, "status"),
        ({"status": "x"}, "status"),
        ({"after": "noon"}, "after"),
        ({"limit": "-1"}, "limit"),
        ({"colour": "red"}, "colour"),
        ({"api": "facebook"}, "api"),
    ],
)
def test_a_wrong_filter_is_rejected(client: httpx.Client, query: dict[str, str], field: str) -> None:
    """A filter that could never match because of a typing error is rejected by name."""
    rejected = control_error(client.get("/__admin/journal", params=query), 400)
    assert rejected["field"] == field
    searched = control_error(client.post("/__admin/journal/search", json=query), 400)
    assert searched["field"] == field


def test_a_mistyped_operation_has_suggestions(client: httpx.Client) -> None:
    """The error names the operations that are spelled alike."""
    rejected = client.get("/__admin/journal", params={"operation": "audience/create"})
    assert "audiences/create" in control_error(rejected, 400)["error"]


def test_the_journal_is_bounded_and_counts_what_it_dropped(start: Callable[..., MockServer]) -> None:
    """The oldest go first, by number and by bytes; none is kept where the setting is 0."""
    mock = start(journal_entries=2)
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        for _ in range(5):
            client.get(AUDIENCES)
        assert client.get("/__admin/journal").json()["dropped"] == 3
        assert numbers(client) == [4, 5]
        client.put("/__admin/worlds/default", json={"settings": {"journal_bytes": 3000}})
        client.post(AUDIENCES, json=VISITORS)
        assert numbers(client) == [6]
        client.put("/__admin/worlds/default", json={"settings": {"journal_entries": 0}})
        client.get(AUDIENCES)
        assert numbers(client) == []
        rejected = client.post("/__admin/verify", json={})
        assert "keeps no journal" in control_error(rejected, 409)["error"]


def test_a_journal_is_emptied_and_begins_again(client: httpx.Client) -> None:
    """DELETE drops the entries and numbers continue; a reset begins at 1. Neither is an entry itself."""
    client.get(AUDIENCES)
    assert client.delete("/__admin/journal").status_code == 204
    assert client.get("/__admin/journal").json() == {"entries": [], "dropped": 0, "next": 1}
    client.get(AUDIENCES)
    assert numbers(client) == [2]
    assert client.post("/__admin/reset").status_code == 204
    assert client.get("/__admin/journal").json() == {"entries": [], "dropped": 0, "next": 0}
    client.get(AUDIENCES)
    assert numbers(client) == [1]


def test_each_world_has_its_journal(client: httpx.Client) -> None:
    """A request is in the journal of the world that it was for, and in no other."""
    client.get(f"/worlds/blue{AUDIENCES}")
    client.get(AUDIENCES, headers={"X-Audience-Mock-World": "red"})
    client.get(AUDIENCES)
    client.get(AUDIENCES)
    for world, paths in (
        ("blue", [f"/worlds/blue{AUDIENCES}"]),
        ("red", [AUDIENCES]),
        ("default", [AUDIENCES, AUDIENCES]),
    ):
        shown = client.get(f"/worlds/{world}/__admin/journal").json()["entries"]
        assert [(entry["number"], entry["request"]["path"]) for entry in shown] == list(enumerate(paths, 1))


SENT = (
    ("POST", AUDIENCES, "Bearer pina_test", json.dumps(VISITORS), "application/json"),
    ("POST", AUDIENCES, "Bearer pina_test", "{", "application/json"),
    ("GET", f"{AUDIENCES}?page_size=3", "Bearer pina_test", "", ""),
    ("GET", "/v5/ad_account/1", "Bearer pina_test", "", ""),
    ("GET", AUDIENCES, "", "", ""),
    (
        "POST",
        "/v5/oauth/token",
        f"Basic {b64encode(b'1:s').decode()}",
        urlencode({"grant_type": "authorization_code", "code": "c", "redirect_uri": "https://a"}),
        "application/x-www-form-urlencoded",
    ),
    (
        "POST",
        "/oauth/authorize",
        "",
        json.dumps({"username": "a", "password": "b", "grant_type": "password", "client_id": "c"}),
        "application/json",
    ),
    ("GET", "/custom_audiences?fb_ad_account_id=2", "OAuth abc", "", ""),
    ("PUT", "/custom_audiences/1", "OAuth abc", "x", "text/plain"),
)


def one_run(mock: MockServer) -> bytes:
    """What the journal says after the same requests."""
    mock.world.clock.freeze(NOON_MS)
    with socket.create_connection(("127.0.0.1", urlsplit(mock.url).port)) as connection:
        stream = connection.makefile("rb")

        def ask(method: str, path: str, authorization: str, body: str, kind: str) -> bytes:
            connection.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
                f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += stream.readline()
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            return stream.read(int(length[1])) if length else b""

        for request in SENT:
            ask(*request)
            mock.world.clock.advance(1_234)
        return ask("GET", "/__admin/journal", "", "", "")


def test_two_runs_from_one_seed_have_the_same_journal(start: Callable[..., MockServer]) -> None:
    """The same requests to two servers, whose clocks stand, leave journals that are equal to the byte."""
    first, second = (one_run(start(seed="demo")) for _ in range(2))
    assert len(json.loads(first)["entries"]) == len(SENT)
    assert first == second


@pytest.mark.sqlite_only(reason="it counts the statements of SQLite")
def test_a_read_costs_one_entry_and_no_statement(mock: MockServer, client: httpx.Client) -> None:
    """An entry is a tuple of few pieces: the bytes of the answer are those that were sent, and not a copy."""
    made = client.post(AUDIENCES, json=VISITORS).json()["id"]
    client.get(f"{AUDIENCES}/{made}")
    statements: list[str] = []
    mock.world.database.driver.set_trace_callback(statements.append)
    answer = client.get(f"{AUDIENCES}/{made}")
    mock.world.database.driver.set_trace_callback(None)
    assert len(statements) == 1
    entry = list(mock.world.journal)[-1]
    assert type(entry.record) is tuple
    assert sum(isinstance(part, bytes) and part == answer.content for part in entry.record) == 1
    assert all(not isinstance(part, str) or len(part) < 30 for part in entry.record)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get("/__admin/journal", params={"limit": 1000}),
        lambda client: client.get("/__admin/journal/summary", params={"limit": 10_000}),
        lambda client: client.post(
            "/__admin/journal/search",
            json={"match": {"query": {"page_size": "250"}}, "limit": 1000},
        ),
    ],
    ids=["get", "summary", "search"],
)
def test_others_are_answered_while_a_long_page_is_made(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, ask: Callable[[httpx.Client], httpx.Response]
) -> None:
    """Between the steps. What they ask meanwhile is not in the page, which ends with the newest before."""
    for _ in range(60):
        client.get(AUDIENCES, params={"page_size": 250})
    answer, other, pauses = ask_while_held(monkeypatch, client, ask, AUDIENCES)
    assert other.status_code == 200
    page = answer.json()
    entries = page.get("entries", page.get("requests"))
    assert [entry["number"] for entry in entries] == list(range(1, 61))
    assert (page["next"], page["dropped"]) == (60, 0)
    # When it is searched for, and written.
    assert pauses == 60 + 60 + 2
