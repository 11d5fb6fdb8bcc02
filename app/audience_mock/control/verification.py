"""Whether a journal has the requests that a test expects."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from audience_mock.control.errors import VerificationFailedError
from audience_mock.control.journal_summary import entry_summary
from audience_mock.control.request_pattern import RequestPattern, difference_as_json
from audience_mock.core.controls.journal import Entry, Journal
from audience_mock.core.controls.json_match import Difference
from audience_mock.web.timestamps import iso_8601

MAX_NAMED = 5
"""Matching requests that an error names. Chosen: more than a reader compares in one line."""


def verify_count(
    journal: Journal,
    wanted: RequestPattern,
    at_least: int,
    at_most: int | None,
    *,
    within_s: float | None,
    now_ms: int,
) -> list[Entry]:
    """The requests that match, if there are as many as expected. Raises VerificationFailedError."""
    matched, earlier = [], 0
    for entry in journal:
        if wanted.matches(entry):
            if within_s is None or entry.at_ms >= now_ms - within_s * 1000:
                matched.append(entry)
            else:
                earlier += 1
    if len(matched) >= at_least and (at_most is None or len(matched) <= at_most):
        return matched
    within = "" if within_s is None else f" in the last {within_s:g} s"
    error = f"expected {_count(at_least, at_most)} {_in_one_line(wanted)}{within}, found {len(matched)}"
    if earlier and len(matched) < at_least:
        error += f" (and {earlier} before that)"
    if matched:
        error += f": {_named(matched)}"
    if len(matched) > at_least:
        raise _failure(error, journal, matched=matched, nearest=matched[-1], differences=[])
    nearest, differences = _near_miss(journal, wanted, excluded={entry.number for entry in matched})
    raise _failure(error, journal, matched=matched, nearest=nearest, differences=differences)


def verify_order(journal: Journal, order: Sequence[RequestPattern], within_s: float | None) -> list[Entry]:
    """The first requests that match these patterns one after the other, within the time. Raises
    VerificationFailedError."""
    matching = [[entry for entry in journal if wanted.matches(entry)] for wanted in order]
    best: list[Entry] = []
    for first in matching[0]:
        row = _earliest_row(first, matching[1:])
        is_whole = len(row) == len(order)
        if is_whole and (within_s is None or _duration_s(row) <= within_s):
            return row
        if len(row) > len(best) or (is_whole and _duration_s(row) < _duration_s(best)):
            best = row
        if not is_whole:
            break  # a row that starts later is no longer
    if len(best) == len(order):
        raise _too_slow(journal, best, within_s or 0)
    raise _incomplete(journal, order, best, matching[len(best)])


def _earliest_row(first: Entry, matching: Sequence[Sequence[Entry]]) -> list[Entry]:
    """From `first`, the earliest entry of each list that follows the one before; as far as there are any."""
    row = [first]
    for entries in matching:
        following = next((entry for entry in entries if entry.number > row[-1].number), None)
        if following is None:
            break
        row.append(following)
    return row


def _too_slow(journal: Journal, row: Sequence[Entry], within_s: float) -> VerificationFailedError:
    first, last = row[0], row[-1]
    error = (
        f"the order took {_duration_s(row):g} s at best, from request {first.number} to {last.number}, not"
        f" {within_s:g} s"
    )
    latest = iso_8601(first.at_ms + int(within_s * 1000))
    return _failure(
        error,
        journal,
        matched=row,
        nearest=last,
        differences=[{"path": "at", "wanted": latest, "found": iso_8601(last.at_ms)}],
        field="within_s",
    )


def _incomplete(
    journal: Journal, order: Sequence[RequestPattern], row: Sequence[Entry], matching: Sequence[Entry]
) -> VerificationFailedError:
    """No request continues `row`; `matching` are those that match the next pattern, all of them too early."""
    position, wanted = len(row), order[len(row)]
    after = row[-1].number if row else 0
    error = f"order.{position}: no request{f' after number {after}' if row else ''} {_in_one_line(wanted)}"
    early = [entry for entry in matching if entry.number < after]
    nearest: Entry | None
    if early:
        nearest = early[-1]
        error += f", number {nearest.number} came before"
        differences = [{"path": "number", "wanted": f"after {after}", "found": nearest.number}]
    else:
        nearest, differences = _near_miss(journal, wanted, excluded={entry.number for entry in row})
    return _failure(
        error, journal, matched=row, nearest=nearest, differences=differences, field=f"order.{position}"
    )


def _named(entries: Sequence[Entry]) -> str:
    """As `1 POST /v5/ad_accounts/1/audiences 201, 4 …`; of many, the newest."""
    shown = [entry_summary(entry) for entry in entries[-MAX_NAMED:]]
    named = ", ".join("{number} {method} {path} {status}".format(**each) for each in shown)
    older = len(entries) - len(shown)
    return f"{older} older, {named}" if older else named


def _near_miss(
    journal: Journal, wanted: RequestPattern, excluded: Collection[int]
) -> tuple[Entry | None, list[dict[str, Any]]]:
    """The request with the fewest values that differ, the newest of such, and the differences."""
    nearest: tuple[int, bool, Entry, list[Difference]] | None = None
    for entry in reversed(journal):
        if entry.number not in excluded and (differences := list(wanted.differences(entry))):
            # A body that is missing counts for all that is wanted of it.
            different = sum(_values_in(difference.wanted) for difference in differences)
            is_other = any(difference.path == "operation" for difference in differences)
            if nearest is None or (different, is_other) < nearest[:2]:
                nearest = different, is_other, entry, differences
    if nearest is None:
        return None, []
    _, _, entry, differences = nearest
    return entry, [difference_as_json(difference, entry) for difference in differences]


def _values_in(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_values_in, inner))


def _failure(
    error: str,
    journal: Journal,
    *,
    matched: Sequence[Entry],
    nearest: Entry | None,
    differences: list[dict[str, Any]],
    field: str | None = None,
) -> VerificationFailedError:
    if nearest is not None and differences:
        where = ", ".join(each["path"] for each in differences)
        error += f"; request {nearest.number} is the nearest and differs in {where}"
    elif nearest is None:
        error += "; the journal has no other request"
    dropped = journal.dropped
    if dropped:
        error += f" ({dropped} older ones were dropped: raise journal_entries or journal_bytes)"
    return VerificationFailedError(
        {
            "error": error,
            **({} if field is None else {"field": field}),
            "verified": False,
            "matched": [entry.number for entry in matched],
            "dropped": dropped,
            "nearest": None if nearest is None else entry_summary(nearest),
            "differences": differences,
        }
    )


def _duration_s(row: Sequence[Entry]) -> float:
    return (row[-1].at_ms - row[0].at_ms) / 1000


def _count(at_least: int, at_most: int | None) -> str:
    """As `exactly 2 requests`."""
    if at_most == 0:
        return "no request"
    if at_most is None:
        count = f"at least {at_least}"
    elif at_most == at_least:
        count = f"exactly {at_least}"
    else:
        count = f"{at_least} to {at_most}" if at_least else f"at most {at_most}"
    return f"{count} {'request' if (at_most or at_least) == 1 else 'requests'}"


def _in_one_line(wanted: RequestPattern) -> str:
    given = wanted.model_dump(include=set(RequestPattern.model_fields), exclude_unset=True)
    parts = [f"{name} {value}" for name, value in given.items() if name != "match" and value is not None]
    if wanted.match is not None:
        parts.append(f"match {json.dumps(wanted.match.wanted(), ensure_ascii=False)}")
    return f"with {', '.join(parts)}" if parts else "of any kind"
