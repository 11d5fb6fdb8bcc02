"""Who a record means: one 32-byte digest for a person, however the record writes them.

An address or a mobile advertising id means the same person plain, or as the MD5, SHA-1 or SHA-256 of it,
trimmed and lower-cased, in hex. The digest that counts is the SHA-256. Of an MD5 or a SHA-1 alone that
cannot be known, so it stands for itself, by the SHA-256 of its hex text, until the plain form comes along:
that gives links from all its hashes to the one that counts. So an MD5 and a SHA-256 whose plain form nobody
sends are two people. All of this is chosen; Pinterest says only which forms it reads.
"""

import asyncio
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from audience_mock.core.users.digests import LINK_BYTES, Digests

EMAIL, IDFA, MAID = "EMAIL", "IDFA", "MAID"
LR_ID, DLX_ID, HASHED_PINNER_ID = "LR_ID", "DLX_ID", "HASHED_PINNER_ID"

LONGEST_RECORD_BYTES = 4096
"""No identifier comes near; a longer record is invalid and is not held. Chosen."""

SLICE_BYTES, SLICE_ROWS = 1 << 15, 1000
"""Records that are read at a time; hashing plain ones takes about 10 ms, for which other requests wait."""

INVALID_EMAIL, INVALID_DEVICE, INVALID_ID = "email", "mobile advertising ID", "ID"

_HASH = re.compile(rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_ADDRESS = re.compile(rb"[^@\s\x00-\x20\x7f]+@[^@\s\x00-\x20\x7f]+")
_DEVICE = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OPAQUE = re.compile(rb"[^\x00-\x1f\x7f]{1,1024}")
_SHA256_HEX_DIGITS = 64
_SEPARATORS = bytes.maketrans(b",\r", b"\n\n")
_HASH_LINE_BYTES = _SHA256_HEX_DIGITS + 1

# The identifiers of a row, the first that is right says whose it is. The rest of a row (address of the
# network, browser) belongs to more than one.
_IN_A_ROW = (
    ("email", EMAIL),
    ("maid", MAID),
    ("hashed_phone_number", HASHED_PINNER_ID),
    ("hashed_pinner_id", HASHED_PINNER_ID),
    ("external_id", DLX_ID),
    ("liveramp_envelope", LR_ID),
)


def of_hash(digits: bytes) -> bytes:
    """The digest that stands for a hash in hex: a SHA-256 itself, of any other its own SHA-256."""
    if len(digits) == _SHA256_HEX_DIGITS:
        return binascii.unhexlify(digits)
    return hashlib.sha256(digits.lower()).digest()


def of_plain(value: bytes) -> tuple[bytes, bytes, bytes]:
    """The digests of an address or device, plain: the one that counts, then those of its MD5 and SHA-1."""
    value = value.strip().lower()
    if not value.isascii():
        value = value.decode(errors="surrogateescape").strip().lower().encode(errors="surrogateescape")
    md5 = hashlib.md5(value, usedforsecurity=False).hexdigest()
    sha1 = hashlib.sha1(value, usedforsecurity=False).hexdigest()
    return (
        hashlib.sha256(value).digest(),
        hashlib.sha256(md5.encode()).digest(),
        hashlib.sha256(sha1.encode()).digest(),
    )


class Records:
    """Takes records of a customer list and collects the people that they mean.

    `people` has a digest for each right record, `links` an entry for each hash of a plain one; both may
    hold a temporary file, so use it as a context manager. `sent` counts all records, `invalid` the wrong
    ones by what they are not.
    """

    def __init__(self, list_type: str) -> None:
        self.list_type = list_type
        self.people = Digests()
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
        """Text of records between commas or line ends, in pieces of any size; blank ones do not count."""
        data = (self._rest + piece).translate(_SEPARATORS)
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if self._overlong and end:
            # What was too long ends here, and was counted.
            start = data.find(b"\n") + 1
            self._overlong = False
            self._take(data[start:end])
        elif end:
            self._take(data[:end])
        if self._overlong:
            self._rest = b""
        elif len(self._rest) > LONGEST_RECORD_BYTES:
            self._refuse()
            self._overlong, self._rest = True, b""

    def finish(self) -> None:
        """The text is at its end; a last record needs no separator."""
        if not self._overlong:
            self._take(self._rest + b"\n")
        self._overlong, self._rest = False, b""

    async def read_text(self, text: bytes) -> None:
        """As `feed`, slice by slice, so that other requests are answered in between."""
        for at in range(0, len(text), SLICE_BYTES):
            self.feed(text[at : at + SLICE_BYTES])
            await asyncio.sleep(0)

    async def read_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        """As `add_rows`, slice by slice."""
        for at in range(0, len(rows), SLICE_ROWS):
            self.add_rows(rows[at : at + SLICE_ROWS])
            await asyncio.sleep(0)

    def add_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Rows of identifiers by name. A row is one person, and the first of its identifiers says who; the
        others are not linked to it. Chosen."""
        people: list[bytes] = []
        links: list[bytes] = []
        for row in rows:
            self.sent += 1
            for name, list_type in _IN_A_ROW:
                value = str(row.get(name) or "").strip().encode()
                if value and self._add(value, list_type, people, links):
                    break
            else:
                self._refuse(counted=True)
        self._keep(people, links)

    def _take(self, lines: bytes) -> None:
        digests = _all_sha256(lines)
        if digests is not None and self.list_type not in (LR_ID, DLX_ID):
            self.sent += len(lines) // _HASH_LINE_BYTES
            self.people.add(digests)
            return
        people: list[bytes] = []
        links: list[bytes] = []
        for line in lines.split(b"\n"):
            record = line.strip()
            if record:
                self.sent += 1
                if len(record) > LONGEST_RECORD_BYTES or not self._add(record, self.list_type, people, links):
                    self._refuse(counted=True)
        self._keep(people, links)

    def _keep(self, people: list[bytes], links: list[bytes]) -> None:
        self.people.add(b"".join(people))
        if links:
            self.has_links = True
            self.links.add(b"".join(links))

    def _add(self, record: bytes, list_type: str, people: list[bytes], links: list[bytes]) -> bool:
        """Whether the record is right; then its digest is in `people`, and its links are in `links`."""
        if list_type in (LR_ID, DLX_ID):
            if not _OPAQUE.fullmatch(record):
                return False
            people.append(hashlib.sha256(record).digest())
        elif _HASH.fullmatch(record):
            people.append(of_hash(record))
        elif list_type != HASHED_PINNER_ID and (_ADDRESS.fullmatch(record) or _DEVICE.fullmatch(record)):
            # A list of one type may hold the others too (Pinterest's description of `records`).
            person, *hashes = of_plain(record)
            people.append(person)
            links += [digest + person for digest in hashes]
        else:
            return False
        return True

    def _refuse(self, *, counted: bool = False) -> None:
        self.sent += 0 if counted else 1
        what = {EMAIL: INVALID_EMAIL, IDFA: INVALID_DEVICE, MAID: INVALID_DEVICE}
        self.invalid[what.get(self.list_type, INVALID_ID)] += 1


def _all_sha256(lines: bytes) -> bytes | None:
    """The digests of lines that are all 64 hex digits, looked at as a whole; None if any is not."""
    count, odd = divmod(len(lines), _HASH_LINE_BYTES)
    if odd or lines[_HASH_LINE_BYTES - 1 :: _HASH_LINE_BYTES] != b"\n" * count:
        return None
    try:
        digests = binascii.unhexlify(lines.replace(b"\n", b""))
    except binascii.Error:
        return None
    return digests if len(digests) * 2 == count * _SHA256_HEX_DIGITS else None
