"""The server as one FastAPI application: the emulated APIs and the control API, mounted, over one set of
worlds."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock import __version__
from audience_mock.control import LIVE, READY, Access, AdminTokens, PageRoute, Pages
from audience_mock.core import durations
from audience_mock.core.errors import DomainError, InvalidSeedError, InvalidSettingsError, StoreError
from audience_mock.core.rules import Rules
from audience_mock.core.worlds.starts import StartingState
from audience_mock.core.worlds.worlds import Configure, Worlds
from audience_mock.observing import METRICS, Observing
from audience_mock.providers import registry
from audience_mock.settings import Settings, WorldSettings, check_world_settings
from audience_mock.web.context import Served
from audience_mock.web.in_flight import InFlight
from audience_mock.web.probes import Probes
from audience_mock.web.provider_app import MountShortcut, ProviderApp, ProviderMount, mounts_of
from audience_mock.web.request import MockRequest
from audience_mock.web.uploads import Uploads
from audience_mock.web.world_selection import WorldSelection

if TYPE_CHECKING:
    from audience_mock.core.worlds.lifetimes import Lifetimes
    from audience_mock.core.worlds.tenants import Tenants
    from audience_mock.web.fair_admission import FairAdmission
    from audience_mock.web.world_selection import Admit

log = logging.getLogger("audience_mock")


def create_app(settings: Settings | None = None, *, observed: bool = True) -> FastAPI:
    """The application for these settings, by default those of the environment.

    `app.state.worlds` are its worlds, `app.state.providers` the applications of the emulated APIs by name,
    `app.state.tenants` those of the file, or None, `app.state.probes` say whether it is ready,
    `app.state.when_hung_up` is what SIGHUP calls. Opens the store, applies the seed and reads the admin
    tokens and the tenants, so it raises StoreError, InvalidSeedError, InvalidSettingsError and
    InvalidTenantsError. One that is not `observed` has no metrics, logs of requests and traces, whatever the
    settings and OpenTelemetry's variables say.
    """
    settings = settings or Settings()
    access = Access(
        settings.admin, AdminTokens(settings.admin_token, settings.admin_token_file), _read_tenants(settings)
    )
    return assemble(_open_worlds(settings, access), settings, access, observed=observed)


def replica(settings: Mapping[str, Any]) -> FastAPI:
    """An application in memory with the default settings but for these, whatever the environment says: for a
    replay, which nothing observes. Raises InvalidSettingsError."""
    defaults = Settings.model_construct().model_dump()
    return create_app(Settings(**{**defaults, "database": "sqlite://", **settings}), observed=False)


def assemble(worlds: Worlds, settings: Settings, access: Access, *, observed: bool = True) -> FastAPI:
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

    admission = None if access.tenants is None else _admit_by_quotas(worlds, access.tenants)
    uploads = Uploads()
    observing = Observing(
        settings,
        worlds,
        access,
        control=_control_app,
        uploads=uploads,
        waiting_turns=lambda: 0 if admission is None else admission.waiting,
        observed=observed,
    )
    lifetimes = _lifetimes(worlds, settings, access)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        worlds.start()
        if lifetimes is not None:
            lifetimes.start()
        yield
        if lifetimes is not None:
            lifetimes.stop()
        await worlds.until_all_free()
        worlds.close()
        observing.close()

    served_apps: dict[str, ASGIApp] = {
        name: api if admission is None else admission.around(api, api.provider)
        for name, api in providers.items()
    }
    mounts = [mount for name, api in providers.items() for mount in mounts_of(api, served_apps[name])]
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
            ProviderMount("", partial(_control, admission), ["__admin"], name="control"),
            pages.browser_route,
        ],
    )
    for name, api in providers.items():
        if api.provider.is_default:
            app.router.default = served_apps[name]
    app.state.worlds = worlds
    app.state.providers = providers
    app.state.tenants = access.tenants
    app.state.when_hung_up = observing.when_hung_up
    if access.tenants is not None:
        access.tenants.when_reloaded.append(worlds.forget_callers)
        app.state.when_hung_up.append(access.tenants.reload)
    app.state.probes = Probes(worlds.files.file, settings.ready_free_bytes, worlds.why_unavailable)
    served = Served(
        probes=app.state.probes,
        operations=sorted(
            {operation.route.operation_id for api in providers.values() for operation in api.operations}
        ),
        descriptions=lambda: {name: api.openapi() for name, api in providers.items()},
        public_url=settings.public_url,
        tenants=access.tenants,
        in_flight=InFlight() if admission is None else InFlight(admission.quotas),
        uploads=uploads,
        providers={name: api.provider for name, api in providers.items()},
        conducts=registry.conducts,
        replica=replica,
        demo_seed=lambda: seed_file("demo").read_bytes(),
    )
    app.add_middleware(MountShortcut, mounts=mounts)
    app.add_middleware(
        WorldSelection,
        worlds=worlds,
        served=served,
        reject=partial(_reject_world, access),
        is_admin_token=access.tokens.permit if access.tenants is None else access.knows,
        admit=_admission(worlds, settings, access),
        wait_to_open=None if admission is None else admission.wait_to_open,
        without_world=(LIVE, READY, METRICS),
    )
    observing.add_to(app)
    if worlds.is_shared:
        from audience_mock.core.postgres.middleware import Waiting

        app.add_middleware(Waiting)
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


async def _control(admission: "FairAdmission | None", scope: Scope, receive: Receive, send: Send) -> None:
    from audience_mock.control.cors import with_common_headers

    app = _control_app()
    served = app if admission is None else admission.around(app, app.provider)
    await served(scope, receive, with_common_headers(scope, send))


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


def _admit_by_quotas(worlds: Worlds, tenants: "Tenants") -> "FairAdmission":
    """What the quotas of tenants limit, from now on and as they are after each reload."""
    from audience_mock.web.fair_admission import FairAdmission
    from audience_mock.web.request_quotas import RequestQuotas

    ledger = worlds.ledger(tenants)
    worlds.use_quotas(ledger)
    tenants.when_reloaded.append(partial(worlds.use_quotas, ledger))
    return FairAdmission(tenants, RequestQuotas(tenants), ledger)


def _lifetimes(worlds: Worlds, settings: Settings, access: Access) -> "Lifetimes | None":
    """What deletes and closes unused worlds; None if nothing is to be."""
    idle_s = durations.seconds_or_none(settings.world_idle) if worlds.default.database.file else None
    if settings.world_ttl is None and access.tenants is None and idle_s is None:
        return None
    from audience_mock.core.worlds.lifetimes import Lifetimes

    server_s, tenants = durations.seconds_or_none(settings.world_ttl), access.tenants

    def lifetime_of(tenant: str) -> int | None:
        own_s = None if tenants is None else tenants.world_ttl_s(tenant)
        return server_s if own_s is None else own_s

    return Lifetimes(worlds, lifetime_of=lifetime_of, idle_s=idle_s)


def _admission(worlds: Worlds, settings: Settings, access: Access) -> "Admit | None":
    """What decides which worlds a request may name; None if that is any."""
    if access.tenants is None and settings.worlds == "any":
        return None
    from audience_mock.control.world_admission import WorldAdmission

    return WorldAdmission(worlds, access, any_name=settings.worlds == "any")


def _reject_world(access: Access, request: MockRequest, error: DomainError) -> Response:
    """The response to a world name that is invalid or may not be used: the control API's, since the request
    reached no emulated API."""
    from audience_mock.control.cors import common_headers
    from audience_mock.control.errors import error_response

    if access.tenants is not None:
        request.caller = access.holder_of(request.header(b"authorization") or "")
    response = error_response(request, error)
    response.raw_headers += common_headers(request.scope)
    return response


def _read_tenants(settings: Settings) -> "Tenants | None":
    """Raises InvalidTenantsError, InvalidSettingsError."""
    if settings.tenants is None:
        return None
    if settings.admin and settings.admin_token is None and settings.admin_token_file is None:
        # Without one, any caller on this machine would be the operator, and tenants' tokens mean nothing.
        raise InvalidSettingsError("tenants", "needs admin_token or admin_token_file, for the operator")
    from audience_mock.core.worlds.tenants import Tenants

    return Tenants(settings.tenants)


def _open_worlds(settings: Settings, access: Access) -> Worlds:
    configure = partial(_configured, settings, access)
    if settings.seed:
        return _seeded(settings, seed_file(settings.seed), configure)
    return _worlds_at(settings, None, configure)


def _worlds_at(settings: Settings, seed: StartingState | None, configure: Configure) -> Worlds:
    """The worlds of the database that the settings name."""
    if not settings.database.startswith("postgres"):
        return Worlds(settings.database, seed=seed, configure=configure, lock=settings.database_lock)
    try:
        from audience_mock.core.postgres.worlds import PostgresWorlds
    except ImportError as error:
        raise StoreError(f"{error}: pip install 'audience-mock[postgres]'") from None
    return PostgresWorlds(settings.database, seed=seed, configure=configure)


def _seeded(settings: Settings, file: Path, configure: Configure) -> Worlds:
    from audience_mock.core.counting import counted
    from audience_mock.core.seeds import loader
    from audience_mock.core.seeds.starting_seed import StartingSeed

    seed = loader.load(file)
    try:
        worlds = _worlds_at(settings, StartingSeed(seed), configure)
    except InvalidSeedError as error:
        raise loader.located(file, error) from None
    if worlds.seeded:
        log.info("seeded with %s", counted(len(seed.audiences), "audience"))
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
        magic_identities=here.magic_identities,
        max_upload_bytes=here.max_upload_bytes,
        journal_entries=here.journal_entries,
        journal_bytes=here.journal_bytes,
        lint_sample_bytes=here.lint_sample_bytes,
        redact_users=here.redact_users,
        record=here.record,
        request_faults=here.request_faults,
        strict_evidence=here.strict_evidence,
    )
    effective = partial(here.model_dump, mode="json", include=set(WorldSettings.model_fields))
    return rules, registry.options(here) | {"control": access, "effective_settings": effective}


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
