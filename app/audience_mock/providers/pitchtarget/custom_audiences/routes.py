"""/custom_audiences: create, add users, sync, list, get, delete; and their paths of 2014-04.

A create or an add tells its revision by what it sends. Reads and deletes on /custom_audiences look alike
in both revisions and answer in the one that is set.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, ValidationError

from audience_mock.core.audiences import changes, facebook_ids, queries
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import PITCHTARGET
from audience_mock.core.users import uploads, user_lines
from audience_mock.core.users.match_rate import estimate
from audience_mock.providers.pitchtarget.custom_audiences.facebook import to_facebook_object
from audience_mock.providers.pitchtarget.custom_audiences.files import FileOfUsers
from audience_mock.providers.pitchtarget.custom_audiences.schemas import (
    APP,
    CUSTOM,
    LOOKALIKE,
    WEBSITE,
    AccountQuery,
    AppCreate,
    Created,
    CustomAudienceEnvelope,
    CustomAudiencePage,
    EitherId,
    FileAdd,
    FileAddForm,
    FileAlone,
    FileCreate,
    FileCreateForm,
    ListQuery,
    LookalikeCreate,
    WebsiteCreate,
    to_audience,
    to_wire,
)
from audience_mock.providers.pitchtarget.errors import NO_TOKEN, NOT_FOUND, QUERY_REFUSED, REFUSED
from audience_mock.providers.pitchtarget.responses import empty, response, to_json
from audience_mock.providers.pitchtarget.route import PitchTargetRoute
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, EXCHANGES, OURS
from audience_mock.web import body as bodies
from audience_mock.web.errors import InvalidInputError, UnsupportedContentTypeError
from audience_mock.web.multipart import Form, read_form
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.validation import parse_json, validated

MULTIPART = "multipart/form-data"
PAGE_SIZE = 10

JsonCreate = LookalikeCreate | WebsiteCreate | AppCreate

BODIES: Mapping[str, Mapping[str, Any]] = {
    "custom_audiences/create": {bodies.JSON: JsonCreate, MULTIPART: FileCreateForm},
    "custom_audiences/add_users": {MULTIPART: FileAddForm},
    "custom_audiences/sync": {bodies.FORM: AccountQuery, bodies.JSON: AccountQuery},
}

_ID = "$response.body#/fb_custom_audience/id"
LINKS: Mapping[str, Any] = {
    "custom_audiences/create": {
        "Get": link("custom_audiences/get", id=_ID),
        "AddUsers": link("custom_audiences/add_users", id=_ID),
        "Delete": link("custom_audiences/delete", id=_ID),
    },
    "custom_audiences/add_users": {"Get": link("custom_audiences/get", id="$request.path.id")},
    "custom_audiences/list": {
        "GetFirst": link("custom_audiences/get", id="$response.body#/custom_audiences/0/id")
    },
    # It has gone then.
    "custom_audiences/delete": {"Get": link("custom_audiences/get", id="$request.path.id")},
    "customaudiences/list": {"GetFirst": link("customaudiences/get", id="$response.body#/0/id")},
    "lookalikeaudiences/create": {"Get": link("customaudiences/get", id="$response.body#/id")},
    "websitecustomaudiences/create": {"Get": link("customaudiences/get", id="$response.body#/id")},
}

router = APIRouter(route_class=PitchTargetRoute, tags=["custom audiences"])


@dataclass(frozen=True, kw_only=True)
class Options:
    """`revision` is that of the documentation; the one of 2014-04-15 differs from those of April before it
    in one header alone."""

    revision: Literal["2014-05", "2014-04", "2014-04-15"] = "2014-05"

    @property
    def of_april(self) -> bool:
        return self.revision != "2014-05"

    @property
    def chrome_frame(self) -> bool:
        """Whether answers in the shapes of April have `X-UA-Compatible`, as all up to 2014-04-08 had."""
        return self.revision != "2014-04-15"


# Creates


@router.post(
    "/custom_audiences",
    operation_id="custom_audiences/create",
    summary="Create a custom audience",
    description="From a file of users (multipart), or a lookalike, website or app audience (JSON).",
    status_code=201,
    response_model=CustomAudienceEnvelope | Created,
    responses=REFUSED,
    openapi_extra=known_by(
        EXCHANGES,
        EXCHANGES.says("success is 201"),
        DOCUMENTATION.says("type makes it 2014-04, subtype 2014-05, a form without subtype 2014-04"),
        EXCHANGES.says("2014-04: description is null though one was sent"),
    ),
)
async def create(request: MockRequest) -> RawResponse:
    if bodies.media_type(request) == MULTIPART:
        return await _create_from_file(request)
    try:
        bodies.check_json(request)
    except UnsupportedContentTypeError as error:
        raise UnsupportedContentTypeError(error.given, *error.served, MULTIPART) from None
    return await _create_from_json(request)


@router.post(
    "/lookalikeaudiences",
    operation_id="lookalikeaudiences/create",
    summary="Create a lookalike audience, at its path of 2014-04",
    status_code=201,
    response_model=Created,
    responses=REFUSED,
    openapi_extra=known_by(EXCHANGES),
)
async def create_lookalike(request: MockRequest, body: LookalikeCreate) -> RawResponse:
    row = await _make(request, LOOKALIKE, body)
    return response(request, 201, {"id": row.facebook_id}, chrome_frame=request.options.chrome_frame)


@router.post(
    "/websitecustomaudiences",
    operation_id="websitecustomaudiences/create",
    summary="Create a website audience, at its path of 2014-04",
    status_code=201,
    response_model=Created,
    responses=REFUSED,
    openapi_extra=known_by(EXCHANGES),
)
async def create_website(request: MockRequest, body: WebsiteCreate) -> RawResponse:
    row = await _make(request, WEBSITE, body)
    return response(request, 201, {"id": row.facebook_id}, chrome_frame=request.options.chrome_frame)


class _Kind(ApiModel):
    """What a JSON create is of: `type` in 2014-04, `subtype` in 2014-05."""

    model_config = ConfigDict(extra="allow")

    type: str | None = None
    subtype: str | None = None


_BY_TYPE: dict[str | None, tuple[str, type[JsonCreate]]] = {
    "lookalike": (LOOKALIKE, LookalikeCreate),
    "website": (WEBSITE, WebsiteCreate),
}
_BY_SUBTYPE: dict[str | None, tuple[str, type[JsonCreate]]] = {
    LOOKALIKE: (LOOKALIKE, LookalikeCreate),
    WEBSITE: (WEBSITE, WebsiteCreate),
    APP: (APP, AppCreate),
}


async def _create_from_json(request: MockRequest) -> RawResponse:
    raw = await bodies.read_whole(request)
    said: _Kind = parse_json(raw, _Kind)
    key, table = ("type", _BY_TYPE) if said.subtype is None else ("subtype", _BY_SUBTYPE)
    given = said.type if said.subtype is None else said.subtype
    if given not in table:
        raise InvalidInputError("body", [{"type": "literal_error", "loc": (key,), "input": given}])
    kind, model = table[given]
    row = await _make(request, kind, parse_json(raw, model))
    if key == "type":
        return response(request, 201, {"id": row.facebook_id})
    return response(request, 201, to_wire(row, "2014-05"))


async def _make(request: MockRequest, kind: str, body: JsonCreate) -> AudienceRow:
    columns: dict[str, Any]
    if isinstance(body, LookalikeCreate):
        columns = {
            "definition": to_json(body.lookalike_spec.as_it_came()).decode(),
            "origin_id": to_json(body.origin_audience_id).decode(),
        }
    else:
        columns = {"definition": body.rule, "retention_days": body.retention_days}
    return await request.world.transact(
        facebook_ids.assign_due_then,
        changes.create,
        api=PITCHTARGET,
        account=body.fb_ad_account_id,
        kind=kind,
        name=body.name,
        # Chosen, and the same for the same definition.
        people=estimate(1_000, 2_000_000, columns["definition"]),
        facebook=True,
        columns=columns,
    )


Fields = TypeVar("Fields", bound=BaseModel)


async def _read_file(request: MockRequest, file: FileOfUsers) -> Form:
    await uploads.prepare_for(bodies.declared_bytes(request))
    return await read_form(
        request, file_field="file", open_file=file.open, max_file_bytes=request.world.rules.max_upload_bytes
    )


def _fields(model: type[Fields], form: Form) -> Fields:
    """The form's text fields; a blank one is none. Raises InvalidInputError, also for a file of nothing."""
    problems: list[dict[str, Any]] = []
    fields = None
    try:
        fields = model.model_validate({name: value for name, value in form.fields.items() if value})
    except ValidationError as error:
        problems += [dict(detail) for detail in error.errors(include_url=False)]
    if form.file_bytes == 0:
        problems.append({"type": "missing", "loc": ("file",), "input": None})
    if fields is None or problems:
        raise InvalidInputError("body", problems)
    return fields


async def _create_from_file(request: MockRequest) -> RawResponse:
    with ExitStack() as held:
        file = FileOfUsers(held)
        fields = _fields(FileCreate, await _read_file(request, file))
        row = await uploads.create_audience(
            request.world,
            file.users(fields.user_type),
            api=PITCHTARGET,
            kind=CUSTOM,
            account=fields.fb_ad_account_id,
            name=fields.name,
            # From 2014-05 on, Facebook has the audience at once.
            facebook=fields.subtype is not None,
            columns={"description": fields.description, "opt_out_link": fields.opt_out_link},
        )
    if fields.subtype is None:
        return response(request, 201, to_wire(row, "2014-04"), chrome_frame=request.options.chrome_frame)
    return response(request, 201, to_wire(row, "2014-05"))


# Users and sync


@router.put(
    "/custom_audiences/{id}",
    operation_id="custom_audiences/add_users",
    summary="Add users to a custom audience",
    response_model=CustomAudienceEnvelope,
    responses=REFUSED | NOT_FOUND,
    openapi_extra=known_by(EXCHANGES, OURS.says("only to an audience that was made from a file")),
)
async def add_users(request: MockRequest, id: EitherId) -> RawResponse:
    if bodies.media_type(request) != MULTIPART:
        raise UnsupportedContentTypeError(bodies.media_type(request), MULTIPART)
    row = await request.world.transact(
        facebook_ids.assign_due_then, queries.find_by_any_id, api=PITCHTARGET, id=id
    )
    if row.kind != CUSTOM:
        # Chosen: only an audience that was made from a file has users of its own.
        raise InvalidInputError("body", [{"type": "no_users", "loc": (), "input": id}])
    with ExitStack() as held:
        file = FileOfUsers(held, row.user_type or user_lines.EMAIL_HASH)
        form = await _read_file(request, file)
        of_may = bool({"fb_ad_account_id", "user_type"} & set(form.fields))
        _check_add(row, _fields(FileAdd if of_may else FileAlone, form))
        row = await uploads.add_users(
            request.world, file.users(row.user_type or user_lines.EMAIL_HASH), key=row.key or 0
        )
    if of_may:
        return response(request, 200, to_wire(row, "2014-05"))
    return response(request, 200, to_wire(row, "2014-04"), chrome_frame=request.options.chrome_frame)


def _check_add(row: AudienceRow, fields: BaseModel) -> None:
    """What 2014-05 sends along has to be the audience's own (chosen)."""
    for name, own in (("fb_ad_account_id", row.account), ("user_type", row.user_type)):
        given = getattr(fields, name, own)
        if given != own:
            problem = {"type": "other_type", "loc": (name,), "input": given, "ctx": {"is": own}}
            raise InvalidInputError("body", [problem])


@router.put(
    "/custom_audiences",
    operation_id="custom_audiences/sync",
    summary="Fetch from Facebook what it knows of an ad account's audiences, at once",
    status_code=204,
    response_model=None,
    responses=REFUSED,
    openapi_extra=known_by(DOCUMENTATION, DOCUMENTATION.says("success is 204")),
)
async def sync(request: MockRequest) -> RawResponse:
    body = validated(AccountQuery, await bodies.read_parameters(request))
    await request.world.transact(facebook_ids.assign_to_account, account=body.fb_ad_account_id)
    return empty(request)


# Reads and deletes


@router.get(
    "/custom_audiences",
    operation_id="custom_audiences/list",
    summary="List the custom audiences of an ad account",
    response_model=CustomAudiencePage | list[dict[str, Any]],
    responses=QUERY_REFUSED,
    openapi_extra=known_by(EXCHANGES, DOCUMENTATION.says("2014-05: 10 a page, from 1")),
)
async def list_page(request: MockRequest, query: Annotated[ListQuery, Query()]) -> RawResponse:
    if request.options.of_april:
        return await _list_of_april(request, query.fb_ad_account_id)
    rows, total = await request.world.transact(
        facebook_ids.assign_due_then,
        queries.list_by_offset,
        api=PITCHTARGET,
        account=query.fb_ad_account_id,
        kind=query.subtype,
        offset=(query.page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    page = [to_audience(row, "2014-05") for row in rows]
    return response(request, 200, {"custom_audiences": page, "meta": {"page": query.page, "total": total}})


@router.get(
    "/customaudiences",
    operation_id="customaudiences/list",
    summary="List the custom audiences of an ad account, at its path of 2014-04",
    response_model=list[dict[str, Any]],
    responses=QUERY_REFUSED,
    openapi_extra=known_by(EXCHANGES, EXCHANGES.says("a bare array")),
)
async def list_of_april(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    return await _list_of_april(request, query.fb_ad_account_id)


async def _list_of_april(request: MockRequest, account: str) -> RawResponse:
    found = await request.world.transact(
        facebook_ids.assign_due_then, queries.list_with_origins, api=PITCHTARGET, account=account
    )
    now_ms = request.world.clock.now_ms()
    page = [to_facebook_object(row, origin, now_ms) for row, origin in found]
    return response(request, 200, page, chrome_frame=request.options.chrome_frame)


@router.get(
    "/custom_audiences/{id}",
    operation_id="custom_audiences/get",
    summary="Get a custom audience",
    response_model=CustomAudienceEnvelope | dict[str, Any],
    responses=NO_TOKEN | NOT_FOUND,
    openapi_extra=known_by(EXCHANGES),
)
async def get(request: MockRequest, id: EitherId) -> RawResponse:
    if request.options.of_april:
        return await get_of_april(request, id)
    row = await request.world.transact(
        facebook_ids.assign_due_then, queries.find_by_any_id, api=PITCHTARGET, id=id
    )
    if row.policy is not None:
        row = await request.world.transact(changes.record_read, key=row.key or 0)
    return response(request, 200, to_wire(row, "2014-05"))


@router.get(
    "/customaudiences/{id}",
    operation_id="customaudiences/get",
    summary="Get a custom audience as Facebook has it, at its path of 2014-04",
    response_model=dict[str, Any],
    responses=NO_TOKEN | NOT_FOUND,
    openapi_extra=known_by(EXCHANGES, OURS.says("Facebook's object of another kind than a lookalike")),
)
async def get_of_april(request: MockRequest, id: EitherId) -> RawResponse:
    row, origin = await request.world.transact(
        facebook_ids.assign_due_then, queries.find_with_origin, api=PITCHTARGET, id=id
    )
    if row.policy is not None:
        row = await request.world.transact(changes.record_read, key=row.key or 0)
    audience = to_facebook_object(row, origin, request.world.clock.now_ms())
    return response(request, 200, audience, chrome_frame=request.options.chrome_frame)


@router.delete(
    "/custom_audiences/{id}",
    operation_id="custom_audiences/delete",
    summary="Delete a custom audience",
    description="2014-05 answers 204, 2014-04 the audience that was.",
    status_code=204,
    response_model=None,
    responses=NO_TOKEN | NOT_FOUND | {200: {"model": CustomAudienceEnvelope, "description": "2014-04"}},
    openapi_extra=known_by(
        EXCHANGES, DOCUMENTATION.says("2014-05 answers 204, 2014-04 the audience that was")
    ),
)
async def delete(request: MockRequest, id: EitherId) -> RawResponse:
    row = await request.world.transact(
        facebook_ids.assign_due_then, changes.delete_by_any_id, api=PITCHTARGET, id=id
    )
    if request.options.of_april:
        return response(request, 200, to_wire(row, "2014-04"), chrome_frame=request.options.chrome_frame)
    return empty(request)
