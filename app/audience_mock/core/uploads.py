"""Uploaded users: lines checked while they stream in, distinct digests kept, never a file in memory."""

import asyncio
import binascii
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any, Self

from sqlalchemy import delete, insert, select

from audience_mock.core import audiences, ids
from audience_mock.core.tables import Audience, Upload, UserBlock, table_of
from audience_mock.core.world import Transaction, World

DIGEST_BYTES = 32

HELD_BYTES = 8 << 20
"""Digests held in memory before they go to a temporary file; no part of a set is larger by much."""

LONGEST_LINE_BYTES = 4096
"""No identifier comes near; a longer line is invalid and is not held. Chosen."""

INVALID_LINES_KEPT = 10

EMAIL_HASH = "email_hash"
PHONE_HASH = "phone_hash"
THIRD_PARTY_ID = "custom_audience_third_party_id"
ADVERTISER_ID = "mobile_advertiser_id"
FBID = "fbid"

# What a line of each kind looks like, trimmed. Only the hashed kinds are documented (SHA-256 in hex);
# the others are what the identifiers themselves look like: an IDFA or an Android id is a UUID.
_LINE = {
    EMAIL_HASH: re.compile(rb"[0-9a-fA-F]{64}"),
    PHONE_HASH: re.compile(rb"[0-9a-fA-F]{64}"),
    THIRD_PARTY_ID: re.compile(rb"[^\x00-\x1f\x7f]{1,255}"),
    ADVERTISER_ID: re.compile(rb"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"),
    FBID: re.compile(rb"[0-9]{1,20}"),
}
USER_TYPES = tuple(_LINE)
HASHED = frozenset({EMAIL_HASH, PHONE_HASH})

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HASH_LINE_BYTES = 2 * DIGEST_BYTES + 1
_PARTS = 256
_blocks = table_of(UserBlock)
_uploads = table_of(Upload)
_ADD_PART = insert(_blocks)
_ADD_UPLOAD = insert(_uploads)


@dataclass
class Report:
    """What was found in one file. `lines` leaves out blank ones; `invalid_lines` are the first ten:
    number in the file (from 1), and why."""

    lines: int = 0
    valid: int = 0
    duplicate: int = 0
    invalid: int = 0
    invalid_lines: list[tuple[int, str]] = field(default_factory=list)


class UserLines:
    """Takes a file of one user a line, in pieces of any size, and collects the digests of its valid lines.

    `user_type` is one of USER_TYPES. A hashed user is the digest that the line writes in hex; any other
    is the SHA-256 of the line, trimmed and lower-cased. Use it as a context manager: it may hold a
    temporary file.
    """

    def __init__(self, user_type: str) -> None:
        self.user_type = user_type
        self.report = Report()
        self.digests = Digests()
        self._line = _LINE[user_type]
        self._hashed = user_type in HASHED
        self._rest = b""
        self._number = 0
        self._overlong = False
        self._at_start = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.digests.close()

    def feed(self, piece: bytes) -> None:
        data = self._rest + piece if self._rest else piece
        if self._at_start:
            if len(data) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(data):
                self._rest = data
                return
            data = data.removeprefix(_BYTE_ORDER_MARK)
            self._at_start = False
        end = data.rfind(b"\n") + 1
        self._take(data[:end])
        self._rest = data[end:]
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._overlong = True
            self._rest = b""

    def finish(self) -> None:
        """The file is at its end; a last line needs no line end."""
        self._at_start = False
        if self._rest or self._overlong:
            self._take(self._rest + b"\n")
            self._rest = b""

    def _take(self, lines: bytes) -> None:
        if self._overlong and lines:
            end = lines.find(b"\n") + 1
            self._number += 1
            self._refuse(f"is longer than {LONGEST_LINE_BYTES} bytes")
            self._overlong = False
            lines = lines[end:]
        if self._hashed:
            raw = _all_hashes(lines)
            if raw is not None:
                count = len(raw) // DIGEST_BYTES
                self._number += count
                self.report.lines += count
                self.report.valid += count
                self.digests.add(raw)
                return
        self.digests.add(b"".join(self._digests_of(lines)))

    def _digests_of(self, lines: bytes) -> Iterator[bytes]:
        for raw_line in lines.split(b"\n")[:-1]:
            self._number += 1
            line = raw_line.strip()
            if not line:
                continue
            if not self._line.fullmatch(line):
                self._refuse(f"is not of type {self.user_type}")
                continue
            self.report.lines += 1
            self.report.valid += 1
            yield binascii.unhexlify(line) if self._hashed else hashlib.sha256(line.lower()).digest()

    def _refuse(self, why: str) -> None:
        self.report.lines += 1
        self.report.invalid += 1
        if len(self.report.invalid_lines) < INVALID_LINES_KEPT:
            self.report.invalid_lines.append((self._number, why))


def _all_hashes(lines: bytes) -> bytes | None:
    """The digests of lines that are all 64 hex digits, looked at as a whole; None if any is not."""
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n")
    count, odd = divmod(len(lines), _HASH_LINE_BYTES)
    if odd or lines[_HASH_LINE_BYTES - 1 :: _HASH_LINE_BYTES] != b"\n" * count:
        return None
    try:
        # unhexlify refuses whatever is no hex digit, a line end in the wrong place too.
        raw = binascii.unhexlify(lines.replace(b"\n", b""))
    except binascii.Error:
        return None
    return raw if len(raw) == count * DIGEST_BYTES else None


class Digests:
    """A bag of 32-byte digests that comes out sorted and distinct; beyond HELD_BYTES it lies in a
    temporary file, sorted into 256 parts by first byte."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._spill: IO[bytes] | None = None
        self._extents: list[list[tuple[int, int]]] = []

    def add(self, raw: bytes) -> None:
        """`raw` is any number of digests, one after the other."""
        self._held.append(raw)
        self._held_bytes += len(raw)
        if self._held_bytes >= HELD_BYTES:
            self._write_out()

    def parts(self) -> Iterator[bytes]:
        """Parts that are sorted and distinct, each and all together; none is larger than memory can hold
        with ease."""
        if self._spill is None:
            if self._held_bytes:
                yield b"".join(sorted(set(_each(b"".join(self._held)))))
            return
        self._write_out()
        for extents in self._extents:
            distinct: set[bytes] = set()
            for offset, size in extents:
                self._spill.seek(offset)
                distinct.update(_each(self._spill.read(size)))
            if distinct:
                yield b"".join(sorted(distinct))

    def _write_out(self) -> None:
        if self._spill is None:
            self._spill = tempfile.TemporaryFile()
            self._extents = [[] for _ in range(_PARTS)]
        buckets: list[list[bytes]] = [[] for _ in range(_PARTS)]
        for raw in self._held:
            for digest in _each(raw):
                buckets[digest[0]].append(digest)
        offset = self._spill.seek(0, 2)
        for bucket, extents in zip(buckets, self._extents, strict=True):
            if bucket:
                extents.append((offset, self._spill.write(b"".join(bucket))))
                offset += extents[-1][1]
        self._held.clear()
        self._held_bytes = 0

    def close(self) -> None:
        if self._spill is not None:
            self._spill.close()


def _each(raw: bytes) -> Iterator[bytes]:
    return (raw[at : at + DIGEST_BYTES] for at in range(0, len(raw), DIGEST_BYTES))


async def create_audience(world: World, users: UserLines, **audience: Any) -> Audience:
    """Keep a finished file's users and make the audience that has them; `audience` as audiences.create.

    A large set is written part by part, so that other requests are answered in between; it belongs to no
    audience until the last step, which makes the audience, its set and the report in one transaction.
    """
    users.finish()
    user_set = await world.transact(_new_set)
    people = 0
    try:
        for part, digests in enumerate(users.digests.parts()):
            people += len(digests) // DIGEST_BYTES
            await world.transact(_add_part, user_set=user_set, part=part, digests=digests)
            await asyncio.sleep(0)
        users.report.duplicate = users.report.valid - people
        return await world.transact(_create, users=users, user_set=user_set, people=people, audience=audience)
    except BaseException:
        await world.transact(_drop_set, user_set=user_set)
        raise


def users_of(tx: Transaction, *, user_set: int) -> Iterator[bytes]:
    """The digests of a set, sorted."""
    parts = select(_blocks.c.digests).where(_blocks.c.user_set == user_set).order_by(_blocks.c.part)
    for (digests,) in tx.execute(parts):
        yield from _each(digests)


def _new_set(tx: Transaction) -> int:
    return tx.new_id(ids.USER_SET)


def _add_part(tx: Transaction, *, user_set: int, part: int, digests: bytes) -> None:
    tx.execute(_ADD_PART, {"user_set": user_set, "part": part, "digests": digests})


def _drop_set(tx: Transaction, *, user_set: int) -> None:
    tx.execute(delete(_blocks).where(_blocks.c.user_set == user_set))


def _create(
    tx: Transaction, *, users: UserLines, user_set: int, people: int, audience: dict[str, Any]
) -> Audience:
    columns = {**audience.pop("columns", {}), "user_type": users.user_type, "user_set": user_set}
    made = audiences.create(tx, people=people, columns=columns, **audience)
    tx.execute(_ADD_UPLOAD, _report_row(users, made, tx.now_ms))
    return made


def _report_row(users: UserLines, audience: Audience, now_ms: int) -> dict[str, Any]:
    report = users.report
    return {
        "audience_key": audience.key,
        "received_at_ms": now_ms,
        "user_type": users.user_type,
        "lines": report.lines,
        "valid": report.valid,
        "duplicate": report.duplicate,
        "invalid": report.invalid,
        "invalid_lines": json.dumps(report.invalid_lines),
    }
