"""The audit log's file as an operator has it: its mode, its rotation, a full disk, and the log instead."""

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from audience_mock.core.errors import InvalidSettingsError
from audience_mock.testing import MockServer
from helpers.serve_command import Run, Runner, command
from helpers.waiting import until

__all__ = ["command"]


def freeze(run: Run) -> None:
    assert httpx.put(f"{run.url}/__admin/clock", json={"frozen": True}).status_code == 200


def test_the_file_is_the_servers_alone_and_grows(command: Runner) -> None:
    """It has mode 0600, and a later server appends to it."""
    file = command.folder / "audit.log"
    for lines in (1, 2):
        run = command.serve("--audit-log", "audit.log")
        freeze(run)
        run.end()
        assert len(file.read_text().splitlines()) == lines
        assert run.err == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_sighup_goes_on_in_a_new_file(command: Runner) -> None:
    """As logrotate does it: the file is renamed, then the server gets the signal. Where no new file can be
    made it goes on in the old one."""
    folder = command.folder / "logs"
    folder.mkdir()
    run = command.serve("--audit-log", "logs/audit.log")
    file, renamed = folder / "audit.log", folder / "audit.log.1"
    freeze(run)
    file.rename(renamed)
    freeze(run)
    assert len(renamed.read_text().splitlines()) == 2
    run.process.send_signal(signal.SIGHUP)
    until(file.exists, "the new file")
    freeze(run)
    assert (len(renamed.read_text().splitlines()), len(file.read_text().splitlines())) == (2, 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    moved = command.folder / "moved"
    folder.rename(moved)
    run.process.send_signal(signal.SIGHUP)
    until(lambda: "the file before is kept" in run.err, "the log")
    freeze(run)
    assert len((moved / "audit.log").read_text().splitlines()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of a process that runs")
def test_a_full_disk_is_said_once(command: Runner) -> None:
    """The server goes on, and says it once; once there is space, the file says how many lines it lacks, and
    each line of it is whole but the one that was cut."""
    import resource

    file = command.folder / "audit.log"
    file.write_text("from before\n" * 1000)  # so that the log, which is limited as well, has room
    run = command.serve("--audit-log", "audit.log", "--log-format", "json")
    freeze(run)
    whole = file.stat().st_size
    most = resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (whole + 20, most))
    for _ in range(3):
        freeze(run)
    assert file.stat().st_size == whole + 20
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (most, most))
    freeze(run)
    run.end()
    first, torn, notice, last = file.read_text().splitlines()[1000:]
    assert len(torn) == 20
    assert {**json.loads(notice), "time": ""} == {"time": "", "lost": 3, "reason": "File too large"}
    assert json.loads(last)["operation"] == json.loads(first)["operation"] == "clock/put"
    full, again = (json.loads(line) for line in run.err.splitlines())
    assert full["message"] == "audit log audit.log: File too large; lines are lost meanwhile"
    assert (full["level"], again["level"]) == ("error", "warning")
    assert again["message"] == "audit log audit.log is written again; lines lost: 3"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_dash_is_the_log(command: Runner, form: str) -> None:
    """The line is among those of the log, in its form, whatever its level."""
    run = command.serve("--audit-log", "-", "--log-format", form, "--log-level", "error")
    freeze(run)
    run.end()
    (line,) = run.err.splitlines()
    if form == "json":
        facts = json.loads(line)
        assert (facts["logger"], facts["caller"], facts["status"]) == (
            "audience_mock.audit",
            "loopback",
            200,
        )
    else:
        assert line.startswith("audit time=")
        assert " caller=loopback client=127.0.0.1 operation=clock/put world=default request_id=" in line
        assert line.endswith(" status=200")


def test_a_pipe_never_holds_the_server(command: Runner) -> None:
    """What a named pipe's reader does not take is lost, and nothing waits for it."""
    pipe = command.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run = command.serve("--audit-log", "pipe")
        freeze(run)
        assert b"operation=clock/put" in os.read(reader, 1000)
    finally:
        os.close(reader)
    freeze(run)
    run.end()
    assert "audit log pipe: Broken pipe; lines are lost meanwhile" in run.err
    assert "audit log pipe: lines lost at the end: 1" in run.err


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("none/at/all")])
def test_what_is_no_file_ends_the_start(
    start: Callable[..., MockServer], tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """A folder, a pipe that nobody reads, a folder that is missing: the error names the setting."""
    make(tmp_path / "it")
    with pytest.raises(InvalidSettingsError, match=f"audit_log.*cannot write {tmp_path / 'it'}"):
        start(audit_log=str(tmp_path / "it"))
