"""Authentication of Pinterest's API: known, self-describing and unknown tokens in both modes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from audience_mock.app import create_app
from audience_mock.providers.pinterest import security
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.errors import pinterest_error

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
OTHERS = "/ad_accounts/1/audiences"
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
NOT_AUTHENTICATED = {"code": 2, "message": "Authentication failed.", "status": "failure"}
NOT_PERMITTED = {"code": 29, "message": "You are not permitted to access that resource."}
NOW_S = 1_700_000_000
DESCRIPTION = (
    Path(__file__).parents[3].parent / "shared/reference/pinterest-5.23-audience-family.openapi.json"
)

both_modes = pytest.mark.parametrize("auth_mode", ["lenient", "strict"])


def call(mock: MockServer, token: str, path: str = AUDIENCES, body: Any = None) -> httpx.Response:
    method = "GET" if body is None else "POST"
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, f"{mock.pinterest_url}{path}", headers=headers, json=body)


def missing(scope: str) -> dict[str, Any]:
    text = "Your token does not have sufficient permissions to perform this operation."
    return {"code": 3, "message": f"{text}\nMissing: ['{scope}']"}


@both_modes
def test_a_token_can_describe_itself(start: Callable[..., MockServer], auth_mode: str) -> None:
    """A self-describing token has the scopes that it names, without any set-up."""
    mock = start(auth_mode=auth_mode)
    assert call(mock, "pina_mock.ads:read+ads:write", body=VISITORS).status_code == 201
    for token in (
        "pina_mock.ads:read",
        "pinc_mock.ads:read+ads:write",
        "pina_mock.",
        "pina_mock.biz_access:write",
    ):
        rejected = call(mock, token, body=VISITORS)
        assert rejected.status_code == 401
        assert pinterest_error(rejected) == missing("ads:write")
        assert "x-ratelimit-limit" in rejected.headers
    assert len(call(mock, "pinc_mock.ads:read").json()["items"]) == 1


@both_modes
@pytest.mark.parametrize("token", ["pina_mock_expired.ads:read", "pinc_mock_revoked.ads:read+ads:write"])
def test_a_token_can_describe_itself_as_ended(
    start: Callable[..., MockServer], auth_mode: str, token: str
) -> None:
    """The self-describing forms of an expired and a revoked token get 401 with code 2."""
    rejected = call(start(auth_mode=auth_mode), token)
    assert rejected.status_code == 401
    assert pinterest_error(rejected) == NOT_AUTHENTICATED
    assert "x-ratelimit-limit" not in rejected.headers


@both_modes
def test_a_token_can_name_its_ad_accounts(start: Callable[..., MockServer], auth_mode: str) -> None:
    """A self-describing token that names ad accounts gives access to these; others get 403 with code 29."""
    mock = start(auth_mode=auth_mode)
    token = f"pina_mock.ads:read.{AD_ACCOUNT}+2"
    assert call(mock, token).status_code == 200
    rejected = call(mock, token, OTHERS)
    assert rejected.status_code == 403
    assert pinterest_error(rejected) == NOT_PERMITTED


def test_an_unknown_token_is_for_lenient_mode(start: Callable[..., MockServer]) -> None:
    """Lenient mode lets any well-formed token do everything; strict mode rejects it with 401 and code 2."""
    assert call(start(), "pina_anything", body=VISITORS).status_code == 201
    for token in ("pina_anything", "pina_mock", "xpina_mock.ads:read", "a:b"):
        rejected = call(start(auth_mode="strict"), token)
        assert rejected.status_code == 401
        assert pinterest_error(rejected) == NOT_AUTHENTICATED


@both_modes
def test_a_seed_declares_tokens(start: Callable[..., MockServer], tmp_path: Path, auth_mode: str) -> None:
    """A token of a seed has its scopes and ad accounts until it expires, in both modes."""
    seed = tmp_path / "seed.json"
    tokens = [
        {"token": "pina_reader", "scopes": ["ads:read"]},
        {"token": "pina_guest", "scopes": ["ads:read", "ads:write"], "ad_accounts": ["1"]},
        {"token": "pina_short", "scopes": ["ads:read"], "expires_at": NOW_S + 60},
        {"token": "pinc_app", "scopes": ["ads:read", "ads:write"], "kind": "app"},
        {"token": "pinr_again", "scopes": ["ads:read"], "kind": "refresh", "ad_accounts": ["1"]},
    ]
    seed.write_text(json.dumps({"tokens": tokens}))
    mock = start(seed=str(seed), auth_mode=auth_mode)
    mock.world.clock.freeze(NOW_S * 1000)
    assert call(mock, "pina_reader").status_code == 200
    for token in ("pina_reader", "pinc_app"):
        assert pinterest_error(call(mock, token, body=VISITORS)) == missing("ads:write")
    assert call(mock, "pina_guest", OTHERS, VISITORS).status_code == 201
    assert pinterest_error(call(mock, "pina_guest")) == NOT_PERMITTED
    assert call(mock, "pina_short").status_code == 200
    mock.world.clock.advance(60_000)
    assert pinterest_error(call(mock, "pina_short")) == NOT_AUTHENTICATED
    assert pinterest_error(call(mock, "pinr_again")) == NOT_AUTHENTICATED
    form = {"grant_type": "refresh_token", "refresh_token": "pinr_again"}
    given = httpx.post(f"{mock.pinterest_url}/oauth/token", auth=("a", "b"), data=form).json()
    assert pinterest_error(call(mock, given["access_token"])) == NOT_PERMITTED
    assert call(mock, given["access_token"], OTHERS).status_code == 200


@pytest.mark.parametrize(
    "seed",
    [
        {"tokens": [{"token": "a b", "scopes": []}]},
        {"tokens": [{"token": "pina_a", "scopes": ["ads read"]}]},
        {"tokens": [{"token": "pina_a", "scopes": []}] * 2},
        {"apps": [{"id": "1", "secret": "a"}, {"id": "1", "secret": "b"}]},
    ],
)
def test_wrong_tokens_of_a_seed_are_named(tmp_path: Path, seed: dict[str, Any]) -> None:
    """A seed with an invalid token or app, or twice the same, is rejected; the error says where it is."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(seed))
    with pytest.raises(Exception, match=r"(tokens|apps)\.[01]"):
        create_app(Settings(seed=str(file)))


def test_authorization_precedes_validation(start: Callable[..., MockServer]) -> None:
    """A scope that is missing and an ad account of others are reported before a wrong path or body."""
    mock = start()
    assert pinterest_error(call(mock, "pina_mock.ads:read", body="{")) == missing("ads:write")
    assert pinterest_error(call(mock, "pina_mock.ads:read.1", "/ad_accounts/x/audiences")) == NOT_PERMITTED
    assert call(mock, "pina_mock.ads:read", "/ad_accounts/x/audiences").status_code == 400


def test_many_tokens_are_let_in(start: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """More tokens may call than are remembered, and only so many are remembered."""
    monkeypatch.setattr(security, "MAX_CACHED_CALLERS", 3)
    mock = start()
    for _ in range(2):
        for number in range(5):
            assert call(mock, f"pina_{number}").status_code == 200
    assert 0 < len(mock.world.callers) <= 3


def requirements(app: FastAPI) -> dict[str, Any]:
    """What each operation requires of a token, by name; not those that take an app's secret or nothing."""
    return {
        operation.route.operation_id: operation.route.security
        for operation in app.state.providers["pinterest"].operations
        if operation.route.security not in (None, [{"basic": []}])
    }


def test_each_operation_describes_the_scope_that_it_needs() -> None:
    """Each operation that is served describes the scope that it asks for, or that it takes an app's secret or
    nothing."""
    app = create_app(Settings())
    served = app.state.providers["pinterest"].openapi()
    required = requirements(app)
    app.state.worlds.close()
    assert "security" not in served
    for operations in served["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            if name in required:
                assert operation["security"] == required[name]
            else:
                assert operation["security"] in ([], [{"basic": []}]), name
    for name, scheme in served["components"]["securitySchemes"].items():
        for flow in scheme.get("flows", {}).values():
            asked = {
                scope
                for one in required.values()
                for alternative in one
                for scope in alternative.get(name, ())
            }
            assert asked <= flow["scopes"].keys()


@pytest.mark.skipif(not DESCRIPTION.exists(), reason="Pinterest's description is not beside this checkout")
def test_scopes_are_those_of_the_description() -> None:
    """Operations need the scopes of Pinterest's description, except those that it does not list."""
    official = json.loads(DESCRIPTION.read_text())
    described = {
        operation["operationId"]: operation["security"]
        for operations in official["paths"].values()
        for operation in operations.values()
        if operation["security"] != [{"basic": []}]
    }
    app = create_app(Settings())
    ours = requirements(app)
    app.state.worlds.close()
    for name in [name for name in ours if name.startswith(("ad_accounts/", "customer_segment/"))]:
        ours.pop(name)
    ours.pop("audiences/create_custom")
    assert ours == described
    scopes = official["components"]["securitySchemes"]["pinterest_oauth2"]["flows"]["authorizationCode"][
        "scopes"
    ]
    assert scopes.keys() == security.ALL_SCOPES


def test_a_rejection_is_one_line_of_the_log(
    pinterest: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """A message of two lines, or a value with line ends, takes one line of the log."""
    caplog.set_level("INFO", logger="audience_mock")
    token = {"Authorization": "Bearer pina_mock.ads:write"}
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences", headers=token)
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences", params={"order": "up\n\ndown"})
    assert [record.getMessage().count("\n") for record in caplog.records] == [0, 0]
