"""The difference of two worlds, by the sections of a seed.

Both are read from copies, a few rows at a time: other requests are answered meanwhile, and what they change
is not in it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from audience_mock.core.seeds.export import copy_of
from audience_mock.core.seeds.rows import Large, rows, seconds
from audience_mock.core.steps import in_steps
from audience_mock.core.worlds.world import World

MAX_SHOWN = 100
"""Rows of each kind that a difference shows of a section; it counts all. Chosen."""


async def diff_worlds(before: World, after: World) -> dict[str, Any]:
    """The changes from one world to the other: by section, the rows added, removed and changed, at most
    MAX_SHOWN of each, and their number. Users are shown as their number and SHA-256."""
    if before is after:
        return {}
    sections: dict[str, _Section] = {}
    # Only bytes, which the garbage collector does not traverse.
    had: dict[bytes, bytes] = {}
    async with copy_of(before) as (tx, _):
        async for row in in_steps(rows(tx, in_short)):
            had[to_json((row.section, row.identity))] = to_json(row.fields)
    if clock := _changes(_clock_fields(before), _clock_fields(after)):
        sections.setdefault("clock", _Section()).note("changed", {"fields": clock})
    async with copy_of(after) as (tx, _):
        async for row in in_steps(rows(tx, in_short)):
            was, now = had.pop(to_json((row.section, row.identity)), None), to_json(row.fields)
            if was is None:
                sections.setdefault(row.section, _Section()).note("added", row.identity | row.fields)
            elif was != now:
                changes = _changes(json.loads(was), json.loads(now))
                sections.setdefault(row.section, _Section()).note(
                    "changed", row.identity | {"fields": changes}
                )
    async for key, fields in in_steps(had.items()):
        name, identity = json.loads(key)
        sections.setdefault(name, _Section()).note("removed", identity | json.loads(fields))
    return {name: section.shown for name, section in sections.items()}


class _Section:
    """The differences of a section."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {"counts": {}}

    def note(self, what: str, row: dict[str, Any]) -> None:
        self.shown["counts"][what] = self.shown["counts"].get(what, 0) + 1
        rows = self.shown.setdefault(what, [])
        if len(rows) < MAX_SHOWN:
            rows.append(row)


def _changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """A field that is absent has its default, or is null."""
    names = [*was, *(name for name in now if name not in was)]
    return {
        name: {"from": was.get(name), "to": now.get(name)}
        for name in names
        if to_json(was.get(name)) != to_json(now.get(name))
    }


def _clock_fields(world: World) -> dict[str, Any]:
    """A running clock is shown as its offset from the system's: the two worlds are not read at the same
    time."""
    if world.clock.frozen:
        return {"frozen": True, "now": seconds(world.clock.now_ms())}
    return {"frozen": False, "ahead_s": seconds(world.clock.state["ahead_ms"] or 0)}


def in_short(parts: Iterable[bytes], width: int) -> Large:
    """The number and the SHA-256 of all entries."""
    count, digest = 0, hashlib.sha256()
    for part in parts:
        count += len(part) // width
        digest.update(part)
    return {"count": count, "sha256": digest.hexdigest()}
