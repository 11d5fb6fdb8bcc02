"""Rows as Pinterest's customer segments."""

from collections.abc import Sequence

from audience_mock.core.store.rows import CustomerSegmentRow
from audience_mock.providers.pinterest.customer_segments.schemas import CustomerSegment
from audience_mock.web.templates import JsonText, ResponseTemplate, json_string

_SEGMENT = ResponseTemplate(
    CustomerSegment,
    {
        "id": '"%d"',
        "name": "%s",
        "ad_account_id": '"%s"',
        "audience_ids": "%s",
        "created_time": "%d",
        "updated_time": "%d",
        "status": '"ACTIVE"',
    },
)

UPDATED = b"null"
"""The response to a PATCH (inferred from that of targeting templates, which are described alike)."""


def customer_segment(row: CustomerSegmentRow) -> bytes:
    return _render(row).encode()


def listed_customer_segments(rows: Sequence[CustomerSegmentRow]) -> list[JsonText]:
    return [_render(row) for row in rows]


def _render(row: CustomerSegmentRow) -> JsonText:
    return _SEGMENT.render(
        (
            row.number,
            json_string(row.name),
            row.account,
            row.members,
            row.created_at_ms // 1000,
            row.updated_at_ms // 1000,
        )
    )
