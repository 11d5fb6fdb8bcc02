"""The CI samples of the README and the guide run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from helpers.environment import environment_without
from helpers.ports import free_port

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text()
GUIDE = (TOP / "docs/guides/ci.md").read_text()
LIMIT_S = 300
"""Seconds that one step may take; reached only where something is broken."""


def environment(first_on_the_path: Path) -> dict[str, str]:
    """This environment without variables that would change a server or measure it."""
    path = f"{first_on_the_path}{os.pathsep}{os.environ['PATH']}"
    return environment_without("PYTEST_", "PYTHONPATH", PATH=path)


def run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_samples_are_yaml() -> None:
    """Each sample parses; what it names of this repository exists, and so do the settings."""
    text = README + GUIDE
    found = re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert len(found) >= 6
    for sample in found:
        assert isinstance(yaml.safe_load(sample), dict)
    actions = re.findall(r"uses: your-organisation/audience-mock/(\S+)@", text)
    assert actions
    assert [action for action in actions if not (TOP / action / "action.yml").is_file()] == []
    variables = set(re.findall(r"^ +AUDIENCE_MOCK_(\w+):", text, flags=re.MULTILINE)) - {"URL"}
    assert {name.lower() for name in variables} <= Settings.model_fields.keys()


def jobs() -> dict[str, list[str]]:
    """The commands of the first job of each system that the guide has a sample of."""
    found = {}
    for system, sample in re.findall(
        r"^## (.+)\n(?:(?!^## ).*\n)*?```yaml\n((?:.*\n)*?)```$", GUIDE, re.MULTILINE
    ):
        found[system] = yaml.safe_load(sample)
    circle = found["CircleCI"]["jobs"]["test"]["steps"]
    return {
        "GitHub Actions": [
            step["run"] for step in found["GitHub Actions"]["jobs"]["test"]["steps"] if "run" in step
        ],
        "GitLab CI": found["GitLab CI"]["test"]["script"],
        "CircleCI": [step["run"] for step in circle if step != "checkout"],
    }


def test_a_step_waits_for_a_service() -> None:
    """The step of the guide that waits for a service ends once that answers, and not before it listens."""
    ((sample,),) = [re.findall(r"^ +- run: (curl .+)$", GUIDE, flags=re.MULTILINE)]
    port = free_port()
    command = sample.replace(":8000", f":{port}").split()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=0.2)
        with MockServer(port=port):
            assert waiting.communicate(timeout=LIMIT_S)[0] == '{"status":"ready"}'
    assert waiting.returncode == 0


@pytest.mark.ci
@pytest.mark.parametrize("system", jobs())
def test_a_job(tmp_path: Path, system: str) -> None:
    """The steps of the guide's first job get the checkout, install it and pass the tests of the README, or
    those of a project of npm.

    What the job downloads is already there: the checkout, pytest, and what the server needs.
    """
    steps = jobs()[system]
    workspace, checkout = tmp_path / "workspace", tmp_path / "workspace/audience-mock"
    for name in ("app", "fixtures/worlds"):
        shutil.copytree(TOP / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / ".ci").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".ci/metadata.py"):
        shutil.copy2(TOP / name, checkout / name)
    if system == "GitHub Actions":
        assert "path: audience-mock\n" in GUIDE
    else:
        cloned, steps = steps[0], steps[1:]
        assert re.fullmatch(r"git clone --depth 1 https://\S+/audience-mock\.git", cloned)
    (workspace / "tests").mkdir()
    (sample,) = re.findall(r"^```py title=\"\w+.py\"\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    (workspace / "tests/test_mine.py").write_text(sample)
    passed = f"{sample.count('def test_')} passed"
    if "npm ci" in steps:
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        passed = project_of_npm(workspace)

    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    (packages,) = (tmp_path / "venv/lib").glob("python3*/site-packages")
    beside = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "there_already.pth").write_text("\n".join(beside))
    script = tmp_path / "venv/bin/pytest"
    script.write_text('#!/bin/sh\nexec python -m pytest "$@"\n')
    script.chmod(0o755)
    variables = environment(tmp_path / "venv/bin")
    variables |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    said = [run(["bash", "-e", "-c", step], workspace, variables) for step in steps]
    assert passed in said[-1]
    installed = ["python", "-c", "import audience_mock; print(audience_mock.__file__)"]
    assert run(installed, tmp_path, variables).startswith(str(tmp_path / "venv"))


def project_of_npm(folder: Path) -> str:
    """Write one whose test asks the server of the environment for ad accounts; what the test prints."""
    script = "node test.mjs"
    (folder / "package.json").write_text(json.dumps({"private": True, "scripts": {"test": script}}))
    (folder / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": {"": {}}}))
    (folder / "test.mjs").write_text("""
const headers = { Authorization: "Bearer pina_any" };
const answer = await fetch(`${process.env.AUDIENCE_MOCK_PINTEREST_URL}/ad_accounts`, { headers });
console.log("answered", answer.status);
""")
    return "answered 200"
