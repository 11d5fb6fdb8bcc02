"""Whether one JSON value holds another: how faults and the journal say which requests are meant."""

from collections.abc import Iterator
from typing import Any, NamedTuple

MISSING = object()


class Difference(NamedTuple):
    """Where a value does not hold what is wanted, as `rule.retention_days`; `found` is MISSING if nothing is
    there."""

    path: str
    wanted: Any
    found: Any


def holds(value: Any, wanted: Any) -> bool:
    """Whether `value` has all that `wanted` has: an object each of its keys (and may have more), a list as
    many items, each holding its own; anything else is equal, and true is not 1."""
    return next(differences(value, wanted), None) is None


def differences(value: Any, wanted: Any, path: str = "") -> Iterator[Difference]:
    """Each place where it does not."""
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
