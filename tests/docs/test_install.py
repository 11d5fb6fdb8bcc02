"""The commands that the documents give for a checkout exist, and each way to install works."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import samples

from helpers.environment import environment_without

TOP = samples.TOP
DOCUMENTS = [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")]
IN_A_CHECKOUT, WITH_AN_ENGINE = "In a checkout", "With an engine"
LIMIT_S = 300
"""Seconds that an installation may take; they are spent on a slow network only."""


def lines(title: str) -> list[str]:
    """The command lines of all blocks with a title, without their comments."""
    return [
        command.strip()
        for document in DOCUMENTS
        for block in samples.blocks(document.read_text())
        if block.title == title
        for line in block.code.splitlines()
        for command in re.sub(r"\s#.*$", "", line).split("&&")
        if command.strip()
    ]


def test_every_line_is_of_a_kind_that_is_checked() -> None:
    """A line in a checkout calls make, pip, uv, docker, newman, HTTPie or tests: each has a test."""
    kinds = (
        "make ",
        "pip install .",
        "uv tool install",
        "uvx --from . ",
        "docker ",
        ".venv/bin/python -m pytest ",
        "npx newman run ",  # tests/contract/test_postman_collection.py
        *("clients/collections/httpie/", "cd clients/", "http "),  # tests/contract/test_httpie_scripts.py
    )
    assert [line for line in lines(IN_A_CHECKOUT) if not line.startswith(kinds)] == []


def test_make_targets_exist() -> None:
    """Each target of make that a document names, in code or in a sentence, is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for found in re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)", document.read_text(), flags=re.MULTILINE)
        for target in found.split()
    }
    assert named
    assert named <= targets


def test_tests_that_are_named_exist() -> None:
    """Each test that a document tells to run exists, and its `-k` selects something."""
    named = [line.split() for line in lines(IN_A_CHECKOUT) if " -m pytest " in line]
    assert named
    for words in named:
        (file,) = (word for word in words if word.endswith(".py"))
        selected = words[words.index("-k") + 1] if "-k" in words else ""
        assert re.search(rf"^(async )?def test_\w*{selected}", (TOP / file).read_text(), flags=re.MULTILINE)


def test_the_container_is_built_and_run_as_the_dockerfile_says() -> None:
    """The documents build the image as the Dockerfile's text does, and publish its port to this machine."""
    written = [line for line in (*lines(IN_A_CHECKOUT), *lines(WITH_AN_ENGINE)) if "docker " in line]
    builds = [line for line in written if line.startswith("docker build")]
    assert set(builds) == {"docker build --tag audience-mock ."}
    assert "#   docker build --tag audience-mock ." in (TOP / "Dockerfile").read_text()
    runs = [line for line in written if line.startswith("docker run")]
    assert len(runs) >= 2
    for line in runs:
        assert line.endswith(" audience-mock")
        assert "--publish 127.0.0.1:8000:8000" in line


@pytest.mark.ci
def test_the_container_commands_run() -> None:
    """The image builds, and a container answers the command of the documents."""
    engine = shutil.which("docker")
    if not engine or subprocess.run([engine, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no container engine runs here; the image job of CI builds and runs it")
    for command in ("docker build --tag audience-mock .", "docker run --rm audience-mock schema"):
        subprocess.run(command.split(), cwd=TOP, check=True, timeout=LIMIT_S * 3, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a clone has of the package, without what this checkout has made."""
    folder = tmp_path / "checkout"
    for name in ("app", "fixtures/worlds"):
        shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".ci/metadata.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy2(TOP / name, folder / name)
    return folder


def environment(tmp_path: Path, first_on_the_path: Path) -> dict[str, str]:
    return environment_without("PYTEST_", "PYTHONPATH", "VIRTUAL_ENV") | {
        "PATH": f"{first_on_the_path}{os.pathsep}{os.environ['PATH']}",
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_PYTHON": sys.executable,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "AUDIENCE_MOCK_PORT": "0",
    }


def run(command: str, folder: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.ci
def test_pip_install(checkout: Path, tmp_path: Path) -> None:
    """The README's `pip install .` gives the command and the plugin's fixtures."""
    (command,) = (line for line in lines(IN_A_CHECKOUT) if line.startswith("pip "))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    variables = environment(tmp_path, tmp_path / "venv/bin")
    run(command, checkout, variables)
    assert run("audience-mock --version", tmp_path, variables).startswith("audience-mock, version ")
    assert shutil.which("audience-mock", path=variables["PATH"]) == str(tmp_path / "venv/bin/audience-mock")


@pytest.mark.ci
def test_uv_tool_install(checkout: Path, tmp_path: Path) -> None:
    """The README's `uv tool install` gives the command."""
    (command,) = (line for line in lines(IN_A_CHECKOUT) if line.startswith("uv tool "))
    variables = environment(tmp_path, Path(sys.executable).parent)
    run(command, checkout, variables)
    installed = str(tmp_path / "bin/audience-mock")
    assert run(f"{installed} --version", tmp_path, variables).startswith("audience-mock, version ")


@pytest.mark.ci
def test_uvx(checkout: Path, tmp_path: Path) -> None:
    """The README's `uvx` serves without installing."""
    (command,) = (line for line in lines(IN_A_CHECKOUT) if line.startswith("uvx "))
    variables = environment(tmp_path, Path(sys.executable).parent)
    with subprocess.Popen(
        command.split(),
        cwd=checkout,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            assert server.stdout
            assert server.stdout.readline().startswith("Audience Mock is ready at http://127.0.0.1:")
        finally:
            os.killpg(server.pid, signal.SIGTERM)
