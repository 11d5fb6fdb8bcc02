"""The commands for a running server, in processes of their own: what they do, print, and exit with."""

import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import click
import httpx
import pytest
from click.testing import CliRunner
from reference import COMMANDS

from audience_mock.cli.control.clock import EVENT_KINDS
from audience_mock.cli.control.command import DefaultGroup
from audience_mock.cli.main import CONTROL_COMMANDS, main
from audience_mock.client_types import Criteria, Expectation, PlannedFault
from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN
from helpers.environment import MEASURED
from helpers.ports import free_port
from helpers.serve_command import AUDIENCES, CREATE, LIMIT_S, Run, Runner, command, environment
from helpers.terminals import needs_pty, read_until

__all__ = ["command"]  # a fixture

TOP = Path(__file__).parents[2]
CONTROL = {name: one for name, one in COMMANDS.items() if name.partition(" ")[0] in CONTROL_COMMANDS}
VERBS = {name: one for name, one in CONTROL.items() if not isinstance(one, click.Group)}
FREEZE_AT = "2026-11-22T12:00:00Z"


class Shell:
    """Runs commands against one server."""

    def __init__(self, mock: MockServer, runner: Runner) -> None:
        self.mock = mock
        self._runner = runner

    def run(self, line: str, **variables: str) -> Run:
        """One command, without the program's name; it has ended."""
        run = self._runner(
            *shlex.split(line), **{"AUDIENCE_MOCK_URL": self.mock.url, **variables, **MEASURED}
        )
        run.status()
        return run

    def text(self, line: str) -> str:
        """What a command prints that succeeds, and says nothing on stderr."""
        run = self.run(line)
        assert (run.status(), run.err) == (0, "")
        return run.out

    def json(self, line: str) -> Any:
        return json.loads(self.text(f"{line} --json"))

    def rejected(self, line: str, **variables: str) -> str:
        """The one line of a command that could not do its work."""
        run = self.run(line, **variables)
        assert (run.status(), run.out) == (2, "")
        assert re.fullmatch(r"audience-mock: [^\n]+\n", run.err)
        return run.err


@pytest.fixture
def shell(mock: MockServer, command: Runner) -> Shell:
    return Shell(mock, command)


def create(mock: MockServer, name: str = "Buyers") -> str:
    answer = httpx.post(mock.url + AUDIENCES, json=CREATE | {"name": name}, headers=PINTEREST_TOKEN)
    return str(answer.raise_for_status().json()["id"])


def names(mock: MockServer) -> list[str]:
    return [audience["name"] for audience in mock.state().get("audiences", ())]


# What they do


def test_reset_and_seed(shell: Shell) -> None:
    """`seed` adds a file or standard input to the world, `state` prints what `seed` takes, and `reset` goes
    back."""
    create(shell.mock, "Buyers")
    state = shell.text("state")
    assert shell.text("reset") == "World default is reset to seed\n"
    assert names(shell.mock) == []
    file = Path(shell._runner.folder / "seed.json")
    file.write_text(json.dumps({"audiences": json.loads(state)["audiences"]}))
    assert shell.text("seed seed.json").splitlines() == ["section    added", "audiences      1"]
    assert names(shell.mock) == ["Buyers"]
    assert shell.json("reset --to empty") == {"world": "default", "to": "empty"}
    piped = subprocess.run(
        [sys.executable, "-m", "audience_mock", "seed", "-", "--json", "--url", shell.mock.url],
        input=file.read_bytes(),
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert json.loads(piped.stdout)["counts"]["audiences"] == 1
    assert names(shell.mock) == ["Buyers"]


def test_snapshots(shell: Shell) -> None:
    """A snapshot is taken, listed, restored and deleted by name."""
    create(shell.mock, "kept")
    assert shell.text("snapshot take before") == "Snapshot before is taken\n"
    create(shell.mock, "gone")
    assert shell.text("snapshot") == "snapshot\nbefore\n"
    assert "snapshot before" in shell.text("snapshot restore before")
    assert names(shell.mock) == ["kept"]
    assert shell.json("snapshot delete before") == {"snapshot": "before"}
    assert shell.json("snapshot list") == {"snapshots": []}
    assert "before" in shell.rejected("snapshot restore before")


def test_clock(shell: Shell) -> None:
    """The clock is frozen, shown, set, advanced by seconds and to events, and let run."""
    assert shell.json(f"clock freeze {FREEZE_AT}")["frozen"] is True
    assert shell.text("clock").splitlines()[0].split() == ["now", "2026-11-22T12:00:00.000Z"]
    assert shell.json("clock set 1795348801.5")["unix"] == 1795348801.5
    create(shell.mock)
    assert shell.text("clock agenda --kind audience").count("becomes=READY") == 1
    assert shell.json("clock agenda --kind token --kind upload --limit 3") == []
    assert shell.json("clock advance 2")["unix"] == 1795348803.5
    assert shell.json("clock advance --to next-event --kind audience")["fired"] == 1
    assert shell.json("clock run")["frozen"] is False
    assert "give Unix seconds" in shell.rejected("clock set soon")


def test_faults(shell: Shell) -> None:
    """A fault is planned with any of its fields, listed, checked for use, and removed."""
    match = json.dumps({"query": {"page_size": "1"}})
    busy = {"code": 5, "message": "Busy."}
    body = json.dumps(busy)
    planned = shell.text(
        f"fault add audiences/list --status 503 --first 1 --body '{body}' --latency-ms 1-2 --match '{match}'"
    )
    assert planned == "fault-1\n"
    (fault,) = shell.mock.faults.list()
    assert (fault["status"], fault["first"], fault["body"]) == (503, 1, busy)
    assert fault["latency_ms"] == {"from": 1, "to": 2}
    assert fault["match"]["query"] == {"page_size": "1"}
    row = shell.text("fault").splitlines()[1]
    assert row.startswith("fault-1  audiences/list ")
    assert row.endswith(" no")
    unused = shell.run("fault unused")
    assert (unused.status(), unused.out) == (1, "")
    assert unused.err.startswith("never fired, or not as often as planned: fault-1\n")
    as_json = shell.run("fault unused --json")
    assert (as_json.status(), json.loads(as_json.out)[0]["id"]) == (1, "fault-1")
    answer = httpx.get(f"{shell.mock.url}{AUDIENCES}?page_size=1", headers=PINTEREST_TOKEN)
    assert (answer.status_code, answer.json()) == (503, busy)
    assert shell.text("fault unused") == "Every planned fault fired\n"
    assert shell.json("fault remove fault-1") == {"id": "fault-1"}
    assert shell.json("fault add '*' --stall before") == {"id": "fault-2"}
    shell.text("fault clear")
    assert shell.json("fault") == []


def test_journal(shell: Shell) -> None:
    """The journal shows each request in a line and why it was rejected, chosen by what requests have."""
    create(shell.mock)
    httpx.get(shell.mock.url + AUDIENCES)
    shown = shell.text("journal")
    lines = shown.splitlines()
    assert lines[0].split() == ["number", "at", "status", "method", "operation", "path"]
    assert lines[1].split()[2:] == ["201", "POST", "audiences/create", AUDIENCES]
    assert lines[2].split()[2:] == ["401", "GET", "audiences/list", AUDIENCES]
    assert lines[1].index(AUDIENCES) == lines[2].index(AUDIENCES)
    assert "Authentication failed." in lines[3]
    assert [entry["number"] for entry in shell.json("journal --status 4xx")] == [2]
    assert [entry["number"] for entry in shell.json("journal list --after 1 --limit 5")] == [2]
    body = json.dumps({"body": {"name": "Buyers"}})
    assert [entry["number"] for entry in shell.json(f"journal --match '{body}'")] == [1]
    shell.text("journal clear")
    assert shell.text("journal") == "No such requests\n"


VERIFIED = [
    "audiences/create",
    "audiences/create --count 2",
    "audiences/create --at-least 1 --at-most 2",
    "--status 5xx --never",
    "--order audiences/create --order audiences/list",
    """--order '{"status": 201}' --order audiences/list --within-s 60""",
    "--api pinterest --method get --path '*/audiences' --status 200 --count 1",
]
REFUTED = [
    ("audiences/create --count 0", "expected no request"),
    ("audiences/get", "expected at least 1 request"),
    ("audiences/create --at-most 1", "expected at most 1 request"),
    ("--order audiences/list --order audiences/create", "order"),
    ("""audiences/create --match '{"body": {"name": "Sellers"}}'""", '"Sellers" wanted'),
]


def test_verify(shell: Shell) -> None:
    """`verify` exits with 0 if the requests are those that are expected, and else with 1 and the reason."""
    create(shell.mock)
    create(shell.mock)
    httpx.get(shell.mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    for line in VERIFIED:
        assert shell.text(f"verify {line}").startswith("Verified."), line
    for line, why in REFUTED:
        run = shell.run(f"verify {line}")
        assert (run.status(), run.out) == (1, ""), line
        assert why in run.err
    failed = shell.run("verify audiences/get --json")
    assert failed.status() == 1
    assert json.loads(failed.out)["verified"] is False


def test_worlds(shell: Shell) -> None:
    """Worlds are created, configured, shown, forked, compared, listed and deleted by name."""
    shell.text("world create checkout build_delay_s=0 rate-limits=off")
    assert shell.json("world set checkout match_rate=0.5")["settings"] == {
        "build_delay_s": 0,
        "rate_limits": "off",
        "match_rate": 0.5,
    }
    assert "build_delay_s=0" in shell.text("world show checkout")
    assert shell.json("world fork checkout other") == {"name": "other", "from": "checkout"}
    shell.text("clock freeze 0 --world other")
    assert "clock" in json.loads(shell.text("world diff checkout other"))
    assert shell.text("world").split() == ["world", "checkout", "default", "other"]
    shell.text("world delete other")
    assert shell.json("world list")["worlds"] == ["checkout", "default"]


def test_only_the_named_world_is_created(shell: Shell) -> None:
    """Asking for a world that does not exist, also to fork it, rejects the call and creates none."""
    for line in ("world show typo", "world fork typo other", "world delete typo", "world diff default typo"):
        assert "typo" in shell.rejected(line)
    assert shell.json("world") == {"worlds": ["default"]}


def test_a_world_by_flag_and_by_url(shell: Shell) -> None:
    """--world chooses the world, and so does a URL that has one; the flag takes precedence."""
    shell.text("clock freeze 0 --world a")
    url = f"{shell.mock.url}/worlds/a"
    assert json.loads(shell.run("clock --json", AUDIENCE_MOCK_URL=url).out)["unix"] == 0
    shell.run("clock freeze 7 --world b", AUDIENCE_MOCK_URL=f"{url}/")
    assert shell.mock.in_world("a").clock.get()["unix"] == 0
    assert shell.mock.in_world("b").clock.get()["unix"] == 7
    assert json.loads(shell.run("world --json", AUDIENCE_MOCK_URL=url).out)["worlds"] == ["a", "b", "default"]


# Who may call, and what cannot be reached


def test_the_admin_token(start: Callable[..., MockServer], command: Runner) -> None:
    """The token comes from its variable, from the file of the flag, or from the file of the variable."""
    mock = start(admin_token="s3cret-s3cret")
    (command.folder / "token").write_text("# team\ns3cret-s3cret\nanother-one\n")
    (command.folder / "wrong").write_text("wrong-wrong\n")
    url = {"AUDIENCE_MOCK_URL": mock.url}
    right = {"AUDIENCE_MOCK_ADMIN_TOKEN": "s3cret-s3cret"}
    assert command("clock", **url, **right).status() == 0
    assert command("clock", "--admin-token-file", "token", **url).status() == 0
    assert command("clock", **url, AUDIENCE_MOCK_ADMIN_TOKEN_FILE="token").status() == 0
    assert command("clock", **url).status() == 2
    for wrong in (
        command("clock", "--admin-token-file", "wrong", **url, **right),
        command("clock", "--admin-token-file", "absent", **url, **right),
        command("clock", **url, AUDIENCE_MOCK_ADMIN_TOKEN="wrong-wrong"),
        command("clock", **url, AUDIENCE_MOCK_ADMIN_TOKEN="wrong wrong\r\nX: y"),
    ):
        assert (wrong.status(), wrong.out, wrong.err.count("\n")) == (2, "", 1)
        assert not re.search("s3cret|wrong-|wrong w", wrong.err)


def test_a_control_api_that_is_off(start: Callable[..., MockServer], command: Runner) -> None:
    """A server without its control API is reported in one line."""
    run = command("reset", AUDIENCE_MOCK_URL=start(admin=False).url)
    assert (run.status(), run.err.count("\n")) == (2, 1)


class _Obedient(http.server.BaseHTTPRequestHandler):
    """A server that answers 200 to everything, as some development servers do."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def another_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Obedient) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_cannot_be_reached(shell: Shell, another_server: str) -> None:
    """A closed port, another server, and what is no URL or file are one line and status 2."""
    assert "Connection refused" in shell.rejected("reset", AUDIENCE_MOCK_URL=f"127.0.0.1:{free_port()}")
    assert "is not Audience Mock" in shell.rejected(f"reset --url {another_server}")
    assert "'ftp://host'" in shell.rejected("reset --url ftp://host")
    assert "absent: No such file" in shell.rejected("seed absent")


REJECTED_LINES = [
    ("fault add audiences/list --latency-ms soon", "'--latency-ms'"),
    ("fault add audiences/list --match {", "'--match'"),
    ("fault add audiences/list --match NaN", "'--match'"),
    ("fault add audiences/list --stall sideways", "'before', 'in'"),
    ("fault add audience/list --status 503", "audiences/list"),
    ("fault frobnicate", "'frobnicate'"),
    ("verify audiences/list --count 1 --at-least 1", "--count"),
    ("verify --order '{'", "'--order'"),
    ("verify --count some", "'some'"),
    ("journal --status 999", "status"),
    ("world set checkout match_rate", "NAME=VALUE"),
    ("world set checkout match_rate=2", "match_rate"),
    ("world create 'a b'", "'a b'"),
    ("clock advance", "seconds"),
    ("clock --nonsense", "'--nonsense'"),
    ("completion tcsh", "'tcsh'"),
]


def test_invalid_calls(shell: Shell) -> None:
    """What a command or the server rejects is one line that names it, and status 2."""
    for line, said in REJECTED_LINES:
        assert said in shell.rejected(line), line


# What they print


def test_text_of_clients_controls_no_terminal(shell: Shell) -> None:
    """Control characters that clients sent are shown escaped, in text and in JSON."""
    shell.mock.seed({"audiences": []})
    httpx.get(f"{shell.mock.url}/v5/x", headers={"Authorization": "Bearer x"})
    httpx.post(shell.mock.url + AUDIENCES, json=CREATE | {"name": "\x1b[31m\u202e😀", "x": 1})
    for line in ("journal", "journal --json", "state"):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", shell.text(line)), line


def test_output_in_ascii(shell: Shell) -> None:
    """A terminal without Unicode gets escapes, and JSON stays JSON."""
    create(shell.mock, "Käufer 😀")
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    arguments = [sys.executable, "-m", "audience_mock"]
    for rest in (["state"], ["journal"]):
        done = subprocess.run(
            [*arguments, *rest],
            env=environment(AUDIENCE_MOCK_URL=shell.mock.url, **ascii_only),
            capture_output=True,
            check=True,
        )
        assert done.stdout.isascii()
        if rest == ["state"]:
            assert json.loads(done.stdout)["audiences"][0]["name"] == "Käufer 😀"


def on_a_terminal(*arguments: str, **variables: str) -> tuple["subprocess.Popen[bytes]", int]:
    """A run of the command whose output is a terminal; the terminal's other end is the second."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "audience_mock", *arguments],
        env=environment(**variables),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    return process, ours


@needs_pty
def test_colours_on_a_terminal_only(shell: Shell) -> None:
    """A terminal gets colours, unless NO_COLOR is set; anything else gets none."""
    create(shell.mock)
    shown = {}
    for no_color in ("", "1"):
        process, terminal = on_a_terminal("journal", AUDIENCE_MOCK_URL=shell.mock.url, NO_COLOR=no_color)
        with process:
            shown[no_color] = read_until(terminal, "")
        os.close(terminal)
    assert "\x1b[" in shown[""]
    assert shown["1"] == shell.text("journal")
    assert click.unstyle(shown[""]) == shown["1"]


@needs_pty
def test_serve_prints_a_banner_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal, `serve` prints where both APIs, the control API and the documents are, the world, the
    store and how to stop; that stops it."""
    file = tmp_path / "kept.db"
    process, terminal = on_a_terminal(
        "serve", "--port", "0", "--database", f"sqlite:///{file}", "--seed", "demo"
    )
    with process:
        banner = read_until(terminal, "Ctrl-C\r\n")
        url = re.search(r"is ready at (http://127\.0\.0\.1:\d+)\n", banner)
        assert url is not None
        rows = dict(re.findall(r"^  (\S+(?: \S+)?)  +(\S.*)$", banner, flags=re.MULTILINE))
        assert rows["pinterest API"] == f"{url[1]}/v5"
        assert rows["pitchtarget API"] == url[1]
        assert rows["control API"] == f"{url[1]}/__admin"
        assert rows["world"].startswith("default")
        assert rows["store"] == f"sqlite:///{file}"
        assert rows["seed"] == "demo"
        assert httpx.get(rows["docs"], follow_redirects=True).status_code == 200
        if "console" in rows:
            assert httpx.get(rows["console"], follow_redirects=True).status_code == 200
        process.send_signal(2)
        assert process.wait(LIMIT_S) == 0
    os.close(terminal)


@needs_pty
def test_the_banner_shows_no_secret() -> None:
    """Neither the admin token nor a control API that is off is in the banner."""
    process, terminal = on_a_terminal(
        "serve", "--port", "0", "--no-admin", AUDIENCE_MOCK_ADMIN_TOKEN="s3cret-s3cret"
    )
    with process:
        banner = read_until(terminal, "Ctrl-C")
        process.terminate()
    os.close(terminal)
    assert "s3cret" not in banner
    assert "/__admin" not in banner
    assert re.search(r"^  store +in memory", banner, flags=re.MULTILINE)


# Their help


@pytest.mark.parametrize("name", CONTROL)
def test_help_of_each(name: str) -> None:
    """The help of a command has its options under headings, and ends in examples that parse."""
    shown = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=200)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    if name in VERBS:
        assert "Options:" not in lines
        assert {"Server:", "Output:"} <= set(lines)
    heading = next(at for at, line in enumerate(lines) if line in ("  Example:", "  Examples:"))
    assert lines[heading + 1 :]
    for line in lines[heading + 1 :]:
        program, *words = shlex.split(line.partition(" ||")[0].rpartition("| ")[2].partition(" >")[0])
        assert program == "audience-mock"
        assert " ".join(words).startswith(name.partition(" ")[0])
        one: click.Command = main
        context = click.Context(main, **main.context_settings)
        while isinstance(one, click.Group):
            words = one.with_default(context, words) if isinstance(one, DefaultGroup) else words
            found, below, words = one.resolve_command(context, words)
            assert below is not None
            context, one = click.Context(below, parent=context, info_name=found), below
        one.make_context(one.name, words, parent=context.parent)


def flags(name: str) -> set[str]:
    return {parameter.name or "" for parameter in COMMANDS[name].params}


def test_each_field_has_a_flag() -> None:
    """What the control API takes of a fault, an expectation and a search, its commands take; choices are
    those that it allows."""
    assert flags("fault add") >= get_type_hints(PlannedFault).keys()
    assert flags("verify") >= get_type_hints(Expectation).keys()
    assert flags("journal list") >= get_type_hints(Criteria).keys()
    described = json.loads((TOP / "openapi/control.json").read_text())
    schemas = described["components"]["schemas"]
    for parameter in COMMANDS["fault add"].params:
        if isinstance(parameter.type, click.Choice):
            allowed = schemas["PlannedFault"]["properties"][parameter.name]["anyOf"][0]["enum"]
            assert [*parameter.type.choices] == allowed
    (kinds,) = (
        each
        for each in described["paths"]["/__admin/clock/agenda"]["get"]["parameters"]
        if each["name"] == "kinds"
    )
    assert [*EVENT_KINDS] == kinds["schema"]["items"]["enum"]
    to = schemas["Reset"]["properties"]["to"]["enum"]
    (choice,) = (each for each in COMMANDS["reset"].params if each.name == "to")
    assert isinstance(choice.type, click.Choice)
    assert [*choice.type.choices] == to


def test_help_is_light() -> None:
    """The help, and that of a command for a running server, import neither a server nor a client; the help of
    the whole command not even the commands for a running server."""
    code = (
        "import sys\n"
        "from audience_mock.cli.main import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    print('\\n', *sorted(sys.modules))\n"
    )
    for arguments, is_loaded in (["--help"], False), (["fault", "add", "--help"], True):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        imported = done.stdout.splitlines()[-1].split()
        heavy = {"pydantic", "fastapi", "sqlalchemy", "uvicorn", "http.client", "audience_mock.client"}
        assert not heavy & {*imported}
        assert ("audience_mock.cli.control.command" in imported) == is_loaded
