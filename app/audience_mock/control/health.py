"""/__admin/health, described; the page that answers it is in `pages`, which does without the control API."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from audience_mock import __version__
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.pages import health_of
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.web.openapi import operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel


class HealthRoute(ControlRoute):
    """Open to anyone."""

    def authorize(self, request: MockRequest) -> None:
        return


router = APIRouter(route_class=HealthRoute, prefix="/__admin", tags=["server"])


class Health(ApiModel):
    status: Literal["ready"]
    version: str = Field(description="The version of Audience Mock.")
    audiences: int = Field(description="Number of audiences of both APIs in the world.")


@router.get(
    "/health",
    operation_id="health/get",
    summary="Get the health",
    response_model=Health,
    responses=success({"status": "ready", "version": __version__, "audiences": 0})
    | error(
        400,
        "The name of the world is invalid",
        "'' is not a valid name: give 1 to 100 letters, digits, dots, dashes and underscores, the first a"
        " letter or digit",
    ),
    openapi_extra=operation(security=()),
)
async def get(request: MockRequest) -> RawResponse:
    """Say that the server is ready. Any caller may ask, without a token, even with `--no-admin`."""
    return json_response(await health_of(request.world))
