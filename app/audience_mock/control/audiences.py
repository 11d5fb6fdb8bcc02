"""/__admin/audiences: the audiences of both APIs, the state of each, and changes to it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.control.list_query import ListQuery
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.readiness_change import ReadinessChange
from audience_mock.control.responses import empty_response, json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.apis import ApiName, registered
from audience_mock.core.audiences import overrides, search
from audience_mock.core.audiences.lifecycle import policy_of, size_at, status_at
from audience_mock.core.readiness import FAILS, NEVER_MS, POLICY_PATTERN
from audience_mock.core.store.rows import AudienceRow
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import unix_seconds

router = APIRouter(route_class=ControlRoute, prefix="/__admin/audiences", tags=["audiences"])

_ERRORS = error(
    404, "No such audience", "there is no audience '1' in this world: GET /__admin/state lists them"
) | error(
    409,
    "Both APIs have one: choose it with `api`",
    "both APIs have an audience 54: say ?api=pinterest or ?api=pitchtarget",
)


class AudienceQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    api: ApiName | None = Field(
        default=None, description="Required if both APIs have an audience with this id."
    )


class AudienceState(ApiModel):
    """An audience of either API, in the terms of the mock. Times are Unix seconds."""

    api: ApiName
    id: str
    account: str
    kind: str
    name: str
    status: str = Field(description="The current status.")
    held_status: str | None = Field(description="The status that a seed or a test has set, if any.")
    policy: str = Field(description="What decides when it is built; `after_reads:N` counts down.")
    size: int = Field(description="Current size: 0 until the audience is built.")
    people: int = Field(description="Size once the audience is built.")
    ready_at: float | None = Field(description="When it is built; null if the policy has no time.")
    created_at: float
    updated_at: float
    facebook_id: str | None
    customer_list: str | None = Field(description="Id of the customer list that it is made of.")


class AudienceSearch(ListQuery):
    api: ApiName | None = None
    account: str | None = Field(default=None, description="Ad account, exactly.")
    kind: str | None = Field(default=None, description="Type in the terms of its API, such as `VISITOR`.")
    status: str | None = Field(default=None, description="Current status, such as `READY`.")
    sort: Literal[tuple(search.SORTS)] = "created_at"  # type: ignore[valid-type]


class AudienceList(ApiModel):
    audiences: list[AudienceState]
    total: int = Field(description="Number of audiences that meet the criteria.")


class AudienceObjects(ApiModel):
    objects: dict[str, Any] = Field(
        description="The audience as responses of its API show it, by the operation that does."
    )


class AudienceChange(ReadinessChange):
    """Keys that are left out keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"size": 48210}, {"policy": "after_reads:3"}]})

    status: str | None = Field(
        default=None,
        description=(
            "Keep this status, whatever the clock shows; null releases it. "
            + "; ".join(f"{api.name}: {', '.join(api.audience_statuses)}" for api in registered().values())
            + "."
        ),
    )
    size: int | None = Field(
        default=None,
        ge=0,
        le=1 << 40,
        description="Size once it is built, instead of that of its file, rule or list.",
    )
    policy: str | None = Field(
        default=None,
        pattern=POLICY_PATTERN,
        description=(
            "Start building again: `after_delay`, `at_once`, `after_reads:N` (built at the N-th GET of it),"
            " `by_hand` (when a PATCH says so) or `failed` (TOO_SMALL and empty, after the delay)."
        ),
    )


def _as_json(row: AudienceRow, now_ms: int) -> dict[str, Any]:
    return {
        "api": row.api,
        "id": str(row.number),
        "account": row.account,
        "kind": row.kind,
        "name": row.name,
        "status": status_at(row, now_ms),
        "held_status": row.held_status,
        "policy": policy_of(row),
        "size": size_at(row, now_ms),
        "people": row.people,
        "ready_at": unix_seconds(row.ready_at_ms) if row.ready_at_ms < NEVER_MS else None,
        "created_at": unix_seconds(row.created_at_ms),
        "updated_at": unix_seconds(row.updated_at_ms),
        "facebook_id": row.facebook_id,
        "customer_list": None if row.customer_list is None else str(row.customer_list),
    }


_EXAMPLE = {
    "api": "pinterest",
    "id": "2542623499806",
    "account": "549755885175",
    "kind": "VISITOR",
    "name": "Buyers",
    "status": "READY",
    "held_status": "READY",
    "policy": "after_delay",
    "size": 5000,
    "people": 5000,
    "ready_at": 1795348805.0,
    "created_at": 1795348800.0,
    "updated_at": 1795348800.0,
    "facebook_id": None,
    "customer_list": None,
}


@router.get(
    "",
    operation_id="audiences/search",
    summary="Search audiences",
    response_model=AudienceList,
    responses=success({"audiences": [_EXAMPLE], "total": 1}),
)
async def list_page(request: MockRequest, query: Annotated[AudienceSearch, Query()]) -> RawResponse:
    """List a page of the audiences of both APIs, by default the newest first."""
    rows, total = await request.world.read(search.search, **query.criteria())
    now_ms = request.world.clock.now_ms()
    return json_response({"audiences": [_as_json(row, now_ms) for row in rows], "total": total})


@router.get(
    "/{id}",
    operation_id="audience/get",
    summary="Get an audience",
    response_model=AudienceState,
    responses=success(_EXAMPLE) | _ERRORS,
)
async def get(request: MockRequest, id: str, query: Annotated[AudienceQuery, Query()]) -> RawResponse:
    """Show one audience, by the id of its API or by Facebook's id. This does not count as a read."""
    row = await request.world.read(overrides.find, id=id, api=query.api)
    return json_response(_as_json(row, request.world.clock.now_ms()))


@router.get(
    "/{id}/objects",
    operation_id="audience/objects",
    summary="Get an audience as its API shows it",
    response_model=AudienceObjects,
    responses=success({"objects": {"audiences/get": {"id": "2542623499806", "name": "Buyers"}}}) | _ERRORS,
)
async def get_objects(request: MockRequest, id: str, query: Annotated[AudienceQuery, Query()]) -> RawResponse:
    """Show one audience in the JSON of its API. This does not count as a read."""
    row = await request.world.read(overrides.find, id=id, api=query.api)
    show = request.context.served.providers[row.api].show
    return json_response({"objects": {} if show is None else show(request.world, row)})


@router.delete(
    "/{id}", operation_id="audience/delete", summary="Delete an audience", status_code=204, responses=_ERRORS
)
async def delete(request: MockRequest, id: str, query: Annotated[AudienceQuery, Query()]) -> RawResponse:
    """Delete an audience, its users and its shares."""
    await request.world.transact(overrides.delete, id=id, api=query.api)
    return empty_response()


@router.patch(
    "/{id}",
    operation_id="audience/update",
    summary="Change an audience",
    response_model=AudienceState,
    responses=success(_EXAMPLE) | _ERRORS,
)
async def update(
    request: MockRequest, id: str, query: Annotated[AudienceQuery, Query()], body: AudienceChange
) -> RawResponse:
    """Set the status or size of an audience, or when it is built. A policy or a time releases a status that
    was set. `updated_at` stays."""
    timed = body.time_field
    body.check_status(timed or (body.policy and "policy"))
    if timed and body.policy not in (None, FAILS):
        raise invalid_input(("policy",), f"determines when it is built: leave out {timed}", body.policy)
    row = await request.world.transact(
        overrides.apply,
        id=id,
        api=query.api,
        status=body.status,
        release="status" in body.model_fields_set,
        size=body.size,
        policy=body.policy,
        ready_at_ms=body.ready_at_ms(request.world.clock.now_ms()),
    )
    return json_response(_as_json(row, request.world.clock.now_ms()))
