"""/__admin/customer-lists: the customer lists of all accounts, the state of each, and changes to it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.list_query import ListQuery
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.readiness_change import ReadinessChange
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.audiences.lifecycle import list_status_at
from audience_mock.core.errors import NotFoundError
from audience_mock.core.readiness import NEVER_MS
from audience_mock.core.store.rows import CustomerListRow
from audience_mock.core.store.tables import CUSTOMER_LIST_API
from audience_mock.core.users import list_search
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import unix_seconds

router = APIRouter(route_class=ControlRoute, prefix="/__admin/customer-lists", tags=["customer lists"])

_NO_LIST = error(404, "No such customer list", "there is no customer list '77' in this world")


class CustomerListSearch(ListQuery):
    account: str | None = Field(default=None, description="Ad account, exactly.")
    status: Literal[list_search.STATUSES] | None = Field(default=None, description="Current status.")  # type: ignore[valid-type]
    sort: Literal[tuple(list_search.SORTS)] = "created_at"  # type: ignore[valid-type]


class CustomerListState(ApiModel):
    """A customer list in the terms of the mock. Times are Unix seconds."""

    id: str
    account: str
    name: str
    list_type: str
    status: str = Field(description="The current status.")
    held_status: str | None = Field(description="The status that a seed or a test has set, if any.")
    people: int = Field(description="Number of matched people.")
    batches: int
    uploaded_records: int
    removed_records: int
    ready_at: float | None = Field(description="When it is built; null if never.")
    created_at: float
    updated_at: float


class CustomerLists(ApiModel):
    customer_lists: list[CustomerListState]
    total: int = Field(description="Number of customer lists that meet the criteria.")


class CustomerListObjects(ApiModel):
    objects: dict[str, Any] = Field(
        description="The list as responses of its API show it, by the operation that does."
    )


class CustomerListChange(ReadinessChange):
    """Keys that are left out keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "PROCESSING"}, {"ready_in_s": 60}]})

    status: str | None = Field(
        default=None,
        description="Keep this status, whatever the clock shows; null releases it. "
        + ", ".join(list_search.STATUSES)
        + ".",
    )


def _as_json(row: CustomerListRow, now_ms: int) -> dict[str, Any]:
    return {
        "id": str(row.number),
        "account": row.account,
        "name": row.name,
        "list_type": row.list_type,
        "status": list_status_at(row, now_ms),
        "held_status": row.held_status,
        "people": row.people,
        "batches": row.batches,
        "uploaded_records": row.uploaded_records,
        "removed_records": row.removed_records,
        "ready_at": unix_seconds(row.ready_at_ms) if row.ready_at_ms < NEVER_MS else None,
        "created_at": unix_seconds(row.created_at_ms),
        "updated_at": unix_seconds(row.updated_at_ms),
    }


_EXAMPLE = {
    "id": "643",
    "account": "549755885175",
    "name": "Newsletter",
    "list_type": "EMAIL",
    "status": "READY",
    "held_status": None,
    "people": 1200,
    "batches": 1,
    "uploaded_records": 1200,
    "removed_records": 0,
    "ready_at": 1795348805.0,
    "created_at": 1795348800.0,
    "updated_at": 1795348800.0,
}


@router.get(
    "",
    operation_id="customer_lists/search",
    summary="Search customer lists",
    response_model=CustomerLists,
    responses=success({"customer_lists": [_EXAMPLE], "total": 1}),
)
async def list_page(request: MockRequest, query: Annotated[CustomerListSearch, Query()]) -> RawResponse:
    """List a page of the customer lists, by default the newest first."""
    rows, total = await request.world.read(list_search.search, **query.criteria())
    now_ms = request.world.clock.now_ms()
    return json_response({"customer_lists": [_as_json(row, now_ms) for row in rows], "total": total})


@router.get(
    "/{id}",
    operation_id="customer_list/get",
    summary="Get a customer list",
    response_model=CustomerListState,
    responses=success(_EXAMPLE) | _NO_LIST,
)
async def get(request: MockRequest, id: str) -> RawResponse:
    """Show one customer list."""
    row = await request.world.read(list_search.find, number=_number(id))
    return json_response(_as_json(row, request.world.clock.now_ms()))


@router.get(
    "/{id}/objects",
    operation_id="customer_list/objects",
    summary="Get a customer list as its API shows it",
    response_model=CustomerListObjects,
    responses=success({"objects": {"customer_lists/get": {"id": "643", "name": "Newsletter"}}}) | _NO_LIST,
)
async def get_objects(request: MockRequest, id: str) -> RawResponse:
    """Show one customer list in the JSON of its API."""
    row = await request.world.read(list_search.find, number=_number(id))
    show = request.context.served.providers[CUSTOMER_LIST_API].show
    return json_response({"objects": {} if show is None else show(request.world, row)})


@router.patch(
    "/{id}",
    operation_id="customer_list/update",
    summary="Change a customer list",
    response_model=CustomerListState,
    responses=success(_EXAMPLE) | _NO_LIST,
)
async def update(request: MockRequest, id: str, body: CustomerListChange) -> RawResponse:
    """Set the status of a customer list, or when it is built. A time releases a status that was set."""
    body.check_status(body.time_field)
    row = await request.world.transact(
        list_search.override,
        number=_number(id),
        status=body.status,
        release="status" in body.model_fields_set,
        ready_at_ms=body.ready_at_ms(request.world.clock.now_ms()),
    )
    return json_response(_as_json(row, request.world.clock.now_ms()))


def _number(id: str) -> int:
    """Raises NotFoundError for what is no number."""
    if not (id.isascii() and id.isdigit() and len(id) < 20):
        raise NotFoundError("customer list", id)
    return int(id)
