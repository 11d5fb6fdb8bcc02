"""How Pinterest's audiences are read in the terms of no API, and what of another API's they keep."""

from collections.abc import Iterator
from typing import Any

from audience_mock.core.users.records import DLX_ID, EMAIL, HASHED_PINNER_ID, IDFA, LR_ID, MAID
from audience_mock.providers.pinterest.api import API, NAME
from audience_mock.providers.pinterest.bridge_rules import NEEDS, REST, RULES
from audience_mock.web.bridge import (
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
    USERS: "CUSTOMER_LIST",
    VISITORS: "VISITOR",
    LOOKALIKE: "ACTALIKE",
    "email": EMAIL,
    "maid": MAID,
    "idfa": IDFA,
    "liveramp": LR_ID,
    "datalogix": DLX_ID,
    "pinner": HASHED_PINNER_ID,
}
_POPULATIONS = {word: population for population, word in _WORDS.items()}

_NAMES = {
    "population": "audience_type",
    "id": "id",
    "account": "ad_account_id",
    "name": "name",
    "description": "description",
    "id_type": "list_type",
    "users": "records",
    "aliases": "records",
    "size": "size",
    "status": "status",
    "times": "created_timestamp, updated_timestamp",
    "retention_days": "rule.retention_days",
    "visitors_of": "rule.visitor_source_id",
    "visitor_rule": "rule",
    "origin": "rule.seed_id",
    "more_origins": "rule.seed_id",
    "country": "rule.country",
    "percent": "rule.percentage",
    "lookalike_rest": "rule",
    "definition_rest": "rule",
    "company": "created_by_company_name",
    "list_name": "name of the list",
    "list_counts": "num_batches, num_uploaded_user_records, num_removed_user_records",
    "list_is_nca": "is_nca",
}


def _read(row: SeedRow, customer_list: SeedRow | None) -> dict[str, Any]:
    population = _POPULATIONS.get(row["kind"], f"other: {row['kind']}")
    rule = definition_of(row)
    fields: dict[str, Any] = {
        "population": population,
        **common_fields(row),
        "company": row.get("created_by"),
    }
    match population:
        case "users":
            rule.pop("customer_list_id", None)
            fields |= {"definition_rest": rule or None} | _of_list(customer_list or {})
        case "visitors":
            fields["retention_days"] = _whole(rule.pop("retention_days", None))
            fields |= {"visitors_of": rule.pop("visitor_source_id", None), "visitor_rule": rule or None}
        case "lookalike":
            first, *more = rule.pop("seed_id", None) or [None]
            fields |= {
                "origin": None if first is None else str(first),
                "more_origins": more or None,
                "country": rule.pop("country", None),
                "percent": _whole(rule.pop("percentage", None)),
                "lookalike_rest": rule or None,
            }
        case _:
            fields["definition_rest"] = rule or None
    return {name: value for name, value in fields.items() if value is not None}


def _of_list(of: SeedRow) -> dict[str, Any]:
    counts = {
        name: of[name]
        for name in ("batches", "uploaded_records", "removed_records")
        if of.get(name) is not None
    }
    return {
        "id_type": _POPULATIONS.get(of.get("list_type", "")),
        "users": of.get("users") or None,
        "aliases": of.get("links") or None,
        "size": of.get("people"),
        "list_name": of.get("name"),
        "list_counts": counts or None,
        "list_is_nca": of.get("is_nca"),
    }


def _whole(value: Any) -> int | None:
    """5.28 takes any text as a percentage; only a whole number has a meaning elsewhere."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _write(fields: Fields, numbers: Numbers) -> Iterator[tuple[str, SeedRow]]:
    row: SeedRow = {
        "api": NAME,
        "id": numbers.id,
        "account": fields["account"],
        "kind": _WORDS[fields["population"]],
        "name": fields["name"],
        **fields.get("status", {}),
    }
    if "description" in fields:
        row["description"] = fields["description"]
    match fields["population"]:
        case "users":
            list_id = str(API.sequences["pinterest_customer_list"] + numbers.position)
            yield (
                "customer_lists",
                {
                    "id": list_id,
                    "account": fields["account"],
                    "name": fields["name"],
                    "list_type": _WORDS[fields["id_type"]],
                    "users": fields.get("users", []),
                    "people": fields.get("size", 0),
                },
            )
            row |= {"customer_list": list_id, "definition": {"customer_list_id": list_id}}
        case "visitors":
            row["definition"] = {key: fields[key] for key in ("retention_days",) if key in fields}
        case _:
            row["definition"] = {
                "country": fields["country"],
                "percentage": fields["percent"] if "percent" in fields else fields["similarity"],
                "seed_id": [fields["origin"]],
            }
    yield "audiences", row


BRIDGE = Bridge(names=_NAMES, words=_WORDS, read=_read, rules=RULES, write=_write, needs=NEEDS, rest=REST)
