"""multipart/form-data, read as it arrives: text fields are kept, a file is passed on piece by piece."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from encodings.aliases import aliases
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from audience_mock.core.steps import in_slices
from audience_mock.web.body import MAX_BODY_BYTES, declared_bytes
from audience_mock.web.errors import BodyTooLargeError, InvalidInputError, MalformedBodyError
from audience_mock.web.request import FormSummary, MockRequest

MAX_PARTS = 10_000
"""Parts of one form. Chosen: more than any client sends."""

MAX_PREAMBLE_BYTES = 1 << 16
"""What may stand before the first boundary. Chosen: a mail program writes a line there."""

_NEWLINE = 0x0A
_PRINTABLE = bytes(range(0x20, 0x7F))

_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_EXTENDED_FILE_NAME = re.compile(
    rb";\s*filename\*(?:\d+\*?)?\s*=\s*(?:[^';\s]*'[^';]*')?([^;\s]*)", re.IGNORECASE
)
"""RFC 5987 and RFC 2231, which `parse_options_header` drops. RFC 7578 forbids it; clients send it."""

_IN_DATA = MultipartState.PART_DATA
"""The parser is in the data of a part; its `index` then counts the characters of a possible boundary."""


class FileReceiver(Protocol):
    """Takes a file as it arrives."""

    def feed(self, piece: bytes) -> None: ...

    async def settle(self) -> None:
        """Called between two pieces: what takes long is done beside the event loop."""


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
        self._content_type = b""
        self._name = ""
        self._text_pieces: list[bytes] | None = None
        self.receiver: FileReceiver | None = None
        self._name_and_size: list[Any] = []
        self.summary = FormSummary(self.fields, {})

    def on_part_begin(self) -> None:
        self._disposition = self._content_type = b""
        self._text_pieces = self.receiver = None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        elif self._header.lower() == b"content-type":
            self._content_type = self._value
        self._header = self._value = b""

    def on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise MalformedBodyError("A part of the form has no name")
        try:
            self._name = options[b"name"].decode()
        except UnicodeDecodeError:
            raise MalformedBodyError(
                f"The name of a field is not UTF-8: {options[b'name'].decode(errors='replace')}"
            ) from None
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MalformedBodyError(f"The form has more than {MAX_PARTS} parts")
        self._count_field_bytes(len(options[b"name"]))
        filename = _file_name(self._disposition, options)
        if filename is None:
            self._text_pieces = []
            return
        self._name_and_size = self.summary.files.setdefault(self._name, [filename, 0])
        if self._name == self._file_field:
            self.files += 1
            if self.files == 1:
                self.receiver = self._open_file(self.fields)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text_pieces is not None:
            self._count_field_bytes(end - start)
            self._text_pieces.append(data[start:end])
            return
        self._name_and_size[1] += end - start
        if self.receiver is not None:
            self.file_bytes += end - start
            if self.file_bytes > self._file_limit:
                raise BodyTooLargeError(self._file_limit, self._file_field)
            self.receiver.feed(data[start:end])

    def _count_field_bytes(self, field_bytes: int) -> None:
        self._field_bytes += field_bytes
        if self._field_bytes > MAX_BODY_BYTES:
            raise BodyTooLargeError(MAX_BODY_BYTES)

    def on_part_end(self) -> None:
        if self._text_pieces is not None:
            self.fields[self._name] = _decode(self._name, b"".join(self._text_pieces), self._content_type)

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
    was sent twice, a field is not UTF-8), NotEvidencedError.
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
        whole = _without_preamble(request, boundary, max_file_bytes + MAX_BODY_BYTES)
        async for piece in in_slices(whole):
            if parser.state == _IN_DATA and not parser.index and b"\r" not in piece:
                # A boundary begins with a carriage return, so all of this is data. Searching for one byte is
                # ten times as fast as searching for a boundary.
                form.on_part_data(piece, 0, len(piece))
            else:
                parser.write(piece)
            if form.receiver is not None:
                await form.receiver.settle()
    except FormParserError as error:
        raise MalformedBodyError(f"The form cannot be read: {error}") from None
    if not form.ended:
        raise MalformedBodyError("The form ends before its last boundary")
    if form.files > 1:
        raise InvalidInputError("body", [{"type": "sent_twice", "loc": (file_field,), "input": None}])
    if request.evidence_level is not None:
        from audience_mock.web.strict_evidence import check_form  # noqa: PLC0415 - few worlds ask for it

        check_form(request, form.fields)
    return form


async def _without_preamble(request: MockRequest, boundary: bytes, limit_bytes: int) -> AsyncIterator[bytes]:
    """The body from its first boundary on; what precedes it is to be ignored (RFC 2046, 5.1.1), as is what
    follows the last one. Raises MalformedBodyError, and BodyTooLargeError for more than `limit_bytes`."""
    delimiter = b"--" + boundary
    preamble: bytearray | None = bytearray()
    received_bytes = 0
    async for piece in request.stream():
        received_bytes += len(piece)
        if received_bytes > limit_bytes:
            raise BodyTooLargeError(limit_bytes)
        if preamble is None:
            yield piece
            continue
        # What was searched already may end in the beginning of a boundary.
        searched = max(0, len(preamble) - len(delimiter))
        preamble += piece
        begin = _first_boundary(preamble, delimiter, searched)
        if begin >= 0:
            begun, preamble = bytes(preamble[begin:]), None
            yield begun
        elif len(preamble) > MAX_PREAMBLE_BYTES:
            break
    if preamble:
        raise MalformedBodyError("The form has no part that begins with its boundary")


def _first_boundary(data: bytearray, delimiter: bytes, start: int) -> int:
    """Where the first line begins that is this boundary, or -1. Without a regular expression: Python keeps
    those, and each form has another boundary."""
    while (begin := data.find(delimiter, start)) >= 0:
        end = begin + len(delimiter)
        after = data[end : end + 1]
        if after and after in b" \t\r\n-" and (begin == 0 or data[begin - 1] == _NEWLINE):
            return begin
        start = begin + 1
    return -1


def _file_name(disposition: bytes, options: Mapping[bytes, bytes]) -> str | None:
    """The name of a part's file; None for a text field."""
    if b"filename" in options:
        return options[b"filename"].decode(errors="replace")
    found = _EXTENDED_FILE_NAME.search(_QUOTED.sub(b'""', disposition))
    return None if found is None else unquote_to_bytes(found[1]).decode(errors="replace")


def _decode(name: str, raw: bytes, content_type: bytes) -> str:
    """The text of a field, which is UTF-8. Raises InvalidInputError."""
    problem: dict[str, Any] = {"type": "charset"}
    charset = ""
    if b"charset" in content_type.lower():
        charset = parse_options_header(content_type)[1].get(b"charset", b"").decode("latin-1")
    try:
        if not charset or _is_utf_8(charset) or (raw.isascii() and _has_ascii(charset)):
            return raw.decode()
    except UnicodeDecodeError:
        pass
    except LookupError:
        problem |= {"type": "unknown_charset", "ctx": {"charset": charset[:100]}}
    raise InvalidInputError("body", [{**problem, "loc": (name,), "input": raw.decode(errors="replace")}])


def _codec(charset: str) -> str:
    """Python's name for a charset. Raises LookupError. Python itself keeps each unknown name that it is asked
    for, and a caller can send any number of them."""
    name = charset.lower().replace("-", "_").replace(" ", "_")
    codec = aliases.get(name, name)
    if codec not in aliases.values():
        raise LookupError(charset)
    return codec


def _is_utf_8(charset: str) -> bool:
    return _codec(charset) in ("utf_8", "ascii")


def _has_ascii(charset: str) -> bool:
    """Whether ASCII is the same in it. Apache HttpClient, for one, declares ISO-8859-1 for every field."""
    try:
        return _PRINTABLE.decode(_codec(charset)) == _PRINTABLE.decode()
    except UnicodeDecodeError:
        return False
