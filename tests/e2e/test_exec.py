"""`audience-mock exec`: a command beside a server, its environment, its signals and its exit status."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from helpers.environment import MEASURED, environment_without
from helpers.warm_process import WarmProcess

LIMIT_S = 60
"""Seconds that anything may take; reached only where something is broken."""

VARIABLES = (
    *("AUDIENCE_MOCK_URL", "AUDIENCE_MOCK_PINTEREST_URL", "AUDIENCE_MOCK_PITCHTARGET_URL"),
    *("AUDIENCE_MOCK_CONTROL_URL", "PINTEREST_API_URI", "AUDIENCE_MOCK_ADMIN_TOKEN"),
)
TELLS = "import json, os; print(json.dumps(dict(os.environ)))"
STAYS = "while True: time.sleep(0.005)\n"
"""Not signal.pause(), which sleeps on after a signal that came just before it."""

WAITS = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIG{0}, lambda *_: sys.exit(70))\n"
    "print(1, flush=True)\n" + STAYS
)
"""A command that says when it is ready for a signal, and ends with 70 when that comes."""


class Run:
    """One run of `audience-mock exec`, its outputs in files."""

    def __init__(self, process: WarmProcess, out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def status(self) -> int:
        return self.process.wait(LIMIT_S)

    def wait_for(self, line: str) -> None:
        """Until the command has said this."""
        end = time.monotonic() + LIMIT_S
        while self.out != f"{line}\n":
            assert self.process.poll() is None, self.err
            assert time.monotonic() < end, self.out
            time.sleep(0.005)


Start = Callable[..., Run]


def environment(**more: str) -> dict[str, str]:
    """This environment without variables that would change a server or a client, and with `more`."""
    return environment_without("PINTEREST_", "PYTHONDONTWRITEBYTECODE", **more)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Start]:
    """Starts `audience-mock exec` in an empty folder, and ends what still runs after the test."""
    with ExitStack() as held:

        def start(*arguments: str, **more: str) -> Run:
            out, err = (
                tmp_path / f"{stream}-of-{len(list(tmp_path.iterdir()))}" for stream in ("out", "err")
            )
            process = WarmProcess(
                ["exec", *arguments], folder=tmp_path, env=environment(**more), out=out, err=err, session=True
            )
            held.callback(process.wait)
            held.callback(process.kill)
            return Run(process, out, err)

        yield start


def python(code: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", code)


def test_environment(tmp_path: Path) -> None:
    """The command finds the bases of both APIs, of the control API, and that of Pinterest's own client."""
    done = subprocess.run(
        [sys.executable, "-m", "audience_mock", "exec", *python(TELLS)],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    told = json.loads(done.stdout)
    url = told["AUDIENCE_MOCK_URL"]
    assert urlsplit(url).hostname == "127.0.0.1"
    assert [told.get(name) for name in VARIABLES] == [
        url,
        f"{url}/v5",
        url,
        f"{url}/__admin",
        f"{url}/v5",
        None,
    ]
    assert done.stderr == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": ""}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": ".corp, 10.0.0.0/8"}, ".corp,10.0.0.0/8,localhost,127.0.0.1,::1"),
        ({"no_proxy": "localhost,.corp"}, "localhost,.corp,127.0.0.1,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_no_proxy_stands_between(run: Start, given: dict[str, str], expected: str) -> None:
    """The command's clients reach the server where the environment has a proxy; hosts that were exempt from
    it still are."""
    asks = (
        "import os, urllib.request as u; "
        "print(os.environ['NO_PROXY'], os.environ['no_proxy']); "
        "print(u.urlopen(os.environ['AUDIENCE_MOCK_URL']).status)"
    )
    proxies = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    unset = {"NO_PROXY": "", "no_proxy": ""}
    ran = run(*python(asks), **{**unset, **proxies, **given})
    assert ran.status() == 0, ran.err
    assert ran.out.split() == [expected, expected, "200"]


def test_settings(run: Start) -> None:
    """Flags and variables are those of serve; the command gets the token that the control API asks for, and
    a port of another server's does not matter."""
    asks = (
        "import os, urllib.request as u; "
        "url, token = os.environ['AUDIENCE_MOCK_CONTROL_URL'], os.environ['AUDIENCE_MOCK_ADMIN_TOKEN']; "
        "asked = u.Request(url + '/worlds/default', headers={'Authorization': 'Bearer ' + token}); "
        "print(u.urlopen(asked).read().decode())"
    )
    flags = ("--admin-token", "open-sesame")
    ran = run(*flags, *python(asks), AUDIENCE_MOCK_SEED="demo", AUDIENCE_MOCK_PORT="1", **MEASURED)
    assert ran.status() == 0, ran.err
    assert json.loads(ran.out)["audiences"] > 0


def test_flags_of_the_command(run: Start) -> None:
    """What stands behind the command is the command's, also without `--`."""
    ran = run(sys.executable, "-c", "import sys; print(sys.argv[1:])", "--host", "-h")
    assert ran.status() == 0
    assert ran.out == "['--host', '-h']\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(41)", 41),
        ("import os; os.kill(os.getpid(), 9)", 128 + 9),
    ],
)
def test_exit_status(run: Start, code: str, status: int) -> None:
    """The exit status is the command's; 128 and the signal's number, as a shell has it, if that ended it."""
    assert run(*python(code), **MEASURED).status() == status


def test_a_command_that_cannot_be_run(run: Start, tmp_path: Path) -> None:
    """A command that is not there is 127, one that cannot be run is 126, as in a shell, in one line."""
    (tmp_path / "text").write_text("not for running")
    for command, status, why in (
        ("no-such-command", 127, "not found"),
        ("./text", 126, "Permission denied"),
    ):
        ran = run(command, **MEASURED)
        assert (ran.status(), ran.out) == (status, "")
        assert ran.err == f"audience-mock: {command}: {why}\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Missing argument 'COMMAND...'"),
        (("--port", "1", "true"), "No such option '--port'"),
        (("--ready-file", "ready", "true"), "No such option '--ready-file'"),
        (
            ("--build-delay-s", "soon", "touch", "ran"),
            "--build-delay-s: must be a number from 0 to 1000000000 (given: 'soon')",
        ),
        (("--seed", "nowhere.json", "touch", "ran"), "cannot read the seed nowhere.json"),
        (("--host", "192.0.2.1", "touch", "ran"), "cannot listen on 192.0.2.1:0"),
    ],
)
def test_a_server_that_cannot_start(run: Start, tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    """What stands in the server's way is one line and exit status 2, and the command is not run."""
    ran = run(*arguments, **MEASURED)
    assert (ran.status(), ran.out) == (2, "")
    assert ran.err.startswith(f"audience-mock: {why}")
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_signals_are_forwarded(run: Start, name: str) -> None:
    """A signal to exec goes on to the command, whose exit status counts."""
    ran = run(*python(WAITS.format(name)), **MEASURED)
    ran.wait_for("1")
    ran.process.send_signal(signal.Signals[f"SIG{name}"])
    assert ran.status() == 70


def test_the_server_is_there_to_the_end(run: Start) -> None:
    """While the command cleans up after a signal, the server still answers."""
    cleans_up = (
        "import os, signal, sys, time, urllib.request as u\n"
        "def end(*_):\n"
        "    sys.exit(u.urlopen(os.environ['AUDIENCE_MOCK_CONTROL_URL'] + '/health').status != 200)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print(1, flush=True)\n"
    )
    ran = run(*python(cleans_up + STAYS))
    ran.wait_for("1")
    ran.process.send_signal(signal.SIGTERM)
    assert ran.status() == 0


def test_a_signal_before_the_command(tmp_path: Path) -> None:
    """One that is told to end while its server starts does not run the command."""
    with subprocess.Popen(
        [sys.executable, "-m", "audience_mock", "exec", "touch", "ran"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
    ) as process:
        process.terminate()
        assert process.wait(LIMIT_S) in (128 + signal.SIGTERM, -signal.SIGTERM)
    assert not (tmp_path / "ran").exists()


def test_ctrl_c_comes_once(tmp_path: Path) -> None:
    """Ctrl-C at a terminal reaches the command once: the terminal sends it to both."""
    counts = (
        "import signal, time\n"
        "came = []\n"
        "signal.signal(signal.SIGINT, lambda *_: came.append(1))\n"
        "print('ready', flush=True)\n"
        "while not came: time.sleep(0.005)\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('came', len(came), flush=True), exit(0)))\n"
        "print('told', flush=True)\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        arguments = [sys.executable, "-m", "audience_mock", "exec", *python(counts + STAYS)]
        os.execv(sys.executable, arguments)
    said = b""
    try:
        end = time.monotonic() + LIMIT_S
        for word, answer in ((b"ready", b"\x03"), (b"told", None), (b"came 1", None)):
            while word not in said:
                assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], said
                said += os.read(terminal, 1024)
            if answer:
                os.write(terminal, answer)
            elif word == b"told":
                os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(terminal)
