"""The file of tenants as an operator handles it: `token` for its digests, `check`, and SIGHUP."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from audience_mock.cli.main import main
from helpers.environment import environment_without
from helpers.tenants import OPERATOR, bearer, digest, write_tenants
from helpers.waiting import until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """A server with a file of tenants, its URL and its log."""
    file, ready, log = tmp_path / "tenants.toml", tmp_path / "url", tmp_path / "log"
    write_tenants(file, tenants={"team-a": {"admin_tokens": [digest("first-token")]}})
    command = [sys.executable, "-m", "audience_mock", "serve", "--port", "0"]
    command += ["--tenants", str(file), "--ready-file", str(ready)]
    with (
        log.open("wb") as err,
        subprocess.Popen(
            command, stderr=err, env=environment_without(AUDIENCE_MOCK_ADMIN_TOKEN=OPERATOR)
        ) as process,
    ):
        until(ready.exists, "the ready file")
        yield process, ready.read_text().strip(), file
        process.terminate()


def test_sighup_reads_the_file_again(
    served: tuple[subprocess.Popen[bytes], str, Path], tmp_path: Path
) -> None:
    """After SIGHUP the new tokens are valid; a broken file keeps them and is logged in one line."""
    process, url, file = served

    def status(token: str) -> int:
        return httpx.get(f"{url}/__admin/worlds", headers=bearer(token)).status_code

    assert (status("first-token"), status("second-token")) == (200, 401)
    write_tenants(file, tenants={"team-a": {"admin_tokens": [digest("second-token")]}})
    assert status("second-token") == 401
    process.send_signal(signal.SIGHUP)
    until(lambda: status("second-token") == 200, "the new token")
    assert status("first-token") == 401
    log = tmp_path / "log"
    file.write_text("[tenants.team-a]\nadmin_tokens = 1\n")
    before = log.read_text()
    process.send_signal(signal.SIGHUP)
    until(lambda: "stay valid" in log.read_text(), "the line in the log")
    (line,) = (line for line in log.read_text().removeprefix(before).splitlines() if "tenants" in line)
    assert f"{file}:2: tenants.team-a.admin_tokens: " in line
    assert status("second-token") == 200


def test_a_token_is_made_with_its_digest() -> None:
    """`token` prints a new token and its digest; `token -` the digest of the one that it reads."""
    made, again = (CliRunner().invoke(main, ["token"]).output.split() for _ in range(2))
    assert made[1] == digest(made[0])
    assert made[0] != again[0]
    assert CliRunner().invoke(main, ["token", "-"], input=f"{made[0]}\n").output == f"{made[1]}\n"
    for invalid in ("", "two words", "ä"):
        assert CliRunner().invoke(main, ["token", "-"], input=invalid).exit_code != 0


def test_a_file_is_checked(tmp_path: Path) -> None:
    """`check` says of a valid file how many tenants it has, and of another each line that is wrong."""
    file = write_tenants(tmp_path / "t.toml", tenants={"a": {}, "b": {}})
    checked = CliRunner().invoke(main, ["check", str(file)])
    assert (checked.exit_code, checked.output) == (0, f"{file}: OK, 2 tenants\n")
    write_tenants(file, tenants={"a": {}})
    assert CliRunner().invoke(main, ["check", str(file)]).output == f"{file}: OK, 1 tenant\n"
    file.write_text("[tenants.a]\nadmin_tokens = ['x']\nworld_ttl = '1'\n")
    checked = CliRunner().invoke(main, ["check", str(file)])
    assert checked.exit_code == 1
    assert [line.split(": ")[:2] for line in checked.output.splitlines()] == [
        [f"{file}:2", "tenants.a.admin_tokens.0"],
        [f"{file}:3", "tenants.a.world_ttl"],
    ]
