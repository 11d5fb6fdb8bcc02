"""AudienceMockContainer of the npm package on a fake of the container engine's HTTP API."""

import json
import re
from pathlib import Path

import pytest

from helpers.container_engine import PORT, SAID, Engine, serving
from helpers.npm_package import Project, needs_node

pytestmark = needs_node

START = """
import { AudienceMockContainer } from "audience-mock/testcontainers";
const container = await new AudienceMockContainer("mock-of-the-team")
  .withSettings({ admin_token: "open-sesame", match_rate: 0.25 })
  .withSettings({ seed: "people.json", redact_users: true })
  .start();
const { url, world } = container;
const settings = { clock: await world.clock.get(), state: await world.state() };
const stranger = await fetch(`${url}/__admin/state`);
console.log(JSON.stringify({ url, token: container.adminToken, stranger: stranger.status, ...settings }));
await container.stop();
"""

WRONG = """
import { AudienceMockContainer } from "audience-mock/testcontainers";
// Testcontainers lets the process end while it waits for what the container wrote; a test run has more to do.
const running = setInterval(() => undefined, 1000);
const container = new AudienceMockContainer().withSettings({ match_rate: 2 });
const error = await container.start().catch((error) => error);
clearInterval(running);
console.log(error.message);
"""

TYPED = """
import { AudienceMockContainer, type StartedAudienceMockContainer } from "audience-mock/testcontainers";
import type { World } from "audience-mock";
import { Network } from "testcontainers";

export async function use(): Promise<World> {
  const network = await new Network().start();
  // What GenericContainer returns is this class still.
  const started: StartedAudienceMockContainer = await new AudienceMockContainer("image")
    .withNetwork(network)
    .withNetworkAliases("mock")
    .withSettings({ build_delay_s: 0, cors_origins: ["*"] })
    .start();
  // @ts-expect-error -- no such setting
  new AudienceMockContainer().withSettings({ build_delay: 0 });
  // @ts-expect-error -- where it listens is the image's
  new AudienceMockContainer().withSettings({ port: 1 });
  return started.world.inWorld(started.adminToken);
}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def engine() -> Engine:
    return Engine()


def run(project: Project, engine: Engine, *command: str, folder: Path | None = None) -> str:
    with serving(engine) as host:
        # Ryuk would be a container of its own, which removes what a killed run leaves.
        variables = {"DOCKER_HOST": host, "TESTCONTAINERS_RYUK_DISABLED": "true"}
        variables |= {"TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1", "HOME": str(project.folder)}
        return project.run("node", *command, folder=folder, variables=variables)


def test_the_example(project: Project, engine: Engine) -> None:
    """The example's test passes: a container of the image is created with the port, the settings and a token
    that no other one has, waited for, used and removed."""
    folder = project.folder / "examples/testcontainers"
    (folder / "node_modules").symlink_to(project.folder / "node_modules")
    said = run(project, engine, "--test", folder=folder)
    assert re.search(r"pass 1$", said, re.MULTILINE), said
    token = engine.environment()["AUDIENCE_MOCK_ADMIN_TOKEN"]
    assert engine.environment() == {
        "AUDIENCE_MOCK_BUILD_DELAY_S": "0",
        "AUDIENCE_MOCK_SEED": "demo",
        "AUDIENCE_MOCK_ADMIN_TOKEN": token,
    }
    assert len(token) > 30
    assert engine.created["Image"] == "audience-mock:latest"
    assert list(engine.created["ExposedPorts"]) == [PORT]
    assert engine.changes() == [
        "POST /containers/create",
        "POST /containers/ID/start",
        "POST /containers/ID/stop",
        "DELETE /containers/ID",
    ]
    run(project, engine, "--test", folder=folder)
    assert engine.environment()["AUDIENCE_MOCK_ADMIN_TOKEN"] != token


def test_an_image_a_token_and_a_seed(project: Project, engine: Engine) -> None:
    """An image that is not there is pulled; settings given at several times add up; the token given is the
    one that the server asks for, and the seed's file is copied into the container."""
    seed = {"ad_accounts": [{"id": "549700000001", "name": "Copied"}]}
    (project.folder / "people.json").write_text(json.dumps(seed))
    (project.folder / "start.mjs").write_text(START)
    told = json.loads(run(project, engine, "start.mjs"))
    assert engine.server is not None
    assert told["url"] == engine.server.url
    assert (told["token"], told["stranger"]) == ("open-sesame", 401)
    assert [account["name"] for account in told["state"]["ad_accounts"]] == ["Copied"]
    assert engine.environment() == {
        "AUDIENCE_MOCK_ADMIN_TOKEN": "open-sesame",
        "AUDIENCE_MOCK_MATCH_RATE": "0.25",
        "AUDIENCE_MOCK_SEED": "/seed.json",
        "AUDIENCE_MOCK_REDACT_USERS": "true",
    }
    assert engine.files == {"/seed.json": (project.folder / "people.json").read_bytes()}
    assert engine.changes()[0] == "POST /images/create"


def test_a_container_that_exits(project: Project, engine: Engine) -> None:
    """A container that exits, for a wrong setting, is an error with what it said, and is removed."""
    engine.exits = True
    (project.folder / "wrong.mjs").write_text(WRONG)
    said = run(project, engine, "wrong.mjs")
    assert "Container exited" in said
    assert SAID.strip() in said
    assert engine.calls[-1] == "DELETE /containers/ID"


def test_the_library_is_needed_for_this_module_alone(project: Project, tmp_path: Path) -> None:
    """Without Testcontainers the package works, and only its module for it cannot be imported."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/audience-mock").symlink_to(project.package)
    code = """
require("audience-mock");
try {
  require("audience-mock/testcontainers");
} catch (error) {
  console.log(error.message.split("\\n")[0]);
}
"""
    (tmp_path / "without.cjs").write_text(code)
    said = project.run("node", "--preserve-symlinks", "without.cjs", folder=tmp_path)
    assert said == "Cannot find module 'testcontainers'\n"


def test_it_is_typed(project: Project) -> None:
    """Strict TypeScript takes the class and its chains in modules of both kinds, and rejects settings that
    do not exist or are not the caller's."""
    folder = project.folder / "typed"
    folder.mkdir()
    for name in ("module.mts", "module.cts"):
        (folder / name).write_text(TYPED)
    options = {"strict": True, "module": "nodenext", "target": "es2022", "lib": ["es2022"], "types": ["node"]}
    options |= {"noEmit": True, "skipLibCheck": True, "exactOptionalPropertyTypes": True}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    project.compile(folder)
