"""The calls that a job makes, as the journals of its run's worlds have them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audience_mock.core.controls.fault_cases import Call


def learn(plans: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[Call]:
    """The calls of a run, numbered over all its worlds; each world's as `GET /__admin/sweep` lists them."""
    calls: list[Call] = []
    for world, listed in plans:
        for one in listed:
            facts = {name: value for name, value in one.items() if name != "call"}
            calls.append(Call(place=len(calls) + 1, world=world, **facts))
    return calls


def first_difference(learned: Sequence[Call], entries: Sequence[Mapping[str, Any]], until: int) -> str | None:
    """Where the calls of a world, up to this number, are others than learned; None if they are the same."""
    expected = {call.number: call.operation for call in learned if call.number <= until}
    found = {entry["number"]: entry["operation"] for entry in entries if entry["number"] <= until}
    for number in range(1, until + 1):
        if number in expected and found.get(number) != expected[number]:
            made = found.get(number) or ("a call without a route" if number in found else "not made")
            return f"call {number} was {made}, learned: {expected[number]}"
    return None
