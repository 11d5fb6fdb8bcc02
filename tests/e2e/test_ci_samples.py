"""The CI samples of the README and the examples run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from audience_mock.testing import MockServer
from helpers.environment import environment_without
from helpers.reverse_proxy import CERTIFICATE, reverse_proxy

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text()
EXAMPLE = TOP / "tests/e2e/node_example"
MODULES = Path(sys.prefix) / "node_example/node_modules"
LIMIT_S = 300
"""Seconds that one step may take; reached only where something is broken."""

missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
needs_node = pytest.mark.skipif(
    # Where both are there, `make test` has installed vitest, and one that is not there is a failure.
    shutil.which("node") is None or ("npm" in missing and not MODULES.is_dir()),
    reason=f"not installed: {' and '.join(missing)}",
)


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


@pytest.mark.ci
def test_the_job_of_github_actions(tmp_path: Path) -> None:
    """The steps of the README's job install the checkout and pass the README's tests, with their fixture.

    What the job downloads is already there: pytest, and what the server needs.
    """
    (text,) = re.findall(r"^```yaml\n(jobs:.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    job: dict[str, Any] = yaml.safe_load(text)["jobs"]["test"]
    checkouts = [step.get("with", {}) for step in job["steps"] if "checkout" in step.get("uses", "")]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    assert len(steps) == 2

    workspace, checkout = tmp_path / "workspace", tmp_path / "workspace" / checkouts[1]["path"]
    for name in ("app", "fixtures/worlds"):
        shutil.copytree(TOP / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / ".ci").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".ci/metadata.py"):
        shutil.copy2(TOP / name, checkout / name)
    (workspace / "tests").mkdir()
    (sample,) = re.findall(r"^```py title=\"\w+.py\"\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    (workspace / "tests/test_mine.py").write_text(sample)

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
    assert f"{sample.count('def test_')} passed" in said[-1]
    installed = ["python", "-c", "import audience_mock; print(audience_mock.__file__)"]
    assert run(installed, tmp_path, variables).startswith(str(tmp_path / "venv"))


@needs_node
def test_the_node_example(tmp_path: Path) -> None:
    """The example's own tests pass as its user runs them, and its server ends with them."""
    example = shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("node_modules"))
    (example / "node_modules").symlink_to(MODULES)
    variables = environment(Path(sys.executable).parent) | {"NO_COLOR": "1", "CI": "1"}
    # As `npm test` does, which is missing where only node is there.
    command = ["node", "node_modules/vitest/vitest.mjs", "run"]
    said = run(command, example, variables)
    assert re.search(r"Tests +5 passed \(5\)", said), said


@needs_node
def test_the_node_example_uses_a_running_server(tmp_path: Path) -> None:
    """Its tests pass with a server behind a proxy, by https and under a path, too."""
    example = shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("node_modules"))
    (example / "node_modules").symlink_to(MODULES)
    # No `audience-mock` is found on this path.
    variables = environment(tmp_path) | {"NO_COLOR": "1", "CI": "1", "NODE_EXTRA_CA_CERTS": str(CERTIFICATE)}
    with MockServer(build_delay_s=0) as server, reverse_proxy(server.url, forwards=False) as url:
        variables["AUDIENCE_MOCK_URL"] = f"{url}/"
        said = run(["node", "node_modules/vitest/vitest.mjs", "run"], example, variables)
    assert re.search(r"Tests +5 passed \(5\)", said), said


def test_the_node_example_is_locked() -> None:
    """Its lock names each package by version and hash and no registry; its script is what the test runs."""
    lock = (EXAMPLE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == len(re.findall(r'^    "node_modules/', lock, re.MULTILINE))
    assert '"test": "vitest run"' in (EXAMPLE / "package.json").read_text()
