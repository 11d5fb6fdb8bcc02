"""deploy/compose, a project with the mock beside its application, and the development containers."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from audience_mock.cli import exec as exec_command
from audience_mock.testing import MockServer
from helpers.environment import environment_without, settings_of
from helpers.npm_package import LIMIT_S

TOP = Path(__file__).parents[2]
PROJECT = TOP / "deploy/compose"
DEVCONTAINER = Path(sys.prefix) / "npm_tools/node_modules/@devcontainers/cli/devcontainer.js"
URL = "http://audience-mock:8000"
MAKES = {
    *("name", "image", "features", "onCreateCommand", "forwardPorts", "portsAttributes", "customizations"),
    *("dockerComposeFile", "service", "workspaceFolder"),
}
"""Keys of the published schema (containers.dev, devContainer.base.schema.json) that the files use: an editor
reads over one that it does not know."""


def services(*files: str) -> dict[str, Any]:
    """Where the environment names no variable; of each service, keys of later files replace those of earlier
    ones, as Compose does with all that is no list or mapping."""
    merged: dict[str, Any] = {}
    for file in files:
        text = re.sub(r"\$\{\w+:-([\w-]*)\}", r"\1", (PROJECT / file).read_text())
        for name, service in yaml.safe_load(text)["services"].items():
            merged[name] = merged.get(name, {}) | service
    return merged


def test_the_application_finds_the_mock() -> None:
    """It has the variables that `audience-mock exec` sets, with the mock's name in the network, and the token
    that the mock asks for."""
    app, mock = services("compose.yaml").values()
    with MockServer() as server:
        named = exec_command.environment(server)
    wanted = {name: value.replace(server.url, URL) for name, value in named.items()}
    given = dict(app["environment"])
    token = given.pop("AUDIENCE_MOCK_ADMIN_TOKEN")
    assert given == wanted
    assert settings_of(mock["environment"]).admin_token == token
    assert app["depends_on"] == {"audience-mock": {"condition": "service_healthy"}}


def test_the_mock_has_the_seed_and_a_check() -> None:
    """The seed's file is mounted where the setting names it; the check is a command that succeeds on a server
    that is ready and fails without one, within its time limit; it is reached from this machine alone."""
    mock = services("compose.yaml")["audience-mock"]
    assert mock["image"] == "audience-mock"
    (mounted,) = mock["volumes"]
    source, target, mode = mounted.split(":")
    assert (PROJECT / source).is_file()
    assert (target, mode) == (mock["environment"]["AUDIENCE_MOCK_SEED"], "ro")
    assert mock["ports"] == ["127.0.0.1:8000:8000"]
    assert mock["read_only"] is True
    assert mock["cap_drop"] == ["ALL"]
    check = mock["healthcheck"]
    kind, *words = check["test"]
    assert kind == "CMD"
    assert float(words[-1]) < float(check["timeout"].removesuffix("s"))
    words[0] = str(Path(sys.executable).with_name(words[0]))

    def passes(url: str, timeout_s: str) -> bool:
        command = [*(word.replace("http://127.0.0.1:8000", url) for word in words[:-1]), timeout_s]
        run = subprocess.run(command, env=environment_without(), capture_output=True, check=False)
        return run.returncode == 0

    with MockServer() as server:
        assert passes(server.url, words[-1])
    assert not passes(server.url, "0.1")


def test_the_application_runs() -> None:
    """Its command, with its variables, finds the audiences of the seed in both APIs."""
    app, mock = services("compose.yaml").values()
    command, file = app["command"].split()
    assert (command, app["volumes"]) == ("python", [f".:{app['working_dir']}:ro"])
    settings = settings_of(mock["environment"])
    with MockServer(seed=str(PROJECT / "seed.json"), admin_token=settings.admin_token) as server:
        variables = {name: value.replace(URL, server.url) for name, value in app["environment"].items()}
        done = subprocess.run(
            [sys.executable, file],
            cwd=PROJECT,
            env=environment_without() | variables,
            capture_output=True,
            text=True,
            check=True,
        )
    for audience in json.loads((PROJECT / "seed.json").read_text())["audiences"]:
        assert audience["name"] in done.stdout


# Development containers


def read(folder: Path) -> dict[str, Any]:
    """The configuration of a folder, without comments, as the reference implementation does it for what is
    read here."""
    lines = (folder / ".devcontainer/devcontainer.json").read_text().splitlines()
    found: dict[str, Any] = json.loads("\n".join(line for line in lines if not line.startswith("//")))
    return found


@pytest.mark.parametrize("folder", [TOP, PROJECT], ids=["contributors", "users"])
def test_the_reference_implementation_reads_it(folder: Path) -> None:
    """The command `devcontainer` takes the configuration, whose keys are those of the published schema."""
    configuration = read(folder)
    assert configuration.keys() <= MAKES
    if shutil.which("node") is None or (shutil.which("npm") is None and not DEVCONTAINER.exists()):
        pytest.skip("Node.js and npm are not installed")
    done = subprocess.run(
        # An engine without containers: it is asked for those of the folder.
        ["node", DEVCONTAINER, "read-configuration", "--workspace-folder", folder, "--docker-path", "true"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["configuration"]
    assert found.pop("configFilePath")["fsPath"] == str(folder / ".devcontainer/devcontainer.json")
    assert found == configuration


def test_the_container_of_users() -> None:
    """It is the project's application with tools and without its command, in the folder that is mounted;
    the mock is the project's and its port is forwarded."""
    configuration = read(PROJECT)
    files = [
        str((PROJECT / ".devcontainer" / file).resolve().relative_to(PROJECT))
        for file in configuration["dockerComposeFile"]
    ]
    assert files == ["compose.yaml", ".devcontainer/compose.yaml"]
    merged = services(*files)
    assert merged["audience-mock"] == services("compose.yaml")["audience-mock"]
    app = merged[configuration["service"]]
    assert app["command"] == "sleep infinity"
    assert app["volumes"] == [f".:{configuration['workspaceFolder']}"]
    assert app["environment"] == services("compose.yaml")["app"]["environment"]
    assert configuration["forwardPorts"] == list(configuration["portsAttributes"]) == ["audience-mock:8000"]


def test_the_container_of_contributors() -> None:
    """What it runs once is a target of the Makefile that installs all that `make test` needs; it has a Python
    and a Node.js that are supported."""
    configuration = read(TOP)
    make = (TOP / "Makefile").read_text()
    assert configuration["onCreateCommand"] == "make setup"
    needed = dict(re.findall(r"^(setup|test): (.+)$", make, flags=re.MULTILINE))
    assert needed["setup"] == needed["test"]
    version = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:(3\.\d+)", configuration["image"])
    assert version
    assert f"Programming Language :: Python :: {version[1]}" in (TOP / "pyproject.toml").read_text()
    assert configuration["forwardPorts"] == [8000]
