"""The command in real processes: output and exit status."""

import http.server
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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
from helpers.environment import MEASURED, environment_without
from helpers.ports import free_port
from helpers.tenants import digest, write_tenants
from helpers.warm_process import Running, WarmProcess

LIMIT_S = 30
"""Seconds that anything may take; reached only where something is broken."""

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
CREATE = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
BOUNDARY = "0b57ac1e"
FIELDS = {"fb_ad_account_id": "107", "name": "Loyal", "user_type": "fbid"}


def until(true: Callable[[], bool], what: str, within_s: float = LIMIT_S) -> None:
    """Polls until the condition holds."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.005)


def environment(**variables: str) -> dict[str, str]:
    """This environment without variables that would change a server, and with `variables`."""
    return environment_without("PYTHONDONTWRITEBYTECODE", **variables)


class Run:
    """One run of the command in a folder; both outputs go to files, so that no full pipe stops it."""

    def __init__(
        self, folder: Path, arguments: Sequence[str], variables: Mapping[str, str], *, cold: bool
    ) -> None:
        number = len(list(folder.glob("*.out")))
        self._out, self._err = folder / f"{number}.out", folder / f"{number}.err"
        env = environment(**variables)
        self.process: Running
        if not cold:
            self.process = WarmProcess(arguments, folder=folder, env=env, out=self._out, err=self._err)
            return
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "audience_mock", *arguments],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def url(self) -> str:
        """What it says on stdout once it is ready."""
        until(lambda: self.out.endswith("\n") or self.process.poll() is not None, "the line on stdout")
        assert self.out, self.err
        return self.out.split()[-1]

    def get(self, path: str, token: dict[str, str] = PINTEREST_TOKEN) -> Any:
        return httpx.get(self.url + path, headers=token).raise_for_status().json()

    def create(self) -> str:
        """Makes an audience of Pinterest's; its id."""
        answer = httpx.post(self.url + AUDIENCES, json=CREATE, headers=PINTEREST_TOKEN)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ids(self) -> set[str]:
        """The ids of all audiences that are listed."""
        found: set[str] = set()
        bookmark: str | None = ""
        while bookmark is not None:
            page = self.get(f"{AUDIENCES}?page_size=250" + (f"&bookmark={bookmark}" if bookmark else ""))
            found |= {item["id"] for item in page["items"]}
            bookmark = page["bookmark"]
        return found

    def status(self) -> int:
        """The exit status, once it has ended."""
        return self.process.wait(LIMIT_S)

    def end(self, signum: int = signal.SIGTERM) -> None:
        """Ends it by a signal. The end has to be an orderly one, and to wait for nothing that takes longer
        than LIMIT_S, such as an idle connection or a body that stalls."""
        self.process.send_signal(signum)
        assert self.status() == 0, self.err


class Runner:
    """Starts runs of the command in one folder."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self.folder = folder
        self._held = held

    def __call__(self, *arguments: str, **variables: str) -> Run:
        """A process of its own, which has the imports behind it."""
        return self._hold(Run(self.folder, arguments, variables, cold=False))

    def cold(self, *arguments: str, **variables: str) -> Run:
        """A process that starts from nothing, as a shell starts it."""
        return self._hold(Run(self.folder, arguments, variables, cold=True))

    def _hold(self, run: Run) -> Run:
        self._held.callback(run.process.wait)
        self._held.callback(run.process.kill)
        return run

    def serve(self, *arguments: str, cold: bool = False, **variables: str) -> Run:
        """A server on a free port, ready."""
        start = self.cold if cold else self
        run = start("serve", "--port", "0", *arguments, **variables)
        assert run.url
        return run


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Runner]:
    """Runs the command in an empty folder, and ends what still runs after the test."""
    with ExitStack() as held:
        yield Runner(tmp_path, held)


def upload(users: bytes) -> tuple[bytes, bytes]:
    """Head and body of a create from a file, as they go over the wire."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    fields = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in FIELDS.items())
    body = f'{fields}{part}file"; filename="users.txt"\r\n\r\n'.encode() + users + b"\r\n"
    body += f"--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /custom_audiences HTTP/1.1\r\nHost: mock\r\n"
        f"Authorization: {PITCHTARGET_TOKEN['Authorization']}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def connect(url: str) -> socket.socket:
    parts = httpx.URL(url)
    assert parts.port
    return socket.create_connection((parts.host, parts.port), timeout=LIMIT_S)


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def is_open(url: str) -> bool:
    try:
        connect(url).close()
    except ConnectionRefusedError:
        return False
    return True


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


# Waiting


def test_wait(command: Runner) -> None:
    """`wait` begun before the server is there ends with 0 once that is ready, and says nothing."""
    port = free_port()
    wait = command("wait", f"127.0.0.1:{port}/v5", "--timeout-s", str(LIMIT_S), **MEASURED)
    run = command("serve", "--port", str(port))
    assert wait.status() == 0
    assert run.get("/__admin/health")["status"] == "ready"
    assert wait.out == wait.err == ""


@pytest.mark.parametrize("timeout_s", [0, 0.5])
def test_wait_in_vain(command: Runner, timeout_s: float) -> None:
    """`wait` exits with 1 and one line when its time is over; 0 seconds is one attempt."""
    began = time.monotonic()
    wait = command("wait", f"http://127.0.0.1:{free_port()}", "--timeout-s", str(timeout_s))
    assert wait.status() == 1
    assert time.monotonic() - began >= timeout_s
    assert re.fullmatch(
        r"audience-mock: http://\S+ is not ready after [0-9.]+ s: Connection refused\n", wait.err
    )


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Any other server: it answers JSON, but not our health page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'["ready"]')

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_wait_for_another_server(command: Runner) -> None:
    """`wait` does not take another server for this one."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        wait = command("wait", f"http://127.0.0.1:{server.server_port}", "--timeout-s", "0.2")
        assert wait.status() == 1
        server.shutdown()
    assert len(wait.err.splitlines()) == 1
    assert "not Audience Mock" in wait.err


def test_wait_is_light(command: Runner) -> None:
    """`wait` starts fast: it imports none of what the server needs."""
    run = command.serve()
    code = (
        "import sys\n"
        "from audience_mock.cli.main import main\n"
        "try:\n"
        f"    main(['wait', {run.url!r}])\n"
        "except SystemExit as end:\n"
        "    print(end.code, *{'pydantic', 'fastapi', 'sqlalchemy', 'uvicorn'} & sys.modules.keys())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


MAX_MODULES = 573
"""Modules that a start and the first answer import, besides Python's own. There were 475 when this was
written, 117 of them FastAPI's; 517 since each resource has its routes, schemas and serializers in modules of
their own; 546 with customer segments, limits of connections, admin tokens, signed part URLs and locked files;
557 with tenants, lifetimes of worlds and probes; 565 with magic identities, turns and strict evidence; 568
with the moments of requests and the settings of worlds apart; 571 with the transactions of worlds, closed
databases and requested faults apart. Raise it knowingly: a module of ours takes 0.4 ms of every start, a
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


# Checking


CHECKED = [
    (
        '{"audiences": [\n  {"api": "pinterest", "id": "5",}\n]}',
        ["2:34: not JSON: Illegal trailing comma before end of object"],
    ),
    ('{"people": ["a" ,\n  ]}', ["2:3: not JSON: Illegal trailing comma before end of array"]),
    ('{"people": }', ["1:12: not JSON: Expecting value"]),
    ('{\n "audience": []}', ["2:14: audience: unknown key 'audience', did you mean 'audiences'?"]),
    (
        '{"audiences": [\n  {"api": "pinterest", "account": "1", "kind": "é", "name": ""},\n  {}\n]}',
        [
            "2:48: audiences.0.kind: must consist of capital letters or underscores",
            "2:61: audiences.0.name: must not be empty",
            "3:3: audiences.1.api: missing",
            "3:3: audiences.1.account: missing",
            "3:3: audiences.1.kind: missing",
            "3:3: audiences.1.name: missing",
        ],
    ),
    (
        '{"pixels": [{"facebook_id": "1", "account": "1", "name": "a", "tag": "b", "creator": "c"},\n'
        ' {"account": "1", "name": "a", "tag": "b", "creator": "c", "facebook_id": "1"}]}',
        ["2:75: pixels.1.facebook_id: the seed has the pixel 1 twice"],
    ),
    (
        '{"audiences": [{"api": "pinterest", "account": "1", "kind": "V", "name": "a",\n'
        ' "customer_list": "4"}]}',
        ["2:19: audiences.0.customer_list: the ad account 1 has no customer list 4"],
    ),
    ('{"people": ["a", 1], "people": [\n2]}', ["2:1: people.0: must be a string"]),
    ('{"people": [NaN]}', ["1:13: people.0: must be a string"]),
]


@pytest.mark.parametrize(("text", "said"), CHECKED)
def test_check_names_the_place(command: Runner, text: str, said: list[str]) -> None:
    """`check` tells what is wrong with a seed by file, line, column and field, and ends with 1; a server that
    is to start from the file tells the first of it."""
    (command.folder / "a.json").write_text(text)
    run = command("check", "a.json")
    assert run.status() == 1
    assert run.err == ""
    assert len(run.out.splitlines()) == len(said), run.out
    for line, begins in zip(run.out.splitlines(), said, strict=True):
        assert line.startswith(f"a.json:{begins}"), line
    served = command("serve", "--port", "0", "--seed", "a.json")
    assert rejection(served).startswith(f"audience-mock: a.json:{said[0]}")


def test_check_of_several(command: Runner) -> None:
    """`check` says of each file that it is right or what is wrong, and ends with 0 if all are right."""
    (command.folder / "a.json").write_text('{"people": ["ann@example.com"]}')
    (command.folder / "one.json").write_text(
        '{"audiences": [{"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "a"}]}'
    )
    (command.folder / "latin").write_bytes('{"people":\n ["é"]}'.encode("latin-1"))
    right = command("check", "a.json", "one.json", **MEASURED)
    assert right.status() == 0
    assert right.out == "a.json: OK, 0 audiences\none.json: OK, 1 audience\n"
    run = command("check", "a.json", "latin", "missing")
    assert run.status() == 1
    assert run.out.splitlines() == [
        "a.json: OK, 0 audiences",
        "latin:2:4: not UTF-8: invalid continuation byte",
        "cannot read the seed missing: No such file or directory",
    ]


def test_schema(command: Runner) -> None:
    """`schema` prints the JSON Schema of seed files that lies in fixtures/."""
    run = command("schema", **MEASURED)
    assert run.status() == 0
    kept = Path(__file__).parents[2] / "fixtures/world.schema.json"
    assert run.out == kept.read_text()


# Refusing


def rejection(run: Run) -> str:
    """The one line that a failed command prints."""
    assert run.status() == 2, run.err
    assert run.out == ""
    assert len(run.err.splitlines()) == 1, run.err
    assert run.err.startswith("audience-mock: ")
    assert run.err.endswith("\n")
    return run.err


REFUSED_LINES = [
    ("nonsense", "'nonsense'"),
    ("serve --nonsense", "'--nonsense'"),
    ("serve --port", "'--port' requires an argument"),
    ("serve nonsense", "(nonsense)"),
    ("export-openapi", "'DIRECTORY'"),
    ("export-openapi file", "'file'"),
    ("export-openapi file/folder", "file/folder: Not a directory"),
    ("check", "'FILE...'"),
    ("wait", "'URL'"),
    ("wait https://", "'https://'"),
    ("wait http://[::1", "'http://[::1'"),
    ("wait http://127.0.0.1:99999", "'http://127.0.0.1:99999'"),
    ("wait http://127.0.0.1:0", "'http://127.0.0.1:0'"),
    ("wait http://a..b", "'http://a..b'"),
    ("wait ftp://host", "'ftp://host'"),
    ("wait 127.0.0.1:1 --timeout-s nan", "--timeout-s"),
    ("wait 127.0.0.1:1 --timeout-s -1", "--timeout-s"),
    ("wait 127.0.0.1:1 --timeout-s soon", "'soon'"),
]


@pytest.mark.parametrize(("line", "said"), REFUSED_LINES)
def test_invalid_command_lines(command: Runner, line: str, said: str) -> None:
    """An invalid command line exits with status 2 and one line that names what is wrong."""
    (command.folder / "file").write_text("")
    assert said in rejection(command(*line.split(), **MEASURED))


REFUSED_SETTINGS = {
    "port": ("eight", "70000", "-1"),
    "keep_alive_s": ("0", "nan", "long"),
    "header_timeout_s": ("0", "inf"),
    "body_timeout_s": ("0", "-1"),
    "max_connections": ("0", "1.5"),
    "build_delay_s": ("-1", "nan", "soon"),
    "max_upload_bytes": ("0", "1.5"),
    "pinterest_create_status": ("204", "created"),
    "pinterest_contract": ("5.29", "newest"),
    "log_level": ("loud",),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED_SETTINGS.items() for value in values]
)
def test_invalid_settings(command: Runner, name: str, value: str) -> None:
    """An invalid value is reported with its flag or variable, and the value."""
    flag, variable = f"--{name.replace('_', '-')}", f"AUDIENCE_MOCK_{name.upper()}"
    by_flag, by_variable = command("serve", f"{flag}={value}"), command("serve", **{variable: value})
    assert rejection(by_flag).startswith(f"audience-mock: {flag}: ")
    assert rejection(by_variable).startswith(f"audience-mock: {variable}: ")
    assert re.search(f"given: '?{re.escape(value)}'?", by_flag.err)
    assert by_flag.err.removeprefix(f"audience-mock: {flag}") == by_variable.err.removeprefix(
        f"audience-mock: {variable}"
    )


NO_TOKENS = ("s3cret", "s3cret with spaces", "s3cret-tökén", "s3cret-\x1b[31m", "s3cret-\ttab")


@pytest.mark.parametrize("value", NO_TOKENS)
def test_a_wrong_admin_token_is_not_shown(command: Runner, value: str) -> None:
    """What cannot be an admin token is reported without it, by flag and by variable."""
    reason = "must be 8 or more ASCII characters without spaces"
    by_flag = command("serve", "--admin-token", value)
    assert rejection(by_flag) == f"audience-mock: --admin-token: {reason}\n"
    by_variable = command("serve", AUDIENCE_MOCK_ADMIN_TOKEN=value)
    assert rejection(by_variable) == f"audience-mock: AUDIENCE_MOCK_ADMIN_TOKEN: {reason}\n"
    by_exec = command("exec", f"--admin-token={value}", "--", "true")
    assert rejection(by_exec) == f"audience-mock: --admin-token: {reason}\n"


def test_an_admin_token_that_was_not_quoted_is_not_shown(command: Runner) -> None:
    """The rest of a value with a space arrives as an argument of its own, which is not shown either."""
    for line in (("--admin-token", "open", "s3cret"), ("--admin-token=open", "s3cret", "--port", "0")):
        said = rejection(command("serve", *line))
        assert "s3cret" not in said
        assert "quote" in said


def test_help_shows_no_admin_token() -> None:
    """The help shows the variable's name, not what it is set to."""
    variables = {"AUDIENCE_MOCK_ADMIN_TOKEN": "s3cret-token"}
    for name in ("serve", "exec"):
        shown = CliRunner().invoke(main, [name, "--help"], env=variables)
        assert shown.exit_code == 0
        assert "s3cret" not in shown.output


def test_no_output_of_a_server_shows_its_admin_tokens(command: Runner) -> None:
    """Log lines of the lowest level and tracebacks show no token, and the command beside a server of `exec`
    gets one that is valid."""
    (command.folder / "tokens").write_text("s3cret-of-file\n")
    run = command.serve(
        "--log-level=debug", "--admin-token-file=tokens", AUDIENCE_MOCK_ADMIN_TOKEN="s3cret-of-variable"
    )
    for token in ("s3cret-of-file", "s3cret-of-variable", "s3cret-of-stranger"):
        headers = {"Authorization": f"Bearer {token}"}
        httpx.post(f"{run.url}/__admin/faults", headers=headers, json={"status": token})
        httpx.get(f"{run.url}/__admin/nowhere?admin_token={token}", headers=headers)
    run.end()
    assert len(run.err.splitlines()) == 6
    assert "s3cret" not in run.err + run.out
    script = "import os; print(os.environ['AUDIENCE_MOCK_ADMIN_TOKEN'])"
    beside = command("exec", "--admin-token-file=tokens", "--", sys.executable, "-c", script)
    assert (beside.status(), beside.out) == (0, "s3cret-of-file\n")


REFUSED_STARTS = [
    (["--host", "no name"], "cannot listen on no name:0: "),
    (["--host", "a..b"], "cannot listen on a..b:0: "),
    (["--database", "nonsense"], "not a database URL: 'nonsense'"),
    (["--database", "ftp://host/file"], "'ftp://host/file'"),
    (["--database", "postgresql://host.invalid/name"], "cannot open postgresql://host.invalid/name: "),
    (["--database", "postgresql://ann:hunter2@host.invalid/name"], "postgresql://ann:…@host.invalid/name: "),
    (["--database", "post gres://ann:hunter2@host/name"], "'post gres://ann:…@host/name'"),
    (["--admin-token-file", "missing"], "--admin-token-file: cannot read missing: No such file or directory"),
    (["--admin-token-file", "text"], "--admin-token-file: line 1 of text must be 8 or more ASCII characters"),
    (["--database", "sqlite:///missing/kept.db"], "cannot open sqlite:///missing/kept.db: "),
    (
        ["--database", "sqlite:///text"],
        "text is not a database of Audience Mock: give the name of a new file",
    ),
    (["--seed", "missing.json"], "cannot read the seed missing.json: No such file or directory"),
    (["--audit-log", "missing/it"], "--audit-log: cannot write missing/it: No such file or directory"),
    (["--seed", "."], "cannot read the seed .: Is a directory"),
    (["--seed", "text"], "text:1:1: not JSON: Expecting value"),
    (["--seed", "wrong.json"], "wrong.json:1:16: audiences.0.account: missing (and 2 more"),
    (["--ready-file", "missing/ready"], "cannot write the ready file missing/ready: No such file"),
    (["--ready-file", "pipe"], "cannot write the ready file pipe: it is a device or a pipe"),
    (["--database", "sqlite:///pipe"], "pipe is a device or a pipe: give the name of a file"),
    (["--database", "sqlite:///kept.db?mode=ro"], "the URL of a file has no parameters"),
    (["--ready-file", "folder"], "cannot write the ready file folder: Is a directory"),
]


@pytest.mark.parametrize(("flags", "said"), REFUSED_STARTS)
def test_failed_starts(command: Runner, flags: list[str], said: str) -> None:
    """A server that cannot start exits with status 2 and one line that says why."""
    (command.folder / "text").write_text("This is no database, and it is no JSON either. " * 100)
    (command.folder / "wrong.json").write_text('{"audiences": [{"api": "pinterest"}]}')
    (command.folder / "folder").mkdir()
    os.mkfifo(command.folder / "pipe")
    before = {path: path.stat().st_size for path in command.folder.iterdir()}
    assert said in rejection(command("serve", "--port", "0", *flags))
    left = {path: path.stat().st_size for path in command.folder.iterdir() if path.stem != "0"}
    assert left == before


def test_port_in_use(command: Runner) -> None:
    """A port in use is reported in one line; the server that has it, and its ready file, stay."""
    first = command.serve("--ready-file", "ready")
    port = first.url.rpartition(":")[2]
    second = command("serve", "--port", port, "--ready-file", "ready", **MEASURED)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use (try --port 0)" in rejection(second)
    assert (command.folder / "ready").read_text() == f"{first.url}\n"
    assert first.get("/__admin/health")["status"] == "ready"


# Ending


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_end(command: Runner, signum: int) -> None:
    """SIGTERM and Ctrl-C end it with status 0, idle connections or not, and it says nothing."""
    run = command.serve("--database", "sqlite:///kept.db", cold=True)
    with httpx.Client(base_url=run.url) as idle, connect(run.url):
        assert idle.get("/__admin/health").status_code == 200
        run.end(signum)
    assert not is_open(run.url)
    assert len(run.out.splitlines()) == 1
    assert run.err == ""
    # The log beside the database is gone: it was closed in order.
    assert [path.name for path in command.folder.glob("kept.db*")] == ["kept.db"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see the handler")
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_end_while_starting(command: Runner, signum: int) -> None:
    """A signal during the imports ends it as well: status 0, nothing said."""
    run = command.cold("serve", "--port", "0")
    status = Path(f"/proc/{run.process.pid}/status")

    def handles_sigterm() -> bool:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)

    until(handles_sigterm, "a handler of SIGTERM")
    assert run.out == ""
    run.end(signum)
    assert run.out == run.err == ""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_end_answers_an_upload(command: Runner, signum: int) -> None:
    """A file that is still coming when the end is asked for is taken, answered with 201 and kept."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    head, body = upload(b"1\n22\n333\n")
    with connect(run.url) as slow:
        slow.sendall(head + body[:-40])
        # The server has read as far as that: it is busy with this request.
        assert run.get("/__admin/health")["audiences"] == 0
        run.process.send_signal(signum)
        until(lambda: not is_open(run.url), "a closed port")
        slow.sendall(body[-40:])
        answer = read_all(slow)
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    made = json.loads(answer.partition(b"\r\n\r\n")[2])["fb_custom_audience"]
    assert made["name"] == FIELDS["name"]
    assert run.status() == 0
    assert run.err == ""
    assert command.serve(*flags).get("/__admin/health")["audiences"] == 1


def test_end_answers_what_was_sent(command: Runner) -> None:
    """Requests that were sent whole before the signal are all answered, read by then or not."""
    run = command.serve()
    body = json.dumps(CREATE).encode()
    request = (
        f"POST {AUDIENCES} HTTP/1.1\r\nHost: mock\r\nAuthorization: {PINTEREST_TOKEN['Authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    with ExitStack() as held:
        clients = [held.enter_context(connect(run.url)) for _ in range(20)]
        for client in clients:
            client.sendall(request)
        run.end()
        answers = [read_all(client) for client in clients]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 201"] * 20


def test_end_cuts_off_an_upload_that_stalls(command: Runner) -> None:
    """A file that stops coming does not hold the end up: it is one line on stderr, and not kept."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    head, body = upload(b"1\n22\n333\n")
    with connect(run.url) as stalled:
        stalled.sendall(head + body[:-40])
        assert run.get("/__admin/health")["audiences"] == 0
        run.end()
    assert run.err == "requests cut off at the end, still on their way: 1\n"
    assert command.serve(*flags).get("/__admin/health")["audiences"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bound")
def test_worlds_in_files_are_not_bound_by_the_shells_limit_of_open_files(command: Runner) -> None:
    """A server that may have more open files than it was started with has them: each world takes two."""
    import resource

    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, most))
    try:
        run = command.serve("--database", "sqlite:///many.db", cold=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    for number in range(50):
        url = f"{run.url}/worlds/w{number}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
        assert httpx.get(url, headers=PINTEREST_TOKEN).status_code == 200


def test_no_environment_variable_opens_the_control_api(command: Runner) -> None:
    """FORWARDED_ALLOW_IPS, which uvicorn reads, does not decide which callers count as this machine."""
    run = command.serve("--host", "0.0.0.0", FORWARDED_ALLOW_IPS="192.0.2.7")
    forwarded = {"X-Forwarded-For": "192.0.2.8"}
    assert httpx.get(f"{run.url}/__admin/worlds", headers=forwarded).status_code == 403
