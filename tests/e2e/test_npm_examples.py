"""The examples of the npm package: a project for each test runner."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
import samples

from audience_mock.testing import MockServer
from helpers.npm_package import PACKAGE, TOP, Project, needs_node
from helpers.reverse_proxy import CERTIFICATE, reverse_proxy

COMMANDS = {
    "vitest": ("node_modules/vitest/vitest.mjs", "run"),
    "jest": ("node_modules/jest/bin/jest.js",),
    "playwright": ("node_modules/@playwright/test/cli.js", "test"),
    "node-test": ("--import", "audience-mock/register", "--test"),
}
"""What `npm test` runs in each example, without npm, which is missing where only Node.js is there."""
ON_AN_ENGINE: dict[str, tuple[str, ...]] = {"testcontainers": ("--test",)}
"""Those that `test_npm_testcontainers.py` runs."""
PASSED = {
    "vitest": r"Tests +3 passed \(3\)",
    "jest": r"Tests: +3 passed, 3 total",
    "playwright": r"^ +2 passed",
    "node-test": r"pass 2$",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def run(project: Project, example: str, *, fails: bool = False, **variables: str) -> str:
    folder = project.folder / "examples" / example
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(project.folder / "node_modules")
    return project.run("node", *COMMANDS[example], folder=folder, variables=variables, fails=fails)


@needs_node
@pytest.mark.parametrize("example", COMMANDS)
def test_an_example_passes(project: Project, example: str) -> None:
    """The example's tests pass as its user runs them, on a server that they start."""
    said = run(project, example, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert re.search(PASSED[example], said, re.MULTILINE), said


@needs_node
def test_an_example_uses_a_running_server(project: Project) -> None:
    """The tests pass with a server behind a proxy, by https and under a path, too, and leave no world there;
    one that fails shows the last requests of its world."""
    variables = {"NODE_EXTRA_CA_CERTS": str(CERTIFICATE), "PATH": os.environ["PATH"]}
    with MockServer() as server, reverse_proxy(server.url, forwards=False) as url:
        example = project.folder / "examples/vitest/audiences.test.ts"
        passing = example.read_text()
        example.write_text(passing.replace("toBe(200)", "toBe(201)"))
        said = run(project, "vitest", fails=True, AUDIENCE_MOCK_URL=f"{url}/", **variables)
        example.write_text(passing)
        assert server.control("GET", "/worlds") == {"worlds": ["default"]}
    assert re.search(r"Tests +1 failed \| 2 passed \(3\)", said), said
    assert re.search(r"^ +2 200 GET /v5/ad_accounts/\d+/audiences \(audiences/list\)$", said, re.MULTILINE), (
        said
    )


@needs_node
def test_a_set_up_of_ones_own(project: Project) -> None:
    """The set-up and the program of the guide run. The set-up tells where the server is and keeps clients off
    the proxy, and its teardown takes both back."""
    for block in samples.blocks((TOP / "docs/guides/javascript.md").read_text()):
        if block.title and block.title.endswith(".mjs"):
            (project.folder / block.title).write_text(block.code)
    (project.folder / "main.mjs").write_text("""
import setup from "./audience_mock.setup.mjs";
const before = { ...process.env };
const teardown = await setup();
const set = Object.entries(process.env).filter(([name, value]) => before[name] !== value);
await import("./start.mjs");
console.log(JSON.stringify(Object.fromEntries(set)));
const seeded = await fetch(`${process.env.AUDIENCE_MOCK_CONTROL_URL}/health`);
console.log((await seeded.json()).audiences > 0);
const url = process.env.AUDIENCE_MOCK_URL;
await teardown();
const left = await fetch(url).then(() => "a server", () => "nothing");
console.log(left, JSON.stringify(process.env) === JSON.stringify(before));
""")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": path, "NO_PROXY": "example.com", "no_proxy": "", "AUDIENCE_MOCK_LOG_LEVEL": "error"}
    pinterest, told, *rest = project.run("node", "main.mjs", variables=variables).splitlines()
    url = pinterest.removesuffix("/v5")
    assert json.loads(told) == {
        "AUDIENCE_MOCK_URL": url,
        "AUDIENCE_MOCK_CONTROL_URL": f"{url}/__admin",
        "AUDIENCE_MOCK_PINTEREST_URL": pinterest,
        "AUDIENCE_MOCK_PITCHTARGET_URL": url,
        "NO_PROXY": "example.com,localhost,127.0.0.1,::1",
        "no_proxy": "example.com,localhost,127.0.0.1,::1",
    }
    assert rest == ["true", "nothing true"]


@needs_node
def test_the_examples_are_typed(project: Project) -> None:
    """Strict TypeScript takes the examples that are written in it."""
    options = {"strict": True, "module": "nodenext", "target": "es2022", "lib": ["es2022", "dom"]}
    options |= {"types": ["node"], "noEmit": True, "skipLibCheck": True, "allowImportingTsExtensions": True}
    files = ["vitest/*.ts", "playwright/*.ts"]
    (project.folder / "examples/tsconfig.json").write_text(
        json.dumps({"compilerOptions": options, "include": files})
    )
    project.compile(project.folder / "examples")


@pytest.mark.parametrize("example", COMMANDS | ON_AN_ENGINE)
def test_an_example_is_what_is_run(example: str) -> None:
    """`npm test` of the example is what the test runs, with the versions that the package's lock names."""
    project = json.loads((PACKAGE / "examples" / example / "package.json").read_text())
    locked = json.loads((PACKAGE / "package-lock.json").read_text())["packages"]
    wanted = project["devDependencies"]
    assert wanted.pop("audience-mock") == "file:../.."
    assert wanted == {name: locked[f"node_modules/{name}"]["version"] for name in wanted}
    command = " ".join((COMMANDS | ON_AN_ENGINE)[example])
    command = re.sub(r"^node_modules/(?:@\w+/test|\w+)/\S+", example, command)
    assert project["scripts"]["test"] == (f"node {command}" if command.startswith("--") else command)
