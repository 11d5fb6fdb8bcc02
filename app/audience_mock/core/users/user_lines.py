"""The lines of a file of users: checked while they stream in, their digests collected."""

import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from audience_mock.core.users.digests import DIGEST_BYTES, Digests, has_numpy, import_numpy
from audience_mock.core.users.records import trimmed

if TYPE_CHECKING:
    from audience_mock.core.users.samples import Sample

LONGEST_LINE_BYTES = 4096
"""No identifier is nearly as long; a longer line is invalid, and not kept in memory. Chosen."""

INVALID_LINES_KEPT = 10

_TOO_LONG = f"is longer than {LONGEST_LINE_BYTES} bytes"

EMAIL_HASH = "email_hash"
PHONE_HASH = "phone_hash"
THIRD_PARTY_ID = "custom_audience_third_party_id"
ADVERTISER_ID = "mobile_advertiser_id"
FBID = "fbid"

# A valid line of each type, trimmed. Only the hashed types are documented (SHA-256 in hex); the others follow
# the identifiers themselves: an IDFA or an Android id is a UUID.
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


@dataclass
class Report:
    """The report on one file, with the columns of `tables.Upload`. `lines` does not count blank ones;
    `invalid_lines` are the first ten: the number in the file (from 1), and the reason."""

    lines: int = 0
    valid: int = 0
    distinct: int = 0
    added: int = 0
    matched: int = 0
    invalid: int = 0
    invalid_lines: list[tuple[int, str]] = field(default_factory=list)

    def count_distinct(self, digests: bytes, matched: int) -> None:
        """Count distinct digests, of which these are of people whom the provider knows."""
        self.distinct += len(digests) // DIGEST_BYTES
        self.matched += matched


class UserLines:
    """Takes a file of one user a line, in pieces of any size, and collects the digests of its valid lines.

    `user_type` is one of USER_TYPES. The digest of a hashed user is what the line says in hex; that of any
    other user is the SHA-256 of the line in one spelling: lower-cased, without white space and quotes around
    it, an advertiser id with its hyphens. Use it as a context manager: it may have a temporary file.
    """

    def __init__(
        self,
        user_type: str,
        *,
        sample: "Sample | None" = None,
        watched: Mapping[bytes, object] | None = None,
    ) -> None:
        self.user_type = user_type
        self.sample = sample
        self.report = Report()
        self.digests = Digests(watched=watched)
        self._line = _LINE[user_type]
        self._hashed = user_type in HASHED
        self._rest = b""
        self._number = 0
        self._overlong = False
        self._at_start = True
        self._held_return = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.digests.close()

    def feed(self, piece: bytes) -> None:
        if self.sample is not None:
            self.sample.add_text(piece)
        if self._held_return or b"\r" in piece:
            piece = self._with_known_ends(piece)
        if self._at_start:
            piece, self._rest = self._rest + piece, b""
            if len(piece) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(piece):
                self._rest = piece
                return
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
            self._at_start = False
        start = 0
        if self._rest or self._overlong:
            # The line that started in an earlier piece is taken alone, so that the others are not copied.
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

    async def settle(self) -> None:
        """Call it between two pieces: see `Digests.settle`."""
        await self.digests.settle()

    def finish(self) -> None:
        """End the file; its last line needs no line end."""
        self._at_start = False
        if self._rest or self._overlong:
            self._take(self._rest + b"\n")
            self._rest = b""

    def _with_known_ends(self, piece: bytes) -> bytes:
        """The piece without a last carriage return, which the next one may follow with a newline; and where
        lines end in a carriage return alone, as old spreadsheets write them, in newlines."""
        piece = self._held_return + piece
        self._held_return = b"\r" if piece.endswith(b"\r") else b""
        piece = piece.removesuffix(b"\r")
        # One has no way to tell here which belong together, at a tenth of the time that it takes to look.
        return piece if piece.count(b"\r") == piece.count(b"\n") else _with_newlines(piece)

    def _take(self, lines: bytes, start: int = 0, end: int | None = None) -> None:
        """The whole lines from `start` to `end`."""
        end = len(lines) if end is None else end
        if self._overlong and start < end:
            start = lines.find(b"\n", start) + 1
            self._number += 1
            self._reject(_TOO_LONG)
            self._overlong = False
        if start == end:
            return
        if self._hashed:
            raw = all_hashes(lines, start, end)
            if raw is not None:
                count = len(raw) // DIGEST_BYTES
                self._number += count
                self.report.lines += count
                self.report.valid += count
                self.digests.add(raw)
                return
        self.digests.add(self._digests_of(lines[start:end]))

    def _digests_of(self, lines: bytes) -> bytes:
        """Each distinct line is looked at once: a file may repeat one a million times."""
        if b"\r" in lines:
            lines = _with_newlines(lines)
        raw_lines = lines.split(b"\n")
        raw_lines.pop()
        digests: list[bytes] = []
        invalid: dict[bytes, str] = {}
        report = self.report
        for raw_line, count in Counter(raw_lines).items():
            # The pattern of the others permits no quotes.
            line = trimmed(raw_line) if self.user_type == THIRD_PARTY_ID else raw_line.strip()
            if not line:
                continue
            report.lines += count
            if len(line) > LONGEST_LINE_BYTES:
                invalid[raw_line] = _TOO_LONG
            elif not self._line.fullmatch(line):
                invalid[raw_line] = f"is not of type {self.user_type}"
            else:
                report.valid += count
                digests.append(
                    binascii.unhexlify(line) if self._hashed else self._digest_of_plain(line.lower())
                )
                continue
            report.invalid += count
        if invalid and len(report.invalid_lines) < INVALID_LINES_KEPT:
            for number, raw_line in enumerate(raw_lines, self._number + 1):
                if raw_line in invalid:
                    self._keep_invalid(number, invalid[raw_line])
        self._number += len(raw_lines)
        return b"".join(digests)

    def _digest_of_plain(self, line: bytes) -> bytes:
        if self.user_type == ADVERTISER_ID:
            line = str(UUID(line.decode())).encode()
        return hashlib.sha256(line).digest()

    def _reject(self, why: str) -> None:
        self.report.lines += 1
        self.report.invalid += 1
        self._keep_invalid(self._number, why)

    def _keep_invalid(self, number: int, why: str) -> None:
        if len(self.report.invalid_lines) < INVALID_LINES_KEPT:
            self.report.invalid_lines.append((number, why))


def _with_newlines(lines: bytes) -> bytes:
    """The same lines, each ending in a newline, however they did."""
    return lines.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def all_hashes(lines: bytes, start: int, end: int) -> bytes | None:
    """The digests of complete lines that all have 64 hex digits, decoded at once; None if any has not."""
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
        # unhexlify rejects any other character, also a line end in the wrong place.
        raw = binascii.unhexlify(digits)
    except binascii.Error:
        return None
    return raw if len(raw) == count * DIGEST_BYTES else None
