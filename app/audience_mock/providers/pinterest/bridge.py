"""How Pinterest's audiences are read in the terms of no API, and what of another API's they keep."""

import json
from collections.abc import Iterator
from typing import Any

from audience_mock.core.users.records import DLX_ID, EMAIL, HASHED_PINNER_ID, IDFA, LR_ID, MAID
from audience_mock.providers.pinterest.api import API, NAME
from audience_mock.providers.pinterest.sources import (
    CHANGES,
    DESCRIPTION,
    DOCUMENTATION,
    OURS,
    PRODUCTION,
    PROSE,
)
from audience_mock.web.bridge import (
    LOOKALIKE,
    USERS,
    VISITORS,
    Bridge,
    Fields,
    Need,
    Numbers,
    Rest,
    Rule,
    SeedRow,
)
from audience_mock.web.evidence import inferred

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
_MAX_PERCENTAGE, _MAX_RETENTION_DAYS = 10, 540
_WORD_PERCENT = {"similarity": 1, "reach": 5}
_LOOKALIKE_WORDS = inferred("Facebook's two shorthands are its ratios 0.01 and 0.05")


def _read(row: SeedRow, customer_list: SeedRow | None) -> dict[str, Any]:
    population = _POPULATIONS.get(row["kind"], f"other: {row['kind']}")
    rule = row.get("definition") or {}
    rule = dict(json.loads(rule) if isinstance(rule, str) else rule)
    fields: dict[str, Any] = {
        "population": population,
        "id": row["id"],
        "account": row["account"],
        "name": row["name"],
        "description": row.get("description"),
        "size": row.get("people"),
        "status": {key: row[key] for key in ("status", "ready_at", "policy") if key in row},
        "times": {key: row[key] for key in ("created_at", "updated_at") if key in row},
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


def _is(*populations: str) -> Any:
    return lambda fields: fields["population"] in populations


def _users_by(*id_types: str) -> Any:
    return lambda fields: fields["population"] == USERS and fields.get("id_type") in id_types


RULES = (
    Rule(
        field="population",
        outcome="lost",
        when="an ad account of more than 18 digits",
        applies=lambda fields: len(fields["account"]) > 18,
        why="ad_account_id has at most 18 digits",
        evidence=DESCRIPTION,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="users by phone number",
        applies=_users_by("phone"),
        why="no list_type takes phone numbers; from 5.28 on, rows of records_v2 have hashed_phone_number:"
        " upload the numbers anew",
        evidence=CHANGES,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="users by third-party id, by Facebook id, or by none",
        applies=lambda fields: (
            fields["population"] == USERS and fields.get("id_type") not in ("email", "maid", "idfa")
        ),
        why="Pinterest finds no person by such an id: LR_ID and DLX_ID are those of LiveRamp and Datalogix",
        evidence=DESCRIPTION,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="a lookalike of what is not in the world, or is not moved",
        applies=lambda fields: fields["population"] == LOOKALIKE and "origin" not in fields,
        why="an ACTALIKE needs seed_id, an audience of the ad account",
        evidence=DESCRIPTION,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="a lookalike without a country, or without a ratio or a type",
        applies=lambda fields: fields["population"] == LOOKALIKE and not _has_rule(fields),
        why="an ACTALIKE needs country and percentage",
        evidence=PROSE,
    ),
    Rule(
        field="population",
        outcome="kept",
        applies=_is(USERS, VISITORS, LOOKALIKE),
        name="audience_type",
        why="CUSTOMER_LIST, VISITOR and ACTALIKE",
        evidence=DESCRIPTION,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="users of an app, and any other",
        why="there is no audience of an app's users",
        evidence=DESCRIPTION,
    ),
    Rule(
        field="id",
        outcome="changed",
        name="id",
        why="each API numbers its audiences itself",
        evidence=PRODUCTION,
        convert=lambda fields: None,
    ),
    Rule(field="external_id", outcome="lost", why="no answer has an id of Facebook's", evidence=PRODUCTION),
    Rule(field="account", outcome="kept", name="ad_account_id", why="any digits, 18 at most", evidence=OURS),
    Rule(field="name", outcome="kept", name="name", why="text", evidence=DESCRIPTION),
    Rule(field="description", outcome="kept", name="description", why="text", evidence=DESCRIPTION),
    Rule(field="opt_out_link", outcome="lost", why="no key has it", evidence=DESCRIPTION),
    Rule(
        field="id_type",
        outcome="kept",
        name="list_type",
        why="EMAIL takes SHA-256 of addresses, MAID advertiser ids",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="users",
        outcome="kept",
        name="records",
        why="SHA-256 of the lower-cased address, and advertiser ids: the same digests",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="size",
        outcome="kept",
        when="of users",
        applies=_is(USERS),
        name="size",
        why="the mock knows the same people in both APIs; real ones match by themselves",
        evidence=OURS,
    ),
    Rule(
        field="size",
        outcome="lost",
        when="of anything but users of an upload",
        why="Pinterest fills it with people of its own: what its tag sees, and who is alike there",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="status",
        outcome="kept",
        when="of users",
        applies=_is(USERS),
        name="status",
        why="INITIALIZING, READY and TOO_SMALL stand for updating, ready and too_small",
        evidence=OURS,
    ),
    Rule(
        field="status",
        outcome="lost",
        when="of anything but users of an upload",
        why="it is built anew",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="times",
        outcome="changed",
        name="created_timestamp, updated_timestamp",
        why="it is created anew",
        evidence=PRODUCTION,
        convert=lambda fields: None,
    ),
    Rule(
        field="retention_days",
        outcome="changed",
        when=f"over {_MAX_RETENTION_DAYS}, which a seed alone can have",
        applies=lambda fields: fields["retention_days"] > _MAX_RETENTION_DAYS,
        name="rule.retention_days",
        why=f"1 to {_MAX_RETENTION_DAYS} days",
        evidence=PROSE,
        convert=lambda fields: _MAX_RETENTION_DAYS,
    ),
    Rule(
        field="retention_days",
        outcome="kept",
        name="rule.retention_days",
        why="1 to 540 days",
        evidence=PROSE,
    ),
    Rule(
        field="visitor_rule",
        outcome="lost",
        why="a VISITOR has event and url with operators of Pinterest's; those of rule are not documented",
        evidence=PROSE,
    ),
    Rule(
        field="origin", outcome="kept", name="rule.seed_id", why="a list of audiences", evidence=DESCRIPTION
    ),
    Rule(field="country", outcome="kept", name="rule.country", why="text", evidence=DESCRIPTION),
    Rule(
        field="percent",
        outcome="changed",
        when=f"over {_MAX_PERCENTAGE} percent, or not whole",
        applies=lambda fields: fields["percent"] not in range(1, _MAX_PERCENTAGE + 1),
        name="rule.percentage",
        why=f"whole, 1 to {_MAX_PERCENTAGE}; a ratio goes up to 0.20",
        evidence=PROSE,
        convert=lambda fields: min(max(round(fields["percent"]), 1), _MAX_PERCENTAGE),
    ),
    Rule(
        field="percent",
        outcome="kept",
        name="rule.percentage",
        why="a ratio of 0.01 is 1 percent",
        evidence=PROSE,
    ),
    Rule(
        field="similarity",
        outcome="lost",
        when="beside a ratio",
        applies=lambda fields: "percent" in fields,
        why="the ratio says it",
        evidence=PROSE,
    ),
    Rule(
        field="similarity",
        outcome="changed",
        when="alone",
        name="rule.percentage",
        why="similarity becomes 1 percent, reach 5",
        evidence=_LOOKALIKE_WORDS,
        convert=lambda fields: _WORD_PERCENT[fields["similarity"]],
    ),
    Rule(
        field="lookalike_rest",
        outcome="lost",
        why="an ACTALIKE has seed_id, country and percentage",
        evidence=DESCRIPTION,
    ),
    Rule(
        field="answer_overrides",
        outcome="lost",
        why="they are keys of Facebook's answer, from a seed",
        evidence=OURS,
    ),
)


def _has_rule(fields: Fields) -> bool:
    similar = fields.get("percent", 0) > 0 or fields.get("similarity") in _WORD_PERCENT
    return bool(str(fields.get("country", "")).strip()) and similar


NEEDS = (
    Need(
        name="rule.visitor_source_id",
        why="a VISITOR names the tag on the site",
        evidence=PROSE,
        applies=_is(VISITORS),
    ),
)

REST = (
    Rest(section="customer_lists", why="users belong to an audience, and none has this list", evidence=OURS),
    Rest(section="customer_list_uploads", why="uploads in parts are Pinterest's", evidence=DESCRIPTION),
    Rest(section="shares", why="sharing is Pinterest's", evidence=DESCRIPTION),
    Rest(section="customer_segments", why="segments are Pinterest's", evidence=CHANGES),
    Rest(section="businesses", why="businesses are Pinterest's", evidence=DESCRIPTION),
    Rest(section="ad_accounts", why="descriptions of ad accounts are Pinterest's", evidence=DESCRIPTION),
    Rest(section="tokens", why="tokens are of one API", evidence=DESCRIPTION),
    Rest(section="apps", why="apps are of one API", evidence=DESCRIPTION),
)

BRIDGE = Bridge(names=_NAMES, words=_WORDS, read=_read, rules=RULES, write=_write, needs=NEEDS, rest=REST)
