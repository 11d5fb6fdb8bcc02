"""The control API as a provider, so that it is served and described as the others are."""

from typing import Any

from audience_mock import __version__
from audience_mock.control import (
    audiences,
    clock,
    errors,
    faults,
    ids,
    journal,
    operations,
    reset,
    state,
    uploads,
    verify,
    worlds,
)
from audience_mock.control.examples import EXAMPLES
from audience_mock.web.openapi import attach_facts
from audience_mock.web.provider_app import Provider
from audience_mock.web.route import MockRoute

SECURITY: dict[str, Any] = {
    "admin_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Required if the server has an `admin_token`; otherwise only this machine may call.",
    }
}


_REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "400": (
        "The request is invalid",
        {"error": "to: must be one of 'seed', 'empty' (given: 'start')", "field": "to"},
    ),
    "401": (
        "The `admin_token` is missing or wrong",
        {"error": "send Authorization: Bearer <the token that the server was started with>"},
    ),
    "403": (
        "The request came from another machine, or from a page of another site",
        {"error": "192.0.2.7 is another machine: start the server with --admin-token to open /__admin to it"},
    ),
}


def provider() -> Provider:
    routers = (
        *(
            worlds.router,
            reset.router,
            state.router,
            state.seed_router,
            clock.router,
            audiences.router,
            ids.router,
        ),
        *(faults.router, journal.router, verify.router),
        *(uploads.router, operations.router),
    )
    # With a token where the server has one, else without.
    security: dict[str, Any] = {
        str(route.operation_id): ({"admin_token": ()}, {})
        for router in routers
        for route in router.routes
        if isinstance(route, MockRoute)
    }
    attach_facts(routers, examples={**EXAMPLES, **faults.EXAMPLES}, bodies=faults.BODIES, security=security)
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
        routers=routers,
        error_response=errors.error_response,
        security_schemes=SECURITY,
        caller_errors={"admin_token": _REFUSALS},
        journalled=False,
    )
