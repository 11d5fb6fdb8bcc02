"""multipart/form-data, read as it arrives: text fields are kept, a file is passed on piece by piece."""

from collections.abc import Callable
from typing import Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from audience_mock.web.body import MAX_BODY_BYTES, declared_bytes, in_slices
from audience_mock.web.errors import BodyTooLargeError, InvalidInputError, MalformedBodyError
from audience_mock.web.request import FormSummary, MockRequest

MAX_PARTS = 10_000
"""Parts of one form. Chosen: more than any client sends."""

_IN_DATA = MultipartState.PART_DATA
"""The parser is in the data of a part; its `index` then counts the characters of a possible boundary."""


class FileReceiver(Protocol):
    """Takes a file as it arrives."""

    def feed(self, piece: bytes) -> None: ...


class MultipartForm:
    """The fields of a form, and how large its file is; the callbacks of a MultipartParser.

    A field that is sent twice takes its last value, as in Rack. Files of other names are ignored.
    """

    def __init__(
        self, file_field: str, open_file: Callable[[dict[str, str]], FileReceiver], limit: int
    ) -> None:
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
        self._text_pieces: list[bytes] | None = None
        self._receiver: FileReceiver | None = None
        self._name_and_size: list[Any] = []
        self.summary = FormSummary(self.fields, {})

    def on_part_begin(self) -> None:
        self._disposition = b""
        self._text_pieces = self._receiver = None

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
        self._name = _decode(options[b"name"])
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MalformedBodyError(f"The form has more than {MAX_PARTS} parts")
        self._count_field_bytes(len(options[b"name"]))
        if b"filename" not in options:
            self._text_pieces = []
            return
        filename = options[b"filename"].decode(errors="replace")
        self._name_and_size = self.summary.files.setdefault(self._name, [filename, 0])
        if self._name == self._file_field:
            self.files += 1
            if self.files == 1:
                self._receiver = self._open_file(self.fields)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text_pieces is not None:
            self._count_field_bytes(end - start)
            self._text_pieces.append(data[start:end])
            return
        self._name_and_size[1] += end - start
        if self._receiver is not None:
            self.file_bytes += end - start
            if self.file_bytes > self._file_limit:
                raise BodyTooLargeError(self._file_limit, self._file_field)
            self._receiver.feed(data[start:end])

    def _count_field_bytes(self, field_bytes: int) -> None:
        self._field_bytes += field_bytes
        if self._field_bytes > MAX_BODY_BYTES:
            raise BodyTooLargeError(MAX_BODY_BYTES)

    def on_part_end(self) -> None:
        if self._text_pieces is not None:
            self.fields[self._name] = _decode(b"".join(self._text_pieces))

    def on_end(self) -> None:
        self.ended = True


async def read_form(
    request: MockRequest,
    *,
    file_field: str,
    open_file: Callable[[dict[str, str]], FileReceiver],
    max_file_bytes: int,
) -> MultipartForm:
    """Read the whole form; `open_file` is called with the fields that came before the file.

    Raises MalformedBodyError (no boundary, a truncated body), BodyTooLargeError, InvalidInputError (the file
    was sent twice).
    """
    if declared_bytes(request) > max_file_bytes + MAX_BODY_BYTES:
        raise BodyTooLargeError(max_file_bytes, file_field)
    _, options = parse_options_header(request.header(b"content-type") or "")
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedBodyError("The content type names no boundary")
    form = MultipartForm(file_field, open_file, max_file_bytes)
    request.form_summary = form.summary
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
        async for piece in in_slices(request.stream()):
            if parser.state == _IN_DATA and not parser.index and b"\r" not in piece:
                # A boundary begins with a carriage return, so all of this is data. Searching for one byte is
                # ten times as fast as searching for a boundary.
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


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError("A field of the form is not UTF-8") from None
