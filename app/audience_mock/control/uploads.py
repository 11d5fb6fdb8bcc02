"""/__admin/uploads: what was found in the files that were uploaded."""

from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict

from audience_mock.control.errors import response
from audience_mock.control.route import ControlRoute
from audience_mock.core.users import uploads
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])

UPLOADS_SHOWN = 100
"""The newest reports; each upload has one."""


class Reports(ApiModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"uploads": []}]})

    uploads: list[dict[str, Any]]


@router.get("/uploads", operation_id="uploads/list", response_model=Reports)
async def list_(request: MockRequest) -> RawResponse:
    """Report on the newest hundred uploads of this world, the newest first."""
    return response(200, {"uploads": await request.world.read(uploads.list_reports, limit=UPLOADS_SHOWN)})
