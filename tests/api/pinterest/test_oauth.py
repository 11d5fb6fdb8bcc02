"""Pinterest's oauth/token over HTTP: tokens given, refreshed and revoked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.providers.pinterest.security import SCOPES
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.errors import pinterest_error

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
APP = httpx.BasicAuth("1234567", "secret")
BACK = "https://shop.example/back"
DAY_MS = 86_400_000
BAD_GRANT = {"code": 283, "message": "The authorization grant is invalid"}
NOT_AUTHENTICATED = {"code": 2, "message": "Authentication failed.", "status": "failure"}

REFRESHED = [
    *("access_token", "response_type", "token_type", "expires_in", "scope", "refresh_token"),
    *("refresh_token_expires_in", "refresh_token_expires_at"),
]


@pytest.fixture
def apps(mock: MockServer) -> Any:
    """Plain HTTP to Pinterest's API, for an app with its id and secret."""
    with httpx.Client(base_url=mock.pinterest_url, auth=APP) as client:
        yield client


def ask(apps: httpx.Client, **form: str) -> httpx.Response:
    return apps.post("/oauth/token", data=form)


def by_code(apps: httpx.Client, code: str = "abc") -> dict[str, Any]:
    answer = ask(apps, grant_type="authorization_code", code=code, redirect_uri=BACK)
    assert answer.status_code == 200, answer.text
    given: dict[str, Any] = answer.json()
    return given


def read_with(mock: MockServer, token: str) -> httpx.Response:
    return httpx.get(f"{mock.pinterest_url}{AUDIENCES}", headers={"Authorization": f"Bearer {token}"})


def test_a_code_gives_tokens_once(mock: MockServer, apps: httpx.Client) -> None:
    """A code gives an access and a refresh token with the recorded keys; the same code again gives none."""
    given = by_code(apps)
    assert list(given) == [
        *("access_token", "refresh_token", "response_type", "token_type", "expires_in"),
        *("refresh_token_expires_in", "scope"),
    ]
    assert given["access_token"].startswith("pina_")
    assert given["refresh_token"].startswith("pinr_")
    assert given["response_type"] == "authorization_code"
    assert given["token_type"] == "bearer"
    assert (given["expires_in"], given["refresh_token_expires_in"]) == (2_592_000, 5_184_000)
    assert given["scope"] == "ads:read ads:write biz_access:read biz_access:write"
    assert read_with(mock, given["access_token"]).status_code == 200
    again = ask(apps, grant_type="authorization_code", code="abc", redirect_uri=BACK)
    assert again.status_code == 401
    assert pinterest_error(again) == BAD_GRANT
    assert by_code(apps, "another")["access_token"] != given["access_token"]


@pytest.mark.parametrize(
    "code", ["code_mock.ads:read", "code_mock.ads:read.7", "code_mock.ads:read+pins:read"]
)
def test_a_code_can_name_its_scopes(mock: MockServer, apps: httpx.Client, code: str) -> None:
    """The tokens of a self-describing code have the scopes that it names."""
    given = by_code(apps, code)
    assert given["scope"] == " ".join(code.split(".")[1].split("+"))
    assert read_with(mock, given["access_token"]).status_code == 200
    rejected = httpx.post(
        f"{mock.pinterest_url}{AUDIENCES}",
        headers={"Authorization": f"Bearer {given['access_token']}"},
        json={"name": "a"},
    )
    assert rejected.status_code == 401
    assert pinterest_error(rejected)["code"] == 3


def test_a_plus_of_a_code_may_be_a_space(apps: httpx.Client) -> None:
    """A form makes spaces of the plus signs in a code, which then names the same scopes."""
    answer = apps.post(
        "/oauth/token",
        content=f"grant_type=authorization_code&code=code_mock.ads:read+ads:write&redirect_uri={BACK}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["scope"] == "ads:read ads:write"


@pytest.mark.both_engines
def test_a_refresh_token_gives_new_tokens_once(mock: MockServer, apps: httpx.Client) -> None:
    """A refresh gives new tokens with the recorded keys; a used refresh token gives none."""
    first = by_code(apps, "code_mock.ads:read+ads:write")
    answer = ask(apps, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    assert list(second) == REFRESHED
    assert second["response_type"] == "refresh_token"
    assert second["scope"] == "ads:read ads:write"
    now_s = mock.world.clock.now_ms() // 1000
    assert second["refresh_token_expires_at"] == now_s + 5_184_000
    assert second["access_token"] != first["access_token"]
    assert read_with(mock, second["access_token"]).status_code == 200
    used = ask(apps, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert used.status_code == 401
    assert pinterest_error(used) == BAD_GRANT
    third = ask(apps, grant_type="refresh_token", refresh_token=second["refresh_token"], scope="ads:read")
    assert third.json()["scope"] == "ads:read"


def test_a_refresh_token_can_describe_itself(mock: MockServer, apps: httpx.Client) -> None:
    """A self-describing refresh token gives tokens of its scopes each time, until it is revoked."""
    form = {"grant_type": "refresh_token", "refresh_token": "pinr_mock.ads:read+ads:write"}
    given = [ask(apps, **form).json() for _ in range(2)]
    assert [list(one) for one in given] == [REFRESHED] * 2
    assert {one["scope"] for one in given} == {"ads:read ads:write"}
    assert ask(apps, **form, scope="ads:read").json()["scope"] == "ads:read"
    assert ask(apps, **form, scope="biz_access:read").status_code == 400
    assert read_with(mock, given[1]["access_token"]).status_code == 200
    apps.post("/oauth/token/revoke", data={"token": form["refresh_token"]})
    assert pinterest_error(ask(apps, **form)) == BAD_GRANT
    assert pinterest_error(ask(apps, grant_type="refresh_token", refresh_token="pinr_mock.all")) == BAD_GRANT


def test_any_refresh_token_gives_tokens(mock: MockServer, apps: httpx.Client) -> None:
    """Clients start from a token that they stored, with the scopes that they want, and use it at each start;
    what comes with it works like any other, until the token is revoked."""
    form = {"grant_type": "refresh_token", "refresh_token": "pinr_stored_long_ago"}
    given = [ask(apps, **form).json() for _ in range(2)]
    assert given[0]["access_token"] != given[1]["access_token"]
    assert given[0]["scope"].split() == list(SCOPES)
    assert read_with(mock, given[1]["access_token"]).status_code == 200
    again = ask(apps, grant_type="refresh_token", refresh_token=given[1]["refresh_token"])
    assert again.status_code == 200
    narrow = ask(apps, **form, scope="ads:read,pins:read").json()
    assert narrow["scope"] == "ads:read pins:read"
    apps.post("/oauth/token/revoke", data={"token": form["refresh_token"]})
    assert pinterest_error(ask(apps, **form)) == BAD_GRANT


def test_an_access_token_is_no_refresh_token(apps: httpx.Client) -> None:
    """What the server issued is known, also in lenient mode: an access token and a used code refresh
    nothing."""
    for text in (by_code(apps, "once")["access_token"], "once"):
        answer = ask(apps, grant_type="refresh_token", refresh_token=text)
        assert pinterest_error(answer) == BAD_GRANT


def test_strict_mode_knows_its_refresh_tokens(start: Callable[..., MockServer]) -> None:
    """In strict mode an unknown refresh token gets 401 with code 283; one that the server issued works."""
    mock = start(auth_mode="strict")
    with httpx.Client(base_url=mock.pinterest_url, auth=("1234567", "secret")) as apps:
        given = by_code(apps, "code_mock.ads:read")
        for text, status in (("pinr_stored_long_ago", 401), (given["refresh_token"], 200)):
            answer = ask(apps, grant_type="refresh_token", refresh_token=text)
            assert answer.status_code == status


def test_the_examples_of_the_description_work(mock: MockServer, apps: httpx.Client) -> None:
    """Each example of a request for a token, and of a revocation, is answered with 200."""
    described = httpx.get(f"{mock.url}/openapi/pinterest.json").json()["paths"]
    for path in ("/oauth/token", "/oauth/token/revoke"):
        (form,) = described[path]["post"]["requestBody"]["content"].values()
        schema = form["schema"]
        assert schema["examples"]
        for example in schema["examples"]:
            assert apps.post(path, data=example).status_code == 200, example


def test_a_refresh_gives_no_more_than_was_granted(apps: httpx.Client) -> None:
    """A refresh that asks for other scopes is rejected, and the refresh token stays good."""
    token = by_code(apps, "code_mock.ads:read")["refresh_token"]
    answer = ask(apps, grant_type="refresh_token", refresh_token=token, scope="ads:read,ads:write")
    assert answer.status_code == 400
    assert pinterest_error(answer)["code"] == 1
    assert ask(apps, grant_type="refresh_token", refresh_token=token).status_code == 200


def test_an_app_gets_a_token_of_its_own(mock: MockServer, apps: httpx.Client) -> None:
    """client_credentials gives an access token for the scopes asked for, by commas or spaces; it reads
    audiences, and changes none."""
    for scope in ("ads:read,ads:write", "ads:read ads:write", "ads:read, ads:write"):
        given = ask(apps, grant_type="client_credentials", scope=scope).json()
        assert list(given) == ["access_token", "response_type", "token_type", "expires_in", "scope"]
        assert given["access_token"].startswith("pinc_")
        assert given["response_type"] == "client_credentials"
        assert given["scope"] == "ads:read ads:write"
    assert read_with(mock, given["access_token"]).status_code == 200
    rejected = httpx.post(
        f"{mock.pinterest_url}{AUDIENCES}", headers={"Authorization": f"Bearer {given['access_token']}"}
    )
    assert rejected.status_code == 401
    assert pinterest_error(rejected)["message"].endswith("\nMissing: ['ads:write']")


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "authorization_code", "code": "", "redirect_uri": BACK},
        {"grant_type": "authorization_code", "code": "\x01", "redirect_uri": BACK},
        {"grant_type": "authorization_code", "code": "code_mock.everything", "redirect_uri": BACK},
        {"grant_type": "refresh_token", "refresh_token": ""},
        {"grant_type": "refresh_token", "refresh_token": "\x01"},
        {"grant_type": "refresh_token", "refresh_token": "pinr_mock.everything"},
    ],
)
def test_a_bad_grant_is_rejected(apps: httpx.Client, form: dict[str, str]) -> None:
    """A code or refresh token that is no word, or names no scopes, gets 401 with code 283."""
    answer = ask(apps, **form)
    assert answer.status_code == 401
    assert pinterest_error(answer) == BAD_GRANT
    assert "x-ratelimit-limit" in answer.headers


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "'grant_type' is a required property"),
        (
            {"grant_type": "password"},
            "'password' is not one of ['authorization_code', 'refresh_token', 'client_credentials']",
        ),
        ({"grant_type": "authorization_code", "redirect_uri": BACK}, "'code' is a required property"),
        ({"grant_type": "authorization_code", "code": "a"}, "'redirect_uri' is a required property"),
        ({"grant_type": "refresh_token"}, "'refresh_token' is a required property"),
        ({"grant_type": "client_credentials"}, "'scope' is a required property"),
    ],
)
def test_a_form_that_does_not_fit_is_rejected(apps: httpx.Client, form: dict[str, str], message: str) -> None:
    """A missing or unknown value gets 400 with code 1 and names it."""
    answer = ask(apps, **form)
    assert answer.status_code == 400
    assert pinterest_error(answer) == {"code": 1, "message": f"Invalid request: {message}"}


def test_an_unknown_scope_is_rejected(apps: httpx.Client) -> None:
    """A scope that Pinterest does not have gets 400 with code 1."""
    answer = ask(apps, grant_type="client_credentials", scope="ads:all")
    assert answer.status_code == 400
    assert pinterest_error(answer)["message"].startswith("Invalid request: 'ads:all' is not one of [")


def test_tokens_are_asked_for_with_a_form(apps: httpx.Client) -> None:
    """A body that says that it is JSON gets 415."""
    answer = apps.post("/oauth/token", json={"grant_type": "client_credentials", "scope": "ads:read"})
    assert answer.status_code == 415
    assert pinterest_error(answer)["code"] == 1


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !", "Basic YTo=", "Basic OmI=", "Basic /w==", "Bearer pina_test"],
)
def test_an_app_has_an_id_and_a_secret(mock: MockServer, authorization: str | None) -> None:
    """Without both in HTTP Basic the response is 401 with code 2 and without rate-limit headers."""
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/oauth/token", "/oauth/token/revoke"):
        answer = httpx.post(f"{mock.pinterest_url}{path}", headers=headers)
        assert answer.status_code == 401
        assert pinterest_error(answer) == NOT_AUTHENTICATED
        assert "x-ratelimit-limit" not in answer.headers


def test_a_refresh_token_is_its_apps(mock: MockServer, apps: httpx.Client) -> None:
    """Another app gets nothing for it."""
    token = by_code(apps)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    other = httpx.post(f"{mock.pinterest_url}/oauth/token", auth=("7654321", "secret"), data=form)
    assert other.status_code == 401
    assert pinterest_error(other) == BAD_GRANT
    assert ask(apps, **form).status_code == 200


def test_tokens_end_by_the_worlds_clock(mock: MockServer, apps: httpx.Client) -> None:
    """An access token is good for 30 days and a refresh token for 60."""
    given = by_code(apps)
    mock.world.clock.advance(30 * DAY_MS - 1)
    assert read_with(mock, given["access_token"]).status_code == 200
    mock.world.clock.advance(1)
    ended = read_with(mock, given["access_token"])
    assert ended.status_code == 401
    assert pinterest_error(ended) == NOT_AUTHENTICATED
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    mock.world.clock.advance(30 * DAY_MS)
    assert pinterest_error(ask(apps, **form)) == BAD_GRANT


@pytest.mark.parametrize("more", [{}, {"token_type_hint": "access_token"}])
def test_a_revoked_token_is_rejected(mock: MockServer, apps: httpx.Client, more: dict[str, str]) -> None:
    """Revocation gets 200 without a body, for any token and again, and the token authenticates no call."""
    for token in (by_code(apps)["access_token"], "pina_anything", "pina_mock.ads:read"):
        assert read_with(mock, token).status_code == 200
        for _ in range(2):
            answer = apps.post("/oauth/token/revoke", data={"token": token, **more})
            assert (answer.status_code, answer.content) == (200, b"")
            assert "content-type" not in answer.headers
        rejected = read_with(mock, token)
        assert rejected.status_code == 401
        assert pinterest_error(rejected) == NOT_AUTHENTICATED


def test_a_revoked_refresh_token_takes_all_of_its_grant_along(mock: MockServer, apps: httpx.Client) -> None:
    """With a refresh token go the access tokens of the same grant, and of no other."""
    kept, lost = by_code(apps, "a"), by_code(apps, "b")
    assert apps.post("/oauth/token/revoke", data={"token": lost["refresh_token"]}).status_code == 200
    assert read_with(mock, lost["access_token"]).status_code == 401
    assert read_with(mock, kept["access_token"]).status_code == 200
    assert (
        pinterest_error(ask(apps, grant_type="refresh_token", refresh_token=lost["refresh_token"]))
        == BAD_GRANT
    )


@pytest.mark.parametrize("form", [{}, {"token": "a", "token_type_hint": "pin"}])
def test_a_wrong_revocation_is_rejected(apps: httpx.Client, form: dict[str, str]) -> None:
    """Without a token, or with an unknown hint, the response is 400 with code 1."""
    answer = apps.post("/oauth/token/revoke", data=form)
    assert answer.status_code == 400
    assert pinterest_error(answer)["code"] == 1


def test_the_path_at_the_root_is_pitchtargets(mock: MockServer) -> None:
    """/oauth/token without /v5 in front is none of Pinterest's."""
    answer = httpx.post(f"{mock.url}/oauth/token", auth=APP)
    assert answer.status_code == 404
    assert "errors" in answer.json()


def test_no_token_lies_in_the_store(mock: MockServer, apps: httpx.Client) -> None:
    """The store has digests of tokens, codes and secrets, not these themselves."""
    given = by_code(apps, "code_in_the_open")
    rows = mock.world.database.connection.exec_driver_sql("SELECT * FROM tokens").all()
    assert len(rows) == 3
    for text in (given["access_token"], given["refresh_token"], "code_in_the_open", "secret"):
        assert text not in str(rows)


def test_fresh_servers_give_the_same_tokens(start: Callable[..., MockServer]) -> None:
    """Two fresh servers give the same tokens to the same calls."""
    given = []
    for _ in range(2):
        with httpx.Client(base_url=start().pinterest_url, auth=APP) as apps:
            given.append(by_code(apps)["access_token"])
    assert given[0] == given[1]


def test_tokens_outlast_the_server(tmp_path: Path) -> None:
    """In a file, tokens stay good over a restart, and none is given twice."""
    given = []
    for code in ("a", "b"):
        with MockServer(database=f"sqlite:///{tmp_path / 'a.db'}", auth_mode="strict") as mock:
            with httpx.Client(base_url=mock.pinterest_url, auth=APP) as apps:
                given.append(by_code(apps, f"code_mock.ads:read.{code}")["access_token"])
            assert [read_with(mock, token).status_code for token in given] == [200] * len(given)
    assert len(set(given)) == 2


def test_strict_mode_takes_codes_that_describe_themselves(start: Callable[..., MockServer]) -> None:
    """In strict mode any other code, and what a revocation names, stays unknown."""
    mock = start(auth_mode="strict")
    with httpx.Client(base_url=mock.pinterest_url, auth=APP) as apps:
        rejected = ask(apps, grant_type="authorization_code", code="abc", redirect_uri=BACK)
        assert pinterest_error(rejected) == BAD_GRANT
        assert apps.post("/oauth/token/revoke", data={"token": "pina_unknown"}).status_code == 200
        assert read_with(mock, by_code(apps, "code_mock.ads:read")["access_token"]).status_code == 200


def test_strict_mode_knows_the_apps_of_a_seed(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """Where a seed names apps, strict mode lets no other ask, nor one with another secret."""
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"apps": [{"id": "1234567", "secret": "secret"}]}))
    form = {"grant_type": "client_credentials", "scope": "ads:read"}
    for mode, statuses in (("strict", [200, 401, 401]), ("lenient", [200, 200, 200])):
        url = f"{start(seed=str(seed), auth_mode=mode).pinterest_url}/oauth/token"
        who = [("1234567", "secret"), ("1234567", "other"), ("7", "secret")]
        answers = [httpx.post(url, auth=one, data=form) for one in who]
        assert [answer.status_code for answer in answers] == statuses
        for answer in answers:
            if answer.status_code == 401:
                assert pinterest_error(answer) == NOT_AUTHENTICATED
