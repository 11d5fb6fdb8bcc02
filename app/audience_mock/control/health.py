"""/__admin/health, live and ready, described; the pages that answer are in `pages`, which does without the
control API."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from audience_mock import __version__
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.pages import ALIVE, health_of, readiness_of
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.web.openapi import operation, response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel


class HealthRoute(ControlRoute):
    """Open to anyone."""

    def authorize(self, request: MockRequest) -> None:
        return


router = APIRouter(route_class=HealthRoute, prefix="/__admin", tags=["server"])


_INVALID_NAME = error(
    400,
    "The name of the world is invalid",
    "'' is not a valid name: give 1 to 100 letters, digits, dots, dashes and underscores, the first a"
    " letter or digit",
)


class Health(ApiModel):
    status: Literal["ready"]
    version: str = Field(description="The version of Audience Mock.")
    audiences: int = Field(description="Number of audiences of both APIs in the world.")


@router.get(
    "/health",
    operation_id="health/get",
    summary="Get the health",
    response_model=Health,
    responses=success({"status": "ready", "version": __version__, "audiences": 0}) | _INVALID_NAME,
    openapi_extra=operation(security=()),
)
async def get(request: MockRequest) -> RawResponse:
    """Say that the server is ready. Any caller may ask, without a token, even with `--no-admin`."""
    return json_response(await health_of(request.world))


class Live(ApiModel):
    status: Literal["alive"]


@router.get(
    "/live",
    operation_id="live/get",
    summary="Ask whether the server is alive",
    response_model=Live,
    responses=success(ALIVE) | _INVALID_NAME,
    openapi_extra=operation(security=()),
)
async def get_live(request: MockRequest) -> RawResponse:
    """Say that the process answers, whatever its store does: if it does not, start it again. Any caller may
    ask."""
    return json_response(ALIVE)


class Ready(ApiModel):
    status: Literal["ready"]


class NotReady(ApiModel):
    status: Literal["not_ready"]
    reason: Literal["draining", "no_store", "disk_full"]
    error: str = Field(description="The reason in a sentence.")


@router.get(
    "/ready",
    operation_id="ready/get",
    summary="Ask whether the server is ready",
    response_model=Ready,
    responses=success({"status": "ready"})
    | _INVALID_NAME
    | {
        503: response(
            {"status": "not_ready", "reason": "draining", "error": "the server is about to end"},
            description="Requests should go elsewhere",
            model=NotReady,
        )
    },
    openapi_extra=operation(security=()),
)
async def get_ready(request: MockRequest) -> RawResponse:
    """Say whether requests should be sent here. They should not while the server ends (`drain_s`), if its
    database file is gone or cannot be written to, or if its disk is nearly full (`ready_free_bytes`). It
    answers what it can nevertheless. Any caller may ask."""
    status, body = readiness_of(request.context.served.probes)
    return json_response(body, status)
