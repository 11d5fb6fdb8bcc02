"""Custom audiences as PitchTarget and Facebook write them.

Facebook's own object is what the reads of 2014-04 pass on. Only that of a lookalike audience was ever
published; what is chosen says so.
"""

import json
from typing import Any

from audience_mock.core.audiences.lifecycle import INITIALIZING, READY, size_at, status_at
from audience_mock.core.store.rows import AudienceRow

# Inferred: a published audience is called "…_IT_Reach" and has the ratio 0.05, and Facebook's other
# shorthand is its smallest ratio.
_RATIOS = {"similarity": 0.01, "reach": 0.05}

# The first is published, the others are chosen.
_STATUSES = {
    READY: ("ready", {"code": 0, "description": "This audience is ready to use."}),
    INITIALIZING: ("updating", {"code": 1, "description": "This audience is being built."}),
}
_TOO_SMALL = ("too_small", {"code": 2, "description": "This audience has too few people."})

# That of a lookalike is published, the others are chosen.
_DATA_SOURCES = {
    "LOOKALIKE": {"type": 3, "sub_type": 3001},
    "CUSTOM": {"type": 1, "sub_type": 1001},
    "WEBSITE": {"type": 2, "sub_type": 2001},
    "APP": {"type": 2, "sub_type": 2002},
}


def in_envelope(audience: dict[str, Any]) -> dict[str, Any]:
    return {"fb_custom_audience": audience}


def april_audience(row: AudienceRow) -> dict[str, Any]:
    """In the shape of 2014-04, keys in the published order."""
    return {
        "id": row.number,
        "name": row.name,
        # Null in every published exchange, though one was sent.
        "description": None,
        "opt_out_link": row.opt_out_link,
        "user_type": row.user_type,
        "fb_id": int(row.facebook_id) if row.facebook_id and row.facebook_id.isdigit() else None,
    }


def may_audience(row: AudienceRow) -> dict[str, Any]:
    """In the shape of 2014-05, keys in the published order."""
    return {
        "id": row.number,
        "name": row.name,
        "fb_id": row.facebook_id,
        "subtype": row.kind,
        **_of_subtype(row),
    }


def _of_subtype(row: AudienceRow) -> dict[str, Any]:
    match row.kind:
        case "LOOKALIKE":
            return {
                "origin_audience_id": json.loads(row.origin_id or "null"),
                "lookalike_spec": json.loads(row.definition or "null"),
            }
        case "WEBSITE":
            return {"rule": row.definition, "retention_days": row.retention_days}
        case "CUSTOM":
            return {"description": row.description, "opt_out_link": row.opt_out_link}
        case _:
            return {}


def facebook_object(row: AudienceRow, origin: AudienceRow | None, now_ms: int) -> dict[str, Any]:
    """Facebook's object, keys in the published order; other kinds lack those of a lookalike (chosen).

    `origin` is the audience that a lookalike is like, if the world has it.
    """
    status, run_status = _STATUSES.get(status_at(row, now_ms), _TOO_SMALL)
    lookalike = row.kind == "LOOKALIKE"
    audience: dict[str, Any] = {
        "id": row.facebook_id,
        "account_id": row.account,
        "approximate_count": size_at(row, now_ms),
        "description": row.description,
    }
    if lookalike:
        audience["lookalike_spec"] = _lookalike_spec(row, origin)
    audience["name"] = row.name
    if lookalike:
        audience["origin_audience_id"] = int(json.loads(row.origin_id or "0"))
        audience["origin_audience_name"] = None if origin is None else origin.name
    audience |= {
        "parent_audience_id": 0,
        "parent_category": "Custom",
        "status": status,
        "run_status": run_status,
        "subtype": row.kind,
        "type": 4,
        "type_name": "Advertiser Generated",
        "time_updated": row.updated_at_ms // 1000,
        "data_source": _DATA_SOURCES.get(row.kind),
    }
    audience.update(json.loads(row.facebook_object or "{}"))
    return audience


def _lookalike_spec(row: AudienceRow, origin: AudienceRow | None) -> dict[str, Any]:
    spec = json.loads(row.definition or "{}")
    origins = []
    if origin is not None:
        origins = [{"id": origin.facebook_id, "name": origin.name, "type": "custom_audience"}]
    return {
        "type": "custom_ratio",
        "ratio": spec.get("ratio") or _RATIOS.get(spec.get("type")),
        "country": spec.get("country"),
        "origin": origins,
    }
