"""Files of users, linted as they stream in: one id a line, or one column of a CSV file."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO

from audience_mock.core.users.digests import import_numpy
from audience_mock.core.users.lint import spans
from audience_mock.core.users.lint.index import HEADERS
from audience_mock.core.users.lint.linter import Linter
from audience_mock.core.users.user_lines import LONGEST_LINE_BYTES

BLOCK_BYTES = 1 << 20
"""Bytes that are linted at a time."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SNIFFED_BYTES = 64
_NOT_TEXT = {
    b"\x1f\x8b\x08": "gzip",
    b"PK\x03\x04": "ZIP, or an Excel workbook",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
}
"""What files begin with that hold their text in another form."""
_SEPARATORS = (b",", b";", b"\t", b"|")
_QUOTED = re.compile(rb'"[^"]*"')

_NAMES_OF_KIND = {
    "email": ("email", "mail", "em"),
    "phone": ("phone", "mobile", "tel", "ph"),
    "maid": ("maid", "idfa", "gaid", "aaid", "adid", "advertis", "device"),
    "third_party_id": ("external", "extern", "third_party", "customer", "user_id", "userid", "uid"),
    "fbid": ("fbid", "facebook"),
}

_SHORT_NAME = 3
"""Characters of names that others may have in them by chance, as `em` is in `member`."""


class NoColumnError(ValueError):
    """The file does not have the column that was asked for."""


def lint_file(pieces: Iterable[bytes], linter: Linter, *, column: str | None = None) -> None:
    """Lint a file that comes in pieces of any size.

    `column` is the name or, from 1, the number of a column of a CSV file. Without one, it is the column whose
    header names the kind of id; a file with no such header has one id a line. Raises NoColumnError.
    """
    blocks = _blocks(_as_utf8(iter(pieces), linter))
    first = next(blocks, b"")
    header = _first_row(first)
    separator = _separator(header)
    number, has_header = _column(header, separator, column, linter)
    reader = _Blocks(linter, separator if number is not None else b"", number or 0)
    if has_header:
        first = first[len(header) + 1 :]
        reader.line += 1 + header.count(b"\n")
    elif number is None:
        # Taken alone, so that a header line does not make the block slow.
        line, _, first = first.partition(b"\n")
        reader.take(line + b"\n")
    reader.take(first)
    for block in blocks:
        reader.take(block)
    reader.finish()


def lint_text(text: bytes, linter: Linter, *, commas: bool = False) -> None:
    """Lint a whole text as an API reads it: a value is a line, or what stands between `commas` and line ends.
    An example's line is the number of its value among those that are not blank, if there are `commas`."""
    decoded = b"".join(_as_utf8(iter([text]), linter)).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    values = decoded.replace(b",", b"\n").split(b"\n") if commas else decoded.split(b"\n")
    if commas:
        values = [value for value in values if value.strip()]
    linter.add_each(values, range(1, len(values) + 1))


def _as_utf8(pieces: Iterator[bytes], linter: Linter) -> Iterator[bytes]:
    """The file as UTF-8 without a byte order mark; that it was UTF-16 is a finding. Nothing of a file that is
    no text, which is a finding, too."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= _SNIFFED_BYTES:
            break
    for mark, form in _NOT_TEXT.items():
        if start.startswith(mark):
            linter.add_file_fault("not_text", f"{form}, from the first byte on")
            return
    encoding = _utf16_encoding(start)
    if encoding is None:
        yield start.removeprefix(_BYTE_ORDER_MARK)
        yield from pieces
        return
    linter.add_file_fault("utf16", f"{encoding.upper()} from the first byte on")
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(start).removeprefix("\ufeff").encode()
    for piece in pieces:
        yield decoder.decode(piece).encode()


def _utf16_encoding(start: bytes) -> str | None:
    """The UTF-16 that a file is in: by its byte order mark, or by each second byte being zero."""
    if start[:2] in _UTF16_MARKS:
        return _UTF16_MARKS[start[:2]]
    sniffed = start[:_SNIFFED_BYTES]
    if len(sniffed) >= 4:
        if not any(sniffed[1::2]) and all(sniffed[::2]):
            return "utf-16-le"
        if not any(sniffed[::2]) and all(sniffed[1::2]):
            return "utf-16-be"
    return None


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, each ending in a newline, in blocks of about BLOCK_BYTES. A line that is far too long is
    cut."""
    held: list[bytes] = []
    size = 0
    held_return = b""
    for arrived in pieces:
        piece = held_return + arrived
        held_return = b"\r" if piece.endswith(b"\r") else b""
        piece = piece.removesuffix(b"\r")
        if b"\r" in piece and piece.count(b"\r") != piece.count(b"\r\n"):
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        held.append(piece)
        size += len(piece)
        if size < BLOCK_BYTES:
            continue
        whole = b"".join(held)
        end = whole.rfind(b"\n") + 1
        if end:
            yield whole[:end]
            whole = whole[end:]
        held, size = [whole], len(whole)
        if size > BLOCK_BYTES:
            # No line end in a megabyte: nothing behind it is an id.
            held = [whole[: LONGEST_LINE_BYTES + 1]]
            size = len(held[0])
    if last := b"".join(held):
        yield last if last.endswith(b"\n") else last + b"\n"


def _first_row(block: bytes) -> bytes:
    """The first row without its line end: the first line, or more if a quoted field goes on in the next."""
    quotes = at = 0
    while (end := block.find(b"\n", at)) >= 0:
        quotes += block.count(b'"', at, end)
        if quotes % 2 == 0:
            return block[:end]
        at = end + 1
    return block.partition(b"\n")[0]  # a quote that is never closed


def _separator(header: bytes) -> bytes:
    """The separator of columns, or nothing if the first row has one column."""
    bare = _QUOTED.sub(b"", header)
    return max(_SEPARATORS, key=bare.count) if any(mark in bare for mark in _SEPARATORS) else b""


def _column(header: bytes, separator: bytes, wanted: str | None, linter: Linter) -> tuple[int | None, bool]:
    """The column that is linted, from 0 (None: the whole line), and whether the first line is a header."""
    if not separator:
        if wanted is not None and wanted != "1":
            names = [_name(header)]
            if _name(wanted.encode()) not in names:
                raise NoColumnError(f"the file has one column, and no {wanted!r}")
            return None, True
        return None, False
    names = [_name(name) for name in _split(header, separator)]
    has_header = any(name.encode() in HEADERS for name in names)
    if wanted is not None:
        if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            return int(wanted) - 1, has_header
        if _name(wanted.encode()) in names:
            return names.index(_name(wanted.encode())), True
        raise NoColumnError(f"no column {wanted!r}: the first line has {', '.join(names)[:200]}")
    if has_header:
        for part in _NAMES_OF_KIND[linter.expected.kind]:
            for number, name in enumerate(names):
                if name == part or (len(part) > _SHORT_NAME and part in name):
                    return number, True
        if len(names) > 1:
            raise NoColumnError(f"which column is it? the first line has {', '.join(names)[:200]}")
    return None, False


def _name(field: bytes) -> str:
    return field.decode(errors="replace").strip(" \t\r\n\"'\ufeff").lower().replace(" ", "_")


def _split(header: bytes, separator: bytes) -> list[bytes]:
    lines = StringIO(header.strip(b"\r\n").decode("latin-1"), newline="\n")
    return next((fields for _, fields in _rows(lines, separator.decode(), 1)), [])


class _Blocks:
    """Lints blocks of whole lines, each by the fastest way that it permits."""

    def __init__(self, linter: Linter, separator: bytes, number: int) -> None:
        self._linter, self._separator, self._number = linter, separator, number
        self._quoted = b""
        self.line = 1

    def take(self, block: bytes) -> None:
        if not block:
            return
        if self._separator:
            self._take_rows(block)
            return
        count = self._linter.add_hashes(block, self.line)
        if count is None:
            count = self._by_spans(block)
        if count is None:
            lines = block.split(b"\n")
            lines.pop()
            count = len(lines)
            if b"\r" in block:
                lines = [line.rstrip(b"\r") for line in lines]
            self._linter.add_each(lines, range(self.line, self.line + count))
        self.line += count

    def _take_rows(self, block: bytes) -> None:
        if b'"' not in block and not self._quoted:
            count = self._by_spans(block)
            if count is None:
                lines = block.split(b"\n")
                lines.pop()
                count = len(lines)
                self._add_fields(
                    (line, text.rstrip(b"\r").split(self._separator))
                    for line, text in enumerate(lines, self.line)
                )
            self.line += count
            return
        text = self._quoted + block
        if text.count(b'"') % 2:
            # A quoted field has a line end in it, and goes on in the next block.
            cut = text.rfind(b'"')
            cut = text.rfind(b"\n", 0, cut) + 1
            text, self._quoted = text[:cut], text[cut:]
            if len(self._quoted) > BLOCK_BYTES:
                text, self._quoted = text + self._quoted.replace(b'"', b""), b""
        else:
            self._quoted = b""
        # Latin-1 keeps each byte as it is.
        chars = StringIO(text.decode("latin-1"), newline="\n")
        self._add_fields(_rows(chars, self._separator.decode(), self.line))
        self.line += text.count(b"\n")

    def _add_fields(self, rows: Iterable[tuple[int, list[bytes]]]) -> None:
        """Lint the column of numbered rows; those that lack it are skipped."""
        found = [(line, fields[self._number]) for line, fields in rows if len(fields) > self._number]
        self._linter.add_each([value for _, value in found], [line for line, _ in found])

    def _by_spans(self, block: bytes) -> int | None:
        """Lint the block by numpy: hashes all together, other values one by one; returns the number of lines.
        None, and nothing is linted, if it cannot."""
        np = import_numpy()
        if np is None:
            return None
        found: spans.Spans | None = spans.of_lines(np, block)
        if found is not None and self._separator:
            found = spans.of_column(np, block, found, self._separator, self._number)
        if found is None:
            return None
        others = None
        if self._linter.expected.is_hash:
            groups, others = spans.hashes(np, block, found)
            for group in groups:
                lines = (group.lines + self.line).tolist()
                self._linter.add_digests(group.digests, lines, width=group.width, is_upper=group.is_upper)
        starts, ends = found.starts, found.ends
        lines = np.arange(self.line, self.line + len(starts))
        if others is not None:
            starts, ends, lines = starts[others], ends[others], lines[others]
        values = [block[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        self._linter.add_each(values, lines.tolist())
        return len(found.starts)

    def finish(self) -> None:
        """End the file: a quote may never have been closed."""
        if self._quoted:
            rest, self._quoted = self._quoted.replace(b'"', b""), b""
            self.take(rest)


def _rows(lines: Iterable[str], separator: str, first_line: int) -> Iterator[tuple[int, list[bytes]]]:
    """The rows of CSV, each with the number of the line that it starts in."""
    reader = csv.reader(lines, delimiter=separator)
    while True:
        line = first_line + reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue  # a field that is longer than any id
        yield line, [field.encode("latin-1") for field in row]
