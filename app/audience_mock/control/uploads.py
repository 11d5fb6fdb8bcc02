"""/__admin/uploads: reports on the files that were uploaded."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from pydantic_core import from_json

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.audiences.lifecycle import upload_state_at
from audience_mock.core.store.rows import ListUploadRow, UploadPartRow
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import list_uploads, uploads
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import unix_seconds

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])

MAX_REPORTS = 100
"""In a response, the newest. Chosen."""


class UploadReports(ApiModel):
    uploads: list[dict[str, Any]] = Field(description="Files of users that an audience got.")
    list_uploads: list[dict[str, Any]] = Field(
        description="Uploads to customer lists: `parts` (number and bytes) until one is run, then `valid`,"
        " `invalid`, and `errors` by what the records are not."
    )


@router.get(
    "/uploads",
    operation_id="uploads/list",
    summary="List upload reports",
    response_model=UploadReports,
    responses=success({"uploads": [], "list_uploads": []}),
)
async def list_all(request: MockRequest) -> RawResponse:
    """Report on the newest hundred uploads of this world, the newest first."""
    reports, found = await request.world.read(_newest)
    now_ms = request.world.clock.now_ms()
    of_lists = [_as_json(upload, parts, now_ms) for upload, parts in found]
    return json_response({"uploads": reports, "list_uploads": of_lists})


def _newest(
    tx: Transaction,
) -> tuple[list[dict[str, Any]], list[tuple[ListUploadRow, list[UploadPartRow]]]]:
    return (
        uploads.list_reports(tx, limit=MAX_REPORTS),
        list_uploads.list_newest(tx, limit=MAX_REPORTS),
    )


def _as_json(upload: ListUploadRow, parts: Sequence[UploadPartRow], now_ms: int) -> dict[str, Any]:
    return {
        "id": str(upload.number),
        "customer_list": str(upload.customer_list),
        "operation": upload.operation,
        "state": upload_state_at(upload, now_ms),
        "total_parts": upload.total_parts,
        "parts": [{"part": part.part, "bytes": part.size_bytes} for part in parts],
        "created_at": unix_seconds(upload.created_at_ms),
        "ready_at": None if upload.ready_at_ms is None else unix_seconds(upload.ready_at_ms),
        "valid": upload.valid,
        "invalid": upload.invalid,
        "errors": None if upload.errors is None else from_json(upload.errors),
    }
