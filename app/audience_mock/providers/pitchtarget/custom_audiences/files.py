"""The `file` of a form: users that are checked while they stream in."""

import tempfile
from contextlib import ExitStack
from typing import IO

from audience_mock.core.users import user_lines
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.multipart import FileTaker


class FileOfUsers:
    """Takes the file: straight into checked lines where the type of its users is known by then, else over
    a temporary file, since a form may have its fields in any order.

    `held` closes what the file needed. `user_type` is known beforehand when users are added to an audience.
    """

    def __init__(self, held: ExitStack, user_type: str | None = None) -> None:
        self._held = held
        self._user_type = user_type
        self._users: user_lines.UserLines | None = None
        self._waiting: IO[bytes] | None = None

    def open(self, fields: dict[str, str]) -> FileTaker:
        user_type = self._user_type or fields.get("user_type")
        if user_type in user_lines.USER_TYPES:
            self._users = self._held.enter_context(user_lines.UserLines(user_type))
        else:
            self._waiting = self._held.enter_context(tempfile.SpooledTemporaryFile(max_size=1 << 20))
        return self

    def feed(self, piece: bytes) -> None:
        if self._users is not None:
            self._users.feed(piece)
        elif self._waiting is not None:
            self._waiting.write(piece)

    def users(self, user_type: str) -> user_lines.UserLines:
        """The lines of the whole file as users of this type. Raises InvalidInputError if they were read as
        users of another, since `user_type` came before the file and once more behind it."""
        if self._users is not None:
            if self._users.user_type != user_type:
                raise InvalidInputError(
                    "body", [{"type": "sent_twice", "loc": ("user_type",), "input": user_type}]
                )
            return self._users
        users = self._held.enter_context(user_lines.UserLines(user_type))
        if self._waiting is not None:
            self._waiting.seek(0)
            while piece := self._waiting.read(1 << 16):
                users.feed(piece)
        return users
