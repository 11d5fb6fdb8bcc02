"""startAudienceMock of the npm package finds or installs the command; its server ends with its process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audience_mock.testing import MockServer
from helpers.environment import environment_without
from helpers.npm_package import PACKAGE, TOP, Project, needs_node

ENDS_WITHIN_S = 60
INSTALLED = Path(sys.executable).parent / "audience-mock"

START = """
import { startAudienceMock } from "audience-mock";
const mock = await startAudienceMock(JSON.parse(process.argv[2] ?? "{}"));
console.log(mock.url);
"""
STAY = START + "setInterval(() => undefined, 1000);"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder for the PATH with Node.js and nothing that could run the server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "node").symlink_to(shutil.which("node") or "")
    return folder


def script(file: Path, text: str) -> None:
    """A command of the shell, which notes its words and the variables of the server in a file beside it."""
    note = f'/usr/bin/printf "%s\\n" "$*" >> {file}.words; /usr/bin/env > {file}.env\n'
    file.write_text(f"#!/bin/sh\n{note}{text}")
    file.chmod(0o755)


def serving(url: str) -> str:
    """The lines of a command that seems to serve at a URL."""
    return f"echo Audience Mock is ready at {url}\nexec /bin/sleep 60"


def words(file: Path) -> list[str]:
    return file.with_name(f"{file.name}.words").read_text().splitlines()


@needs_node
@pytest.mark.parametrize("place", ["PATH", ".venv"])
def test_an_installed_command_is_used(project: Project, commands: Path, place: str) -> None:
    """The command on the PATH, else that in `.venv` of the folder or one above, serves with the settings."""
    if place == "PATH":
        folder, installed = project.folder, commands / "audience-mock"
    else:
        folder, installed = commands.parent / "app/web", commands.parent / ".venv/bin/audience-mock"
        folder.mkdir(parents=True)
        installed.parent.mkdir(parents=True)
        (commands.parent / "node_modules").symlink_to(project.folder / "node_modules")
    (folder / "start.mjs").write_text(START)
    script(commands / "uvx", "exit 1")
    script(installed, serving("http://127.0.0.1:1"))
    settings = {"settings": {"build_delay_s": 0, "request_faults": False, "cors_origins": ["https://a", "b"]}}
    said = project.run(
        *("node", "start.mjs", json.dumps(settings)),
        folder=folder,
        variables={"PATH": str(commands), "AUDIENCE_MOCK_DATABASE": "sqlite:///mine.db"},
    )
    assert said == "http://127.0.0.1:1\n"
    assert words(installed) == ["serve"]
    variables = installed.with_name("audience-mock.env").read_text().splitlines()
    assert {line for line in variables if line.startswith("AUDIENCE_MOCK_")} == {
        "AUDIENCE_MOCK_HOST=127.0.0.1",
        "AUDIENCE_MOCK_PORT=0",
        "AUDIENCE_MOCK_DATABASE=sqlite://",
        "AUDIENCE_MOCK_ADMIN=true",
        "AUDIENCE_MOCK_BUILD_DELAY_S=0",
        "AUDIENCE_MOCK_REQUEST_FAULTS=false",
        "AUDIENCE_MOCK_CORS_ORIGINS=https://a,b",
    }


@needs_node
@pytest.mark.parametrize("given", [None, "audience_mock-1.0-py3-none-any.whl"])
def test_the_command_is_installed(project: Project, commands: Path, given: str | None) -> None:
    """uvx, else pipx, installs this version of the command, or what `from` names, and then runs it."""
    wanted = given or f"audience-mock=={json.loads((PACKAGE / 'package.json').read_text())['version']}"
    (project.folder / "start.mjs").write_text(START)
    options = json.dumps({"from": given} if given else {})
    version = 'case "$*" in *--version) exit 0;; esac\n'
    script(commands / "uvx", version + serving("http://127.0.0.1:2"))
    script(commands / "pipx", version + serving("http://127.0.0.1:3"))
    run = ("node", "start.mjs", options)
    assert project.run(*run, variables={"PATH": str(commands)}) == "http://127.0.0.1:2\n"
    command = f"--from {wanted} audience-mock"
    assert words(commands / "uvx") == [f"{command} --version", f"{command} serve"]

    script(commands / "uvx", "exit 1")
    assert project.run(*run, variables={"PATH": str(commands)}) == "http://127.0.0.1:3\n"
    command = f"run --spec {wanted} audience-mock"
    assert words(commands / "pipx") == [f"{command} --version", f"{command} serve"]


@needs_node
@pytest.mark.parametrize("image", [None, "registry.example/audience-mock:1"])
def test_docker_is_used(project: Project, commands: Path, image: str | None) -> None:
    """Docker runs the image on a port that it chooses, with a token for the control API, which no list of
    processes shows; it pulls only an image that somebody named."""
    url = "http://127.0.0.1:4"
    script(
        commands / "docker",
        f"""case "$1" in
  image) exit {1 if image else 0};;
  pull) exit 0;;
  port) echo {url.removeprefix("http://")}; echo "[::1]:4"; exit 0;;
esac
{serving("http://0.0.0.0:8000")}""",
    )
    (project.folder / "docker.mjs").write_text(START + "console.log(mock.adminToken);")
    options = {"settings": {"seed": "mine.json"}} | ({"image": image} if image else {})
    said = project.run("node", "docker.mjs", json.dumps(options), variables={"PATH": str(commands)})
    told, token = said.splitlines()
    assert told == url
    assert re.fullmatch("[0-9a-f]{32}", token)
    calls = words(commands / "docker")
    run = next(call for call in calls if call.startswith("run "))
    name = re.fullmatch(
        r"run --rm --name (audience-mock-[\w-]+) --publish 127\.0\.0\.1::8000 (?:--env AUDIENCE_MOCK_\w+ )+"
        rf"--volume {re.escape(str(project.folder / 'mine.json'))}:/seed\.json:ro"
        f" {image or 'audience-mock'} serve",
        run,
    )
    assert name, run
    assert "--env AUDIENCE_MOCK_ADMIN_TOKEN " in run
    assert token not in run
    assert "AUDIENCE_MOCK_HOST" not in run
    assert "AUDIENCE_MOCK_PORT" not in run
    assert f"port {name[1]} 8000/tcp" in calls
    assert any(call.startswith("pull") for call in calls) is (image is not None)


@needs_node
def test_nothing_is_there(project: Project, commands: Path) -> None:
    """Where nothing can run the server, the error says what was tried, why not, and what to do."""
    (project.folder / "start.mjs").write_text(START)
    script(commands / "pipx", "echo Looking >&2; echo no network >&2; exit 1")
    said = project.run("node", "start.mjs", variables={"PATH": str(commands)}, fails=True)
    (message,) = re.findall(r"^StartError: (.*?)^ +at ", said, flags=re.DOTALL | re.MULTILINE)
    assert message.splitlines() == [
        "Audience Mock is not installed, and nothing that could run it works:",
        "  audience-mock: neither on the PATH nor in a .venv of this folder or one above it",
        "  uvx: not installed",
        "  pipx: no network",
        "  docker: not installed",
        "Install the Python package audience-mock, or set AUDIENCE_MOCK_URL to a server that is running.",
    ]


@needs_node
def test_a_server_that_does_not_start(project: Project, commands: Path) -> None:
    """The error has what a server said that ended instead of starting; one that takes too long is ended."""
    (project.folder / "start.mjs").write_text(START)
    script(commands / "audience-mock", "echo match_rate: too large >&2; exit 2")
    said = project.run("node", "start.mjs", variables={"PATH": str(commands)}, fails=True)
    assert "StartError: audience-mock ended with status 2:\nmatch_rate: too large\n" in said
    script(commands / "audience-mock", f"echo $$ > {commands}/pid; exec /bin/sleep 60")
    slow = ("node", "start.mjs", '{"timeoutMs": 100}')
    said = project.run(*slow, variables={"PATH": str(commands)}, fails=True)
    assert "StartError: Audience Mock did not start within 100 ms" in said
    # It may have been ended before it began, or before it wrote its number.
    if (commands / "pid").exists() and (pid := (commands / "pid").read_text()):
        wait_for_end(int(pid))


@needs_node
def test_a_running_server_is_used(project: Project, commands: Path) -> None:
    """AUDIENCE_MOCK_URL comes first; `stop()` leaves that server alone."""
    (project.folder / "running.mjs").write_text(START + "await mock.stop(); console.log(mock.adminToken);")
    script(commands / "audience-mock", "exit 1")
    with MockServer(admin_token="open-sesame") as server:
        variables = {"AUDIENCE_MOCK_URL": server.url, "PATH": str(commands)}
        token = {"AUDIENCE_MOCK_ADMIN_TOKEN": "open-sesame"}
        said = project.run("node", "running.mjs", variables=variables | token)
        assert said.splitlines() == [server.url, "open-sesame"]
        assert server.control("GET", "/health")["audiences"] == 0
        said = project.run("node", "running.mjs", variables=variables, fails=True)
        assert "ControlError" in said


def wait_for_end(pid: int) -> None:
    """Wait until there is no such process, not even one that nobody has waited for."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    while Path(f"/proc/{pid}").exists() if Path("/proc").exists() else _is_there(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def run_node(
    project: Project, commands: Path
) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], int]]]:
    """Starts a program that starts the real server; gives both processes."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str) -> tuple[subprocess.Popen[str], int]:
        script(commands / "audience-mock", f'echo $$ > {commands}/pid\nexec {INSTALLED} "$@"')
        (project.folder / "ending.mjs").write_text(code)
        node = subprocess.Popen(
            ["node", "ending.mjs"],
            cwd=project.folder,
            env=environment_without("PYTHONPATH", "NODE_", PATH=f"{commands}:{os.environ['PATH']}"),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(node)
        assert node.stdout is not None
        assert node.stdout.readline().startswith("http://127.0.0.1:")
        return node, int((commands / "pid").read_text())

    yield run
    for node in started:
        node.kill()
        node.communicate()


@needs_node
@pytest.mark.parametrize("way", ["stop", "end", "SIGINT", "SIGKILL"])
def test_the_server_ends_with_its_process(
    run_node: Callable[[str], tuple[subprocess.Popen[str], int]], way: str
) -> None:
    """The server ends when it is stopped, or when the process that started it ends, however that goes: by
    itself, by Ctrl-C or killed. Nothing is left of it."""
    stop = (
        "\nawait mock.stop(); await mock.stop(); console.log('stopped'); setInterval(() => undefined, 1000);"
    )
    node, server = run_node({"stop": START + stop, "end": START}.get(way, STAY))
    assert node.stdout is not None
    if way == "stop":
        assert node.stdout.readline() == "stopped\n"
        assert not Path(f"/proc/{server}").exists()
    elif way.startswith("SIG"):
        os.killpg(node.pid, signal.Signals[way])
        assert node.wait(ENDS_WITHIN_S) == -signal.Signals[way]
    else:
        assert node.wait(ENDS_WITHIN_S) == 0
    wait_for_end(server)


@pytest.mark.ci
@needs_node
def test_the_command_is_installed_by_uvx(project: Project, commands: Path, tmp_path: Path) -> None:
    """The real uvx installs a wheel of this checkout, and the server that it runs ends with `stop()`."""
    uvx = Path(sys.executable).with_name("uvx")
    for tool in (uvx, uvx.with_name("uv")):
        (commands / tool.name).symlink_to(tool)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, TOP)
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    code = START + "console.log((await mock.clock.get()).frozen); await mock.stop();"
    (project.folder / "uvx.mjs").write_text(code)
    said = project.run(
        *("node", "uvx.mjs", json.dumps({"from": str(wheel)})),
        variables={"PATH": f"{commands}{os.pathsep}/usr/bin{os.pathsep}/bin"},
    )
    assert said.splitlines()[-1] == "false", said
