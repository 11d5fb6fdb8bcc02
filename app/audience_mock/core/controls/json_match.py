"""Partial matching of JSON values: how faults and the journal select requests."""

from collections.abc import Iterator
from typing import Any, NamedTuple

MISSING = object()


class Difference(NamedTuple):
    """A place where a value does not match, as `rule.retention_days`; `found` is MISSING if nothing is
    there."""

    path: str
    wanted: Any
    found: Any


def matches(value: Any, wanted: Any) -> bool:
    """Whether `value` has all that `wanted` has: an object all its keys (and maybe more), a list as many
    items, each of which matches; anything else is equal, and true is not 1."""
    return next(differences(value, wanted), None) is None


def differences(value: Any, wanted: Any, path: str = "") -> Iterator[Difference]:
    """Each place where `value` does not match."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        for key, each in wanted.items():
            at = f"{path}.{key}" if path else str(key)
            if key in value:
                yield from differences(value[key], each, at)
            else:
                yield Difference(at, each, MISSING)
    elif isinstance(wanted, list) and isinstance(value, list) and len(wanted) == len(value):
        for position, (has, each) in enumerate(zip(value, wanted, strict=True)):
            yield from differences(has, each, f"{path}.{position}" if path else str(position))
    elif isinstance(wanted, bool) is not isinstance(value, bool) or value != wanted:
        yield Difference(path, wanted, value)
