"""The report on a move between APIs, as JSON."""

from collections.abc import Mapping
from typing import Any

from audience_mock.web.bridge import NOT_MOVED, Bridge, Move, Moved, Rule

BY_CLOCK = "by the clock"
"""A status that no seed and no test has set: it follows from the time and the size."""


def report(move: Move, bridges: Mapping[str, Bridge], *, limit: int) -> dict[str, Any]:
    """The move in short, what it loses by rule, and each of its first audiences with its fields."""
    source, target = bridges[move.source], bridges[move.target]
    counts = {"moved": 0, "lost": 0}
    outcomes: dict[str, int] = {"kept": 0, "changed": 0, "lost": 0}
    losses: dict[tuple[str, str], dict[str, Any]] = {}
    shown: list[dict[str, Any]] = []
    for moved in move:
        counts["moved" if moved.rows else "lost"] += 1
        for taken in moved.fields:
            outcomes[taken.outcome] += 1
            if taken.outcome != "kept" and taken.rule.evidence is not NOT_MOVED:
                loss = losses.setdefault(
                    (taken.field, taken.rule.why), {**rule_as_json(taken.rule), "audiences": 0}
                )
                loss["audiences"] += 1
        if len(shown) < limit:
            shown.append(_shown(moved, source, target))
    return {
        "source": move.source,
        "target": move.target,
        "audiences": counts,
        "fields": outcomes,
        "losses": sorted(losses.values(), key=lambda loss: -loss["audiences"]),
        "not_moved": [
            {
                "section": rest.section,
                "rows": move.rest[rest.section],
                "why": rest.why,
                **rest.evidence.as_dict(),
            }
            for rest in source.rest
            if rest.section in move.rest
        ],
        "items": shown,
    }


def _shown(moved: Moved, source: Bridge, target: Bridge) -> dict[str, Any]:
    audience = next((row for section, row in moved.rows if section == "audiences"), None)
    return {
        "id": moved.row["id"],
        "account": moved.row["account"],
        "name": moved.row["name"],
        "kind": moved.row["kind"],
        "becomes": None if audience is None else {"id": audience["id"], "kind": audience["kind"]},
        "fields": [
            {
                "field": taken.field,
                "from": source.names.get(taken.field, ""),
                "to": taken.rule.name if taken.outcome != "lost" else "",
                "outcome": taken.outcome,
                "value": _value(taken.field, taken.value, source),
                "becomes": (
                    audience["id"]
                    if audience is not None and taken.field == "id"
                    else _value(taken.field, taken.becomes, target)
                ),
                "why": taken.rule.why,
                **taken.rule.evidence.as_dict(),
            }
            for taken in moved.fields
        ],
        "needs": [{"name": need.name, "why": need.why, **need.evidence.as_dict()} for need in moved.needs],
    }


def _value(name: str, value: Any, bridge: Bridge) -> Any:
    """A value as the API writes it."""
    if name in ("population", "id_type"):
        return bridge.words.get(value, value)
    if name == "status" and value is not None:
        return value.get("status") or value.get("policy") or BY_CLOCK
    if name == "times" and value is not None:
        return value.get("created_at")
    return bridge.units[name](value) if name in bridge.units and value is not None else value


def rule_as_json(rule: Rule) -> dict[str, Any]:
    return {
        "field": rule.field,
        "outcome": rule.outcome,
        "to": rule.name,
        "when": rule.when,
        "why": rule.why,
        **rule.evidence.as_dict(),
    }
