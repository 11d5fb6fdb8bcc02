"""By which rules Pinterest's audiences take the fields of another API's; those that do not keep are the
published loss list."""

from typing import Any

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
    Fields,
    Need,
    Rest,
    Rule,
    population_is,
)
from audience_mock.web.evidence import inferred

_MAX_PERCENTAGE, _MAX_RETENTION_DAYS = 10, 540
_WORD_PERCENT = {"similarity": 1, "reach": 5}
_LOOKALIKE_WORDS = inferred("Facebook's two shorthands are its ratios 0.01 and 0.05")


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
        applies=population_is(USERS, VISITORS, LOOKALIKE),
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
        applies=population_is(USERS),
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
        applies=population_is(USERS),
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
        applies=population_is(VISITORS),
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
