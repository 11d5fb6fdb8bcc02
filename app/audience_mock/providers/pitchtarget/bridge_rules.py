"""By which rules PitchTarget's audiences take the fields of another API's; those that do not keep are the
published loss list."""

import re
from collections.abc import Mapping
from typing import Any

from audience_mock.providers.pitchtarget.custom_audiences.schemas import MAX_RETENTION_DAYS
from audience_mock.providers.pitchtarget.sources import ANSWERS, DOCUMENTATION, IN_BOTH, IN_MAY, OURS, SHOWN
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


def _legacy(fields: Fields) -> Mapping[str, Any]:
    """Statuses that only another API has, as the nearest one of Facebook's."""
    held = fields["status"].get("status", "")
    nearest = "TOO_SMALL" if held.endswith("SIZE") else "INITIALIZING" if held.endswith("ING") else "READY"
    return {**fields["status"], "status": nearest}


_STATUSES = ("INITIALIZING", "READY", "TOO_SMALL")
_ID_TYPES = ("email", "phone", "maid", "third_party_id", "fbid")

RULES = (
    Rule(
        field="population",
        outcome="lost",
        when="users by an identifier that is none of the five kinds of user_type",
        applies=lambda fields: (
            fields["population"] == USERS and fields.get("id_type") not in (*_ID_TYPES, "idfa")
        ),
        why="a file has users by e-mail address, phone number, advertiser id, third-party id or Facebook id",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="a lookalike of what is not in the world, or is not moved",
        applies=lambda fields: fields["population"] == LOOKALIKE and "origin" not in fields,
        why="a lookalike needs its origin",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="a lookalike whose country is not two capital letters, or without a whole percentage of 1 to 20",
        applies=lambda fields: fields["population"] == LOOKALIKE and not _has_spec(fields),
        why="lookalike_spec needs country and ratio, 0.01 to 0.20",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="population",
        outcome="kept",
        applies=population_is(USERS, VISITORS, LOOKALIKE),
        name="subtype",
        why="CUSTOM, WEBSITE and LOOKALIKE",
        evidence=IN_MAY,
    ),
    Rule(
        field="population",
        outcome="lost",
        when="any other",
        why="there are CUSTOM, LOOKALIKE, WEBSITE and APP audiences, of which none is like it",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="id",
        outcome="changed",
        name="id",
        why="each API numbers its audiences itself",
        evidence=IN_BOTH,
        convert=lambda fields: None,
    ),
    Rule(field="account", outcome="kept", name="fb_ad_account_id", why="any digits", evidence=OURS),
    Rule(field="name", outcome="kept", name="name", why="text", evidence=DOCUMENTATION),
    Rule(
        field="description",
        outcome="kept",
        when="of users",
        applies=population_is(USERS),
        name="description",
        why="text",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="description",
        outcome="lost",
        when="of anything but users of an upload",
        why="only audiences of a file have one",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="id_type",
        outcome="changed",
        when="IDFA",
        applies=lambda fields: fields["id_type"] == "idfa",
        name="user_type",
        why="mobile_advertiser_id is one type for all advertiser ids",
        evidence=DOCUMENTATION,
        convert=lambda fields: "maid",
    ),
    Rule(field="id_type", outcome="kept", name="user_type", why="the same kinds", evidence=DOCUMENTATION),
    Rule(
        field="users",
        outcome="kept",
        name="file",
        why="SHA-256 of the lower-cased address, and advertiser ids: the same digests",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="aliases",
        outcome="lost",
        why="a user has one hash, SHA-256",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="size",
        outcome="kept",
        when="of users",
        applies=population_is(USERS),
        name="approximate_count",
        why="the mock knows the same people in both APIs; real ones match by themselves",
        evidence=OURS,
    ),
    Rule(
        field="size",
        outcome="lost",
        when="of anything but users of an upload",
        why="the API fills it with people of its own",
        evidence=OURS,
    ),
    Rule(
        field="status",
        outcome="lost",
        when="of anything but users of an upload",
        applies=population_is(VISITORS, LOOKALIKE),
        why="it is built anew",
        evidence=OURS,
    ),
    Rule(
        field="status",
        outcome="changed",
        when="a set status that is not INITIALIZING, READY or TOO_SMALL",
        applies=lambda fields: fields["status"].get("status", "READY") not in _STATUSES,
        name="status",
        why="Facebook's are updating, ready and too_small; the nearest one is taken",
        evidence=OURS,
        convert=_legacy,
    ),
    Rule(field="status", outcome="kept", name="status", why="updating, ready, too_small", evidence=OURS),
    Rule(
        field="times",
        outcome="changed",
        name="time_updated",
        why="it is created anew",
        evidence=OURS,
        convert=lambda fields: None,
    ),
    Rule(
        field="retention_days",
        outcome="changed",
        when=f"over {MAX_RETENTION_DAYS}",
        applies=lambda fields: fields["retention_days"] > MAX_RETENTION_DAYS,
        name="retention_days",
        why=f"at most {MAX_RETENTION_DAYS}",
        evidence=DOCUMENTATION,
        convert=lambda fields: MAX_RETENTION_DAYS,
    ),
    Rule(field="retention_days", outcome="kept", name="retention_days", why="days", evidence=DOCUMENTATION),
    Rule(
        field="visitors_of",
        outcome="lost",
        why="a website audience names no pixel: an ad account has one",
        evidence=ANSWERS,
    ),
    Rule(
        field="visitor_rule",
        outcome="lost",
        why="rule is a JSON object whose operators are not documented",
        evidence=SHOWN,
    ),
    Rule(field="origin", outcome="kept", name="origin_audience_id", why="one audience", evidence=SHOWN),
    Rule(
        field="more_origins",
        outcome="lost",
        why="a lookalike has one origin",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="country",
        outcome="kept",
        name="lookalike_spec.country",
        why="two letters",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="percent",
        outcome="kept",
        name="lookalike_spec.ratio",
        why="in steps of 0.01",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="lookalike_rest",
        outcome="lost",
        why="lookalike_spec has country, type and ratio",
        evidence=DOCUMENTATION,
    ),
    Rule(
        field="definition_rest",
        outcome="lost",
        why="the kind of audience is none of this API's",
        evidence=DOCUMENTATION,
    ),
    Rule(field="company", outcome="lost", why="no answer has it", evidence=IN_BOTH),
    Rule(
        field="list_name",
        outcome="lost",
        why="users belong to an audience; there are no lists",
        evidence=DOCUMENTATION,
    ),
    Rule(field="list_counts", outcome="lost", why="no answer has them", evidence=IN_BOTH),
    Rule(field="list_is_nca", outcome="lost", why="no parameter has it", evidence=DOCUMENTATION),
)


def _has_spec(fields: Fields) -> bool:
    return (
        re.fullmatch(r"[A-Z]{2}", str(fields.get("country", ""))) is not None
        and 1 <= fields.get("percent", 0) <= 20
    )


NEEDS = (
    Need(
        name="rule",
        why="a website audience has one, a JSON object written as a string",
        evidence=DOCUMENTATION,
        applies=population_is(VISITORS),
    ),
    Need(
        name="retention_days",
        why=f"a website audience has them, 1 to {MAX_RETENTION_DAYS}",
        evidence=DOCUMENTATION,
        applies=lambda fields: fields["population"] == VISITORS and "retention_days" not in fields,
    ),
)

REST = (
    Rest(
        section="pixels",
        why="offsite pixels are Facebook's; a site needs the other API's tag",
        evidence=DOCUMENTATION,
    ),
    Rest(section="facebook_ids", why="they name what Facebook answers next", evidence=OURS),
    Rest(section="uploads", why="reports on files that were uploaded are the mock's own", evidence=OURS),
)
