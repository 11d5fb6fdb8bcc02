"""/ad_accounts/{ad_account_id}/audiences: create, create_custom, list, get, update."""

from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query

from audience_mock.core import audiences, sharing
from audience_mock.core.lifecycle import standing_at
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
from audience_mock.pinterest.contract import ANSWERED_SINCE_5_28, WORDS_BEFORE_5_28, by_contract
from audience_mock.pinterest.described import (
    NOT_FOUND,
    PREFER,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    create_status,
    link_to_next_page,
)
from audience_mock.pinterest.headers import answer
from audience_mock.pinterest.population import people
from audience_mock.pinterest.routes import PinterestRoute
from audience_mock.pinterest.sources import (
    BOOKMARK,
    CLIENTS,
    CREATED,
    KEYS_IN_ORDER,
    OURS,
    PRODUCTION,
    UNTIL_5_18,
)
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.evidence import inferred, known_by
from audience_mock.transport.links import Links, link
from audience_mock.transport.templates import Form, quoted

COMPANY = "Audience Mock"
"""`created_by_company_name`: null in the answer to a POST or PATCH, filled in GET and list (recorded)."""


class _Wording(NamedTuple):
    """Templates of the three answers, and the words that stand for others."""

    created: Form
    one: Form
    listed: Form
    words: Mapping[str, str]


_FORMS = {
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
        Form(model, _FORMS, without=without) for model in (CreatedAudience, Audience, ListedAudience)
    )
    return _Wording(created, one, listed, words)


_WORDINGS = by_contract(newest=_wording((), {}), before_5_28=_wording(ANSWERED_SINCE_5_28, WORDS_BEFORE_5_28))
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
LINKS: Links = {
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
    row: Row, now_ms: int, *, company: str | None, words: Mapping[str, str]
) -> tuple[int | str, ...]:
    """A row in Pinterest's words, as _FORMS has them."""
    status, size = standing_at(row, now_ms)
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
async def create(call: Call, ad_account_id: PathId, body: AudienceCreate) -> Answer:
    return await _create(call, ad_account_id, body.audience_type, body, description=body.description)


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
    definition = body.rule.echo()
    row = await call.world.transact(
        audiences.create,
        api=PINTEREST,
        account=ad_account_id,
        kind=audience_type,
        name=body.name,
        people=people(audience_type, body.rule, definition),
        columns={"description": description, "definition": definition, "created_by": COMPANY},
        **_sources(audience_type, body.rule),
    )
    wording = _WORDINGS[call.options.contract]
    values = to_values(row, call.world.clock.now_ms(), company=None, words=wording.words)
    return answer(call, create_status(call), wording.created.fill(values).encode())


@router.get(
    _COLLECTION,
    operation_id="audiences/list",
    summary="List audiences",
    response_model=AudiencePage,
    responses=READ_ERRORS,
    openapi_extra=known_by(PRODUCTION, KEYS_IN_ORDER, BOOKMARK),
)
async def list_page(
    call: Call, ad_account_id: PathId, query: Annotated[AudienceListQuery, Query()]
) -> Answer:
    bound_to = ("audiences/list", ad_account_id, query.order, query.ownership_type, str(query.exclude_nca))
    after = bookmarks.behind(query.bookmark, *bound_to)
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


def audience_page(call: Call, rows: Sequence[Row], more: int | None, bound_to: tuple[str, ...]) -> Answer:
    """A page of audiences, and the bookmark that the next one is asked for with."""
    now_ms = call.world.clock.now_ms()
    _, _, listed, words = _WORDINGS[call.options.contract]
    fill = listed.fill
    items = [fill(to_values(row, now_ms, company=row.created_by, words=words)) for row in rows]
    return answer(call, 200, bookmarks.page(",".join(items).encode(), more, *bound_to))


@router.get(
    _AUDIENCE,
    operation_id="audiences/get",
    summary="Get an audience",
    response_model=Audience,
    responses=READ_ERRORS | NOT_FOUND,
    openapi_extra=known_by(PRODUCTION, KEYS_IN_ORDER),
)
async def get(call: Call, ad_account_id: PathId, audience_id: PathId) -> Answer:
    row = await call.world.read(
        sharing.find_visible, api=PINTEREST, account=ad_account_id, number=int(audience_id)
    )
    if row.policy is not None:
        row = await call.world.transact(audiences.count_read, key=row.key or 0)
    return _one(call, row, company=row.created_by)


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
async def update(call: Call, ad_account_id: PathId, audience_id: PathId, body: AudienceUpdate) -> Answer:
    this: Mapping[str, Any] = {"api": PINTEREST, "account": ad_account_id, "number": int(audience_id)}
    if body.operation_type == "REMOVE":
        row = await call.world.transact(audiences.remove, **this)
    else:
        values: dict[str, Any] = body.model_dump(include={"name", "description"}, exclude_unset=True)
        sources: dict[str, Any] = {}
        if "rule" in body.model_fields_set:
            kind = (await call.world.read(audiences.find, **this)).kind
            values |= _rule_values(call, kind, body.rule)
            sources = _sources(kind, body.rule)
        row = await call.world.transact(audiences.change, **this, values=values, **sources)
    return _one(call, row, company=None)


def _one(call: Call, row: Row, *, company: str | None) -> Answer:
    wording = _WORDINGS[call.options.contract]
    values = to_values(row, call.world.clock.now_ms(), company=company, words=wording.words)
    return answer(call, 200, wording.one.fill(values).encode())


def _rule_values(call: Call, kind: str, rule: AudienceRule) -> dict[str, Any]:
    """A rule replaces the one before it as a whole (chosen), and with it the people that it finds."""
    check_rule(kind, rule, call.options)
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
