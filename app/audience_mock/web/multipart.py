"""multipart/form-data, read as it arrives: text fields are kept, a file goes piece by piece to its taker."""

from collections.abc import Callable
from typing import Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from audience_mock.web.body import MAX_BODY_BYTES, declared_bytes
from audience_mock.web.errors import BodyTooLargeError, InvalidInputError, MalformedBodyError
from audience_mock.web.request import FormSummary, MockRequest

MAX_PARTS = 10_000
"""Parts of one form. Chosen: more than any form has."""

_IN_DATA = MultipartState.PART_DATA
"""The parser is in the data of a part; its `index` is then how much of a boundary it may have seen."""


class FileTaker(Protocol):
    def feed(self, piece: bytes) -> None: ...


class Form:
    """The fields of a form, and what became of its file.

    A field that is sent twice has its last value, as in Rack. Files of other names are ignored.
    """

    def __init__(self, file_field: str, open_file: Callable[[dict[str, str]], FileTaker], limit: int) -> None:
        self.fields: dict[str, str] = {}
        self.files = 0
        self.file_bytes = 0
        self.ended = False
        self._file_field = file_field
        self._open_file = open_file
        self._file_limit = limit
        self._field_bytes = 0
        self._parts = 0
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._name = ""
        self._text: list[bytes] | None = None
        self._taker: FileTaker | None = None
        self._file: list[Any] = []
        self.seen = FormSummary(self.fields, {})

    def on_part_begin(self) -> None:
        self._disposition = b""
        self._text = self._taker = None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise MalformedBodyError("A part of the form has no name")
        self._name = _decoded(options[b"name"])
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MalformedBodyError(f"The form has more than {MAX_PARTS} parts")
        self._count(len(options[b"name"]))
        if b"filename" not in options:
            self._text = []
            return
        filename = options[b"filename"].decode(errors="replace")
        self._file = self.seen.files.setdefault(self._name, [filename, 0])
        if self._name == self._file_field:
            self.files += 1
            if self.files == 1:
                self._taker = self._open_file(self.fields)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is not None:
            self._count(end - start)
            self._text.append(data[start:end])
            return
        self._file[1] += end - start
        if self._taker is not None:
            self.file_bytes += end - start
            if self.file_bytes > self._file_limit:
                raise BodyTooLargeError(self._file_limit, self._file_field)
            self._taker.feed(data[start:end])

    def _count(self, field_bytes: int) -> None:
        self._field_bytes += field_bytes
        if self._field_bytes > MAX_BODY_BYTES:
            raise BodyTooLargeError(MAX_BODY_BYTES)

    def on_part_end(self) -> None:
        if self._text is not None:
            self.fields[self._name] = _decoded(b"".join(self._text))

    def on_end(self) -> None:
        self.ended = True


async def read_form(
    request: MockRequest,
    *,
    file_field: str,
    open_file: Callable[[dict[str, str]], FileTaker],
    max_file_bytes: int,
) -> Form:
    """Read the whole form; `open_file` gets the fields that came before the file.

    Raises MalformedBodyError (no boundary, a body cut off), BodyTooLargeError, InvalidInputError (the file
    sent twice).
    """
    if declared_bytes(request) > max_file_bytes + MAX_BODY_BYTES:
        raise BodyTooLargeError(max_file_bytes, file_field)
    _, options = parse_options_header(request.header(b"content-type") or "")
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedBodyError("The content type names no boundary")
    form = Form(file_field, open_file, max_file_bytes)
    request.form_summary = form.seen
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.on_part_begin,
                "on_header_field": form.on_header_field,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers_finished,
                "on_part_data": form.on_part_data,
                "on_part_end": form.on_part_end,
                "on_end": form.on_end,
            },
        )
        async for piece in request.stream():
            if parser.state == _IN_DATA and not parser.index and b"\r" not in piece:
                # A boundary begins with a carriage return, so this is data as a whole. Looking for one byte
                # is ten times as fast as looking for a boundary.
                form.on_part_data(piece, 0, len(piece))
            else:
                parser.write(piece)
    except FormParserError as error:
        raise MalformedBodyError(f"The form cannot be read: {error}") from None
    if not form.ended:
        raise MalformedBodyError("The form ends before its last boundary")
    if form.files > 1:
        raise InvalidInputError("body", [{"type": "sent_twice", "loc": (file_field,), "input": None}])
    return form


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError("A field of the form is not UTF-8") from None
