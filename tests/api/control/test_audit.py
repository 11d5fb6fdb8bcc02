"""The audit log: what it says of calls of the control API, and of which."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.control_calls import CALLS, Call, skip_on_other_engine
from helpers.tenants import OPERATOR, bearer, digest, two_teams, write_tenants

Start = Callable[..., MockServer]

CONTROL = json.loads((Path(__file__).parents[3] / "openapi/control.json").read_text())
OPERATIONS = {
    facts["operationId"]: (method.upper(), path)
    for path, methods in CONTROL["paths"].items()
    for method, facts in methods.items()
}
READING = {"journal/search", "journal/verify", "uploads/lint_for"}
"""Operations with a POST that change nothing."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


def entries(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def is_changing(operation: str) -> bool:
    return OPERATIONS[operation][0] != "GET" and operation not in READING


def test_every_operation_is_tried() -> None:
    assert {call.operation for call in CALLS} == OPERATIONS.keys()
    assert sum(map(is_changing, OPERATIONS)) >= 20


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operation} {call.status}")
def test_a_change_is_one_line_and_a_reading_none(
    start: Start, file: Path, monkeypatch: pytest.MonkeyPatch, engine: str, call: Call
) -> None:
    """Each changing operation gives exactly one line, whatever its status; a reading one gives none."""
    skip_on_other_engine(call, engine)
    mock = start(audit_log=str(file), log_format="json")
    mock.world.clock.freeze()
    call.before(mock, monkeypatch)
    before = len(entries(file))
    method, path = OPERATIONS[call.operation]
    path = re.sub(r"\{(\w+)\}", lambda found: call.path.get(found[1], "x"), path)
    body = {} if call.body is None else {"json": call.body}
    with httpx.Client(base_url=mock.url, headers={"X-Request-Id": "from-the-proxy"}) as client:
        assert client.request(method, path, params=dict(call.query), **body).status_code == call.status
    written = entries(file)[before:]
    if not is_changing(call.operation):
        assert written == []
        return
    (line,) = written
    targets = {name: value for name, value in call.path.items() if name != "world"}
    assert line.pop("time").endswith("+00:00")
    target = line.pop("target", None)
    if targets:
        assert [target] == [*targets.values()]
    assert line == {
        "caller": "loopback",
        "client": "127.0.0.1",
        "operation": call.operation,
        "world": call.path.get("world", "default"),
        "request_id": "from-the-proxy",
        "status": call.status,
    }


def test_who_called(start: Start, file: Path, tmp_path: Path) -> None:
    """A line says whose token a call had, and the first digits of the token's digest; never the token."""
    tenants = write_tenants(tmp_path / "tenants.toml", tenants=two_teams())
    mock = start(audit_log=str(file), log_format="json", tenants=tenants, admin_token=OPERATOR)
    tries = [
        (OPERATOR, "/worlds/team-a.x/__admin/reset", 204, "operator"),
        ("team-a-admin", "/worlds/team-a.x/__admin/reset", 204, "tenant:team-a"),
        ("team-a-admin-2", "/worlds/team-a.x/__admin/reset", 204, "tenant:team-a"),
        ("team-a-reads", "/worlds/team-a.x/__admin/reset", 403, "tenant:team-a"),
        ("team-b-admin", "/worlds/team-a.x/__admin/reset", 404, "tenant:team-b"),
        ("team-b-admin", "/worlds/Bad!/__admin/reset", 404, "tenant:team-b"),
        ("of-nobody", "/worlds/team-a.x/__admin/reset", 401, "unknown"),
    ]
    with httpx.Client(base_url=mock.url) as client:
        for token, path, status, _ in tries:
            assert client.post(path, headers=bearer(token)).status_code == status
        assert client.post("/worlds/team-a.x/__admin/reset").status_code == 401
    written = entries(file)
    assert [(line["caller"], line.get("token"), line["status"], line["world"]) for line in written] == [
        *(
            (who, digest(token).removeprefix("sha256:")[:8], status, path.split("/")[2])
            for token, path, status, who in tries
        ),
        ("unknown", None, 401, "team-a.x"),
    ]
    assert {line["operation"] for line in written} == {"state/reset"}
    text = file.read_text()
    assert [token for token, *_ in tries if token in text] == []


@pytest.mark.parametrize("path", ["/worlds/{}/__admin/reset", "/__admin/reset"])
def test_the_world_is_the_one_that_was_named(start: Start, file: Path, path: str) -> None:
    """Also where it is rejected, by whatever way it was named."""
    mock = start(audit_log=str(file), log_format="json", worlds="known", admin_token=OPERATOR)
    headers = {**bearer(OPERATOR), "X-Audience-Mock-World": "none"}
    assert httpx.post(mock.url + path.format("none"), headers=headers).status_code == 404
    by_token = {"Authorization": f"Bearer {OPERATOR}~other"}
    assert httpx.post(f"{mock.url}/__admin/reset", headers=by_token).status_code == 404
    assert [(line["world"], line["caller"], line["status"]) for line in entries(file)] == [
        ("none", "operator", 404),
        ("other", "operator", 404),
    ]


def test_what_is_rejected_before_its_operation(start: Start, file: Path) -> None:
    """A change is a line also where the route, the world or the caller is rejected, the API is off, or the
    body is wrong; a reading one is none."""
    mock = start(audit_log=str(file), log_format="json")
    blank = {"X-Audience-Mock-World": ""}
    with httpx.Client(base_url=mock.url) as client:
        assert client.post("/__admin/nowhere").status_code == 404
        assert client.delete("/__admin/health").status_code == 405
        assert client.post("/__admin/ui/").status_code == 405
        assert client.put("/__admin/snapshots/one", headers=blank).status_code == 400
        assert client.post("/__admin/reset", headers={"Origin": "https://a.example"}).status_code == 403
        assert client.post("/__admin/reset", content=b"{").status_code == 400
        assert client.post("/__admin/reset", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
        for reading in ("/__admin/journal/search", "/__admin/verify", "/__admin/lint"):
            assert client.post(reading, headers=blank).status_code == 400
            assert client.post(reading, headers={"Origin": "https://a.example"}).status_code == 403
        assert client.options("/__admin/reset").status_code == 405
        assert client.head("/__admin/reset").status_code == 405
        assert client.get("/__admin/reset").status_code == 405
        client.post(f"/v5/ad_accounts/{AD_ACCOUNT}/audiences", headers=PINTEREST_TOKEN, json={})
    written = [
        (line["caller"], line.get("operation") or line["request"], line["status"]) for line in entries(file)
    ]
    assert written == [
        ("unknown", "POST /__admin/nowhere", 404),
        ("unknown", "DELETE /__admin/health", 405),
        ("unknown", "POST /__admin/ui/", 405),
        ("unknown", "snapshots/put", 400),
        ("unknown", "state/reset", 403),
        ("loopback", "state/reset", 400),
        ("unknown", "state/reset", 403),
    ]
    off = start(audit_log=str(file), log_format="json", admin=False)
    assert httpx.post(f"{off.url}/__admin/reset").status_code == 404
    assert entries(file)[-1]["status"] == 404


def test_the_address_is_what_trusted_proxies_say(start: Start, file: Path) -> None:
    mock = start(audit_log=str(file), log_format="json", admin_token=OPERATOR, trusted_proxies=("127.0.0.1",))
    headers = {**bearer(OPERATOR), "X-Forwarded-For": "203.0.113.9, 192.0.2.7"}
    assert httpx.post(f"{mock.url}/__admin/reset", headers=headers).status_code == 204
    assert entries(file)[0]["client"] == "192.0.2.7"


def test_targets_that_no_path_has(start: Start, file: Path) -> None:
    """The name of a fork, and the pattern of a deletion."""
    mock = start(audit_log=str(file), log_format="json")
    httpx.post(f"{mock.url}/__admin/worlds/default/fork", json={"name": "green"})
    httpx.delete(f"{mock.url}/__admin/worlds", params={"match": "gr*"})
    assert [(line["operation"], line["target"]) for line in entries(file)] == [
        ("worlds/fork", "green"),
        ("worlds/delete_matching", "gr*"),
    ]


def test_nobody_forges_a_line(start: Start, file: Path) -> None:
    """What a caller writes stays within its place, is masked as in the log, and cut; people in it are left
    out where the world says so."""
    mock = start(audit_log=str(file))
    mock.configure(redact_users=True)
    file.write_text("")
    for target in (
        "x%0Atime=1 caller=operator",
        'x" status=204',
        "access_token=pina_secret_of_somebody",
        "ann@example.com",
        "y" * 3000,
    ):
        httpx.delete(f"{mock.url}/__admin/snapshots/{target}", headers={"X-Request-Id": 'a"b=c'})
    lines = file.read_text().splitlines()
    assert len(lines) == 5
    for line in lines:
        assert re.fullmatch(
            r"time=\S+ caller=loopback client=127\.0\.0\.1 operation=snapshots/delete world=default"
            r' target=(?:[!#-<>-~]+|"(?:[^"\\]|\\.)*") request_id="a\\"b=c" status=\d+',
            line,
        )
    assert 'target="x time=1 caller=operator"' in lines[0]
    text = "".join(lines)
    assert "somebody" not in text
    assert "ann@" not in text
    assert max(map(len, lines)) < 500


def test_it_is_off_by_default(mock: MockServer) -> None:
    """Without the setting there is neither the middleware nor the module."""
    assert "Observation" not in str(mock.app.user_middleware)
    assert mock.app.state.when_hung_up == []
