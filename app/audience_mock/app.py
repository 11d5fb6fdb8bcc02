"""The server as one ASGI application: a world, the providers that speak of it, the control plane."""

import json
import logging
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock.control import PREFIXES, Access, pages_app
from audience_mock.core.errors import DomainError, InvalidSeedError, InvalidSettingsError
from audience_mock.core.worlds.world import Rules
from audience_mock.core.worlds.worlds import Configure, Worlds
from audience_mock.providers.pinterest import provider as pinterest
from audience_mock.providers.pitchtarget import provider as pitchtarget
from audience_mock.settings import Settings, WorldSettings
from audience_mock.web.provider_app import ProviderApp
from audience_mock.web.world_selection import choose

log = logging.getLogger("audience_mock")

MOUNTS = {"v5": "/v5"}
"""First parts of a path that are no part of an operation's path: Pinterest's base path."""


class AudienceMock:
    """Hands each request, with the world that it is for, to the provider that its path begins with.

    PitchTarget's API lives at the root, so it also answers to what no one else knows.
    """

    def __init__(self, worlds: Worlds, settings: Settings) -> None:
        self.worlds = worlds
        self.world = worlds.default
        self.providers = {
            provider.name: ProviderApp(provider)
            for provider in (
                pitchtarget.provider(),
                pinterest.provider(cors_origins=settings.cors_origins),
            )
        }
        for app in self.providers.values():
            app.neighbours = list(self.providers.values())
        pages = pages_app(self.descriptions, self._control)
        self._apps: dict[str, ASGIApp] = {
            prefix: app for app in self.providers.values() for prefix in app.provider.prefixes
        }
        self._apps |= dict.fromkeys(PREFIXES, pages)
        self._fallback = self.providers["pitchtarget"]

    @property
    def descriptions(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """What each API serves, by name, made when it is asked for."""
        served = {name: app.openapi for name, app in self.providers.items()}
        return {**served, "control": lambda: _control_app().openapi()}

    def graded(self) -> dict[str, dict[str, Any]]:
        """The descriptions of the doubles, which say what each rule rests on."""
        return {name: app.openapi() for name, app in self.providers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not served")
        name = choose(scope)
        root: str = scope["root_path"]
        # `//v5/…` is what a base URL with a slash at its end makes; the API that is meant refuses it.
        path = scope["path"][len(root) :]
        first = path.lstrip("/").partition("/")[0] if path != "/" else ""
        scope["worlds"] = self.worlds
        try:
            scope["world"] = self.worlds.get(name)
        except DomainError as error:
            await _refuse_world(scope, receive, send, error)
            return
        if first in MOUNTS:
            scope["root_path"] = root + MOUNTS[first]
        await self._apps.get(first, self._fallback)(scope, receive, send)

    @property
    def operations(self) -> list[str]:
        """The ids of what both APIs serve, sorted."""
        return sorted({id for app in self.providers.values() for id in app.operations})

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["graded"] = self.graded
        scope["operations"] = self.operations
        await _control_app()(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.worlds.close()
        await send({"type": "lifespan.shutdown.complete"})


@cache
def _control_app() -> ProviderApp:
    """Built when it is first called: a start has no use for it."""
    from audience_mock.control.provider import provider

    return ProviderApp(provider())


async def _refuse_world(scope: Scope, receive: Receive, send: Send, error: DomainError) -> None:
    """A world that there cannot be; no API has words for that, so these are the control plane's."""
    from audience_mock.control.errors import error_response
    from audience_mock.web.request import MockRequest

    scope["world"] = scope["worlds"].default
    await error_response(MockRequest(scope, receive, send), error)(scope, receive, send)


def create_app(settings: Settings | None = None) -> AudienceMock:
    """The application that `settings` describe; the environment's, if there are none.

    Opens the store and plants the seed, so it raises StoreError and InvalidSeedError.
    """
    settings = settings or Settings()
    configure = partial(_configured, settings)
    if settings.seed:
        worlds = _seeded(settings, seed_file(settings.seed), configure)
    else:
        worlds = Worlds(settings.database, configure=configure)
    return AudienceMock(worlds, settings)


def _seeded(settings: Settings, file: Path, configure: Configure) -> Worlds:
    from audience_mock.core.seeds import loader as seed_files

    seed = seed_files.load(file)
    try:
        worlds = Worlds(settings.database, seed=seed, configure=configure)
    except InvalidSeedError as error:
        raise seed_files.located(file, error) from None
    if worlds.planted:
        log.info("seeded with %d audiences", len(seed.audiences))
    else:
        log.info("%s already has a state; the seed is left out", settings.database)
    return worlds


def _configured(settings: Settings, own: Mapping[str, Any]) -> tuple[Rules, dict[str, Any]]:
    """What the settings of a world come to: `own`, over the server's. Raises InvalidSettingsError."""
    here: WorldSettings = settings
    if own:
        try:
            WorldSettings.model_validate(own)
            here = Settings.model_validate({**settings.model_dump(), **own})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            known = ", ".join(WorldSettings.model_fields)
            hint = f" (a world has {known})" if first["type"] == "extra_forbidden" else ""
            raise InvalidSettingsError(f"settings.{name}: {first['msg']}{hint}") from None
    rules = Rules(
        build_delay_s=here.build_delay_s,
        audience_ready=here.audience_ready,
        match_rate=here.match_rate,
        max_upload_bytes=here.max_upload_bytes,
        journal_entries=here.journal_entries,
        journal_bytes=here.journal_bytes,
        request_faults=here.request_faults,
    )
    return rules, {
        "pinterest": pinterest.Options(
            create_status=here.pinterest_create_status,
            auth_mode=here.auth_mode,
            rate_limits=here.rate_limits,
            contract=here.pinterest_contract,
            validation=here.pinterest_validation,
        ),
        "pitchtarget": pitchtarget.Options(revision=here.pitchtarget_revision),
        "control": Access(settings.admin, settings.admin_token),
    }


def describe(directory: Path) -> list[Path]:
    """Write what each API serves as JSON into `directory`, and what it rests on as Markdown; answers the
    files."""
    app = AudienceMock(Worlds(), Settings.model_construct())
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, described in app.descriptions.items():
        file = directory / f"{name}.json"
        text = json.dumps(described(), indent=2, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")
        files.append(file)
    from audience_mock.web.operations import operations, table

    files.append(directory / "EVIDENCE.md")
    files[-1].write_text(table(operations(app.graded())), encoding="utf-8")
    app.worlds.close()
    return files


def seed_file(seed: str) -> Path:
    """A path, or the name of a world that comes along: in the wheel, or beside the sources."""
    if seed != "demo":
        return Path(seed)
    for folder in (
        Path(str(resources.files("audience_mock"))) / "worlds",
        Path(__file__).parents[2] / "fixtures/worlds",
    ):
        if (folder / "demo.json").is_file():
            return folder / "demo.json"
    raise InvalidSeedError("the demo world is missing from this installation: give a file instead")
