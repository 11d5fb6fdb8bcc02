"""The log: one line for each rejection, which shows no secret, and nothing but text."""

import json
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from audience_mock.testing import MockServer
from audience_mock.web.error_log import one_line
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
NOT_TEXT = [
    *(
        "\x00",
        "\x07",
        "\x08",
        "\x0b",
        "\x0c",
        "\x1b",
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x7f",
        "\x80",
        "\x85",
        "\x9b2J",
    ),
    *(
        "\u200b",
        "\u200e",
        "\u2028",
        "\u2029",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\ufff9",
        "\U000e0041",
        "\ue000",
        "\udc80",
    ),
]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The lines that were logged so far."""
    caplog.set_level("INFO", logger="audience_mock")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("character", NOT_TEXT)
def test_what_is_no_text_is_escaped(character: str) -> None:
    """Control characters, line ends of any kind, marks of direction, unassigned ones and halves of a pair are
    written as Python writes them."""
    line = one_line(f"a{character}b")
    assert line.isprintable()
    assert line.isascii()
    assert line.startswith("a\\")
    assert len(one_line(character * 10)) >= 40


@pytest.mark.parametrize("text", ["Kläger", "観客", "🙂", "a b", "C:\\x", "%1b", "'quoted'"])
def test_what_is_text_stays(text: str) -> None:
    """Letters of any script, emoji, and marks of ASCII are shown as they are."""
    assert one_line(text) == text
    assert one_line(f"{text}\r\n\t {text}") == f"{text} {text}"


@pytest.mark.parametrize("character", [each for each in NOT_TEXT if each != "\udc80"])
def test_a_request_cannot_write_into_the_log(
    mock: MockServer, lines: Callable[[], list[str]], character: str
) -> None:
    """In the path, the query, a body or a header, of either API and of the control API."""
    written = quote(f"a{character}b")
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        client.get(f"/v5/{written}")
        client.get(f"{AUDIENCES}/{written}")
        client.get(f"{AUDIENCES}?order={written}")
        client.post(AUDIENCES, json={"name": f"a{character}b", "audience_type": f"a{character}b"})
        client.get(f"/custom_audiences/{written}", headers={"Authorization": "OAuth x"})
        client.get(f"/{written}")
        client.delete(f"/__admin/faults/{written}")
        client.post("/__admin/faults", json={"operation": f"a{character}b"})
        client.get(f"/worlds/{written}/v5/ad_accounts")
    assert len(lines()) >= 8
    for line in lines():
        assert line.isprintable(), line
        assert len(line) < 1000


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", f"{AUDIENCES}?page_size=SECRET&access_token=SECRET", {}),
        ("POST", "/v5/oauth/token", {"data": {"grant_type": "SECRET", "refresh_token": "SECRET"}}),
        ("POST", AUDIENCES, {"json": {"name": "n", "audience_type": "SECRET", "app_secret": ["SECRET"]}}),
        ("POST", "/custom_audiences", {"json": {"pwd": "SECRET", "type": "SECRET"}}),
        (
            "POST",
            "/__admin/faults",
            {"json": {"status": "SECRET", "match": {"headers": {"cookie": "s=SECRET"}}}},
        ),
        ("GET", "/v5/nowhere/password=SECRET", {}),
        ("GET", "/nowhere/https://ann:SECRET@host/", {}),
    ],
)
def test_no_line_repeats_a_secret(
    mock: MockServer, lines: Callable[[], list[str]], method: str, path: str, more: dict[str, object]
) -> None:
    """A message that quotes what was sent, where the same was sent as a secret, and a path that has one."""
    secret = "hunter2hunter"
    filled = json.loads(json.dumps(more).replace("SECRET", secret))
    headers = {"Authorization": "Basic YTpi"} if "oauth" in path else PINTEREST_TOKEN
    response = httpx.request(method, mock.url + path.replace("SECRET", secret), headers=headers, **filled)
    assert response.status_code >= 400
    assert lines()
    assert secret not in "\n".join(lines())


@pytest.mark.sqlite_only(reason="it breaks the world of the process")
def test_a_failure_of_the_server_is_logged_like_all_else(
    mock: MockServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause of a 500, and at the lowest level its traceback, are masked and escaped, line by line."""
    caplog.set_level("DEBUG", logger="audience_mock")

    def fail(*arguments: object, **more: object) -> None:
        raise OSError("no\x1b[31m password=hunter2hunter\nhere")

    for name in ("read", "transact"):
        monkeypatch.setattr(mock.world, name, fail)
    failed = httpx.get(f"{mock.url}/custom_audiences/54", headers=PITCHTARGET_TOKEN)
    assert failed.status_code == 500
    cause, traceback = (record.getMessage() for record in caplog.records)
    assert cause.endswith(" 500: OSError: no\\x1b[31m password=… here")
    assert traceback.startswith("Traceback (most recent call last):\n  File ")
    assert all(line.isprintable() for line in traceback.split("\n"))
    assert "hunter2hunter" not in traceback


@pytest.mark.parametrize("redact_users", [False, True])
def test_people_can_be_left_out_of_journal_and_log(
    start: Callable[..., MockServer], lines: Callable[[], list[str]], redact_users: bool
) -> None:
    """With the setting, neither has an address or a record; without it, both show them. What is stored is the
    same, and a search still finds the request by what was sent."""
    mock = start(redact_users=redact_users)
    lists = f"{mock.pinterest_url}/ad_accounts/{AD_ACCOUNT}/customer_lists"
    records = "ann@example.com,5d41402abc4b2a76b9719d911017c592"
    made = httpx.post(lists, json={"name": "l", "records": records}, headers=PINTEREST_TOKEN)
    assert made.json()["num_uploaded_user_records"] == 2
    v2 = {"name": "l", "records_v2": [{"email": "ann@example.com"}], "list_type": "ann@example.com"}
    assert httpx.post(lists, json=v2, headers=PINTEREST_TOKEN).status_code == 400
    long = {"name": "l", "records": ",".join(["ann@example.com"] * 9000)}
    httpx.post(lists, json=long, headers=PINTEREST_TOKEN)
    httpx.get(f"{lists}?bookmark=ann%40example.com", headers=PINTEREST_TOKEN)
    control = f"{mock.url}/__admin"
    shown = httpx.get(f"{control}/journal").text
    wanted = {"match": {"body": {"name": "no", "records": records}}}
    shown += httpx.post(f"{control}/verify", json=wanted).json()["nearest"]["path"]
    for each in ("ann@example.com", "ann%40", "5d41402abc4b2a76"):
        assert (each in shown) is not redact_users
    assert any("ann@example.com" in line for line in lines()) is not redact_users
    found = httpx.post(f"{control}/journal/search", json={"match": {"body": {"records": records}}}).json()
    assert len(found["entries"]) == 1


def test_one_world_can_leave_people_out(mock: MockServer) -> None:
    """It is a setting of each world."""
    settings = {"settings": {"redact_users": True}}
    assert httpx.put(f"{mock.url}/__admin/worlds/blue", json=settings).status_code in (200, 201)
    for world, shows in (("/worlds/blue", False), ("", True)):
        httpx.get(f"{mock.url}{world}/v5/ad_accounts?bookmark=ann@example.com", headers=PINTEREST_TOKEN)
        assert ("ann@example" in httpx.get(f"{mock.url}{world}/__admin/journal").text) is shows
