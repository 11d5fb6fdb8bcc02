"""The server as one ASGI application: a world, the dialects that speak of it, the control plane."""

import json
import logging
from importlib import resources
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock import pinterest, pitchtarget
from audience_mock.control import control_app
from audience_mock.control.pages import PREFIXES
from audience_mock.core import seeds
from audience_mock.core.database import Database
from audience_mock.core.errors import BadSeed
from audience_mock.core.world import Rules, World
from audience_mock.settings import Settings
from audience_mock.transport.dialects import Dialect, DialectApp

log = logging.getLogger("audience_mock")

MOUNTS = {"v5": "/v5"}
"""First parts of a path that are no part of an operation's path: Pinterest's base path."""


class AudienceMock:
    """Hands each request, with the world that it is for, to the dialect that its path begins with.

    PitchTarget's API lives at the root, so it also answers to what no one else knows.
    """

    def __init__(self, world: World, dialects: list[Dialect]) -> None:
        self.world = world
        self.dialects = {dialect.name: DialectApp(dialect) for dialect in dialects}
        control = control_app({name: app.openapi for name, app in self.dialects.items()})
        self._apps: dict[str, ASGIApp] = {
            prefix: app for app in self.dialects.values() for prefix in app.dialect.prefixes
        }
        self._apps |= dict.fromkeys(PREFIXES, control)
        self._fallback = self.dialects["pitchtarget"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not served")
        path = scope["path"]
        # `//v5/…` is what a base URL with a slash at its end makes; the API that is meant refuses it.
        first = path.lstrip("/").partition("/")[0] if path != "/" else ""
        scope["world"] = self.world
        if first in MOUNTS:
            scope["root_path"] = MOUNTS[first]
        await self._apps.get(first, self._fallback)(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.world.close()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: Settings | None = None) -> AudienceMock:
    """The application that `settings` describe; the environment's, if there are none.

    Opens the store and plants the seed, so it raises BadDatabase and BadSeed.
    """
    settings = settings or Settings()
    rules = Rules(
        build_delay_s=settings.build_delay_s,
        match_rate=settings.match_rate,
        max_upload_bytes=settings.max_upload_bytes,
    )
    seed = seeds.load(_seed_file(settings.seed)) if settings.seed else None
    world = World(Database(settings.database), rules=rules)
    try:
        if seed is not None:
            if world.transact_now(seeds.is_untouched):
                log.info("seeded with %d audiences", world.transact_now(seeds.plant, seed))
            else:
                log.info("%s already has a state; the seed is left out", settings.database)
    except BaseException:
        world.close()
        raise
    return AudienceMock(
        world,
        [
            pitchtarget.dialect(revision=settings.pitchtarget_revision),
            pinterest.dialect(
                create_status=settings.pinterest_create_status,
                cors_origins=settings.cors_origins,
                auth_mode=settings.auth_mode,
                rate_limits=settings.rate_limits,
                contract=settings.pinterest_contract,
                validation=settings.pinterest_validation,
            ),
        ],
    )


def describe(directory: Path) -> list[Path]:
    """Write what each dialect serves as JSON into `directory`; answers the files."""
    app = AudienceMock(
        World(Database()),
        [
            pitchtarget.dialect(revision="2014-05"),
            pinterest.dialect(
                create_status=201, cors_origins=("*",), auth_mode="lenient", rate_limits="count"
            ),
        ],
    )
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, dialect_app in app.dialects.items():
        file = directory / f"{name}.json"
        file.write_text(
            json.dumps(dialect_app.openapi(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        files.append(file)
    app.world.close()
    return files


def _seed_file(seed: str) -> Path:
    """A path, or the name of a world that comes along: in the wheel, or beside the sources."""
    if seed != "demo":
        return Path(seed)
    for folder in (
        Path(str(resources.files("audience_mock"))) / "worlds",
        Path(__file__).parents[2] / "fixtures/worlds",
    ):
        if (folder / "demo.json").is_file():
            return folder / "demo.json"
    raise BadSeed("the demo world is missing from this installation: give a file instead")
