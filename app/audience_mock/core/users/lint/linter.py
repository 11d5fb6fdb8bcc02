"""Values of one column, linted: how many there are, and what is wrong with which."""

import binascii
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from audience_mock.core.users.digests import DIGEST_BYTES, each, import_numpy
from audience_mock.core.users.lint.diagnosis import diagnose
from audience_mock.core.users.lint.expected import EMAIL, FBID, MAID, PHONE, SHA256, Expected
from audience_mock.core.users.lint.faults import Diagnosis
from audience_mock.core.users.lint.index import Index, index_for
from audience_mock.core.users.user_lines import all_hashes

FIRST_LINES = 3
"""Lines that a finding names. Chosen: what they have in common shows."""

REMEMBERED = 1 << 16
"""Distinct values whose diagnosis is remembered: a file may repeat one a million times. Chosen: 10 MB."""

_TABLE_BITS = 24
"""The table of what digests begin with has 2**24 entries, of a byte each: of a million right hashes, it lets
a few thousand through to the dictionary."""


# What many values of a column look like that are plain and not known. No header line, placeholder or id of a
# device without tracking does.
_ALIKE = {
    EMAIL: re.compile(rb"[a-z0-9._+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
    PHONE: re.compile(rb"\+?[1-9][0-9]{7,13}"),
    MAID: re.compile(rb"(?!0{8}-)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    FBID: re.compile(rb"[1-9][0-9]{4,18}"),
}


_UUID_BYTES = 16

_HEX_LENGTHS = frozenset({32, 40, 64, 128})
_HASH = re.compile(rb"[0-9a-f]+|(?P<upper>[0-9A-F]+)")


class Example(NamedTuple):
    line: int
    value: str


@dataclass
class Finding:
    """How many values have a diagnosis, how many of them were recognized exactly, and the first ones."""

    diagnosis: Diagnosis
    count: int = 0
    exact: int = 0
    first: list[Example] = field(default_factory=list)

    def add(self, count: int, exact: int, examples: Sequence[Example]) -> None:
        self.count += count
        self.exact += exact
        if examples:
            self.first = sorted([*self.first, *examples])[:FIRST_LINES]


class Linter:
    """Takes values of one column in any number, and counts findings by diagnosis.

    `index` knows the people; by default, those that are included. A blank value is none.
    """

    def __init__(self, expected: Expected, *, index: Index | None = None) -> None:
        self.expected = expected
        self.values = 0
        self._index = index_for(expected.kind) if index is None else index
        self._found: dict[tuple[tuple[str, ...], str | None], Finding] = {}
        self._diagnosed: dict[bytes, Diagnosis | None] = {}
        self._table: Any = None

    @property
    def findings(self) -> list[Finding]:
        """The most frequent first."""
        return sorted(self._found.values(), key=lambda finding: -finding.count)

    @property
    def wrong_values(self) -> int:
        return sum(finding.count for finding in self._found.values())

    def add(self, value: bytes, line: int) -> None:
        """Lint one value; `line` is where it stands, from 1."""
        if not value or value.isspace():
            return
        self.values += 1
        try:
            diagnosis = self._diagnosed[value]
        except KeyError:
            diagnosis = diagnose(value, self.expected, self._index)
            if len(self._diagnosed) < REMEMBERED:
                self._diagnosed[value] = diagnosis
        if diagnosis is not None:
            self._count(diagnosis, 1, [(line, value)])

    def add_file_fault(self, code: str, what: str) -> None:
        """A fault of the whole file, found at its start."""
        self._of(Diagnosis((code,))).add(1, 1, [Example(1, what)])

    def add_each(self, values: Sequence[bytes], lines: Sequence[int]) -> None:
        """Lint values that stand in these lines. Those that look alike are diagnosed together."""
        if self.expected.is_hash:
            values, lines = self._without_hashes(values, lines)
        rest: Iterable[int] = range(len(values))
        pattern = _ALIKE.get(self.expected.kind)
        if pattern is not None:
            matches, known = pattern.fullmatch, self._index.plain
            rest = [at for at, value in enumerate(values) if matches(value) is None or value in known]
            self._add_alike(values, lines, rest)
        for at in rest:
            self.add(values[at], lines[at])

    def _without_hashes(
        self, values: Sequence[bytes], lines: Sequence[int]
    ) -> tuple[Sequence[bytes], Sequence[int]]:
        """Lint the hashes in hex among the values, by length and case; returns the others."""
        groups: dict[tuple[int, bool], list[int]] = {}
        rest: list[int] = []
        for at, value in enumerate(values):
            if len(value) in _HEX_LENGTHS and (found := _HASH.fullmatch(value)):
                groups.setdefault((len(value), found.lastgroup == "upper"), []).append(at)
            else:
                rest.append(at)
        if not groups:
            return values, lines
        for (length, is_upper), places in groups.items():
            digests = binascii.unhexlify(b"".join([values[at] for at in places]))
            of_group = [lines[at] for at in places]
            self.add_digests(digests, of_group, width=length // 2, is_upper=is_upper)
        return [values[at] for at in rest], [lines[at] for at in rest]

    def _add_alike(self, values: Sequence[bytes], lines: Sequence[int], rest: Collection[int]) -> None:
        """Lint all values but the `rest`, which have one diagnosis."""
        count = len(values) - len(rest)
        if not count:
            return
        self.values += count
        apart = set(rest)
        first = list(islice((at for at in range(len(values)) if at not in apart), FIRST_LINES))
        diagnosis = diagnose(values[first[0]], self.expected, self._index)
        if diagnosis is not None:
            self._count(diagnosis, count, [(lines[at], values[at]) for at in first])

    def add_hashes(self, lines: bytes, first_line: int) -> int | None:
        """Lint whole lines if all are SHA-256 hashes in lower-case hex, with one kind of line end; returns
        how many there are. None, and nothing is linted, if any is not."""
        if SHA256 not in self.expected.forms:
            return None
        digests = all_hashes(lines, 0, len(lines))
        if digests is None or lines != lines.lower():
            return None
        count = len(digests) // DIGEST_BYTES
        self.add_digests(digests, range(first_line, first_line + count))
        return count

    def add_digests(
        self, digests: bytes, lines: Sequence[int], *, width: int = DIGEST_BYTES, is_upper: bool = False
    ) -> None:
        """Lint digests of `width` bytes that stand in these lines in hex, in lower or upper case. Those that
        are not known have one diagnosis."""

        def hex_of(at: int) -> bytes:
            text = digests[at * width : (at + 1) * width].hex()
            return (text.upper() if is_upper else text).encode()

        if self.expected.kind == MAID and width == _UUID_BYTES:
            # Some may be advertising ids without hyphens, so they do not have one diagnosis.
            for at, line in enumerate(lines):
                self.add(hex_of(at), line)
            return
        self.values += len(lines)
        known = self._known(digests, width)
        for at in known:
            diagnosis = diagnose(hex_of(at), self.expected, self._index)
            if diagnosis is not None:
                self._count(diagnosis, 1, [(int(lines[at]), hex_of(at))])
        apart = set(known)
        first = list(islice((at for at in range(len(lines)) if at not in apart), FIRST_LINES))
        unknown = first and diagnose(hex_of(first[0]), self.expected, self._index)
        if unknown:
            count = len(lines) - len(known)
            self._count(unknown, count, [(int(lines[at]), hex_of(at)) for at in first])

    def _known(self, digests: bytes, width: int) -> list[int]:
        """The numbers of the digests that the index has."""
        known = self._index.digests
        np = import_numpy()
        if np is None:
            if known.keys().isdisjoint(each(digests, width)):
                return []
            return [at for at, digest in enumerate(each(digests, width)) if digest in known]
        if self._table is None:
            self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
            beginnings = np.frombuffer(b"".join(digest[:4] for digest in known), dtype=">u4")
            self._table[beginnings >> (32 - _TABLE_BITS)] = True
        beginnings = np.frombuffer(digests, dtype=">u4")[:: width // 4] >> (32 - _TABLE_BITS)
        candidates = np.flatnonzero(self._table[beginnings]).tolist()
        return [at for at in candidates if digests[at * width : (at + 1) * width] in known]

    def _of(self, diagnosis: Diagnosis) -> Finding:
        key = diagnosis.codes, diagnosis.kind
        finding = self._found.get(key)
        if finding is None:
            finding = self._found[key] = Finding(diagnosis)
        return finding

    def _count(self, diagnosis: Diagnosis, count: int, first: Sequence[tuple[int, bytes]]) -> None:
        finding = self._of(diagnosis)
        # Lines come in ascending blocks, and within a block in any order.
        last = finding.first[-1].line if len(finding.first) == FIRST_LINES else None
        show = _whole if diagnosis.codes[-1] in _PUBLIC else excerpt
        examples = [Example(line, show(value)) for line, value in first if last is None or line < last]
        finding.add(count, count if diagnosis.is_exact else 0, examples)


_PUBLIC = frozenset({"header", "placeholder", "zero_id"})
"""What tells nothing of a person, and so is shown whole."""

_SHOWN_BEFORE, _SHOWN_AFTER = 4, 4


def excerpt(value: bytes) -> str:
    """Enough of a value to find it and not enough to know whose it is: control characters are escaped."""
    text = value.decode(errors="backslashreplace")
    if len(text) > _SHOWN_BEFORE + _SHOWN_AFTER:
        shown = f"{text[:_SHOWN_BEFORE]}…{text[-_SHOWN_AFTER:]}"
    else:
        shown = f"{text[:1]}…"
    return _printable(shown)


def _whole(value: bytes) -> str:
    return _printable(value.decode(errors="backslashreplace"))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def findings_as_json(linter: Linter, *, show_values: bool = True) -> list[dict[str, Any]]:
    """The findings, the most frequent first."""
    return [
        {
            "codes": list(finding.diagnosis.codes),
            "what": finding.diagnosis.what,
            "change": finding.diagnosis.change(linter.expected),
            "count": finding.count,
            "recognized": finding.exact,
            "first": [
                {"line": example.line} | ({"value": example.value} if show_values else {})
                for example in finding.first
            ],
        }
        for finding in linter.findings
    ]
