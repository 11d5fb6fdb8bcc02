"""Its operations, and the provider that they make."""

from fastapi import APIRouter
from pydantic import BaseModel

from audience_mock.core.audiences import changes, queries
from audience_mock.core.audiences.lifecycle import status_at
from audience_mock.core.store.rows import AudienceRow
from audience_mock.web.openapi import operation
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

from .api import NAME
from .route import OURS, ToyRoute, error_response, respond

router = APIRouter(route_class=ToyRoute)


class NewAudience(BaseModel):
    name: str


class ToyAudience(BaseModel):
    id: int
    name: str
    status: str
    greeting: str


def to_json(request: MockRequest, row: AudienceRow) -> dict[str, object]:
    status = status_at(row, request.world.clock.now_ms())
    return {"id": row.number, "name": row.name, "status": status, "greeting": request.options.greeting}


@router.post(
    "/audiences",
    operation_id="toy_audiences/create",
    status_code=201,
    response_model=ToyAudience,
    openapi_extra=operation(OURS),
)
async def create(request: MockRequest, body: NewAudience) -> RawResponse:
    row = await request.world.transact(
        changes.create, api=NAME, account="77", kind="TOY", name=body.name, people=500
    )
    return respond(request, 201, to_json(request, row))


@router.get(
    "/audiences/{number}",
    operation_id="toy_audiences/get",
    response_model=ToyAudience,
    openapi_extra=operation(OURS),
)
async def get(request: MockRequest, number: int) -> RawResponse:
    row = await request.world.read(queries.find, api=NAME, account="77", number=number)
    return respond(request, 200, to_json(request, row))


def provider() -> Provider:
    return Provider(
        name=NAME,
        title="Toy API",
        version="1",
        description="For a test.",
        mounts={"toy": "/toy"},
        servers=({"url": "/toy"},),
        routers=(router,),
        error_response=error_response,
        errors=list,
        usage="/toy/audiences, with X-Toy-Key: <any>",
        client_variables=("TOY_BASE_URL",),
    )
