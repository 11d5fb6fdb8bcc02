"""Tenants: their tokens control their own worlds, and see no other's."""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.errors import InvalidSettingsError, InvalidTenantsError
from audience_mock.core.worlds.tenants import Tenants
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.control_calls import CALLS
from helpers.descriptions import CHECKOUT
from helpers.errors import control_error
from helpers.tenants import OPERATOR, bearer, digest, two_teams, write_tenants

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
WORLDS = "/__admin/worlds"

Start = Callable[..., MockServer]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_tenants(tmp_path / "tenants.toml", tenants=two_teams())


@pytest.fixture
def mock(start: Start, file: Path) -> MockServer:
    """Both teams have a world, and team b one that is called secret."""
    mock = start(tenants=file, admin_token=OPERATOR)
    for world in ("team-a.green", "team-b", "team-b.secret"):
        call(mock, OPERATOR, "PUT", f"{WORLDS}/{world}", {})
    return mock


def call(mock: MockServer, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = bearer(token) if token else {}
    return httpx.request(method, mock.url + path, headers=headers, json=body)


def worlds_of(mock: MockServer, token: str) -> list[str]:
    listed: list[str] = call(mock, token, "GET", WORLDS).json()["worlds"]
    return listed


@pytest.mark.parametrize("token", ["team-a-admin", "team-a-admin-2", "team-a-reads"])
def test_a_tenant_lists_its_own_worlds(mock: MockServer, token: str) -> None:
    """Each of a tenant's tokens lists its worlds and no other's; the operator's lists all."""
    assert worlds_of(mock, token) == ["team-a.green"]
    assert worlds_of(mock, OPERATOR) == ["default", "team-a.green", "team-b", "team-b.secret"]
    assert control_error(call(mock, "nobody's", "GET", WORLDS), 401)
    assert control_error(call(mock, "", "GET", WORLDS), 401)


ABOUT_ONE: list[tuple[str, str, Any]] = [
    ("GET", "{worlds}/{w}", None),
    ("PUT", "{worlds}/{w}", {}),
    ("PATCH", "{worlds}/{w}", {}),
    ("DELETE", "{worlds}/{w}", None),
    ("POST", "{worlds}/{w}/fork", {"name": "team-a.copy"}),
    ("GET", "{worlds}/{w}/diff/team-a.green", None),
    ("GET", "{worlds}/team-a.green/diff/{w}", None),
    ("POST", "{worlds}/team-a.green/fork", {"name": "{w}"}),
    ("GET", "/worlds/{w}/__admin/state", None),
    ("POST", "/worlds/{w}/__admin/reset", None),
    ("POST", "/worlds/{w}/__admin/seed", {"audiences": []}),
    ("GET", "/worlds/{w}/__admin/snapshots", None),
    ("PUT", "/worlds/{w}/__admin/snapshots/s", None),
    ("POST", "/worlds/{w}/__admin/snapshots/s/restore", None),
    ("GET", "/worlds/{w}/__admin/journal", None),
    ("POST", "/worlds/{w}/__admin/journal/search", {}),
    ("POST", "/worlds/{w}/__admin/verify", {}),
    ("GET", "/worlds/{w}/__admin/faults", None),
    ("DELETE", "/worlds/{w}/__admin/faults", None),
    ("GET", "/worlds/{w}/__admin/clock", None),
    ("PUT", "/worlds/{w}/__admin/clock", {"frozen": True}),
    ("GET", "/worlds/{w}/__admin/uploads", None),
    ("GET", "/worlds/{w}/__admin/ids", None),
    ("GET", "/worlds/{w}/__admin/operations", None),
    ("GET", "/worlds/{w}/__admin/overview", None),
    ("GET", "/worlds/{w}/__admin/events?for_s=0", None),
    ("GET", "/worlds/{w}/__admin/tokens", None),
    ("DELETE", "/worlds/{w}/__admin/limits", None),
    ("GET", "/worlds/{w}/__admin/audiences", None),
    ("GET", "/worlds/{w}/__admin/customer_lists", None),
    ("GET", "/worlds/{w}//__admin/state", None),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "token"),
    [
        (*one, token)
        for one in ABOUT_ONE
        for token in ("team-a-admin", "team-a-reads")
        # A read-only token that forks its own world gets 403 before the body is read, whatever it names.
        if token != "team-a-reads" or one[2] != {"name": "{w}"}
    ],
)
def test_worlds_of_others_do_not_exist(
    mock: MockServer, method: str, path: str, body: Any, token: str
) -> None:
    """Whatever a tenant calls, a world of another tenant gets the same 404 whether it exists or not, and
    neither is made nor changed."""
    texts = set()
    before = worlds_of(mock, OPERATOR)
    for world in ("team-b.secret", "team-b.absent"):
        given = {"name": world} if body == {"name": "{w}"} else body
        answer = call(mock, token, method, path.format(worlds=WORLDS, w=world), given)
        texts.add(control_error(answer, 404)["error"].replace(world, "W"))
    assert len(texts) == 1
    assert "'W'" in texts.pop()
    assert worlds_of(mock, OPERATOR) == before


DESCRIBED = [
    (operation["operationId"], method.upper(), path)
    for path, operations in json.loads((CHECKOUT / "openapi/control.json").read_text())["paths"].items()
    for method, operation in operations.items()
    if method in ("get", "put", "post", "patch", "delete")
]
OPEN = {"/__admin/health", "/__admin/live", "/__admin/ready"}
READING = {"journal/search", "journal/verify", "uploads/lint_for"}
"""They are a POST since they take a body, and change nothing."""


def test_no_operation_tells_of_another_tenant(mock: MockServer) -> None:
    """Every described operation answers about another tenant's world as about one that does not exist, names
    none elsewhere, and changes nothing for a token that reads."""
    bodies = {each.operation: each.body for each in CALLS if each.status < 300 and each.body is not None}
    before = worlds_of(mock, OPERATOR)

    def answer(operation: str, method: str, path: str, token: str, world: str) -> tuple[int, str]:
        full = path if "{world}" in path else f"/worlds/{world}{path}"
        for name, value in {"world": world, "other": "team-a.green"}.items():
            full = full.replace(f"{{{name}}}", value)
        full = re.sub(r"\{\w+\}", "1", full) + ("?for_s=0" if operation == "events/subscribe" else "")
        response = call(mock, token, method, full, bodies.get(operation))
        assert response.status_code < 500
        return response.status_code, response.text.replace(world, "W")

    for operation, method, path in DESCRIBED:
        if path in OPEN:
            continue
        for token in ("team-a-admin", "team-a-reads", "nobody's"):
            other, absent = (
                answer(operation, method, path, token, world) for world in ("team-b.secret", "team-b.absent")
            )
            assert (operation, other) == (operation, absent)
            assert (operation, other[0]) == (operation, 401 if token == "nobody's" else 404)
        status, text = answer(operation, method, path, "team-a-reads", "team-a.green")
        assert "team-b" not in text
        if method != "GET" and operation not in READING:
            assert (operation, status) == (operation, 403)
    assert worlds_of(mock, OPERATOR) == before


def test_others_are_as_missing_as_ones_own_that_is_missing(mock: MockServer) -> None:
    """The error for another's world is worded as that for a world of one's own that does not exist."""
    own, other = (
        control_error(call(mock, "team-a-admin", "GET", f"{WORLDS}/{name}"), 404)["error"].replace(name, "W")
        for name in ("team-a.absent", "team-b.secret")
    )
    assert own == other


@pytest.mark.parametrize(
    "world", ["default", "team-b", "team", "team-a2", "TEAM-A", "team-a-b.c", "team-a~x", "", "%20", "~"]
)
def test_a_name_that_is_only_similar_is_anothers(mock: MockServer, world: str) -> None:
    """A tenant owns its name and what follows it after a dot; the default world is nobody's but the
    operator's."""
    answer = httpx.get(
        f"{mock.url}/__admin/state",
        headers={
            **bearer("team-a-admin"),
            **({"X-Audience-Mock-World": world} if world != "default" else {}),
        },
    )
    assert control_error(answer, 404)


def test_a_tenant_controls_its_own_worlds(mock: MockServer) -> None:
    """Make, read, fork, compare, reset, snapshot and delete: all of it works in the tenant's own worlds."""
    for method, path, body, status in (
        ("PUT", f"{WORLDS}/team-a", {"settings": {"build_delay_s": 0}}, 201),
        ("GET", f"{WORLDS}/team-a", None, 200),
        ("POST", f"{WORLDS}/team-a/fork", {"name": "team-a.fork"}, 201),
        ("GET", f"{WORLDS}/team-a/diff/team-a.fork", None, 200),
        ("POST", "/worlds/team-a.new/__admin/reset", None, 204),
        ("PUT", "/worlds/team-a/__admin/snapshots/s", None, 204),
        ("POST", "/worlds/team-a/__admin/journal/search", {}, 200),
        ("GET", "/__admin/operations", None, 200),
        ("DELETE", f"{WORLDS}/team-a.fork", None, 204),
    ):
        assert call(mock, "team-a-admin", method, path, body).status_code == status, path
    assert worlds_of(mock, "team-a-admin") == ["team-a", "team-a.green", "team-a.new"]
    assert worlds_of(mock, "team-b-admin") == ["team-b", "team-b.secret"]


READS: list[tuple[str, str, Any]] = [
    ("GET", f"{WORLDS}/team-a.green", None),
    ("GET", "/worlds/team-a.green/__admin/state", None),
    ("GET", "/worlds/team-a.green/__admin/journal", None),
    ("HEAD", "/worlds/team-a.green/__admin/journal", None),
    ("POST", "/worlds/team-a.green/__admin/journal/search", {}),
    ("POST", "/worlds/team-a.green/__admin/verify", {"never": True}),
    ("GET", f"{WORLDS}/team-a.green/diff/team-a.green", None),
    ("GET", "/worlds/team-a.green/__admin/faults", None),
]
CHANGES: list[tuple[str, str, Any]] = [
    ("PUT", f"{WORLDS}/team-a.green", {}),
    ("PUT", f"{WORLDS}/team-a.new", {}),
    ("PATCH", f"{WORLDS}/team-a.green", {}),
    ("DELETE", f"{WORLDS}/team-a.green", None),
    ("POST", f"{WORLDS}/team-a.green/fork", {"name": "team-a.copy"}),
    ("POST", "/worlds/team-a.green/__admin/reset", None),
    ("POST", "/worlds/team-a.green/__admin/clock/advance", {"seconds": 1}),
    ("POST", "/worlds/team-a.green/__admin/faults", {}),
    ("DELETE", "/worlds/team-a.green/__admin/journal", None),
    ("PUT", "/worlds/team-a.green/__admin/snapshots/s", None),
    ("POST", "/worlds/team-a.green/__admin/seed", {"audiences": []}),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_a_read_only_token_reads(mock: MockServer, method: str, path: str, body: Any) -> None:
    """GET, HEAD, and the POSTs that change nothing."""
    assert call(mock, "team-a-reads", method, path, body).status_code in (200, 417)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_read_only_token_changes_nothing(mock: MockServer, method: str, path: str, body: Any) -> None:
    """A change is rejected with 403, which says what token it takes."""
    error = control_error(call(mock, "team-a-reads", method, path, body), 403)
    assert "admin token of the tenant" in error["error"]
    assert worlds_of(mock, "team-a-admin") == ["team-a.green"]


def test_reading_makes_no_world(mock: MockServer) -> None:
    """A read-only token, and a caller without any, make no world by naming it."""
    assert call(mock, "team-a-reads", "GET", "/worlds/team-a.new/__admin/state").status_code == 404
    assert call(mock, "", "GET", "/worlds/team-a.new/__admin/state").status_code == 401
    assert worlds_of(mock, "team-a-admin") == ["team-a.green"]


@pytest.mark.sqlite_only(reason="PostgreSQL has backups of its own")
def test_a_backup_is_the_operators(mock: MockServer) -> None:
    """No token of a tenant gets the databases of all."""
    for token in ("team-a-admin", "team-a-reads"):
        control_error(call(mock, token, "GET", "/worlds/team-a.green/__admin/backup"), 403)
        control_error(call(mock, token, "GET", "/__admin/backup"), 404)
    assert b"manifest.json" in call(mock, OPERATOR, "GET", "/__admin/backup").content


def test_metrics_are_the_operators(start: Start, file: Path) -> None:
    """The metrics show all tenants, so a tenant's token does not open them; each tenant has its label."""
    mock = start(tenants=file, admin_token=OPERATOR, metrics=True)
    for world in ("team-a.green", "stranger"):
        httpx.get(f"{mock.url}/worlds/{world}{AUDIENCES}", headers=PINTEREST_TOKEN)
    assert control_error(call(mock, "team-a-admin", "GET", "/metrics"), 403)
    shown = call(mock, OPERATOR, "GET", "/metrics").text
    assert 'tenant="team-a"' in shown
    assert 'tenant="other"' in shown
    assert "stranger" not in shown


# Client tokens

CLIENTS = {
    "pinterest": [digest("pina_a"), digest("pina_mock.biz_access:read")],
    "pitchtarget": [digest("pt_a")],
}


@pytest.fixture
def with_clients(start: Start, tmp_path: Path) -> MockServer:
    file = write_tenants(tmp_path / "clients.toml", tenants=two_teams(client_tokens=CLIENTS))
    return start(tenants=file, admin_token=OPERATOR)


def pinterest(mock: MockServer, world: str, authorization: str) -> int:
    url = f"{mock.url}/worlds/{world}{AUDIENCES}"
    return httpx.get(url, headers={"Authorization": authorization}).status_code


def pitchtarget(mock: MockServer, world: str, authorization: str) -> int:
    url = f"{mock.url}/worlds/{world}/custom_audiences?fb_ad_account_id=2"
    return httpx.get(url, headers={"Authorization": authorization}).status_code


def test_client_tokens_open_a_tenants_worlds_only(with_clients: MockServer) -> None:
    """A tenant with client tokens for an API accepts these and no others; one without accepts any."""
    mock = with_clients
    assert pinterest(mock, "team-a.x", "Bearer pina_a") == 200
    assert pinterest(mock, "team-a.x", "Bearer pina_b") == 401
    assert pinterest(mock, "team-a.x", "Bearer pina_mock.ads:read") == 401
    assert pinterest(mock, "team-b.x", "Bearer pina_b") == 200
    assert pitchtarget(mock, "team-a.x", "OAuth pt_a") == 200
    assert pitchtarget(mock, "team-a.x", "OAuth pt_b") == 401
    assert pitchtarget(mock, "team-b.x", "OAuth pt_b") == 200
    assert pitchtarget(mock, "default", PITCHTARGET_TOKEN["Authorization"]) == 200


def test_a_listed_token_that_describes_itself_is_what_it_says(with_clients: MockServer) -> None:
    """A client token with scopes in its text has these scopes."""
    assert pinterest(with_clients, "team-a.x", "Bearer pina_mock.biz_access:read") == 401
    (rejected,) = with_clients.app.state.worlds.find("team-a.x").journal
    assert "Missing" in str(rejected.record)


def test_nobody_issues_himself_a_client_token(with_clients: MockServer) -> None:
    """In a tenant with client tokens, no app that a seed does not declare gets a token."""
    answer = httpx.post(
        f"{with_clients.url}/worlds/team-a.x/v5/oauth/token",
        data={"grant_type": "authorization_code", "code": "c", "redirect_uri": "https://a.example"},
        auth=("app", "secret"),
    )
    assert answer.status_code == 401


# The file


def test_a_reloaded_file_counts(start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a reload the new tokens are valid and the old ones are not, also those of clients that were let
    in before; a broken file changes nothing and is logged in one line."""
    file = write_tenants(tmp_path / "t.toml", tenants=two_teams(client_tokens=CLIENTS))
    mock = start(tenants=file, admin_token=OPERATOR)
    assert pinterest(mock, "team-a.x", "Bearer pina_a") == 200
    write_tenants(
        file,
        tenants={
            "team-a": {"admin_tokens": [digest("new")], "client_tokens": {"pinterest": [digest("pina_b")]}}
        },
    )
    mock.app.state.tenants.reload()
    assert pinterest(mock, "team-a.x", "Bearer pina_a") == 401
    assert pinterest(mock, "team-a.x", "Bearer pina_b") == 200
    assert worlds_of(mock, "new") == ["team-a.x"]
    assert call(mock, "team-a-admin", "GET", WORLDS).status_code == 401
    file.write_text("[tenants.team-a]\nadmin_token = []\n")
    with caplog.at_level(logging.WARNING, "audience_mock"):
        mock.app.state.tenants.reload()
    (record,) = (each for each in caplog.records if each.levelno == logging.WARNING)
    assert record.getMessage().startswith(f"{file}:2: tenants.team-a.admin_token")
    assert worlds_of(mock, "new") == ["team-a.x"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[tenants.team-a]\n\nadmin_tokens = ['secret']", 3, "tenants.team-a.admin_tokens.0: "),
        ("[tenants.'team.a']", 1, "tenants.team.a"),
        ("[tenants.a.quotas]\nbytes = -1", 2, "tenants.a.quotas.bytes: must be a whole number, 0 or more"),
        ("[tenants.a]\nquotas = {bytes = '1'}", 2, "tenants.a.quotas.bytes: must be a whole number"),
        ("tenants.a.quotas.audience = 1", 1, "did you mean 'audiences'"),
        ("[defaults]\nworld_ttl = '2 weeks'", 2, "defaults.world_ttl: "),
        ("[tenants.a.client_tokens]\npintrest = []", 2, "'pinterest'"),
        ("[tenant.a]", 1, "did you mean 'tenants'"),
        (
            f"[tenants.a]\nadmin_tokens = ['{digest('x')}']\n"
            f"[tenants.b]\nread_only_tokens = ['{digest('x')}']",
            4,
            "is one of tenants.a.admin_tokens already",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    start: Start, tmp_path: Path, text: str, line: int, says: str
) -> None:
    """An invalid file ends the start, and the error names the line and the field."""
    file = tmp_path / "t.toml"
    file.write_text(text + "\n")
    with pytest.raises(InvalidTenantsError) as raised:
        start(tenants=file, admin_token=OPERATOR)
    assert str(raised.value).startswith(f"{file}:{line}: ")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        "admin_tokens = ['{}']",
        "read_only_tokens = '{}'",
        "client_tokens = {{pinterest = ['sha256:{}']}}",
        "client_tokens = '{}'",
    ],
)
def test_a_token_in_the_place_of_a_digest_is_not_shown(tmp_path: Path, given: str) -> None:
    """Who writes a token into the file reads so in a line that does not repeat it: the log may have it."""
    file = tmp_path / "t.toml"
    file.write_text(f"[tenants.a]\n{given.format('hunter2-hunter2')}\n")
    with pytest.raises(InvalidTenantsError) as raised:
        Tenants(file)
    assert "hunter2" not in str(raised.value)
    assert "audience-mock token" in str(raised.value)


def test_a_file_that_is_none_ends_the_start(start: Start, tmp_path: Path) -> None:
    """A missing file, a folder and a file that is not TOML end the start with one line."""
    broken = tmp_path / "t.toml"
    broken.write_text("[tenants\n")
    for file, says in ((tmp_path / "none", "No such file"), (tmp_path, "directory"), (broken, "line 1")):
        with pytest.raises(InvalidTenantsError, match=says):
            start(tenants=file, admin_token=OPERATOR)


def test_the_operator_needs_a_token(start: Start, file: Path) -> None:
    """Tenants without an admin token of the operator's end the start: any local caller would be one."""
    with pytest.raises(InvalidSettingsError, match="admin_token"):
        start(tenants=file)
    assert pinterest(start(tenants=file, admin=False), "team-a", "Bearer pina_a") == 200


def test_an_admin_token_of_a_tenant_may_have_a_tilde(start: Start, tmp_path: Path) -> None:
    """A tenant's token with a tilde in it names no world."""
    file = write_tenants(tmp_path / "t.toml", tenants={"team-a": {"admin_tokens": [digest("tok~en-1")]}})
    mock = start(tenants=file, admin_token=OPERATOR)
    assert worlds_of(mock, "tok~en-1") == []
    assert worlds_of(mock, OPERATOR) == ["default"]


# Known worlds


@pytest.mark.parametrize("tenants", [False, True])
def test_known_worlds_are_made_by_the_control_api_alone(start: Start, file: Path, tenants: bool) -> None:
    """With known worlds, a request that names another gets 404 and makes nothing, in both APIs; what the
    control API made is served."""
    mock = start(worlds="known", admin_token=OPERATOR, tenants=file if tenants else None)
    token = "team-a-admin" if tenants else OPERATOR
    assert pinterest(mock, "team-a.x", "Bearer pina_a") == 404
    assert pitchtarget(mock, "team-a.x", "OAuth pt_a") == 404
    assert call(mock, token, "GET", "/worlds/team-a.x/__admin/clock").status_code == 404
    assert worlds_of(mock, OPERATOR) == ["default"]
    assert call(mock, token, "PUT", f"{WORLDS}/team-a.x", {}).status_code == 201
    assert call(mock, token, "POST", f"{WORLDS}/team-a.x/fork", {"name": "team-a.y"}).status_code == 201
    for world in ("team-a.x", "team-a.y", "default"):
        assert pinterest(mock, world, "Bearer pina_a") == 200
        assert pitchtarget(mock, world, "OAuth pt_a") == 200
    assert call(mock, OPERATOR, "GET", "/worlds/-/__admin/clock").status_code == 400
