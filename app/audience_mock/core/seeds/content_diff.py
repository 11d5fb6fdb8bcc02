"""The difference of two worlds by what their rows hold, whatever ids and times these have.

Two runs of one client lawfully differ in more than the clock: a call that was repeated takes an id, and a
slow one comes later. So a row is its section and its fields without ids, times and counters, and a reference
is what the other row holds. What is there more often than before was duplicated, or is new.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from audience_mock.core.seeds.diff import MAX_SHOWN, in_short
from audience_mock.core.seeds.export import copy_of
from audience_mock.core.seeds.rows import Row, rows
from audience_mock.core.steps import in_steps
from audience_mock.core.worlds.world import World

NOT_COMPARED = frozenset({"sequences", "facebook_ids", "tokens", "uploads"})
"""Sections: the next ids; tokens, as each refresh makes one; and the reports of uploads, as users that are
sent again are the same users."""

_ASSIGNED = frozenset({"id", "number", "position", "facebook_id", "family", "digest"})
_TIMES = frozenset({"created_at", "updated_at", "ready_at", "started_at", "received_at", "shared_at"})
_COUNTERS = frozenset({"batches", "uploaded_records", "removed_records", "policy"})
"""What every call counts, also one that changes nothing; a policy counts the reads that are left."""
_LEFT_OUT = _ASSIGNED | _TIMES | _COUNTERS
_NAMED = frozenset({"businesses", "ad_accounts", "apps", "people"})
"""Sections whose rows are identified by what a client or a seed says, not by an id of the world's."""
_REFERRED = frozenset({"audiences", "customer_lists"})


async def diff_contents(before: World, after: World) -> dict[str, Any]:
    """By section: the rows of `after` that `before` has as well, but fewer times (`duplicated`), those that
    it has not (`added`), and those of `before` that `after` has fewer times or not at all (`lost`); at most
    MAX_SHOWN of each, and their number. Raises InvalidStateError."""
    had = await _contents(before)
    has = had if before is after else await _contents(after)
    sections: dict[str, dict[str, Any]] = {}
    async for key in in_steps({**had, **has}):
        more = has.get(key, 0) - had.get(key, 0)
        if more:
            section, row = json.loads(key)
            kind = "lost" if more < 0 else "duplicated" if key in had else "added"
            shown = sections.setdefault(section, {"counts": {}})
            shown["counts"][kind] = shown["counts"].get(kind, 0) + abs(more)
            listed = shown.setdefault(kind, [])
            if len(listed) < MAX_SHOWN:
                listed.append(row)
    return sections


async def _contents(world: World) -> dict[bytes, int]:
    """How often the world holds each content, as JSON texts of a section and a row."""
    counts: dict[bytes, int] = {}
    names: dict[str, str] = {}
    async with copy_of(world) as (tx, _):
        async for row in in_steps(rows(tx, in_short)):
            if row.section in NOT_COMPARED:
                continue
            content = to_json([row.section, _content(row, names)])
            counts[content] = counts.get(content, 0) + 1
            if row.section in _REFERRED:
                names[row.identity["id"]] = f"{row.section} {sha256(content).hexdigest()[:12]}"
    return counts


def _content(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    fields = {name: value for name, value in row.fields.items() if name not in _LEFT_OUT}
    identity = {
        name: value for name, value in row.identity.items() if row.section in _NAMED or name not in _ASSIGNED
    }
    content: dict[str, Any] = _with_names(identity | fields, names)
    return content


def _with_names(value: Any, names: Mapping[str, str]) -> Any:
    """The value with what each id in it refers to; ids have many digits, so nothing else is taken for one."""
    if isinstance(value, dict):
        return {name: _with_names(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_names(each, names) for each in value]
    if isinstance(value, str):
        return names.get(value.strip('"'), value)
    if isinstance(value, int) and not isinstance(value, bool):
        return names.get(str(value), value)
    return value
