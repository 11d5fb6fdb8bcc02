"""The requests sent to every server, and the data that it holds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "549755885175"
FIRST_ID = 2542623499806
CREATED_AT = 1795305607
"""Unix seconds, so that the same seed gives the same bytes in every run."""

PINTEREST_HEADERS = {"Authorization": "Bearer pina_bench"}
PITCHTARGET_HEADERS = {"Authorization": "OAuth cpo7v1e0zbzdic90pc6txbj1cypb8yl"}
JSON = {"Content-Type": "application/json"}

PAGE_SIZE = 25
LISTED = 10_000
"""Audiences in the database while pages are listed; one otherwise."""

AUDIENCES = f"/v5/ad_accounts/{ACCOUNT}/audiences"
RULE = {"event": "checkout", "retention_days": 30, "visitor_source_id": "2612523499806"}
NEW_AUDIENCE = {"name": "Buyers", "audience_type": "VISITOR", "description": "30 days", "rule": RULE}
LOOKALIKE = {
    "type": "lookalike",
    "fb_ad_account_id": "61",
    "name": "Boys Apparel_lookalike_US_Similarity",
    "origin_audience_id": 6006164557194,
    "lookalike_spec": {"type": "similarity", "country": "US"},
}

BOUNDARY = "bench-boundary"
USERS = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(10)]
"""The lines of a small file."""
UPLOAD_FIELDS = {
    "fb_ad_account_id": "2",
    "name": "Spending users",
    "description": "Users who bought something on my site",
    "opt_out_link": "http://www.myshop.com/opt_out",
    "user_type": "email_hash",
}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def post(path: str, headers: Mapping[str, str], value: Any) -> Request:
    return Request("POST", path, {**headers, **JSON}, compact(value))


def post_form(path: str, headers: Mapping[str, str], fields: Mapping[str, str], file: str) -> Request:
    """multipart/form-data with the text `file` as its last part."""
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append(f'name="file"; filename="users.csv"\r\nContent-Type: text/csv\r\n\r\n{file}')
    form = "".join(f"--{BOUNDARY}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    content_type = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return Request("POST", path, {**headers, **content_type}, f"{form}--{BOUNDARY}--\r\n")


GET, LIST, CREATE, LOOKALIKE_CREATE = "get one", "list of 25", "create", "lookalike create"
MULTIPART_CREATE = "multipart create"

OURS: Mapping[str, Request] = {
    GET: Request("GET", f"{AUDIENCES}/{FIRST_ID}", PINTEREST_HEADERS),
    LIST: Request("GET", AUDIENCES, PINTEREST_HEADERS),
    CREATE: post(AUDIENCES, PINTEREST_HEADERS, NEW_AUDIENCE),
    LOOKALIKE_CREATE: post("/custom_audiences", PITCHTARGET_HEADERS, LOOKALIKE),
    MULTIPART_CREATE: post_form(
        "/custom_audiences", PITCHTARGET_HEADERS, UPLOAD_FIELDS, "\n".join([*USERS, ""])
    ),
}
"""By workload; the baselines answer the same requests."""


def audiences_in_store(workload: str) -> int:
    return LISTED if workload == LIST else 1


def seed(count: int) -> dict[str, Any]:
    """A seed of `count` audiences that are READY."""
    return {
        "audiences": [
            {
                "api": "pinterest",
                "id": str(FIRST_ID + position),
                "account": ACCOUNT,
                "kind": "VISITOR",
                "name": f"Buyers {position:07d}",
                "description": "30 days",
                "definition": RULE,
                "created_by": "Audience Mock",
                "created_at": CREATED_AT,
                "people": 31416,
            }
            for position in range(count)
        ]
    }


def seed_file(count: int, folder: Path) -> Path:
    """The seed as a file in `folder`, written once."""
    file = folder / f"seed-{count}.json"
    text = compact(seed(count))
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    return file


def items(count: int) -> list[dict[str, Any]]:
    """The same audiences as the peers store them: with the keys of a response."""
    return [
        {
            "type": "audience",
            "id": given["id"],
            "name": given["name"],
            "ad_account_id": ACCOUNT,
            "audience_type": "VISITOR",
            "description": given["description"],
            "status": "READY",
            "size": given["people"],
            "updated_timestamp": CREATED_AT,
            "created_timestamp": CREATED_AT,
            "rule": RULE,
            "created_by_company_name": "Audience Mock",
            "is_nca": False,
        }
        for given in seed(count)["audiences"]
    ]
