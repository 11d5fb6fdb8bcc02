"""The server as one FastAPI application: the emulated APIs and the control API, mounted, over one set of
worlds."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock import __version__
from audience_mock.control import LIVE, READY, Access, AdminTokens, PageRoute, Pages
from audience_mock.core import durations
from audience_mock.core.errors import DomainError
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.observing import METRICS, Observing
from audience_mock.opening import open_worlds, read_tenants, seed_file
from audience_mock.providers import registry
from audience_mock.settings import Settings
from audience_mock.web.context import Served
from audience_mock.web.in_flight import InFlight
from audience_mock.web.mounting import MountShortcut, ProviderMount, mounts_of
from audience_mock.web.probes import Probes
from audience_mock.web.provider_app import ProviderApp
from audience_mock.web.request import MockRequest
from audience_mock.web.uploads import Uploads
from audience_mock.web.world_selection import WorldSelection

if TYPE_CHECKING:
    from audience_mock.core.worlds.lifetimes import Lifetimes
    from audience_mock.core.worlds.tenants import Tenants
    from audience_mock.web.fair_admission import FairAdmission
    from audience_mock.web.world_selection import Admit


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
        settings.admin, AdminTokens(settings.admin_token, settings.admin_token_file), read_tenants(settings)
    )
    return assemble(open_worlds(settings, access), settings, access, observed=observed)


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
