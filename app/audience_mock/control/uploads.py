"""/__admin/uploads: what was found in the files that were uploaded."""

from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict

from audience_mock.control.errors import answer
from audience_mock.control.routes import ControlRoute
from audience_mock.core import uploads
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.wire import WireModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])

UPLOADS_SHOWN = 100
"""The newest reports; each upload has one."""


class Reports(WireModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"uploads": []}]})

    uploads: list[dict[str, Any]]


@router.get("/uploads", operation_id="uploads/list", response_model=Reports)
async def list_(call: Call) -> Answer:
    """Reports on the newest hundred uploads of this world, the newest first."""
    return answer(200, {"uploads": await call.world.read(uploads.reports, at_most=UPLOADS_SHOWN)})
