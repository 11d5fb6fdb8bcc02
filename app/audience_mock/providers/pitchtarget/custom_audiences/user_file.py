"""Files of users: audiences created from them, and users added to audiences."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from audience_mock.core.steps import in_slices, let_others_run
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.users import magic, uploads
from audience_mock.core.users.digests import prepare_for
from audience_mock.core.users.samples import sample_of
from audience_mock.core.users.user_lines import EMAIL_HASH, USER_TYPES, UserLines
from audience_mock.core.worlds.world import World
from audience_mock.providers.pitchtarget.api import NAME
from audience_mock.providers.pitchtarget.custom_audiences.schemas import AprilAdd, FileCreate, MayAdd
from audience_mock.web.body import declared_bytes
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.multipart import FileReceiver, MultipartForm, read_form
from audience_mock.web.request import MockRequest

Fields = TypeVar("Fields", bound=BaseModel)


async def create_audience(request: MockRequest) -> tuple[FileCreate, AudienceRow]:
    """Create an audience from a form; returns its text fields too. Raises what `read_form` raises."""
    with UserFile(request.world) as file:
        fields = _validated(FileCreate, await file.read_form(request))
        row = await uploads.create_audience(
            request.world,
            await file.users(fields.user_type),
            api=NAME,
            kind=fields.kind,
            account=fields.fb_ad_account_id,
            name=fields.name,
            # From 2014-05 on, Facebook has the audience at once.
            facebook=fields.subtype is not None,
            columns={"description": fields.description, "opt_out_link": fields.opt_out_link},
        )
    return fields, row


async def add_users(request: MockRequest, audience: AudienceRow) -> tuple[MayAdd | AprilAdd, AudienceRow]:
    """Add the users of a form's file to an audience; returns the form's text fields and the audience as it is
    then. Raises what `read_form` raises."""
    user_type = audience.user_type or EMAIL_HASH
    with UserFile(request.world, user_type) as file:
        form = await file.read_form(request)
        fields: MayAdd | AprilAdd
        if MayAdd.model_fields.keys() & form.fields.keys():
            fields = _validated(MayAdd, form)
            _check_own(fields, audience)
        else:
            fields = _validated(AprilAdd, form)
        users = await file.users(user_type)
        return fields, await uploads.add_users(request.world, users, key=audience.key)


class UserFile:
    """The `file` of a form: users that are checked while they arrive.

    A form may have its fields in any order, so the file is kept until the type of its users is known.
    `user_type` is known beforehand when users are added to an audience. Use it as a context manager: it may
    have a temporary file.
    """

    def __init__(self, world: World, user_type: str | None = None) -> None:
        self._sample = sample_of(world)
        self._watched = magic.watched_by(world)
        self._resources = ExitStack()
        self._user_type = user_type
        self._users: UserLines | None = None
        self._unread: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    async def read_form(self, request: MockRequest) -> MultipartForm:
        """Read the form that the file is in. Raises what `multipart.read_form` raises."""
        self._resources.enter_context(request.context.served.uploads.holding(request))
        is_chunked = request.header(b"transfer-encoding") is not None
        limit_bytes = request.world.rules.max_upload_bytes
        await prepare_for(limit_bytes if is_chunked else declared_bytes(request))
        return await read_form(
            request,
            file_field="file",
            open_file=self.open,
            max_file_bytes=limit_bytes,
        )

    def open(self, fields: dict[str, str]) -> FileReceiver:
        user_type = self._user_type or fields.get("user_type")
        if user_type in USER_TYPES:
            self._users = self._resources.enter_context(self._lines_of(user_type))
        else:
            self._unread = self._resources.enter_context(tempfile.SpooledTemporaryFile(max_size=1 << 20))
        return self

    def feed(self, piece: bytes) -> None:
        if self._users is not None:
            self._users.feed(piece)
        elif self._unread is not None:
            self._unread.write(piece)

    async def settle(self) -> None:
        if self._users is not None:
            await self._users.settle()

    async def users(self, user_type: str) -> UserLines:
        """The lines of the whole file as users of this type. Raises InvalidInputError if they were read as
        users of another: the form had `user_type` before the file and another one after it."""
        if self._users is not None:
            if self._users.user_type != user_type:
                raise InvalidInputError(
                    "body", [{"type": "sent_twice", "loc": ("user_type",), "input": user_type}]
                )
            return self._users
        users = self._resources.enter_context(self._lines_of(user_type))
        if self._unread is not None:
            self._unread.seek(0)
            async for piece in in_slices(_pieces(self._unread)):
                users.feed(piece)
                await users.settle()
        return users

    def _lines_of(self, user_type: str) -> UserLines:
        return UserLines(user_type, sample=self._sample, watched=self._watched)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    """Other requests are answered between two pieces."""
    while piece := file.read(1 << 16):
        yield piece
        await let_others_run()


def _validated(model: type[Fields], form: MultipartForm) -> Fields:
    """The form's text fields; a blank one counts as missing. Raises InvalidInputError, also for an empty
    file."""
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


def _check_own(fields: MayAdd, audience: AudienceRow) -> None:
    """What 2014-05 sends with a file has to be the audience's own (chosen). Raises InvalidInputError."""
    for name, own in (("fb_ad_account_id", audience.account), ("user_type", audience.user_type)):
        given = getattr(fields, name)
        if given != own:
            problem = {"type": "other_type", "loc": (name,), "input": given, "ctx": {"is": own}}
            raise InvalidInputError("body", [problem])
