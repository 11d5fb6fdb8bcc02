"""The GitHub action in deploy/github-action, run as GitHub's runner does it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.environment import environment_without

TOP = Path(__file__).parents[2]
ACTION = TOP / "deploy/github-action"
DESCRIPTION: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text())
LIMIT_S = 300
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="not installed: node")


class Job:
    """A job with the action: the files by which its programs tell the runner what they found."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.files = {name: folder / name.lower() for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STATE")}
        for file in self.files.values():
            file.touch()
        inputs = {f"INPUT_{name.upper()}": str(it["default"]) for name, it in DESCRIPTION["inputs"].items()}
        files = {name: str(file) for name, file in self.files.items()}
        given = {**inputs, **files, "RUNNER_TEMP": str(folder), **variables}
        self.environment = environment_without("PYTEST_", "PYTHONPATH", "PINTEREST_", **given)

    def told(self, name: str) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.files[name].read_text().splitlines())

    def run(self, step: str, *, status: int = 0) -> str:
        """Run `main` or `post`; the second has what the first saved, and what it told the steps."""
        state = {f"STATE_{name}": value for name, value in self.told("GITHUB_STATE").items()}
        done = subprocess.run(
            ["node", ACTION / DESCRIPTION["runs"][step]],
            env=self.environment | state | self.told("GITHUB_ENV"),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


INSTALLED = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@needs_node
def test_the_steps_of_a_job(tmp_path: Path) -> None:
    """The steps find the server; at the end, requests that were rejected are warnings, those that planned
    faults rejected are not, and the server ends."""
    job = Job(
        tmp_path, PATH=INSTALLED, AUDIENCE_MOCK_BUILD_DELAY_S="0", AUDIENCE_MOCK_ADMIN_TOKEN="open-sesame"
    )
    job.run("main")
    told = job.told("GITHUB_ENV")
    outputs = job.told("GITHUB_OUTPUT")
    assert outputs.keys() == DESCRIPTION["outputs"].keys()
    assert outputs["url"] == told["AUDIENCE_MOCK_URL"]
    with httpx.Client(base_url=told["AUDIENCE_MOCK_PINTEREST_URL"], headers=PINTEREST_TOKEN) as client:
        assert client.get(f"/ad_accounts/{AD_ACCOUNT}/audiences").status_code == 200
        assert client.get(f"/ad_accounts/{AD_ACCOUNT}/audience").status_code == 404
        fault = {"operation": "ad_accounts/list", "status": 503}
        control = {"Authorization": "Bearer open-sesame"}
        httpx.post(f"{outputs['control-url']}/faults", json=fault, headers=control).raise_for_status()
        assert client.get("/ad_accounts").status_code == 503
    other = f"{told['AUDIENCE_MOCK_URL']}/worlds/blue/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    assert httpx.post(other, json={}, headers=PINTEREST_TOKEN).status_code == 400

    said = job.run("post")
    blue, default = re.findall(r"^::warning title=(.*?)::(.*)$", said, flags=re.MULTILINE)
    assert default[0] == "Audience Mock rejected a request in world default"
    path = f"/v5/ad_accounts/{AD_ACCOUNT}/audience"
    assert default[1].startswith(f"GET {path}: 404%0A")
    assert "%0Adid you mean GET /v5/ad_accounts/{ad_account_id}/audiences" in default[1]
    assert blue[0].endswith("in world blue")
    assert "::group::Log of Audience Mock\n" in said
    assert not is_there(int(job.told("GITHUB_STATE")["pid"]))


def is_there(pid: int) -> bool:
    """Whether there is such a process after a while."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    return True


@needs_node
def test_a_server_that_does_not_start(tmp_path: Path) -> None:
    """The job fails with what the server said, and its last step has nothing to do."""
    job = Job(tmp_path, PATH=INSTALLED, AUDIENCE_MOCK_MATCH_RATE="2")
    said = job.run("main", status=1)
    assert re.search(r"::error title=Audience Mock::.*AUDIENCE_MOCK_MATCH_RATE", said), said
    assert job.run("post") == ""


def test_the_variables_are_those_of_exec() -> None:
    """The action sets the variables that `audience-mock exec` sets."""
    from audience_mock.cli.exec import environment
    from audience_mock.testing import MockServer

    with MockServer() as server:
        names = environment(server).keys()
    assert set(re.findall(r"^    ([A-Z_]+):", (ACTION / "main.js").read_text(), re.MULTILINE)) == set(names)


@pytest.mark.ci
@needs_node
def test_the_action_installs_the_server(tmp_path: Path) -> None:
    """Where there is no command, the action installs the checkout that it is part of into an environment."""
    checkout = tmp_path / "checkout"
    for name in ("app", "fixtures/worlds", "deploy/github-action"):
        shutil.copytree(TOP / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(TOP / name, checkout / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "node").symlink_to(shutil.which("node") or "")
    job = Job(tmp_path, PATH=f"{commands}:/usr/bin:/bin", INPUT_PYTHON=sys.executable)
    job.run("main")
    health = httpx.get(f"{job.told('GITHUB_OUTPUT')['control-url']}/health").json()
    assert json.dumps(health)
    assert (tmp_path / "audience-mock").is_dir()
    job.run("post")
    assert not is_there(int(job.told("GITHUB_STATE")["pid"]))
