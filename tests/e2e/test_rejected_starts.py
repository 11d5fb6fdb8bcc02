"""Command lines, settings and tokens that the command rejects, in real processes, and what it prints then."""

import os
import re
import sys

import httpx
import pytest
from click.testing import CliRunner

from audience_mock.cli.main import main
from helpers.environment import MEASURED
from helpers.serve_command import Runner, command, rejection

__all__ = ["command"]

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
