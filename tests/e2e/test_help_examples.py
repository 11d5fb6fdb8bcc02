"""The examples at the end of each `--help`, run as they stand, beside what they name."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from reference import COMMANDS

from audience_mock.cli.main import main
from audience_mock.client_errors import ControlError
from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN
from helpers.environment import environment_without
from helpers.serve_command import AUDIENCES, CREATE

TOP = Path(__file__).parents[2]
LIMIT_S = 120
URL = "http://127.0.0.1:8000"


def examples() -> list[str]:
    found = []
    for name in ["", *COMMANDS]:
        lines = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=200).output.splitlines()
        heading = [at for at, line in enumerate(lines) if line in ("  Example:", "  Examples:")]
        found += [line.strip() for at in heading for line in lines[at + 1 :]]
    return [*dict.fromkeys(found)]


CLIENT = """#!/bin/sh
set -e
call() {
  curl -sf --max-time 3 --retry 2 --retry-all-errors "$AUDIENCE_MOCK_PINTEREST_URL/ad_accounts" \\
    -H "Authorization: Bearer pina_$1" -o /dev/null
}
for attempt in 1 2 3; do
  call old || call new
done
"""
"""A client that calls three times, sends again what fails, and then with another token."""

ENDLESS = [each for each in examples() if each.startswith("audience-mock serve")]
NEED_POSTGRESQL = [each for each in examples() if "postgresql://" in each]
"""Of `tests/postgres/test_migrate.py`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, and programs of others, that examples name."""
    top = tmp_path_factory.mktemp("examples")
    (top / "seeds").mkdir()
    audience = {"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "Buyers"}
    for file in ("seeds/buyers.json", "buyers.json"):
        (top / file).write_text(json.dumps({"audiences": [audience]}))
    (top / "tenants.toml").write_text("[tenants.team-a]\n")
    email, phone = (hashlib.sha256(each).hexdigest() for each in (b"ann@example.com", b"12125550123"))
    (top / "customers.csv").write_text(f"email,mobile\n{email},{phone}\n")
    (top / "records.txt").write_text("ann@example.com\n")
    (top / "bin").mkdir()
    (top / "home/.local/share/bash-completion/completions").mkdir(parents=True)
    for program in ("bin/npm", "bin/pytest", "sync.sh"):
        (top / program).write_text(CLIENT)
        (top / program).chmod(0o755)
    return top


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[MockServer]:
    with MockServer(record=True) as mock:
        yield mock


def run(line: str, folder: Path, programs: Path | None, url: str) -> subprocess.CompletedProcess[str]:
    first = [
        str(each) for each in (folder / "bin", programs, Path(sys.executable).parent) if each is not None
    ]
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line.replace(URL, url)],
        cwd=folder,
        env=environment_without(
            PATH=os.pathsep.join([*first, os.environ["PATH"]]),
            HOME=str(folder / "home"),
            AUDIENCE_MOCK_URL=url,
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def set_the_scene(mock: MockServer, folder: Path, programs: Path | None, line: str) -> None:
    """A world in which an audience was created and read, a snapshot, a fault that has not fired, and what the
    command reads but does not make."""
    for world in mock.control("GET", "/worlds")["worlds"]:
        with suppress(ControlError):
            mock.in_world(world).delete()
    mock.reset()
    if not line.startswith("audience-mock world create"):
        mock.in_world("checkout").configure(match_rate=1)
    mock.in_world("a").configure(match_rate=1)
    created = httpx.post(mock.url + AUDIENCES, json=CREATE, headers=PINTEREST_TOKEN).raise_for_status()
    httpx.get(f"{mock.url}{AUDIENCES}/{created.json()['id']}", headers=PINTEREST_TOKEN).raise_for_status()
    mock.snapshot("signed-in")
    if "unused" not in line or "||" in line:
        mock.faults.add("audiences/list", status=503, first=1)
    for made in ("audiences.tar", "audiences.db", "bundle.json"):
        (folder / made).unlink(missing_ok=True)
    words = shlex.split(line.partition(" > ")[0])
    if words[1] == "restore":
        assert run(f"audience-mock backup {URL} audiences.tar", folder, programs, mock.url).returncode == 0
    elif words[1] == "migrate":
        with MockServer(database=f"sqlite:///{folder}/audiences.db"):
            pass
    elif words[1] == "replay" or "--bundle" in words:
        assert run("audience-mock bundle bundle.json", folder, programs, mock.url).returncode == 0


@pytest.mark.sqlite_only(reason="records a world, and backs it up")
@pytest.mark.parametrize(
    "line",
    [
        # A whole sweep waits for what does not answer.
        pytest.param(each, marks=pytest.mark.ci) if "sweep" in each and "--only" not in each else each
        for each in examples()
        if each not in [*ENDLESS, *NEED_POSTGRESQL]
    ],
)
def test_an_example_runs(line: str, folder: Path, server: MockServer, programs: Path | None) -> None:
    """An example does what it says: it ends with 0, or with 1 where it is there to find differences."""
    set_the_scene(server, folder, programs, line)
    ran = run(line, folder, programs, server.url)
    finds = "contract-diff" in line and "--bundle" in line
    assert ran.returncode == (1 if finds else 0), ran.stdout + ran.stderr
    assert not finds or "answered otherwise" in ran.stdout


@pytest.mark.parametrize("line", ENDLESS)
def test_an_example_serves(line: str, folder: Path, programs: Path | None) -> None:
    """An example of `serve` prints where it serves, and ends at SIGTERM."""
    ran = run(
        f"{line.replace('--port 8000', '--port 0')} > out & "
        f"while ! grep -qs 'ready at' out; do sleep 0.1; done; kill $!; wait $!; cat out; rm out",
        folder,
        programs,
        URL,
    )
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"Audience Mock is ready at http://127\.0\.0\.1:\d+\n", ran.stdout)
