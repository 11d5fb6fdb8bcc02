"""What the command writes, and cannot: full disks, ready files, deleted databases, injected variables."""

import http.client
import io
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audience_mock.server.log_output import LogHandler
from audience_mock.settings import Settings
from helpers.serve_command import AUDIENCES, LIMIT_S, Run, Runner, command, environment, rejection
from helpers.waiting import until
from helpers.warm_process import WarmProcess

__all__ = ["command"]  # a fixture

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")


def run_to_full(folder: Path, *arguments: str) -> tuple[int, str]:
    """One run of the command whose stdout is on a full disk: its exit status, and stderr."""
    err = folder / "err"
    run = WarmProcess(arguments, folder=folder, env=environment(), out=FULL, err=err)
    try:
        return run.wait(LIMIT_S), err.read_text()
    finally:
        run.kill()


@needs_full
@pytest.mark.parametrize(
    "line",
    [
        "--version",
        "--help",
        "serve --help",
        "schema",
        "check seed.json",
        "export-openapi to",
        "serve --port 0",
    ],
)
def test_output_on_a_full_disk(tmp_path: Path, line: str) -> None:
    """One line says so, and the exit status is not 0."""
    (tmp_path / "seed.json").write_text("{}")
    status, err = run_to_full(tmp_path, *line.split())
    assert status == 2
    where = "to stdout" if line == "serve --port 0" else "the output"
    assert err == f"audience-mock: cannot write {where}: No space left on device\n"


@needs_full
def test_a_log_on_a_full_disk(tmp_path: Path) -> None:
    """The server answers all the same, and ends cleanly."""
    ready = tmp_path / "ready"
    with FULL.open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "audience_mock", "serve", "--port", "0", "--ready-file", str(ready)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=full,
        )
    try:
        until(ready.exists, "the ready file")
        connection = http.client.HTTPConnection(ready.read_text().strip().removeprefix("http://"))
        for _ in range(300):  # more than a buffer holds
            connection.request("GET", AUDIENCES)
            response = connection.getresponse()
            assert response.status == 401
            response.read()
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()


class _Disk(io.StringIO):
    """Text that can be written while there is room."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_an_interrupted_log_says_so() -> None:
    """In one line, once there is room again."""
    disk = _Disk()
    log = logging.Logger("of this test")
    log.addHandler(LogHandler(disk))
    for line, is_full in (("a", False), ("b", True), ("c", True), ("d", False), ("e", False)):
        disk.is_full = is_full
        log.error(line)
    assert disk.getvalue() == "a\nlog interrupted for 2 lines: No space left on device\nd\ne\n"


# The ready file


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_ready_file_is_removed_at_the_end(command: Runner, signum: int) -> None:
    run = command.serve("--ready-file", "ready")
    assert (command.folder / "ready").exists()
    run.end(signum)
    assert not (command.folder / "ready").exists()


def test_the_ready_file_of_another_server_stays(command: Runner) -> None:
    """Whoever wrote it last removes it."""
    first = command.serve("--ready-file", "ready")
    second = command.serve("--ready-file", "ready")
    first.end()
    assert (command.folder / "ready").read_text() == f"{second.url}\n"
    second.end()
    assert not (command.folder / "ready").exists()


# Databases


def lines_about(run: Run, file: str) -> list[str]:
    return [line for line in run.err.splitlines() if file in line]


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_database_that_is_deleted_is_reported(command: Runner, how: str) -> None:
    """In one line, as soon as it is noticed; requests are served to the end."""
    run = command.serve("--database", "sqlite:///kept.db")
    run.create()
    file = command.folder / "kept.db"
    for each in command.folder.glob("kept.db*"):
        each.unlink()
    if how == "replaced":
        file.write_bytes(b"")
    until(lambda: bool(lines_about(run, "kept.db")), "the line on stderr")
    run.create()
    assert len(run.ids()) == 2
    run.end()
    assert run.err == "kept.db was deleted or replaced: what it stores is lost at the end\n"


def test_it_is_reported_at_the_end_too(command: Runner) -> None:
    """Where the file was deleted a moment before."""
    run = command.serve("--database", "sqlite:///kept.db")
    (command.folder / "kept.db").unlink()
    run.end()
    assert len(lines_about(run, "kept.db")) == 1
    assert "Traceback" not in run.err


def test_worlds_that_come_and_go_are_not_reported(command: Runner) -> None:
    """Their files are deleted by the server itself."""
    run = command.serve("--database", "sqlite:///kept.db")
    connection = http.client.HTTPConnection(run.url.removeprefix("http://"))
    for _ in range(3):
        for method, path in (("PUT", "/__admin/worlds/a"), ("DELETE", "/__admin/worlds/a")):
            connection.request(method, path)
            response = connection.getresponse()
            assert response.status < 300
            response.read()
    connection.close()
    run.end()
    assert run.err == ""


# The environment

LINK = "tcp://10.0.0.11:8000"


def test_what_kubernetes_injects_is_passed_over(command: Runner) -> None:
    """A Service called audience-mock sets AUDIENCE_MOCK_PORT to its link in every pod: one line says so, and
    the default port is used."""
    run = command("serve", AUDIENCE_MOCK_PORT=LINK)
    until(lambda: run.out.endswith("\n") or run.process.poll() is not None, "a start, or a port in use")
    said, *more = run.err.splitlines()
    assert said.startswith(f"AUDIENCE_MOCK_PORT={LINK} is ignored: Kubernetes ")
    if run.out:
        run.end()
        assert run.url == "http://127.0.0.1:8000"
        assert more == []
    else:  # another program of this machine has it
        assert "127.0.0.1:8000: Address already in use" in more[0]


@pytest.mark.parametrize("link", [LINK, "udp://10.0.0.11:53", "TCP://[fd00::1]:80", "sctp://10.0.0.11:1"])
def test_links_of_all_protocols_are_passed_over(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIENCE_MOCK_PORT", link)
    assert Settings().port == 8000


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_service_link_is_no_value_of_any_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services can have any name."""
    default = Settings().model_dump()
    monkeypatch.setenv(f"AUDIENCE_MOCK_{name.upper()}", LINK)
    assert Settings().model_dump() == default


def test_a_flag_makes_it_irrelevant(command: Runner) -> None:
    run = command.serve(AUDIENCE_MOCK_PORT=LINK)
    run.end()
    assert run.err == ""


def test_what_only_resembles_a_link_is_an_error(command: Runner) -> None:
    assert "AUDIENCE_MOCK_PORT: " in rejection(command("serve", AUDIENCE_MOCK_PORT="tcp://10.0.0.11"))


# Windows


@pytest.mark.ci
def test_names_that_windows_lacks_are_not_used_there() -> None:
    """mypy knows which names of the standard library each system has."""
    root = Path(__file__).parents[2]
    cache = root / ".mypy_cache/windows"  # the other one would be dropped
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--platform=win32", f"--cache-dir={cache}", "app/audience_mock"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "checked " in checked.stdout or "no issues" in checked.stdout, checked
    assert "has no attribute" not in checked.stdout, checked.stdout
