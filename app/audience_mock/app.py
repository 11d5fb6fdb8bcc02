"""The server as one FastAPI application: the emulated APIs and the control API, mounted, over one set of
worlds."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audience_mock import __version__
from audience_mock.control import Access, AdminTokens, PageRoute, Pages
from audience_mock.core.errors import DomainError, InvalidSeedError
from audience_mock.core.rules import Rules
from audience_mock.core.worlds.worlds import Configure, Worlds
from audience_mock.observing import Observing
from audience_mock.providers import registry
from audience_mock.settings import Settings, WorldSettings, check_world_settings
from audience_mock.web.context import Served
from audience_mock.web.provider_app import MountShortcut, ProviderApp, ProviderMount, mounts_of
from audience_mock.web.request import MockRequest
from audience_mock.web.world_selection import WorldSelection

log = logging.getLogger("audience_mock")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for these settings, by default those of the environment.

    `app.state.worlds` are its worlds, `app.state.providers` the applications of the emulated APIs by name.
    Opens the store, applies the seed and reads the admin tokens, so it raises StoreError, InvalidSeedError
    and InvalidSettingsError.
    """
    settings = settings or Settings()
    access = Access(settings.admin, AdminTokens(settings.admin_token, settings.admin_token_file))
    return assemble(_open_worlds(settings, access), settings, access)


def assemble(worlds: Worlds, settings: Settings, access: Access) -> FastAPI:
    """The application over these worlds."""
    providers = {
        provider.name: ProviderApp(provider, cors_origins=settings.cors_origins)
        for provider in registry.providers()
    }
    for api in providers.values():
        api.siblings = list(providers.values())
    pages = Pages(
        {name: api.openapi for name, api in providers.items()} | {"control": _describe_control},
        {name: api.provider.usage for name, api in providers.items()},
        html=["/__admin/ui/", "/docs"] if settings.admin else ["/docs"],
    )

    observing = Observing(settings, worlds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await worlds.until_all_free()
        worlds.close()
        observing.close()

    mounts = [mount for api in providers.values() for mount in mounts_of(api)]
    app = FastAPI(
        title="Audience Mock",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=observing.telemetry,
        exception_handlers=pages.exception_handlers,
        routes=[
            *mounts,
            *pages.routes,
            *(_console_routes() if settings.admin else ()),
            *_docs_routes(),
            ProviderMount("", _control, ["__admin"], name="control"),
            pages.browser_route,
        ],
    )
    for api in providers.values():
        if api.provider.is_default:
            app.router.default = api
    app.state.worlds = worlds
    app.state.providers = providers
    served = Served(
        operations=sorted(
            {operation.route.operation_id for api in providers.values() for operation in api.operations}
        ),
        descriptions=lambda: {name: api.openapi() for name, api in providers.items()},
        public_url=settings.public_url,
        providers={name: api.provider for name, api in providers.items()},
        demo_seed=lambda: seed_file("demo").read_bytes(),
    )
    app.add_middleware(MountShortcut, mounts=mounts)
    app.add_middleware(
        WorldSelection,
        worlds=worlds,
        served=served,
        reject=_reject_world,
        is_admin_token=access.tokens.permit,
    )
    observing.add_to(app, access)
    if settings.trusted_proxies or settings.public_url is not None:
        from audience_mock.web.proxies import TrustedProxies

        app.add_middleware(
            TrustedProxies, networks=settings.trusted_proxies or (), public_url=settings.public_url
        )
    return app


@cache
def _control_app() -> ProviderApp:
    """Built at its first request, which keeps it out of the start-up time."""
    from audience_mock.control.provider import provider

    return ProviderApp(provider())


async def _control(scope: Scope, receive: Receive, send: Send) -> None:
    from audience_mock.control.cors import with_common_headers

    await _control_app()(scope, receive, with_common_headers(scope, send))


def _console_routes() -> list[PageRoute]:
    """A server without its control API has no console either."""

    async def serve(request: Request) -> Response:
        from audience_mock import console

        return await console.serve(request)

    return [PageRoute("/__admin/ui", serve), PageRoute("/__admin/ui/{file:path}", serve)]


def _docs_routes() -> list[PageRoute]:
    async def serve(request: Request) -> Response:
        from audience_mock import console

        return await console.serve_docs(request)

    return [PageRoute("/docs", serve), PageRoute("/docs/{file:path}", serve)]


def _describe_control() -> dict[str, Any]:
    return _control_app().openapi()


def _reject_world(request: MockRequest, error: DomainError) -> Response:
    """The response to an invalid world name: the control API's, since the request reached no emulated API."""
    from audience_mock.control.cors import common_headers
    from audience_mock.control.errors import error_response

    response = error_response(request, error)
    response.raw_headers += common_headers(request.scope)
    return response


def _open_worlds(settings: Settings, access: Access) -> Worlds:
    configure = partial(_configured, settings, access)
    if settings.seed:
        return _seeded(settings, seed_file(settings.seed), configure)
    return Worlds(settings.database, configure=configure)


def _seeded(settings: Settings, file: Path, configure: Configure) -> Worlds:
    from audience_mock.core.seeds import loader
    from audience_mock.core.seeds.starting_seed import StartingSeed

    seed = loader.load(file)
    try:
        worlds = Worlds(settings.database, seed=StartingSeed(seed), configure=configure)
    except InvalidSeedError as error:
        raise loader.located(file, error) from None
    if worlds.seeded:
        log.info("seeded with %d audiences", len(seed.audiences))
    else:
        log.info("database not empty; --seed ignored: %s", settings.database)
    return worlds


def _configured(settings: Settings, access: Access, own: Mapping[str, Any]) -> tuple[Rules, dict[str, Any]]:
    """The effective settings of a world: its `own` override the server's. Raises InvalidSettingsError."""
    here: WorldSettings = settings
    if own:
        check_world_settings(own)
        here = Settings.model_validate({**settings.model_dump(), **own})
    rules = Rules(
        build_delay_s=here.build_delay_s,
        audience_ready=here.audience_ready,
        match_rate=here.match_rate,
        max_upload_bytes=here.max_upload_bytes,
        journal_entries=here.journal_entries,
        journal_bytes=here.journal_bytes,
        lint_sample_bytes=here.lint_sample_bytes,
        redact_users=here.redact_users,
        request_faults=here.request_faults,
    )
    return rules, registry.options(here) | {"control": access}


def describe(directory: Path) -> list[Path]:
    """Write each API's description as JSON into `directory`, and the evidence as Markdown; returns the
    files."""
    from audience_mock.web.operations import evidence_table, list_operations

    app = assemble(Worlds(), Settings.model_construct(), Access())
    described = {name: api.openapi() for name, api in app.state.providers.items()}
    texts = {
        f"{name}.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in (described | {"control": _describe_control()}).items()
    } | {"EVIDENCE.md": evidence_table(list_operations(described))}
    app.state.worlds.close()
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]


def seed_file(seed: str) -> Path:
    """A path, or the name of an included world: in the wheel, or beside the sources."""
    if seed != "demo":
        return Path(seed)
    for folder in (
        Path(str(resources.files("audience_mock"))) / "worlds",
        Path(__file__).parents[2] / "fixtures/worlds",
    ):
        if (folder / "demo.json").is_file():
            return folder / "demo.json"
    raise InvalidSeedError("the demo world is missing from this installation: give a file instead")
