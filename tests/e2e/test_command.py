"""The command in real processes: how it starts, its settings, what it keeps, and what a start costs."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click
import httpx
import pytest
from click.testing import CliRunner

from audience_mock import __version__
from audience_mock.cli.main import CONTROL_COMMANDS, main
from audience_mock.server.listener import base_url
from audience_mock.settings import GROUPS, Settings, group_of, metavar_of
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.environment import MEASURED
from helpers.serve_command import (
    AUDIENCES,
    CREATE,
    FIELDS,
    LIMIT_S,
    LISTS,
    Runner,
    command,
    connect,
    environment,
    upload,
)
from helpers.tenants import digest, write_tenants
from helpers.waiting import until

__all__ = ["command"]

# Starting


def test_ready(command: Runner) -> None:
    """Once it answers, stdout has one line with the base URL, the ready file has the URL, stderr nothing."""
    run = command.cold("serve", "--port", "0", "--ready-file", "ready", **MEASURED)
    url = run.url
    assert re.fullmatch(r"Audience Mock is ready at http://127\.0\.0\.1:[1-9][0-9]*\n", run.out)
    assert (command.folder / "ready").read_text() == f"{url}\n"
    assert run.get("/__admin/health")["status"] == "ready"
    run.create()
    run.end()
    assert len(run.out.splitlines()) == 1
    assert run.err == ""


def test_ready_file_is_whole(command: Runner) -> None:
    """While a server starts, the ready file is the old one, absent, or the complete new one."""
    file = command.folder / "ready"
    file.write_text("http://127.0.0.1:1\n")
    run = command.cold("serve", "--port", "0", "--ready-file", str(file))
    read: list[str] = []

    def is_new() -> bool:
        try:
            read.append(file.read_text())
        except FileNotFoundError:
            return False
        return read[-1] != "http://127.0.0.1:1\n"

    until(is_new, "a new ready file")
    assert read[-1] == f"{run.url}\n"
    assert run.get("/__admin/health")["status"] == "ready"
    assert [path.name for path in command.folder.iterdir() if "ready" in path.name] == ["ready"]


def test_two_at_once(command: Runner) -> None:
    """Two servers on free ports share no data."""
    first, second = command.serve(), command.serve()
    assert first.url != second.url
    made = first.create()
    assert first.ids() == {made}
    assert second.ids() == set()


def test_ipv6(command: Runner) -> None:
    """It listens on the loopback address of IPv6 and writes it in brackets; wait understands that."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    run = command.serve("--host", "::1")
    assert re.fullmatch(r"http://\[::1\]:[1-9][0-9]*", run.url)
    assert command("wait", run.url).status() == 0


@pytest.mark.parametrize(("bound", "said"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])
def test_any_address(bound: str, said: str) -> None:
    """A server on any address says one that a client can call."""
    listener = SimpleNamespace(getsockname=lambda: (bound, 8000))
    assert base_url(cast(socket.socket, listener)) == f"http://{said}:8000"


def test_script(command: Runner) -> None:
    """The installed script and `python -m audience_mock` are the same command; it knows its version."""
    script = Path(sys.executable).with_name("audience-mock")
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout
    run = command.cold("--version")
    assert run.status() == 0
    assert run.out == said == f"audience-mock, version {__version__}\n"


# Settings


def shown_default(default: object) -> str:
    """As help and the reference write a default."""
    if default in (None, ()):
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(default) if isinstance(default, tuple) else str(default)


def test_help() -> None:
    """The help of serve has each setting in its group, with its flag, choices, use, variable and default."""
    asked = subprocess.run(
        [sys.executable, "-m", "audience_mock", "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(COLUMNS="200", AUDIENCE_MOCK_PORT="1", AUDIENCE_MOCK_SEED="of/the/environment"),
    )
    sections = dict(re.findall(r"^(\w.*):\n((?:  .*\n)+)", asked.stdout, flags=re.MULTILINE))
    assert [title for title in sections if title in GROUPS] == list(GROUPS)
    for name, field in Settings.model_fields.items():
        text = " ".join(sections[group_of(name)].split())
        shown = shown_default(field.default)
        assert f"--{name.replace('_', '-')} " in text
        assert f"{field.description} [env var: AUDIENCE_MOCK_{name.upper()}; default: {shown}]" in text
        unit = {"s": "Seconds", "bytes": "Bytes"}.get(name.rsplit("_", 1)[-1], "")
        assert field.description
        assert field.description.startswith(unit)
        placeholder = metavar_of(name)
        if placeholder is not None:
            assert f"--{name.replace('_', '-')} {placeholder} " in text
    assert "--auth-mode [lenient|strict] " in asked.stdout
    assert "--pinterest-contract [5.18|5.23|5.28]" in asked.stdout
    assert "--pinterest-create-status [201|200]" in asked.stdout
    assert "--admin / --no-admin " in asked.stdout


COMMANDS = (
    *("serve", "exec", "wait", "check", "lint", "schema", "token", "export-openapi", "completion"),
    *("identities", "backup", "restore", "migrate", "contract-diff", "replay", "sweep"),
)


def test_help_lists_every_command() -> None:
    """The help lists the commands, and those for a running server in a section of their own."""
    listed = CliRunner().invoke(main, ["--help"]).output.partition("Commands:\n")[2]
    own, _, controls = listed.partition("Commands for a running server:\n")
    assert re.findall(r"^  ([a-z-]+)  +[A-Z].*\.$", own, flags=re.MULTILINE) == sorted(COMMANDS)
    assert re.findall(r"^  ([a-z-]+)  +[A-Z].*\.$", controls, flags=re.MULTILINE) == [*CONTROL_COMMANDS]


def test_help_ends_in_an_example() -> None:
    """The help of the command and of each subcommand ends in examples, which click's parser takes."""
    for arguments in ([], *([name] for name in COMMANDS)):
        shown = CliRunner().invoke(main, [*arguments, "--help"])
        assert shown.exit_code == 0
        lines = shown.output.splitlines()
        heading = next(at for at, line in enumerate(lines) if line in ("  Example:", "  Examples:"))
        for example in lines[heading + 1 :]:
            program, subcommand, *rest = shlex.split(example.partition(" >")[0])
            assert program == "audience-mock"
            assert arguments in ([], [subcommand])
            command = main.get_command(click.Context(main, **main.context_settings), subcommand)
            assert command is not None
            with command.make_context(subcommand, rest, **main.context_settings) as context:
                assert context.args == []


SWITCHED = {"true": "--", "false": "--no-"}
EACH_SETTING = {
    "host": "127.0.0.1",
    "port": "0",
    "drain_s": "0.01",
    "ready_free_bytes": "1000000000000000000",
    "database": "sqlite:///kept.db",
    "database_lock": "false",
    "seed": "seed.json",
    "ready_file": "ready",
    "keep_alive_s": "30",
    "header_timeout_s": "30",
    "body_timeout_s": "30",
    "max_connections": "100",
    "build_delay_s": "7200",
    "audience_ready": "after_reads:1",
    "match_rate": "0.5",
    "max_upload_bytes": "3",
    "pitchtarget_revision": "2014-04",
    "pinterest_create_status": "200",
    "pinterest_contract": "5.23",
    "pinterest_validation": "schema",
    "auth_mode": "strict",
    "self_describing_tokens": "false",
    "rate_limits": "trial",
    "journal_entries": "3",
    "journal_bytes": "100000",
    "lint_sample_bytes": "1000",
    "magic_identities": "false",
    "strict_evidence": "documented",
    "redact_users": "true",
    "record": "true",
    "request_faults": "false",
    "admin": "true",
    "admin_token": "open-sesame",
    "admin_token_file": "admin.tokens",
    "tenants": "tenants.toml",
    "worlds": "known",
    "world_ttl": "1s",
    "world_idle": "never",
    "cors_origins": "http://a.example, http://b.example",
    "public_url": "https://mock.example/audiences/",
    "trusted_proxies": "127.0.0.0/8, ::1",
    "log_level": "error",
    "log_format": "json",
    "access_log": "true",
    "audit_log": "audit.log",
    "metrics": "true",
}


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_each_setting(command: Runner, by: str) -> None:
    """Each setting is taken from a flag, and from a variable, and does what it says."""
    assert EACH_SETTING.keys() == Settings.model_fields.keys(), "a setting is not tried here"
    seeded = {"api": "pinterest", "account": AD_ACCOUNT, "id": "1", "kind": "VISITOR", "name": "n"}
    known = {"token": "pina_test", "scopes": ["ads:read", "ads:write"]}
    (command.folder / "seed.json").write_text(json.dumps({"audiences": [seeded], "tokens": [known]}))
    (command.folder / "admin.tokens").write_text("# the next one\nopen-barley\n")
    write_tenants(command.folder / "tenants.toml", tenants={"team": {"admin_tokens": [digest("open-rye")]}})
    if by == "flag":
        given = EACH_SETTING.items()
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in given if value not in SWITCHED]
        flags += [f"{SWITCHED[value]}{name.replace('_', '-')}" for name, value in given if value in SWITCHED]
        run = command("serve", *flags)
    else:
        run = command("serve", **{f"AUDIENCE_MOCK_{name.upper()}": v for name, v in EACH_SETTING.items()})
    until((command.folder / "ready").exists, "the ready file")
    assert (command.folder / "ready").read_text() == f"{run.url}\n"
    assert (command.folder / "kept.db").exists()
    assert run.ids() == {"1"}
    guessing = PINTEREST_TOKEN | {"X-Audience-Mock-Evidence": "off"}
    with httpx.Client(base_url=run.url, headers=guessing) as client:
        made = client.post(AUDIENCES, json=CREATE, headers={"X-Audience-Mock-Fault": "status=500"})
        assert made.status_code == 200
        guess = client.get(f"{AUDIENCES}/77", headers={"X-Audience-Mock-Evidence": "documented"})
        assert (guess.status_code, "error 404" in guess.text) == (501, True)
        assert httpx.get(f"{run.url}{AUDIENCES}/77", headers=PINTEREST_TOKEN).status_code == 501
        assert "is_nca" not in made.json()
        engaged = {"name": "a", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 3}}
        assert client.post(AUDIENCES, json=engaged).status_code == 200
        assert made.headers["x-ratelimit-limit"].startswith("300, ")
        assert client.get(AUDIENCES, headers={"Authorization": "Bearer pina_unknown"}).status_code == 401
        assert client.get(f"{AUDIENCES}/{made.json()['id']}").json()["status"] == "READY"
        made_list = client.post(LISTS, json={"name": "l", "records": "ann@example.com"}).json()
        assert client.get(f"{LISTS}/{made_list['id']}").json()["status"] == "PROCESSING"
        token = EACH_SETTING["admin_token"]
        assert client.get("/__admin/worlds", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        replaced = {"Authorization": "Bearer open-barley"}
        assert client.get("/__admin/worlds", headers=replaced).status_code == 200
        assert client.get("/__admin/worlds").status_code == 401
        of_tenant = {"Authorization": "Bearer open-rye"}
        assert client.get(f"/worlds/team{AUDIENCES}").status_code == 404
        assert client.put("/__admin/worlds/team", headers=of_tenant, json={}).status_code == 201
        until(lambda: not client.get("/__admin/worlds", headers=of_tenant).json()["worlds"], "its end")
        assert client.get("/__admin/ready").json()["reason"] == "disk_full"
        assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        for origin, allowed in (("http://b.example", True), ("http://c.example", False)):
            headers = client.get(AUDIENCES, headers={"Origin": origin}).headers
            assert ("access-control-allow-origin" in headers) == allowed
        described = client.get("/openapi/pinterest.json", headers={"X-Forwarded-Proto": "http"}).json()
        assert described["servers"][0]["url"] == "https://mock.example/audiences/v5"
        sent = {"data": FIELDS, "files": {"file": b"1\n22\n"}, "headers": PITCHTARGET_TOKEN}
        assert client.post("/custom_audiences", **cast(Any, sent)).status_code == 413
        noted = client.get("/__admin/journal", headers={"Authorization": f"Bearer {token}"}).json()
        assert len(noted["entries"]) == 3
        assert noted["dropped"] > 0
        sent = {"name": "ann@example.com", "audience_type": "VISITOR"}
        client.post(AUDIENCES, json=sent)
        noted = client.get("/__admin/journal", headers={"Authorization": f"Bearer {token}"}).json()
        assert noted["entries"][-1]["request"]["body"] == {**sent, "name": "…"}
    (made_world,) = (command.folder / "audit.log").read_text().splitlines()
    assert json.loads(made_world)["caller"] == "tenant:team"
    assert run.err == ""


def test_flag_before_variable(command: Runner) -> None:
    """A flag overrides a variable; an empty variable counts as unset; a variable of no setting is ignored."""
    run = command.serve(
        AUDIENCE_MOCK_PORT="1",
        AUDIENCE_MOCK_PINTEREST_CREATE_STATUS="",
        AUDIENCE_MOCK_SERVICE_HOST="10.0.0.1",
    )
    run.create()


def test_log_level(command: Runner) -> None:
    """A rejected request is one line on stderr at info and debug, none at warning; never a traceback."""
    rejected = ("/v5/nowhere%0Aforged%0D", AUDIENCES, "/nowhere")
    for level, lines in (("debug", 3), ("info", 3), ("warning", 0)):
        run = command.serve("--log-level", level)
        assert [httpx.get(run.url + path).status_code for path in rejected] == [404, 401, 404]
        run.create()
        run.end()
        said = run.err.splitlines()
        assert len(said) == lines, run.err
        assert all(re.match(r"GET /\S+.* 4\d\d ", line) for line in said)


# Keeping


def test_restart(command: Runner) -> None:
    """A file keeps its state over a restart, and ids go on where they were."""
    flags = ("--database", "sqlite:///kept.db")
    first = command.serve(*flags)
    made = first.create()
    before = first.get(f"{AUDIENCES}/{made}")
    first.end()
    second = command.serve(*flags)
    after = second.get(f"{AUDIENCES}/{made}")
    assert {**after, "status": "", "size": 0} == {**before, "status": "", "size": 0}
    assert second.create() != made
    assert len(second.ids()) == 2


def test_kill(command: Runner) -> None:
    """What was answered with 201 before a kill -9 amid concurrent creates is listed after a restart."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    answered: list[str] = []

    def create_until_it_dies() -> None:
        with httpx.Client(base_url=run.url, headers=PINTEREST_TOKEN) as client:
            while True:
                try:
                    answer = client.post(AUDIENCES, json=CREATE)
                except httpx.TransportError:
                    return
                assert answer.status_code == 201
                answered.append(answer.json()["id"])

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(create_until_it_dies) for _ in range(4)]
        until(lambda: len(answered) >= 100 or any(client.done() for client in clients), "100 creates")
        run.process.kill()
        for client in clients:
            client.result(LIMIT_S)
    assert run.status() == -signal.SIGKILL
    assert len(answered) >= 100
    again = command.serve(*flags)
    kept = again.ids()
    assert set(answered) <= kept
    assert len(kept) <= len(answered) + 4
    assert again.create() not in kept


def test_kill_after_upload(command: Runner) -> None:
    """An audience whose file was answered with 201 is there after a kill -9; a file cut off is not."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    head, body = upload(b"1\n22\n333\n")
    with connect(run.url) as half:
        half.sendall(head + body[: len(body) // 2])
        sent = {"data": FIELDS, "files": {"file": b"1\n22\n"}, "headers": PITCHTARGET_TOKEN}
        assert httpx.post(run.url + "/custom_audiences", **cast(Any, sent)).status_code == 201
        run.process.kill()
        run.status()
    assert command.serve(*flags).get("/__admin/health")["audiences"] == 1


def test_seed_is_ignored_for_a_database_with_data(command: Runner) -> None:
    """A seed is inserted into a new database; one that has data keeps it, and stderr says so."""
    seeded = {"api": "pinterest", "account": AD_ACCOUNT, "id": "77", "kind": "VISITOR", "name": "n"}
    (command.folder / "seed.json").write_text(json.dumps({"audiences": [seeded]}))
    flags = ("--database", "sqlite:///kept.db", "--seed", "seed.json")
    first = command.serve(*flags)
    assert first.ids() == {"77"}
    gone = httpx.patch(
        f"{first.url}{AUDIENCES}/77", json={"operation_type": "REMOVE"}, headers=PINTEREST_TOKEN
    )
    assert gone.status_code == 200
    made = first.create()
    first.end()
    again = command.serve(*flags)
    assert again.ids() == {made}
    assert len(again.err.splitlines()) == 1
    assert "database not empty; --seed ignored" in again.err


MAX_MODULES = 576
"""Modules that a start and the first answer import, besides Python's own. There were 475 when this was
written, 117 of them FastAPI's; 517 since each resource has its routes, schemas and serializers in modules of
their own; 546 with customer segments, limits of connections, admin tokens, signed part URLs and locked files;
557 with tenants, lifetimes of worlds and probes; 565 with magic identities, turns and strict evidence; 568
with the moments of requests and the settings of worlds apart; 571 with the transactions of worlds, closed
databases and requested faults apart; 575 with searches, what is opened, mounts and the transactions of a
database in modules of their own. Raise it knowingly: a module of ours takes 0.4 ms of every start, a
library's about one."""


def test_a_start_imports_little(command: Runner) -> None:
    """A server answers without the control API, or what applies a seed."""
    run = command.serve(cold=True, PYTHONPROFILEIMPORTTIME="1")
    assert run.get(AUDIENCES)["items"] == []
    imported = set(re.findall(r"^import time: +[0-9]+ \| +[0-9]+ \| +(\S+)$", run.err, re.MULTILINE))
    assert {"audience_mock.providers.pinterest.audiences.routes", "sqlalchemy.orm"} <= imported
    packages = {name.partition(".")[0] for name in imported}
    assert not packages & {"numpy", "httpx", "requests", "pytest"}
    assert not packages & {"asyncpg", "greenlet", "alembic"}, (
        "a start over SQLite pays nothing for PostgreSQL"
    )
    assert not {name for name in imported if name.startswith("audience_mock.core.postgres")}
    control = {name for name in imported if name.startswith("audience_mock.control.")}
    assert control == {f"audience_mock.control.{name}" for name in ("access", "admin_tokens", "pages")}
    assert not {name for name in imported if name.startswith("audience_mock.cli.control")}
    assert not imported & {
        "audience_mock.client",
        "audience_mock.server.banner",
        "audience_mock.testing",
        "audience_mock.core.seeds.apply",
        "audience_mock.core.seeds.schemas",
    }
    assert not {name for name in imported if "conduct" in name}
    assert (
        len([name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names])
        < MAX_MODULES
    )


def test_a_start_builds_no_model() -> None:
    """pydantic builds a model when it is first asked for something: at start, only the settings."""
    code = (
        "from pydantic import BaseModel\n"
        "from audience_mock.app import create_app\n"
        "create_app()\n"
        "def all_of(model):\n"
        "    return {model}.union(*map(all_of, model.__subclasses__()))\n"
        "print(*sorted(model.__name__ for model in all_of(BaseModel)\n"
        "    if model.__module__.startswith('audience_mock.') and model.__pydantic_complete__))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "Settings\n"


def test_export_openapi(command: Runner) -> None:
    """`export-openapi` writes into a new folder what the server serves, and prints the files."""
    export = command("export-openapi", "new/folder")
    assert export.status() == 0
    files = [command.folder / line for line in export.out.splitlines()]
    assert sorted(files) == sorted((command.folder / "new/folder").iterdir())
    run = command.serve()
    names = ("control", "pinterest", "pitchtarget")
    assert {file.name for file in files} == {"EVIDENCE.md", *(f"{name}.json" for name in names)}
    for file in files:
        if file.suffix == ".json":
            assert json.loads(file.read_text()) == run.get(f"/openapi/{file.name}")
