"""Records of customer lists: each person becomes one 32-byte digest, whatever form the record has.

An address or a mobile advertising id means the same person in plain form and as its MD5, SHA-1 or SHA-256
(trimmed, lower-cased, in hex). The person's digest is the SHA-256. It cannot be computed from an MD5 or a
SHA-1: until the plain form is sent, such a person's digest is the SHA-256 of the hex text. The plain form
adds links from its hashes to its SHA-256. So an MD5 and a SHA-256 whose plain form is never sent are two
people. All of this is chosen; Pinterest documents only which forms it reads.

What spreadsheets and exports put around a record is no part of it: `trimmed` removes that from every form.
"""

import binascii
import hashlib
import re
import string
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from audience_mock.core.steps import in_slices, in_steps
from audience_mock.core.users.digests import LINK_BYTES, Digests

if TYPE_CHECKING:
    from audience_mock.core.users.samples import Sample

EMAIL, IDFA, MAID = "EMAIL", "IDFA", "MAID"
LR_ID, DLX_ID, HASHED_PINNER_ID = "LR_ID", "DLX_ID", "HASHED_PINNER_ID"

LONGEST_RECORD_BYTES = 4096
"""No identifier is nearly as long; a longer record is invalid, and not kept in memory. Chosen."""

SLICE_ROWS = 10
"""Rows read at a time; hashing them takes about 0.1 ms."""

INVALID_EMAIL, INVALID_DEVICE, INVALID_ID = "email", "mobile advertising ID", "ID"

_HASH = re.compile(rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
# What encloses or separates addresses is in none: `<ann@example.com>` must not be a person of its own.
_IN_ADDRESS = rb"""[^@\s\x00-\x20\x7f"<>()\[\]\\:;,`]+"""
_ADDRESS = re.compile(_IN_ADDRESS + rb"@" + _IN_ADDRESS)
_DEVICE = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OPAQUE = re.compile(rb"[^\x00-\x1f\x7f]{1,1024}")
_AROUND = string.whitespace + "\"'"
_AROUND_BYTES = _AROUND.encode()
# With the other white space of Unicode, and the quotes that word processors make of plain ones.
_AROUND_TEXT = (
    _AROUND
    + "\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    + "\u2028\u2029\u202f\u205f\u3000\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\xab\xbb"
)
_BYTE_ORDER_MARK = "\ufeff"
_SHA256_HEX_DIGITS = 64
_SEPARATORS = bytes.maketrans(b",\r", b"\n\n")
_HASH_LINE_BYTES = _SHA256_HEX_DIGITS + 1

# The identifiers of a row, by priority: the first valid one is used. Other keys of a row (IP address, user
# agent) identify no single person.
_ROW_IDENTIFIERS = (
    ("email", EMAIL),
    ("maid", MAID),
    ("hashed_phone_number", HASHED_PINNER_ID),
    ("hashed_pinner_id", HASHED_PINNER_ID),
    ("external_id", DLX_ID),
    ("liveramp_envelope", LR_ID),
)


def trimmed(record: bytes) -> bytes:
    """A record without white space and quotes around it, and without byte order marks.

    CSV files quote fields, with one quote or, inside a quoted field, two; each part of an upload may be a
    file with a byte order mark of its own. Chosen: a quote at one end only is removed, too, so that no
    spelling of an address is a second person.
    """
    if record.isascii():
        return record.strip(_AROUND_BYTES)
    text = record.decode(errors="surrogateescape").replace(_BYTE_ORDER_MARK, "")
    return text.strip(_AROUND_TEXT).encode(errors="surrogateescape")


def digest_of_hash(digits: bytes) -> bytes:
    """The digest for a hash in hex: a SHA-256 itself, or else the SHA-256 of the text."""
    if len(digits) == _SHA256_HEX_DIGITS:
        return binascii.unhexlify(digits)
    return hashlib.sha256(digits.lower()).digest()


def digests_of_plain(value: bytes) -> tuple[bytes, bytes, bytes]:
    """The digests for a plain address or device id, trimmed: the person's, then those for its MD5 and its
    SHA-1."""
    value = value.lower()
    if not value.isascii():
        value = value.decode(errors="surrogateescape").lower().encode(errors="surrogateescape")
    md5 = hashlib.md5(value, usedforsecurity=False).hexdigest()
    sha1 = hashlib.sha1(value, usedforsecurity=False).hexdigest()
    return (
        hashlib.sha256(value).digest(),
        hashlib.sha256(md5.encode()).digest(),
        hashlib.sha256(sha1.encode()).digest(),
    )


class Records:
    """Takes records of a customer list and collects the digests of their people.

    `people` has a digest for each valid record, `links` an entry for each hash of a plain one. Use it as a
    context manager: both may have a temporary file. `sent` counts all records, `invalid` the invalid ones by
    what they are not.
    """

    def __init__(
        self,
        list_type: str,
        *,
        sample: "Sample | None" = None,
        watched: Mapping[bytes, object] | None = None,
    ) -> None:
        self.list_type = list_type
        self.sample = sample
        self.people = Digests(watched=watched)
        self.links = Digests(LINK_BYTES)
        self.has_links = False
        self.sent = 0
        self.invalid: Counter[str] = Counter()
        self._rest = b""
        self._overlong = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.people.close()
        self.links.close()

    def feed(self, piece: bytes) -> None:
        """Take text with records separated by commas or line ends, in pieces of any size; blank ones are
        ignored."""
        if self.sample is not None:
            self.sample.add_text(piece)
        data = (self._rest + piece).translate(_SEPARATORS)
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if self._overlong and end:
            # The end of a record that was too long; it was counted.
            start = data.find(b"\n") + 1
            self._overlong = False
            self._take(data[start:end])
        elif end:
            self._take(data[:end])
        if self._overlong:
            self._rest = b""
        elif len(self._rest) > LONGEST_RECORD_BYTES:
            self.sent += 1
            self.reject()
            self._overlong, self._rest = True, b""

    def finish(self) -> None:
        """End the text; its last record needs no separator."""
        if not self._overlong:
            self._take(self._rest + b"\n")
        self._overlong, self._rest = False, b""

    async def read_text(self, text: bytes) -> None:
        """As `feed`, in slices, so that other requests are answered in between."""
        async for piece in in_slices(_alone(text)):
            self.feed(piece)
            await self._settle()

    async def read_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        """As `add_rows`, in slices."""
        async for at in in_steps(range(0, len(rows), SLICE_ROWS)):
            self.add_rows(rows[at : at + SLICE_ROWS])
            await self._settle()

    async def _settle(self) -> None:
        await self.people.settle()
        await self.links.settle()

    def add_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Take rows of identifiers by name. A row is one person, identified by its first valid identifier;
        the others are ignored. Chosen."""
        if self.sample is not None:
            self.sample.add_rows(rows)
        people: list[bytes] = []
        links: list[bytes] = []
        self.sent += len(rows)
        for row in rows:
            for name, list_type in _ROW_IDENTIFIERS:
                value = trimmed(str(row.get(name) or "").encode())
                if value and self._add(value, list_type, people, links):
                    break
            else:
                self.reject()
        self._collect(people, links)

    def _take(self, lines: bytes) -> None:
        digests = _all_sha256(lines)
        if digests is not None and self.list_type not in (LR_ID, DLX_ID):
            self.sent += len(lines) // _HASH_LINE_BYTES
            self.people.add(digests)
            return
        people: list[bytes] = []
        links: list[bytes] = []
        # Each distinct line is looked at once: a list may repeat one a million times.
        for line, count in Counter(lines.split(b"\n")).items():
            record = trimmed(line)
            if record:
                self.sent += count
                if len(record) > LONGEST_RECORD_BYTES or not self._add(record, self.list_type, people, links):
                    self.reject(count)
        self._collect(people, links)

    def _collect(self, people: list[bytes], links: list[bytes]) -> None:
        self.people.add(b"".join(people))
        if links:
            self.has_links = True
            self.links.add(b"".join(links))

    def _add(self, record: bytes, list_type: str, people: list[bytes], links: list[bytes]) -> bool:
        """Whether the record is valid; if so, its digest is added to `people`, and its links to `links`."""
        if list_type in (LR_ID, DLX_ID):
            if not _OPAQUE.fullmatch(record):
                return False
            people.append(hashlib.sha256(record).digest())
        elif _HASH.fullmatch(record):
            people.append(digest_of_hash(record))
        elif list_type != HASHED_PINNER_ID and (_ADDRESS.fullmatch(record) or _DEVICE.fullmatch(record)):
            # A list of one type may have the others, too (Pinterest's description of `records`).
            person, *hashes = digests_of_plain(record)
            people.append(person)
            links += [digest + person for digest in hashes]
        else:
            return False
        return True

    def reject(self, count: int = 1) -> None:
        """Count so many of the records as invalid."""
        what = {EMAIL: INVALID_EMAIL, IDFA: INVALID_DEVICE, MAID: INVALID_DEVICE}
        self.invalid[what.get(self.list_type, INVALID_ID)] += count


def _all_sha256(lines: bytes) -> bytes | None:
    """The digests of lines that all have 64 hex digits, decoded at once; None if any has not."""
    count, odd = divmod(len(lines), _HASH_LINE_BYTES)
    if odd or lines[_HASH_LINE_BYTES - 1 :: _HASH_LINE_BYTES] != b"\n" * count:
        return None
    try:
        digests = binascii.unhexlify(lines.replace(b"\n", b""))
    except binascii.Error:
        return None
    return digests if len(digests) * 2 == count * _SHA256_HEX_DIGITS else None


async def _alone(text: bytes) -> AsyncIterator[bytes]:
    yield text
