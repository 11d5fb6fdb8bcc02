"""/ad_accounts/{ad_account_id}/audiences: create, create_custom, list, get, update."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from audience_mock.core import audiences, sharing
from audience_mock.core.lifecycle import size_at, status_at
from audience_mock.core.tables import ACCOUNT, PINTEREST
from audience_mock.core.tables import Audience as Row
from audience_mock.pinterest import bookmarks
from audience_mock.pinterest.audiences_wire import (
    Audience,
    AudienceCreate,
    AudienceCreateCustom,
    AudienceListQuery,
    AudiencePage,
    AudienceRule,
    AudienceUpdate,
    CreatedAudience,
    ListedAudience,
    PathId,
    check_rule,
)
from audience_mock.pinterest.error_answers import NOT_FOUND, READ_ERRORS, WRITE_ERRORS
from audience_mock.pinterest.errors import InvalidRequest
from audience_mock.pinterest.headers import answer
from audience_mock.pinterest.population import people
from audience_mock.pinterest.routes import PinterestRoute
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.templates import FALSE, NULL, Pieces, template, text

COMPANY = "Audience Mock"
"""`created_by_company_name`: null in the answer to a POST or PATCH, filled in GET and list (recorded)."""

_CREATED, _ONE, _LISTED = template(CreatedAudience), template(Audience), template(ListedAudience)
_PREFER_CODE = re.compile(r"(?:^|[,;\s])code=(\d{3})(?:$|[,;\s])")


_CREATED_TOO: dict[int | str, dict[str, Any]] = {
    200: {"model": CreatedAudience, "description": "Made, where 200 is set or preferred"}
}
_PREFER = {
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": "The status of this create: `code=200` or `code=201`.",
            "schema": {"type": "string"},
        }
    ]
}

_EXAMPLE = {
    "type": "audience",
    "id": "2542623499806",
    "name": "People who checked out",
    "ad_account_id": "549755885175",
    "audience_type": "VISITOR",
    "description": "The last 30 days",
    "status": "READY",
    "size": 31416,
    "updated_timestamp": 1795305607,
    "created_timestamp": 1795305607,
    "rule": {"event": "checkout", "retention_days": 30, "visitor_source_id": "2612523499806"},
    "created_by_company_name": COMPANY,
    "is_nca": False,
}
_NEW = {key: _EXAMPLE[key] for key in CreatedAudience.model_fields} | {
    "size": 0,
    "status": "INITIALIZING",
    "created_by_company_name": None,
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "audiences/create": {"201": _NEW, "200": _NEW},
    "audiences/create_custom": {"201": _NEW, "200": _NEW},
    "audiences/list": {"200": {"items": [_EXAMPLE | {"is_ctv_enabled": False}], "bookmark": None}},
    "audiences/get": {"200": _EXAMPLE},
    "audiences/update": {"200": _EXAMPLE | {"created_by_company_name": None}},
}
"""Answers by operation and status, for the description."""

router = APIRouter(route_class=PinterestRoute, tags=["audiences"])
_COLLECTION = "/ad_accounts/{ad_account_id}/audiences"
_AUDIENCE = _COLLECTION + "/{audience_id}"


def to_pieces(row: Row, now_ms: int, *, company: str | None) -> Pieces:
    """A row in Pinterest's words, as JSON text by key; each answer has them in its own order."""
    return {
        b"type": b'"audience"',
        b"id": b'"%d"' % row.number,
        b"name": text(row.name),
        b"ad_account_id": b'"%b"' % row.account.encode(),
        b"audience_type": b'"%b"' % row.kind.encode(),
        b"description": text(row.description),
        b"status": b'"%b"' % status_at(row, now_ms).encode(),
        b"size": b"%d" % size_at(row, now_ms),
        b"updated_timestamp": b"%d" % (row.updated_at_ms // 1000),
        b"created_timestamp": b"%d" % (row.created_at_ms // 1000),
        b"rule": NULL if row.definition is None else row.definition.encode(),
        b"created_by_company_name": text(company),
        b"is_nca": FALSE,
        b"is_ctv_enabled": FALSE,
    }


@router.post(
    _COLLECTION,
    operation_id="audiences/create",
    summary="Create an audience",
    status_code=201,
    response_model=CreatedAudience,
    responses=_CREATED_TOO | WRITE_ERRORS,
    openapi_extra=_PREFER,
)
async def create(call: Call, ad_account_id: PathId, body: AudienceCreate) -> Answer:
    return await _create(call, ad_account_id, body.audience_type, body, description=body.description)


@router.post(
    _COLLECTION + "/custom",
    operation_id="audiences/create_custom",
    summary="Create an audience from a data partner's data",
    status_code=201,
    response_model=CreatedAudience,
    responses=_CREATED_TOO | WRITE_ERRORS,
    openapi_extra=_PREFER,
)
async def create_custom(call: Call, ad_account_id: PathId, body: AudienceCreateCustom) -> Answer:
    return await _create(call, ad_account_id, body.audience_type, body, description=None)


async def _create(
    call: Call,
    ad_account_id: str,
    audience_type: str,
    body: AudienceCreate | AudienceCreateCustom,
    *,
    description: str | None,
) -> Answer:
    row = await call.world.transact(
        audiences.create,
        api=PINTEREST,
        account=ad_account_id,
        kind=audience_type,
        name=body.name,
        people=people(audience_type, body.rule),
        columns={"description": description, "definition": body.rule.echo(), "created_by": COMPANY},
    )
    pieces = to_pieces(row, call.world.clock.now_ms(), company=None)
    return answer(call, _create_status(call), _CREATED % pieces)


@router.get(
    _COLLECTION,
    operation_id="audiences/list",
    summary="List audiences",
    response_model=AudiencePage,
    responses=READ_ERRORS,
)
async def list_page(
    call: Call, ad_account_id: PathId, query: Annotated[AudienceListQuery, Query()]
) -> Answer:
    bound_to = ("audiences/list", ad_account_id, query.order, query.ownership_type, str(query.exclude_nca))
    after = read_bookmark(query.bookmark, bound_to)
    falling = query.order == "DESCENDING"
    if query.ownership_type == "OWNED":
        rows, more = await call.world.read(
            audiences.list_page,
            api=PINTEREST,
            account=ad_account_id,
            after=after,
            at_most=query.page_size,
            falling=falling,
        )
    else:  # by the time of sharing, as described
        rows, more = await call.world.read(
            sharing.list_received,
            api=PINTEREST,
            kind=ACCOUNT,
            recipient=ad_account_id,
            after=after,
            at_most=query.page_size,
            falling=falling,
        )
    return audience_page(call, rows, more, bound_to)


def read_bookmark(bookmark: str | None, bound_to: tuple[str, ...]) -> int | None:
    """Where a list goes on. Raises InvalidRequest."""
    if bookmark is None:
        return None
    try:
        return bookmarks.read(bookmark, *bound_to)
    except ValueError:
        # Chosen: no answer to a bad bookmark was ever published.
        raise InvalidRequest("'bookmark' is not one that this list gave") from None


def audience_page(call: Call, rows: Sequence[Row], more: int | None, bound_to: tuple[str, ...]) -> Answer:
    """A page of audiences, and the bookmark that the next one is asked for with."""
    now_ms = call.world.clock.now_ms()
    return page(
        call, [_LISTED % to_pieces(row, now_ms, company=row.created_by) for row in rows], more, bound_to
    )


def page(call: Call, items: Sequence[bytes], more: int | None, bound_to: tuple[str, ...]) -> Answer:
    bookmark = NULL if more is None else b'"%b"' % bookmarks.make(more, *bound_to).encode()
    return answer(call, 200, b'{"items":[%b],"bookmark":%b}' % (b",".join(items), bookmark))


@router.get(
    _AUDIENCE,
    operation_id="audiences/get",
    summary="Get an audience",
    response_model=Audience,
    responses=READ_ERRORS | NOT_FOUND,
)
async def get(call: Call, ad_account_id: PathId, audience_id: PathId) -> Answer:
    row = await call.world.read(
        sharing.find_visible, api=PINTEREST, account=ad_account_id, number=int(audience_id)
    )
    return answer(call, 200, _ONE % to_pieces(row, call.world.clock.now_ms(), company=row.created_by))


@router.patch(
    _AUDIENCE,
    operation_id="audiences/update",
    summary="Change an audience, or remove it",
    response_model=Audience,
    responses=WRITE_ERRORS | NOT_FOUND,
)
async def update(call: Call, ad_account_id: PathId, audience_id: PathId, body: AudienceUpdate) -> Answer:
    this: Mapping[str, Any] = {"api": PINTEREST, "account": ad_account_id, "number": int(audience_id)}
    if body.operation_type == "REMOVE":
        row = await call.world.transact(audiences.remove, **this)
    else:
        values: dict[str, Any] = body.model_dump(include={"name", "description"}, exclude_unset=True)
        if "rule" in body.model_fields_set:
            kind = (await call.world.read(audiences.find, **this)).kind
            values |= _rule_values(kind, body.rule)
        row = await call.world.transact(audiences.change, **this, values=values)
    return answer(call, 200, _ONE % to_pieces(row, call.world.clock.now_ms(), company=None))


def _rule_values(kind: str, rule: AudienceRule) -> dict[str, Any]:
    """A rule replaces the one before it as a whole (chosen), and with it the people that it finds."""
    check_rule(kind, rule)
    return {"definition": rule.echo(), "people": people(kind, rule)}


def _create_status(call: Call) -> int:
    """`Prefer: code=200` (or 201) for one request, else the setting."""
    if (prefer := call.headers.get("prefer")) is not None:
        for code in _PREFER_CODE.findall(prefer):
            if code in ("200", "201"):
                return int(code)
    return int(call.options.create_status)
