"""Uploaded users: lines checked while they stream in, distinct digests kept, never a file in memory."""

import asyncio
import binascii
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import insert, select, update

from audience_mock.core.audiences import queries as audiences
from audience_mock.core.store.tables import Audience, Upload, UserBlock, table_of
from audience_mock.core.users import user_sets
from audience_mock.core.users.digests import DIGEST_BYTES, HELD_BYTES, Digests, each, has_numpy, import_numpy
from audience_mock.core.worlds.world import Transaction, World

LONGEST_LINE_BYTES = 4096
"""No identifier comes near; a longer line is invalid and is not held. Chosen."""

INVALID_LINES_KEPT = 10

_TOO_LONG = f"is longer than {LONGEST_LINE_BYTES} bytes"

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
_HASH_CHARACTERS = 2 * DIGEST_BYTES
_blocks = table_of(UserBlock)
_uploads = table_of(Upload)
_audiences = table_of(Audience)
_ADD_UPLOAD = insert(_uploads)


@dataclass
class Report:
    """What was found in one file; the columns of `tables.Upload`. `lines` leaves out blank ones;
    `invalid_lines` are the first ten: number in the file (from 1), and why."""

    lines: int = 0
    valid: int = 0
    distinct: int = 0
    added: int = 0
    matched: int = 0
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
        if self._at_start:
            piece, self._rest = self._rest + piece, b""
            if len(piece) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(piece):
                self._rest = piece
                return
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
            self._at_start = False
        start = 0
        if self._rest or self._overlong:
            # The line that began before is looked at by itself, so that the others need not be copied.
            start = piece.find(b"\n") + 1
            if start:
                self._take(self._rest + piece[:start])
                self._rest = b""
        end = max(start, piece.rfind(b"\n") + 1)
        self._take(piece, start, end)
        self._rest += piece[end:]
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._overlong = True
            self._rest = b""

    def finish(self) -> None:
        """The file is at its end; a last line needs no line end."""
        self._at_start = False
        if self._rest or self._overlong:
            self._take(self._rest + b"\n")
            self._rest = b""

    def _take(self, lines: bytes, start: int = 0, end: int | None = None) -> None:
        """The whole lines from `start` to `end`."""
        end = len(lines) if end is None else end
        if self._overlong and start < end:
            start = lines.find(b"\n", start) + 1
            self._number += 1
            self._refuse(_TOO_LONG)
            self._overlong = False
        if start == end:
            return
        if self._hashed:
            raw = _all_hashes(lines, start, end)
            if raw is not None:
                count = len(raw) // DIGEST_BYTES
                self._number += count
                self.report.lines += count
                self.report.valid += count
                self.digests.add(raw)
                return
        self.digests.add(b"".join(self._digests_of(lines[start:end])))

    def _digests_of(self, lines: bytes) -> Iterator[bytes]:
        for raw_line in lines.split(b"\n")[:-1]:
            self._number += 1
            line = raw_line.strip()
            if not line:
                continue
            if len(line) > LONGEST_LINE_BYTES:
                self._refuse(_TOO_LONG)
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


def _all_hashes(lines: bytes, start: int, end: int) -> bytes | None:
    """The digests of whole lines that are all 64 hex digits, looked at together; None if any is not."""
    end_bytes = 2 if lines.startswith(b"\r", start + _HASH_CHARACTERS) else 1
    line_bytes = _HASH_CHARACTERS + end_bytes
    count, odd = divmod(end - start, line_bytes)
    if odd or lines[start + line_bytes - 1 : end : line_bytes] != b"\n" * count:
        return None
    if end_bytes == 2 and lines[start + _HASH_CHARACTERS : end : line_bytes] != b"\r" * count:
        return None
    if has_numpy():
        np = import_numpy()
        rows = np.frombuffer(lines, "u1", end - start, start).reshape(-1, line_bytes)
        digits = rows[:, :_HASH_CHARACTERS].tobytes()
    else:
        digits = lines[start:end].replace(b"\r\n" if end_bytes == 2 else b"\n", b"")
    try:
        # unhexlify refuses whatever is no hex digit, a line end in the wrong place too.
        raw = binascii.unhexlify(digits)
    except binascii.Error:
        return None
    return raw if len(raw) == count * DIGEST_BYTES else None


async def expect(file_bytes: int) -> None:
    """Get ready for a file of about this size, while other requests go on."""
    if file_bytes > HELD_BYTES:
        await asyncio.to_thread(import_numpy)


async def create_audience(
    world: World, users: UserLines, *, columns: Mapping[str, Any], **audience: Any
) -> Audience:
    """Keep a finished file's users and make the audience that has them; arguments as audiences.create.

    A large set is written part by part, so that other requests are answered in between; it belongs to no
    audience until the last step, which makes the audience and the report in one transaction.
    """
    async with _keep(world, users, None) as kept:
        return await world.transact(_create, users=users, kept=kept, audience=audience | {"columns": columns})


async def add_users(world: World, users: UserLines, *, key: int) -> Audience:
    """Keep a finished file's users in the audience `key` beside those that it has; answers it as it is then.

    Raises NotFoundError if the audience is removed meanwhile.
    """
    while True:
        before = await world.read(audiences.find_by_key, key=key)
        async with _keep(world, users, before.user_set) as kept:
            after = await world.transact(_add, users=users, kept=kept, before=before)
            if after is not None:
                return after
        # Another upload to the same audience was faster: its users are there now, so once more.


@asynccontextmanager
async def _keep(world: World, users: UserLines, old_set: int | None) -> AsyncIterator[user_sets.Written]:
    """Write the union of a set and the users of a file as a new set; dropped again if the body fails or
    leaves it to no audience."""
    users.finish()
    report, matcher = users.report, await world.read(user_sets.matcher)
    report.distinct = report.matched = 0

    async def of_file() -> AsyncIterator[bytes]:
        for digests in users.digests.parts():
            report.distinct += len(digests) // DIGEST_BYTES
            report.matched += matcher.count(digests)
            yield digests

    old_users = 0

    async def of_audience() -> AsyncIterator[bytes]:
        nonlocal old_users
        async for digests in user_sets.read(world, old_set):
            old_users += len(digests) // DIGEST_BYTES
            yield digests

    async with user_sets.writing(world, user_sets.union(of_audience(), of_file())) as kept:
        report.added = kept.users - old_users
        yield kept


def _create(
    tx: Transaction, *, users: UserLines, kept: user_sets.Written, audience: dict[str, Any]
) -> Audience:
    columns = {**audience["columns"], "user_type": users.user_type, "user_set": kept.user_set}
    made = audiences.create(tx, **audience | {"people": kept.people, "columns": columns})
    _report(tx, users, made)
    return made


def _add(tx: Transaction, *, users: UserLines, kept: user_sets.Written, before: Audience) -> Audience | None:
    """None if the set that was added to is no longer the audience's."""
    now = audiences.find_by_key(tx, key=cast(int, before.key))
    if now.user_set != before.user_set:
        return None
    values = {"user_set": kept.user_set, "people": kept.people, "updated_at_ms": tx.now_ms}
    tx.execute(update(_audiences).where(_audiences.c.key == before.key).values(values))
    user_sets.drop(tx, user_set=before.user_set)
    _report(tx, users, now)
    return audiences.find_by_key(tx, key=cast(int, before.key))


def _report(tx: Transaction, users: UserLines, audience: Audience) -> None:
    row = {
        **vars(users.report),
        "audience_key": audience.key,
        "received_at_ms": tx.now_ms,
        "user_type": users.user_type,
        "invalid_lines": json.dumps(users.report.invalid_lines),
    }
    tx.execute(_ADD_UPLOAD, row)


def users_of(tx: Transaction, *, user_set: int) -> Iterator[bytes]:
    """The digests of a set, sorted."""
    parts = select(_blocks.c.digests).where(_blocks.c.user_set == user_set).order_by(_blocks.c.part)
    for (digests,) in tx.execute(parts):
        yield from each(digests)


def reports(tx: Transaction, *, at_most: int) -> list[dict[str, Any]]:
    """The last uploads, newest first, each with the ids of its audience; `invalid_lines` as line and why."""
    c, a = _uploads.c, _audiences.c
    rows = tx.execute(
        select(a.number.label("audience"), a.facebook_id, a.account, _uploads)
        .join_from(_uploads, _audiences, c.audience_key == a.key)
        .order_by(c.key.desc())
        .limit(at_most)
    )
    return [
        {
            **{name: value for name, value in row._mapping.items() if name not in ("key", "audience_key")},
            "duplicate": row.valid - row.distinct,
            "invalid_lines": [{"line": line, "why": why} for line, why in json.loads(row.invalid_lines)],
        }
        for row in rows
    ]
