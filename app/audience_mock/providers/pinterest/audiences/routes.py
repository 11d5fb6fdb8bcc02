"""/ad_accounts/{ad_account_id}/audiences: create, create_custom, list, get, update."""

from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query

from audience_mock.core.audiences import changes, queries, sharing
from audience_mock.core.audiences.lifecycle import status_and_size_at
from audience_mock.core.store.rows import AudiencePageRow, AudienceRow
from audience_mock.core.store.tables import ACCOUNT, PINTEREST
from audience_mock.providers.pinterest import bookmarks
from audience_mock.providers.pinterest.api_versions import (
    ANSWERED_SINCE_5_28,
    LEGACY_ENUM_VALUES,
    by_contract,
)
from audience_mock.providers.pinterest.audiences.schemas import (
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
from audience_mock.providers.pinterest.openapi_responses import (
    NOT_FOUND,
    PREFER,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    create_status,
    link_to_next_page,
)
from audience_mock.providers.pinterest.population import people
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sources import (
    BOOKMARK,
    CLIENTS,
    CREATED,
    KEYS_IN_ORDER,
    OURS,
    PRODUCTION,
    UNTIL_5_18,
)
from audience_mock.web.evidence import inferred
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.templates import Form, quoted

COMPANY = "Audience Mock"
"""`created_by_company_name`: null in the answer to a POST or PATCH, filled in GET and list (recorded)."""


class _Wording(NamedTuple):
    """Templates of the three answers, and the words that stand for others."""

    created: Form
    one: Form
    listed: Form
    words: Mapping[str, str]


_FIELD_FORMATS = {
    "type": '"audience"',
    "id": '"%d"',
    "name": "%s",
    "ad_account_id": '"%s"',
    "audience_type": '"%s"',
    "description": "%s",
    "status": '"%s"',
    "size": "%d",
    "updated_timestamp": "%d",
    "created_timestamp": "%d",
    "rule": "%s",
    "created_by_company_name": "%s",
    "is_nca": "false",
    "is_ctv_enabled": "false",
}
"""How each key is written; `to_values` gives what varies."""


def _wording(without: Container[str], words: Mapping[str, str]) -> _Wording:
    created, one, listed = (
        Form(model, _FIELD_FORMATS, without=without) for model in (CreatedAudience, Audience, ListedAudience)
    )
    return _Wording(created, one, listed, words)


_WORDINGS = by_contract(
    newest=_wording((), {}), before_5_28=_wording(ANSWERED_SINCE_5_28, LEGACY_ENUM_VALUES)
)
_CREATED_TOO: dict[int | str, dict[str, Any]] = {
    200: {"model": CreatedAudience, "description": "Made, where 200 is set or preferred"}
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

_ID = "$response.body#/id"
_ALIKE = {
    "audience_type": "ACTALIKE",
    "name": "More of them",
    "rule": {"seed_id": [_ID], "country": "US", "percentage": 5},
}
_FROM_A_NEW_ONE = {
    "Get": link("audiences/get", **SAME_ACCOUNT, audience_id=_ID),
    "Update": link("audiences/update", **SAME_ACCOUNT, audience_id=_ID),
    "List": link("audiences/list", **SAME_ACCOUNT),
    "CreateAlike": link("audiences/create", _ALIKE, **SAME_ACCOUNT),
    "ShareWithAdAccounts": link(
        "update_ad_account_to_ad_account_shared_audience", {"audience_id": _ID}, **SAME_ACCOUNT
    ),
    "ShareWithBusinesses": link(
        "update_ad_account_to_business_shared_audience", {"audience_id": _ID}, **SAME_ACCOUNT
    ),
    "ListWhoHasIt": link("ad_accounts_audiences_shared_accounts/list", **SAME_ACCOUNT, audience_id=_ID),
    "Size": link(
        "ad_groups/audience_sizing", {"targeting_spec": {"AUDIENCE_INCLUDE": [_ID]}}, **SAME_ACCOUNT
    ),
}
LINKS: Mapping[str, Any] = {
    "audiences/create": _FROM_A_NEW_ONE,
    "audiences/create_custom": _FROM_A_NEW_ONE,
    "audiences/list": {
        "Next": link_to_next_page(
            "audiences/list", "ad_account_id", "order", "ownership_type", "exclude_nca"
        ),
        "GetFirst": link("audiences/get", **SAME_ACCOUNT, audience_id="$response.body#/items/0/id"),
    },
    "audiences/update": {
        "Get": link("audiences/get", **SAME_ACCOUNT, audience_id="$request.path.audience_id"),
        "List": link("audiences/list", **SAME_ACCOUNT),
    },
}

router = APIRouter(route_class=PinterestRoute, tags=["audiences"])
_COLLECTION = "/ad_accounts/{ad_account_id}/audiences"
_AUDIENCE = _COLLECTION + "/{audience_id}"


def to_values(
    row: AudienceRow | AudiencePageRow, now_ms: int, *, company: str | None, words: Mapping[str, str]
) -> tuple[int | str, ...]:
    """A row in Pinterest's words, as _FORMS has them."""
    status, size = status_and_size_at(row, now_ms)
    return (
        row.number,
        quoted(row.name),
        row.account,
        words.get(row.kind, row.kind),
        quoted(row.description),
        words.get(status, status),
        size,
        row.updated_at_ms // 1000,
        row.created_at_ms // 1000,
        # A seed may leave it out; 5.23 has no null here, so it is empty then (chosen).
        "{}" if row.definition is None else row.definition,
        quoted(company),
    )


@router.post(
    _COLLECTION,
    operation_id="audiences/create",
    summary="Create an audience",
    status_code=201,
    response_model=CreatedAudience,
    responses=_CREATED_TOO | WRITE_ERRORS,
    openapi_extra=PREFER | known_by(PRODUCTION, KEYS_IN_ORDER, CREATED),
)
async def create(request: MockRequest, ad_account_id: PathId, body: AudienceCreate) -> RawResponse:
    return await _create(request, ad_account_id, body.audience_type, body, description=body.description)


@router.post(
    _COLLECTION + "/custom",
    operation_id="audiences/create_custom",
    summary="Create an audience from a data partner's data",
    status_code=201,
    response_model=CreatedAudience,
    responses=_CREATED_TOO | WRITE_ERRORS,
    openapi_extra=PREFER
    | known_by(UNTIL_5_18, CREATED, inferred("the keys of its rule").says("audience_type in the answer")),
)
async def create_custom(
    request: MockRequest, ad_account_id: PathId, body: AudienceCreateCustom
) -> RawResponse:
    return await _create(request, ad_account_id, body.audience_type, body, description=None)


async def _create(
    request: MockRequest,
    ad_account_id: str,
    audience_type: str,
    body: AudienceCreate | AudienceCreateCustom,
    *,
    description: str | None,
) -> RawResponse:
    definition = body.rule.echo()
    row = await request.world.transact(
        changes.create,
        api=PINTEREST,
        account=ad_account_id,
        kind=audience_type,
        name=body.name,
        people=people(audience_type, body.rule, definition),
        columns={"description": description, "definition": definition, "created_by": COMPANY},
        **_sources(audience_type, body.rule),
    )
    wording = _WORDINGS[request.options.contract]
    values = to_values(row, request.world.clock.now_ms(), company=None, words=wording.words)
    return response(request, create_status(request), wording.created.fill(values).encode())


@router.get(
    _COLLECTION,
    operation_id="audiences/list",
    summary="List audiences",
    response_model=AudiencePage,
    responses=READ_ERRORS,
    openapi_extra=known_by(PRODUCTION, KEYS_IN_ORDER, BOOKMARK),
)
async def list_page(
    request: MockRequest, ad_account_id: PathId, query: Annotated[AudienceListQuery, Query()]
) -> RawResponse:
    bound_to = ("audiences/list", ad_account_id, query.order, query.ownership_type, str(query.exclude_nca))
    after = bookmarks.behind(query.bookmark, *bound_to)
    descending = query.order == "DESCENDING"
    if query.ownership_type == "OWNED":
        rows, more = await request.world.read(
            queries.list_page,
            api=PINTEREST,
            account=ad_account_id,
            cursor=after,
            limit=query.page_size,
            descending=descending,
        )
    else:  # by the time of sharing, as described
        rows, more = await request.world.read(
            sharing.list_received,
            api=PINTEREST,
            kind=ACCOUNT,
            recipient=ad_account_id,
            cursor=after,
            limit=query.page_size,
            descending=descending,
        )
    return audience_page(request, rows, more, bound_to)


def audience_page(
    request: MockRequest, rows: Sequence[AudiencePageRow], more: int | None, bound_to: tuple[str, ...]
) -> RawResponse:
    """A page of audiences, and the bookmark that the next one is asked for with."""
    now_ms = request.world.clock.now_ms()
    _, _, listed, words = _WORDINGS[request.options.contract]
    fill = listed.fill
    items = [fill(to_values(row, now_ms, company=row.created_by, words=words)) for row in rows]
    return response(request, 200, bookmarks.page(",".join(items).encode(), more, *bound_to))


@router.get(
    _AUDIENCE,
    operation_id="audiences/get",
    summary="Get an audience",
    response_model=Audience,
    responses=READ_ERRORS | NOT_FOUND,
    openapi_extra=known_by(PRODUCTION, KEYS_IN_ORDER),
)
async def get(request: MockRequest, ad_account_id: PathId, audience_id: PathId) -> RawResponse:
    row = await request.world.read(
        sharing.find_visible, api=PINTEREST, account=ad_account_id, number=int(audience_id)
    )
    if row.policy is not None:
        row = await request.world.transact(changes.record_read, key=row.key or 0)
    return _one(request, row, company=row.created_by)


@router.patch(
    _AUDIENCE,
    operation_id="audiences/update",
    summary="Change an audience, or remove it",
    response_model=Audience,
    responses=WRITE_ERRORS | NOT_FOUND,
    openapi_extra=known_by(
        PRODUCTION,
        KEYS_IN_ORDER,
        CLIENTS.says("what was written is read at once"),
        OURS.says("after REMOVE: 404, and absent from the list"),
    ),
)
async def update(
    request: MockRequest, ad_account_id: PathId, audience_id: PathId, body: AudienceUpdate
) -> RawResponse:
    this: Mapping[str, Any] = {"api": PINTEREST, "account": ad_account_id, "number": int(audience_id)}
    if body.operation_type == "REMOVE":
        row = await request.world.transact(changes.delete, **this)
    else:
        values: dict[str, Any] = body.model_dump(include={"name", "description"}, exclude_unset=True)
        sources: dict[str, Any] = {}
        if "rule" in body.model_fields_set:
            kind = (await request.world.read(queries.find, **this)).kind
            values |= _rule_values(request, kind, body.rule)
            sources = _sources(kind, body.rule)
        row = await request.world.transact(changes.update, **this, values=values, **sources)
    return _one(request, row, company=None)


def _one(request: MockRequest, row: AudienceRow, *, company: str | None) -> RawResponse:
    wording = _WORDINGS[request.options.contract]
    values = to_values(row, request.world.clock.now_ms(), company=company, words=wording.words)
    return response(request, 200, wording.one.fill(values).encode())


def _rule_values(request: MockRequest, kind: str, rule: AudienceRule) -> dict[str, Any]:
    """A rule replaces the one before it as a whole (chosen), and with it the people that it finds."""
    check_rule(kind, rule, request.options)
    definition = rule.echo()
    return {"definition": definition, "people": people(kind, rule, definition)}


def _sources(kind: str, rule: AudienceRule) -> dict[str, Any]:
    """What the ad account has to have: the list whose people are the audience's, audiences to be like."""
    match kind:
        case "CUSTOMER_LIST":
            return {"customer_list": rule.customer_list_id}
        case "ACTALIKE":
            return {"seeds": rule.seed_id or ()}
        case _:
            return {}
