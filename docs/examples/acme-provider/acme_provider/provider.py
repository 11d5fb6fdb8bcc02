"""Acme's operations, its errors, and the provider that they make."""

from fastapi import APIRouter
from pydantic import BaseModel
from pydantic_core import to_json

from audience_mock.core.audiences import changes, queries
from audience_mock.core.audiences.lifecycle import status_at
from audience_mock.core.errors import NotFoundError
from audience_mock.core.store.rows import AudienceRow
from audience_mock.web.errors import InjectedError, InvalidInputError, NoRouteError, NotAuthenticatedError
from audience_mock.web.evidence import chosen
from audience_mock.web.openapi import operation
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute

EVIDENCE = chosen("Acme's documentation, page 12")


def respond(request: MockRequest, status: int, value: object) -> RawResponse:
    body = to_json(value)
    return RawResponse(
        status, body, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    )


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    match error:
        case NotAuthenticatedError():
            status = 401
        case NotFoundError() | NoRouteError():
            status = 404
        case InvalidInputError():
            status = 400
        case InjectedError():  # a fault
            status = error.status
        case _:
            status = 500
    return respond(request, status, {"acme_error": status})


class AcmeRoute(MockRoute):
    def authorize(self, request: MockRequest) -> None:
        """Runs before the body is read."""
        if request.header(b"x-acme-key") is None:
            raise NotAuthenticatedError

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return error_response(request, error)


class NewAudience(BaseModel):
    name: str


class Audience(BaseModel):
    id: int
    name: str
    status: str
    region: str


def as_audience(request: MockRequest, row: AudienceRow) -> Audience:
    status = status_at(row, request.world.clock.now_ms())
    return Audience(id=row.number, name=row.name, status=status, region=request.options.region)


router = APIRouter(route_class=AcmeRoute)


@router.post(
    "/audiences",
    operation_id="acme_audiences/create",
    status_code=201,
    response_model=Audience,
    openapi_extra=operation(EVIDENCE),
)
async def create(request: MockRequest, body: NewAudience) -> RawResponse:
    row = await request.world.transact(
        changes.create, api="acme", account="77", kind="LIST", name=body.name, people=500
    )
    return respond(request, 201, as_audience(request, row))


@router.get(
    "/audiences/{number}",
    operation_id="acme_audiences/get",
    response_model=Audience,
    openapi_extra=operation(EVIDENCE),
)
async def get(request: MockRequest, number: int) -> RawResponse:
    row = await request.world.read(queries.find, api="acme", account="77", number=number)
    return respond(request, 200, as_audience(request, row))


def provider() -> Provider:
    return Provider(
        name="acme",
        title="Acme Ads API",
        version="1",
        description="Audiences of Acme Ads.",
        mounts={"acme": "/acme"},
        servers=({"url": "/acme"},),
        routers=(router,),
        error_response=error_response,
        errors=list,
        usage="/acme/audiences, with X-Acme-Key: <any>",
        client_variables=("ACME_BASE_URL",),
    )
