"""The npm package in clients/typescript: its types, the handle of a world, and what is packed."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import audience_mock
from audience_mock.testing import MockServer
from helpers.npm_package import PACKAGE, TOP, Project, needs_node


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@needs_node
def test_the_declarations_need_no_others(project: Project) -> None:
    """Strict TypeScript takes the package in modules of both kinds, without the types of Node.js; it rejects
    a setting that does not exist."""
    folder = project.folder / "consumer"
    folder.mkdir()
    for name in ("module.mts", "module.cts"):
        shutil.copy2(PACKAGE / "tests/consumer.ts", folder / name)
    options = {"strict": True, "module": "nodenext", "target": "es2022", "lib": ["es2022"], "types": []}
    options |= {"noEmit": True, "skipLibCheck": False, "exactOptionalPropertyTypes": True}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    project.compile(folder)


@needs_node
def test_the_handle(project: Project) -> None:
    """The package's own tests pass against a server: worlds, clock, faults, journal, errors."""
    with MockServer() as server:
        said = project.run(
            *("node", "--test", "tests/client.test.mjs"),
            folder=project.package,
            variables={"AUDIENCE_MOCK_URL": server.url},
        )
        assert server.control("GET", "/worlds") == {"worlds": ["default"]}
    tests = (PACKAGE / "tests/client.test.mjs").read_text().count("\ntest(")
    assert re.search(rf"pass {tests}\n", said), said


@needs_node
def test_no_proxy(project: Project) -> None:
    """The control API is called without the proxy of the environment, and without `fetch`."""
    code = """
globalThis.fetch = () => { throw new Error("replaced by a test"); };
const { connect } = await import("audience-mock");
console.log((await (await connect(process.env.AUDIENCE_MOCK_URL)).clock.get()).frozen);
"""
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy"), "http://127.0.0.1:1")
    with MockServer() as server:
        variables = {"AUDIENCE_MOCK_URL": server.url, "NODE_USE_ENV_PROXY": "1", "NO_PROXY": "", **proxies}
        assert project.run("node", "--input-type=module", "-e", code, variables=variables) == "false\n"


@needs_node
def test_one_class_for_both_kinds_of_modules(project: Project) -> None:
    """`import` and `require` give the same classes, so `instanceof` holds across them."""
    code = """
import { createRequire } from "node:module";
import * as imported from "audience-mock";
const required = createRequire(import.meta.url)("audience-mock");
const names = Object.keys(required).filter((name) => name !== "__esModule");
console.log(JSON.stringify(names.filter((name) => imported[name] !== required[name])), names.length > 10);
"""
    (project.folder / "kinds.mjs").write_text(code)
    assert project.run("node", "kinds.mjs") == "[] true\n"


def test_versions_and_licence_are_those_of_the_server() -> None:
    """The package has the version and the licence of the command that it starts; its lock says the same."""
    package = json.loads((PACKAGE / "package.json").read_text())
    lock = json.loads((PACKAGE / "package-lock.json").read_text())
    version = re.sub(r"(a|b|rc)(\d+)$", r"-\1.\2", audience_mock.__version__)  # as npm writes 1.0.0rc1
    assert [package["version"], lock["version"], lock["packages"][""]["version"]] == [version] * 3
    assert "dependencies" not in package
    assert (PACKAGE / "LICENSE").read_text() == (TOP / "LICENSE").read_text()


@pytest.mark.parametrize(
    "folder", [PACKAGE, TOP / "tests/e2e/npm_tools", TOP / "tests/e2e/bruno"], ids=lambda path: path.name
)
def test_a_lock_is_sealed(folder: Path) -> None:
    """The lock names each package by version and hash and no registry."""
    lock = (folder / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == len(re.findall(r'^    "node_modules/', lock, re.MULTILINE))


@pytest.mark.ci
@needs_node
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_packed_package(project: Project, tmp_path: Path) -> None:
    """What `npm pack` makes holds no sources and no tests; installed offline into an empty folder, both kinds
    of modules start a server with it."""
    npm = ("npm", "--no-update-notifier", "--loglevel=error")
    (packed,) = json.loads(
        project.run(*npm, "pack", "--json", "--pack-destination", tmp_path, folder=project.package)
    )
    files = {file["path"] for file in packed["files"]}
    assert {name for name in files if not name.startswith("dist/")} == {
        "LICENSE",
        "README.md",
        "package.json",
    }
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "package.json").write_text('{"private": true}')
    install = ("install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=peer")
    project.run(*npm, *install, tmp_path / packed["filename"], folder=empty)
    assert [path.name for path in (empty / "node_modules").iterdir() if path.name[0] != "."] == [
        "audience-mock"
    ]
    body = """const mock = await startAudienceMock();
console.log((await mock.clock.get()).frozen);
await mock.stop();"""
    (empty / "esm.mjs").write_text(f'import {{ startAudienceMock }} from "audience-mock";\n{body}')
    (empty / "cjs.cjs").write_text(
        f'const {{ startAudienceMock }} = require("audience-mock");\n(async () => {{ {body} }})();'
    )
    for name in ("esm.mjs", "cjs.cjs"):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        assert project.run("node", name, folder=empty, variables={"PATH": path}) == "false\n"
