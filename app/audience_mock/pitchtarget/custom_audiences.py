"""/custom_audiences: create from a file, create lookalike, website and app audiences.

Not reproduced yet: add users, sync, list, get, delete.
"""

import tempfile
from contextlib import ExitStack
from typing import IO, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, ValidationError

from audience_mock.core import audiences, uploads
from audience_mock.core.matching import estimate
from audience_mock.core.tables import PITCHTARGET
from audience_mock.pitchtarget.answers import answer, to_json
from audience_mock.pitchtarget.custom_audiences_wire import (
    APP,
    CUSTOM,
    LOOKALIKE,
    WEBSITE,
    AppCreate,
    Created,
    CustomAudienceEnvelope,
    FileCreate,
    LookalikeCreate,
    WebsiteCreate,
    to_wire,
)
from audience_mock.pitchtarget.errors import Errors
from audience_mock.pitchtarget.routes import PitchTargetRoute
from audience_mock.transport import bodies
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.errors import InvalidInput, UnsupportedContentType
from audience_mock.transport.multipart import FileTaker, read_form
from audience_mock.transport.routes import parse_json

MULTIPART = "multipart/form-data"

router = APIRouter(route_class=PitchTargetRoute, tags=["custom audiences"])


def _error(description: str, **errors: list[str]) -> dict[str, Any]:
    content = {"application/json": {"example": {"errors": errors}}}
    return {"model": Errors, "description": description, "content": content}


@router.post(
    "/custom_audiences",
    operation_id="custom_audiences/create",
    summary="Create a custom audience",
    description="From a file of users (multipart), or a lookalike, website or app audience (JSON).",
    status_code=201,
    response_model=CustomAudienceEnvelope | Created,
    responses={
        401: _error("No token", base=["Authorization is missing or not of the form: OAuth <token>"]),
        413: _error("A file over the limit", file=["is too large (maximum is 1073741824 bytes)"]),
        415: _error("Neither JSON nor multipart", base=["The content type is not served"]),
        422: _error("A value that does not fit", name=["can't be blank"]),
    },
)
async def create(call: Call) -> Answer:
    if bodies.media_type(call) == MULTIPART:
        return await _create_from_file(call)
    try:
        bodies.check_json(call)
    except UnsupportedContentType as error:
        raise UnsupportedContentType(error.given, *error.served, MULTIPART) from None
    return await _create_from_json(call)


class _Kind(BaseModel):
    """What a JSON create is of: `type` in 2014-04, `subtype` in 2014-05."""

    model_config = ConfigDict(extra="allow")

    type: str | None = None
    subtype: str | None = None


_BY_TYPE: dict[str, tuple[str, type[BaseModel]]] = {
    "lookalike": (LOOKALIKE, LookalikeCreate),
    "website": (WEBSITE, WebsiteCreate),
}
_BY_SUBTYPE: dict[str, tuple[str, type[BaseModel]]] = {
    LOOKALIKE: (LOOKALIKE, LookalikeCreate),
    WEBSITE: (WEBSITE, WebsiteCreate),
    APP: (APP, AppCreate),
}


async def _create_from_json(call: Call) -> Answer:
    raw = await bodies.read_whole(call)
    said: _Kind = parse_json(raw, _Kind)
    key, table = ("type", _BY_TYPE) if said.subtype is None else ("subtype", _BY_SUBTYPE)
    given = said.type if said.subtype is None else said.subtype
    if given not in table:
        raise InvalidInput("body", [{"type": "literal_error", "loc": (key,), "input": given}])
    kind, model = table[given]
    body: LookalikeCreate | WebsiteCreate = parse_json(raw, model)
    columns = _columns(body)
    row = await call.world.transact(
        audiences.create,
        api=PITCHTARGET,
        account=body.fb_ad_account_id,
        kind=kind,
        name=body.name,
        # Chosen, and the same for the same definition.
        people=estimate(1_000, 2_000_000, columns["definition"]),
        facebook=True,
        columns=columns,
    )
    if key == "type":
        return answer(call, 201, {"id": row.facebook_id})
    return answer(call, 201, to_wire(row, "2014-05"))


def _columns(body: LookalikeCreate | WebsiteCreate) -> dict[str, Any]:
    """The columns that only one kind fills."""
    if isinstance(body, WebsiteCreate):
        return {"definition": body.rule, "retention_days": body.retention_days}
    spec = to_json(body.lookalike_spec.as_it_came()).decode()
    return {"definition": spec, "origin_id": to_json(body.origin_audience_id).decode()}


class _FileOfUsers:
    """Takes the file: straight into checked lines where `user_type` came before it, else over a
    temporary file, since a form may have its fields in any order."""

    def __init__(self, held: ExitStack) -> None:
        self._held = held
        self._users: uploads.UserLines | None = None
        self._waiting: IO[bytes] | None = None

    def open(self, fields: dict[str, str]) -> FileTaker:
        if fields.get("user_type") in uploads.USER_TYPES:
            self._users = self._held.enter_context(uploads.UserLines(fields["user_type"]))
        else:
            self._waiting = self._held.enter_context(tempfile.SpooledTemporaryFile(max_size=1 << 20))
        return self

    def feed(self, piece: bytes) -> None:
        if self._users is not None:
            self._users.feed(piece)
        elif self._waiting is not None:
            self._waiting.write(piece)

    def users(self, user_type: str) -> uploads.UserLines:
        """The lines of the whole file as users of this type."""
        if self._users is not None and self._users.user_type == user_type:
            return self._users
        users = self._held.enter_context(uploads.UserLines(user_type))
        if self._waiting is not None:
            self._waiting.seek(0)
            while piece := self._waiting.read(1 << 16):
                users.feed(piece)
        return users


async def _create_from_file(call: Call) -> Answer:
    with ExitStack() as held:
        file = _FileOfUsers(held)
        form = await read_form(
            call, file_field="file", open_file=file.open, max_file_bytes=call.world.rules.max_upload_bytes
        )
        problems: list[dict[str, Any]] = []
        try:
            fields = FileCreate.model_validate({name: value for name, value in form.fields.items() if value})
        except ValidationError as error:
            problems += [dict(detail) for detail in error.errors(include_url=False)]
        if form.file_bytes == 0:
            problems.append({"type": "missing", "loc": ("file",), "input": None})
        if problems:
            raise InvalidInput("body", problems)
        row = await uploads.create_audience(
            call.world,
            file.users(fields.user_type),
            api=PITCHTARGET,
            kind=CUSTOM,
            account=fields.fb_ad_account_id,
            name=fields.name,
            columns={"description": fields.description, "opt_out_link": fields.opt_out_link},
            # From 2014-05 on, Facebook has the audience at once.
            facebook=fields.subtype is not None,
        )
    if fields.subtype is None:
        return answer(call, 201, to_wire(row, "2014-04"), chrome_frame=True)
    return answer(call, 201, to_wire(row, "2014-05"))
