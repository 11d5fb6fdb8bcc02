"""/__admin/backup: all worlds and snapshots of the server in one file."""

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from audience_mock.control import access
from audience_mock.control.openapi_responses import error
from audience_mock.control.route import ControlRoute
from audience_mock.core.worlds.backup import archive
from audience_mock.web.request import MockRequest


class OperatorRoute(ControlRoute):
    """For what is about all tenants."""

    def authorize(self, request: MockRequest) -> None:
        super().authorize(request)
        access.check_operator(request, request.options)


router = APIRouter(route_class=OperatorRoute, prefix="/__admin", tags=["server"])

MEDIA_TYPE = "application/x-tar"


@router.get(
    "/backup",
    operation_id="backup/get",
    summary="Back up the server",
    response_class=Response,
    responses=error(
        409,
        "The database is PostgreSQL",
        "a PostgreSQL database is backed up by its own programs: pg_dump, or a base backup with its log",
    )
    | {
        200: {
            "description": "A tar file, which `audience-mock restore` reads.",
            "content": {
                MEDIA_TYPE: {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "default.db, worlds/blue.db, worlds/blue@one.db, manifest.json",
                }
            },
        }
    },
)
async def get(request: MockRequest) -> Response:
    """Send the databases of all worlds, with their snapshots, clocks and settings, in one tar file, whatever
    world the request names.

    Each world is as it was at one moment, and others are served meanwhile. The last member of the file is
    `manifest.json`: a backup without it broke off.
    """
    request.worlds.check_can_be_archived()
    return StreamingResponse(
        archive(request.worlds), media_type=MEDIA_TYPE, headers={"cache-control": "no-store"}
    )
