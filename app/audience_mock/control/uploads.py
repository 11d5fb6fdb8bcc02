"""/__admin/uploads: reports on the files that were uploaded."""

from typing import Any

from fastapi import APIRouter

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.users import uploads
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])

MAX_REPORTS = 100
"""In a response, the newest. Chosen."""


class UploadReports(ApiModel):
    uploads: list[dict[str, Any]]


@router.get(
    "/uploads",
    operation_id="uploads/list",
    summary="List upload reports",
    response_model=UploadReports,
    responses=success({"uploads": []}),
)
async def list_all(request: MockRequest) -> RawResponse:
    """Report on the newest hundred uploads of this world, the newest first."""
    reports = await request.world.read(uploads.list_reports, limit=MAX_REPORTS)
    return json_response({"uploads": reports})
