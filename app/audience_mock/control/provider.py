"""The control API as a provider: dispatched and described as the emulated APIs are."""

from audience_mock import __version__
from audience_mock.control import (
    audiences,
    backup,
    bridge,
    bundle,
    clock,
    conduct,
    contract_diff,
    cors,
    customer_lists,
    errors,
    events,
    faults,
    health,
    identities,
    ids,
    journal,
    lint,
    operations,
    overview,
    snapshots,
    state,
    sweep,
    tokens,
    uploads,
    verify,
    world_diff,
    worlds,
)
from audience_mock.web.provider_app import Provider

_CALLER_ERRORS = {
    "400": (
        "The request is invalid",
        {"error": "to: must be one of 'seed', 'empty' (given: 'start')", "field": "to"},
    ),
    "401": (
        "The admin token is missing or wrong",
        {"error": "send Authorization: Bearer <an admin token of this server>"},
    ),
    "403": (
        "The request came from another machine, through a proxy, or from a page of another site, or its token"
        " may only read",
        {"error": "192.0.2.7 is another machine: start the server with --admin-token to open /__admin to it"},
    ),
    "429": (
        "A quota of the tenant, or of the server, is used up",
        {
            "error": "tenant team-a may have 20 worlds at most: use less, or ask the operator for a higher"
            " quota"
        },
    ),
}


_BODY_ERRORS = {
    "413": ("The body is too large", {"error": "body is larger than 1048576 bytes: send less"}),
    "415": (
        "The body has a content encoding",
        {"error": "content encoding gzip is not served: send the body as it is"},
    ),
}


def provider() -> Provider:
    return Provider(
        name="control",
        title="Audience Mock control API",
        version=__version__,
        description=(
            "What a test calls to control the mock. An operation acts on the world that the request names, by"
            " the path prefix /worlds/{name}/ or the header X-Audience-Mock-World; else on the default world."
            " A world is an isolated environment with its own data, ids, clock, faults, limits and request"
            " journal."
        ),
        mounts={"__admin": ""},
        servers=({"url": "/"},),
        routers=(
            health.router,
            overview.router,
            worlds.router,
            world_diff.router,
            state.router,
            state.seed_router,
            snapshots.router,
            backup.router,
            bridge.router,
            clock.router,
            audiences.router,
            customer_lists.router,
            ids.router,
            faults.router,
            journal.router,
            bundle.router,
            contract_diff.router,
            verify.router,
            conduct.router,
            sweep.router,
            uploads.router,
            lint.router,
            identities.router,
            tokens.router,
            events.router,
            operations.router,
        ),
        error_response=errors.error_response,
        preflight=cors.preflight,
        security_schemes={
            "admin_token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Required if the server has admin tokens; otherwise only this"
                " machine may call.",
            }
        },
        default_security=({"admin_token": []}, {}),
        caller_errors={"admin_token": _CALLER_ERRORS},
        body_errors=_BODY_ERRORS,
        journalled=False,
    )
