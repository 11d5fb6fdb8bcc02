"""How PitchTarget's audiences are read in the terms of no API, and what of another API's they keep."""

from collections.abc import Iterator
from typing import Any

from audience_mock.core.users.user_lines import (
    ADVERTISER_ID,
    EMAIL_HASH,
    FBID,
    PHONE_HASH,
    THIRD_PARTY_ID,
)
from audience_mock.providers.pitchtarget.api import NAME
from audience_mock.providers.pitchtarget.bridge_rules import NEEDS, REST, RULES
from audience_mock.web.bridge import (
    APP,
    LOOKALIKE,
    USERS,
    VISITORS,
    Bridge,
    Fields,
    Numbers,
    SeedRow,
    common_fields,
    definition_of,
)

_WORDS = {
    USERS: "CUSTOM",
    VISITORS: "WEBSITE",
    APP: "APP",
    LOOKALIKE: "LOOKALIKE",
    "email": EMAIL_HASH,
    "phone": PHONE_HASH,
    "maid": ADVERTISER_ID,
    "third_party_id": THIRD_PARTY_ID,
    "fbid": FBID,
}
_POPULATIONS = {word: population for population, word in _WORDS.items()}

_NAMES = {
    "population": "subtype",
    "id": "id",
    "external_id": "fb_id",
    "account": "fb_ad_account_id",
    "name": "name",
    "description": "description",
    "opt_out_link": "opt_out_link",
    "id_type": "user_type",
    "users": "file",
    "size": "approximate_count",
    "status": "status",
    "times": "time_updated",
    "retention_days": "retention_days",
    "visitor_rule": "rule",
    "origin": "origin_audience_id",
    "country": "lookalike_spec.country",
    "percent": "lookalike_spec.ratio",
    "similarity": "lookalike_spec.type",
    "lookalike_rest": "lookalike_spec",
    "answer_overrides": "facebook_object",
}


def _read(row: SeedRow, _: SeedRow | None) -> dict[str, Any]:
    population = _POPULATIONS.get(row["kind"], f"other: {row['kind']}")
    fields: dict[str, Any] = {
        "population": population,
        **common_fields(row),
        "external_id": row.get("facebook_id"),
        "answer_overrides": row.get("facebook_object"),
    }
    match population:
        case "users":
            fields |= {
                "opt_out_link": row.get("opt_out_link"),
                "id_type": _POPULATIONS.get(row.get("user_type", ""), row.get("user_type")),
                "users": row.get("users") or None,
            }
        case "visitors" | "app":
            fields |= {"retention_days": row.get("retention_days"), "visitor_rule": row.get("definition")}
        case "lookalike":
            fields |= _of_lookalike(row)
    return {name: value for name, value in fields.items() if value is not None}


def _of_lookalike(row: SeedRow) -> dict[str, Any]:
    spec = definition_of(row)
    percent = _percent(spec.get("ratio"))
    if percent is not None:
        del spec["ratio"]
    origin = row.get("origin_id")
    fields = {
        "origin": None if origin is None else origin.strip('"'),
        "country": spec.pop("country", None),
        "percent": percent,
        "similarity": spec.pop("type", None),
    }
    return fields | {"lookalike_rest": spec or None}


def _percent(ratio: Any) -> float | None:
    """A seed may have a ratio that the API would reject."""
    if isinstance(ratio, bool) or not isinstance(ratio, int | float):
        return None
    whole = round(ratio * 100)
    return whole if abs(ratio * 100 - whole) < 1e-9 else ratio * 100


def _write(fields: Fields, numbers: Numbers) -> Iterator[tuple[str, SeedRow]]:
    row: SeedRow = {
        "api": NAME,
        "id": numbers.id,
        "account": fields["account"],
        "kind": _WORDS[fields["population"]],
        "name": fields["name"],
        "people": fields.get("size", 0),
        **fields.get("status", {}),
    }
    row |= {
        column: fields[name]
        for name, column in (("description", "description"), ("retention_days", "retention_days"))
        if name in fields
    }
    if "id_type" in fields:
        row["user_type"] = _WORDS[fields["id_type"]]
        row["users"] = fields.get("users", [])
    if fields["population"] == LOOKALIKE:
        row["origin_id"] = fields["origin"]
        row["definition"] = {"country": fields["country"], "ratio": fields["percent"] / 100}
    yield "audiences", row


def _aliases(row: SeedRow) -> tuple[str, ...]:
    return (row["facebook_id"],) if row.get("facebook_id") else ()


BRIDGE = Bridge(
    names=_NAMES,
    words=_WORDS,
    read=_read,
    rules=RULES,
    write=_write,
    needs=NEEDS,
    rest=REST,
    aliases=_aliases,
    units={"percent": lambda percent: percent / 100},
)
