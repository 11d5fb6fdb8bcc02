"""What strict mode protects: tokens that nobody can work out or write; and the reason of each 401."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.errors import pinterest_error

NOW_S = 1_700_000_000
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
APP = ("1234567", "an-app-secret")
SEED: dict[str, Any] = {
    "apps": [{"id": APP[0], "secret": APP[1]}],
    "tokens": [
        {"token": "pina_known", "scopes": ["ads:read"]},
        {"token": "pina_short", "scopes": ["ads:read"], "expires_at": NOW_S + 60},
        {"token": "pinr_known", "scopes": ["ads:read"], "kind": "refresh"},
        {"token": "pinr_short", "scopes": ["ads:read"], "kind": "refresh", "expires_at": NOW_S + 60},
    ],
}


@pytest.fixture
def begin(start: Callable[..., MockServer], tmp_path: Path) -> Callable[..., MockServer]:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))

    def begin(**settings: Any) -> MockServer:
        mock = start(**{"seed": str(seed), "auth_mode": "strict"} | settings)
        mock.world.clock.freeze(NOW_S * 1000)
        return mock

    return begin


def issue(mock: MockServer, app: tuple[str, str] = APP, **form: str) -> httpx.Response:
    return httpx.post(f"{mock.pinterest_url}/oauth/token", auth=app, data=form)


def for_app(mock: MockServer, app: tuple[str, str] = APP) -> httpx.Response:
    return issue(mock, app, grant_type="client_credentials", scope="ads:read")


def by_code(mock: MockServer, code: str = "code_mock.ads:read.1") -> httpx.Response:
    return issue(mock, grant_type="authorization_code", redirect_uri="http://localhost/", code=code)


def refreshed(mock: MockServer, token: str) -> httpx.Response:
    return issue(mock, grant_type="refresh_token", refresh_token=token)


def listed(mock: MockServer, token: str) -> httpx.Response:
    return httpx.get(f"{mock.pinterest_url}{AUDIENCES}", headers={"Authorization": f"Bearer {token}"})


def every_token(mock: MockServer) -> list[str]:
    given = [for_app(mock).json(), by_code(mock).json(), refreshed(mock, "pinr_known").json()]
    return [one[name] for one in given for name in ("access_token", "refresh_token") if name in one]


def test_two_strict_servers_issue_different_tokens(begin: Callable[..., MockServer]) -> None:
    """Whoever has the same seed cannot work out which tokens a strict server issued; in lenient mode each run
    issues the same."""
    strict = [every_token(begin()) for _ in range(2)]
    assert len({*strict[0], *strict[1]}) == 10
    lenient = [every_token(begin(auth_mode="lenient")) for _ in range(2)]
    assert lenient[0] == lenient[1]
    assert not {*lenient[0]} & {*strict[0]}


def test_a_strict_world_does_not_repeat_tokens_after_a_reset(begin: Callable[..., MockServer]) -> None:
    """A reset returns to the seed, and what is issued then is new; what was issued before is unknown."""
    mock = begin()
    before = every_token(mock)
    httpx.post(f"{mock.url}/__admin/reset")
    assert listed(mock, before[0]).status_code == 401
    assert not {*before} & {*every_token(mock)}


def test_a_state_opens_nothing(begin: Callable[..., MockServer]) -> None:
    """An exported state has digests in place of tokens and secrets."""
    mock = begin()
    issued = every_token(mock)
    state = httpx.get(f"{mock.url}/__admin/state").text
    for each in (*issued, APP[1], "pina_known", "pinr_known", "code_mock.ads:read.1"):
        assert each not in state
    assert len(json.loads(state)["tokens"]) >= len(SEED["tokens"]) + len(issued)


SELF_DESCRIBING = ["pina_mock.ads:read", f"pina_mock.ads:read.{AD_ACCOUNT}", "pinc_mock.ads:read"]


@pytest.mark.parametrize("token", SELF_DESCRIBING)
def test_self_describing_tokens_can_be_turned_off(begin: Callable[..., MockServer], token: str) -> None:
    """They are what they say by default, and with the setting unknown: rejected in strict mode, as any other
    in lenient mode."""
    assert listed(begin(), token).status_code == 200
    off = begin(self_describing_tokens=False)
    assert listed(off, token).status_code == 401
    assert listed(off, "pina_known").status_code == 200
    lenient = begin(self_describing_tokens=False, auth_mode="lenient")
    assert listed(lenient, "pina_mock_expired.ads:read").status_code == 200


def test_self_describing_codes_and_refresh_tokens_can_be_turned_off(begin: Callable[..., MockServer]) -> None:
    """Neither is exchanged in strict mode, and to revoke one has no effect; the seed's tokens and apps are
    served as before."""
    on, off = begin(), begin(self_describing_tokens=False)
    for exchange in (by_code, lambda mock: refreshed(mock, "pinr_mock.ads:read")):
        assert exchange(on).status_code == 200
        assert pinterest_error(exchange(off))["code"] == 283
    assert refreshed(off, "pinr_known").status_code == 200
    assert for_app(off).status_code == 200
    form = {"token": "pina_mock.ads:read"}
    assert httpx.post(f"{off.pinterest_url}/oauth/token/revoke", auth=APP, data=form).status_code == 200
    tokens = off.world.database.connection.exec_driver_sql("SELECT count(*) FROM tokens WHERE revoked")
    assert tokens.scalar_one() == 1, "the refresh token that was exchanged"


def test_without_a_seed_nobody_is_an_app(start: Callable[..., MockServer]) -> None:
    """A strict server without apps issues tokens to any; with self-describing tokens off, to none."""
    assert for_app(start(auth_mode="strict"), ("any", "thing")).status_code == 200
    off = start(auth_mode="strict", self_describing_tokens=False)
    assert pinterest_error(for_app(off, ("any", "thing")))["code"] == 2


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(text).decode()}"}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no token"),
        ({"Authorization": ""}, "no token"),
        ({"Authorization": "Bearer"}, "malformed token: not Bearer <token>"),
        ({"Authorization": "pina_known"}, "malformed token: not Bearer <token>"),
        ({"Authorization": "Bearer a b"}, "malformed token: not Bearer <token>"),
        ({"Authorization": "Basic cGluYV9rbm93bg=="}, "malformed token: not Bearer <token>"),
        ({"Authorization": "Bearer pina_stranger"}, "unknown token"),
        ({"Authorization": "Bearer pina_short"}, "expired token"),
        ({"Authorization": "Bearer pina_mock_expired.ads:read"}, "expired token"),
        ({"Authorization": "Bearer pina_mock_revoked.ads:read"}, "revoked token"),
        ({"Authorization": "Bearer pina_gone"}, "revoked token"),
        ({"Authorization": "Bearer pinr_known"}, "a refresh token authenticates no call"),
    ],
)
def test_a_401_says_in_log_and_journal_which_it_was(
    begin: Callable[..., MockServer],
    caplog: pytest.LogCaptureFixture,
    headers: Mapping[str, str],
    reason: str,
) -> None:
    """All get the same response, as Pinterest's; the log and the journal have the reason."""
    caplog.set_level("INFO", logger="audience_mock")
    mock = begin()
    mock.world.clock.advance(60_000)
    if headers.get("Authorization", "").endswith("pina_gone"):
        token = for_app(mock).json()["access_token"]
        httpx.post(f"{mock.pinterest_url}/oauth/token/revoke", auth=APP, data={"token": token})
        headers = {"Authorization": f"Bearer {token}"}
    rejected = httpx.get(f"{mock.pinterest_url}{AUDIENCES}", headers=headers)
    assert rejected.status_code == 401
    assert pinterest_error(rejected) == {"code": 2, "message": "Authentication failed.", "status": "failure"}
    line = f"GET /v5{AUDIENCES} 401 Authentication failed. ({reason})"
    assert caplog.records[-1].getMessage() == line
    assert httpx.get(f"{mock.url}/__admin/journal").json()["entries"][-1]["reason"] == reason


@pytest.mark.parametrize(
    ("headers", "form", "reason"),
    [
        ({}, {}, "no app id and secret"),
        ({"Authorization": "Bearer x"}, {}, "malformed app id and secret: not Basic <base64 of id:secret>"),
        ({"Authorization": "Basic %"}, {}, "malformed app id and secret: not Basic <base64 of id:secret>"),
        (basic(b"no-colon"), {}, "malformed app id and secret: not Basic <base64 of id:secret>"),
        (basic(b"1234567:wrong"), {}, "unknown app, or not its secret"),
        (basic(b"7654321:an-app-secret"), {}, "unknown app, or not its secret"),
        ({}, {"refresh_token": "pinr_stranger"}, "unknown refresh token"),
        ({}, {"refresh_token": "pinr_short"}, "the refresh token has expired"),
        ({}, {"refresh_token": "pina_known"}, "not a refresh token"),
        ({}, {"code": "any"}, "unknown code"),
        ({}, {"code": "%"}, "malformed code"),
        ({}, {"code": "code_mock.no:such"}, "it names scopes that Pinterest does not have"),
    ],
)
def test_a_401_of_an_app_says_which_it_was(
    begin: Callable[..., MockServer],
    caplog: pytest.LogCaptureFixture,
    headers: Mapping[str, str],
    form: Mapping[str, str],
    reason: str,
) -> None:
    """An app's id and secret, codes and refresh tokens have their reasons too."""
    caplog.set_level("INFO", logger="audience_mock")
    mock = begin()
    mock.world.clock.advance(60_000)
    if form:
        headers = basic(":".join(APP).encode())
        grant = "refresh_token" if "refresh_token" in form else "authorization_code"
        form = {"grant_type": grant, "redirect_uri": "http://localhost/", **form}
    rejected = httpx.post(f"{mock.pinterest_url}/oauth/token", headers=headers, data=form)
    assert rejected.status_code == 401
    assert caplog.records[-1].getMessage().endswith(f" ({reason})")
    assert httpx.get(f"{mock.url}/__admin/journal").json()["entries"][-1]["reason"] == reason


def test_a_code_or_refresh_token_that_was_used_says_so(
    begin: Callable[..., MockServer], caplog: pytest.LogCaptureFixture
) -> None:
    """The second exchange of either, and one by another app, are told apart in the log."""
    caplog.set_level("INFO", logger="audience_mock")
    mock = begin()
    first = by_code(mock).json()["refresh_token"]
    assert by_code(mock).status_code == 401
    assert caplog.records[-1].getMessage().endswith("(the code was used before)")
    assert refreshed(mock, first).status_code == 200
    assert refreshed(mock, first).status_code == 401
    assert caplog.records[-1].getMessage().endswith("(the refresh token was revoked, or used before)")


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no token"),
        ("Bearer x", "malformed token: not OAuth <token>"),
        ("OAuth", "malformed token: not OAuth <token>"),
    ],
)
def test_pitchtarget_says_it_too(
    start: Callable[..., MockServer], authorization: str | None, reason: str
) -> None:
    """A 401 of the other API has its reason in the journal."""
    mock = start()
    headers = {} if authorization is None else {"Authorization": authorization}
    assert httpx.get(f"{mock.url}/custom_audiences", headers=headers).status_code == 401
    assert httpx.get(f"{mock.url}/__admin/journal").json()["entries"][-1]["reason"] == reason


def test_other_entries_have_no_reason(begin: Callable[..., MockServer]) -> None:
    """What is not rejected, or says why itself, has none; a 403 has one."""
    mock = begin()
    listed(mock, "pina_known")
    httpx.get(f"{mock.pinterest_url}/nowhere")
    listed(mock, "pina_mock.ads:read.1")
    entries = httpx.get(f"{mock.url}/__admin/journal").json()["entries"]
    assert [entry.get("reason") for entry in entries] == [None, None, "the token is for other ad accounts"]
