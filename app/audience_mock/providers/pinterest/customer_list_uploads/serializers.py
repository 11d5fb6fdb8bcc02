"""Rows as Pinterest's uploads to customer lists."""

import json
from typing import Any

from pydantic_core import to_json

from audience_mock.core.audiences.lifecycle import FAILED, SUCCEEDED, upload_state_at
from audience_mock.core.store.rows import ListUploadRow
from audience_mock.core.users.records import INVALID_DEVICE, INVALID_EMAIL, INVALID_ID
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.providers.pinterest.api_versions import is_before_5_28
from audience_mock.providers.pinterest.customer_list_uploads.signatures import sign
from audience_mock.web.context import url_of
from audience_mock.web.request import MockRequest
from audience_mock.web.world_selection import PREFIX

ERROR_CODES = {INVALID_EMAIL: 42, INVALID_DEVICE: 43, INVALID_ID: 44}
"""What an invalid record is counted under: 42 is in an example of Pinterest's, the others are chosen."""

PARTS_PATH = "__uploads"
"""What the paths that take parts begin with."""


def upload(request: MockRequest, row: ListUploadRow, account: str) -> bytes:
    return to_json(_as_dict(request, row, account))


def created_upload(request: MockRequest, row: ListUploadRow, account: str, total_parts: int) -> bytes:
    """With the URLs that take its parts."""
    parts = [
        {"part_number": part, "presigned_url": _url_of_part(request, row.number, part)}
        for part in range(1, total_parts + 1)
    ]
    return to_json(
        {
            "customer_list_upload": _as_dict(request, row, account),
            "s3_multipart_upload_data": {"file_parts": parts},
        }
    )


def _as_dict(request: MockRequest, row: ListUploadRow, account: str) -> dict[str, Any]:
    state = upload_state_at(row, request.world.clock.now_ms())
    error_counts: list[dict[str, Any]] | None = None
    # Nullable before 5.28, not since. Chosen: nothing has been processed yet.
    record_counts = None if is_before_5_28(request.options) else {"processed": 0, "valid": 0, "invalid": 0}
    # An upload that ended has its counts, and the time that it ended.
    updated_at_ms = row.started_at_ms or row.created_at_ms
    if state in (SUCCEEDED, FAILED):
        updated_at_ms = row.ready_at_ms or updated_at_ms
        valid, invalid = row.valid or 0, row.invalid or 0
        record_counts = {"processed": valid + invalid, "valid": valid, "invalid": invalid}
        error_counts = [
            {"error_code": ERROR_CODES[what], "message": f"Invalid {what}", "count": count}
            for what, count in json.loads(row.errors or "{}").items()
            if what in ERROR_CODES
        ]
    return {
        "ad_account_id": account,
        "creation_time": row.created_at_ms // 1000,
        "customer_list_id": str(row.customer_list),
        "error_counts": error_counts,
        "id": str(row.number),
        "operation": row.operation,
        "record_counts": record_counts,
        "state": state,
        "updated_time": updated_at_ms // 1000,
    }


def _url_of_part(request: MockRequest, upload: int, part: int) -> str:
    """Where this server takes a part. It names the world, since the part is sent without the header or the
    token that did, and is signed."""
    root, prefix, world = request.scope["root_path"], request.context.prefix, request.world.name
    if world != DEFAULT and not root.startswith(PREFIX, len(prefix)):
        root = f"{prefix}{PREFIX}{world}{root.removeprefix(prefix)}"
    query = sign(request, str(upload), str(part))
    return f"{url_of(request.scope, root)}/{PARTS_PATH}/{upload}/{part}?{query}"
