"""Rows as Pinterest's customer lists."""

from collections.abc import Sequence

from audience_mock.core.audiences.lifecycle import list_status_at
from audience_mock.core.store.rows import CustomerListRow
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api_versions import ADDED_TO_RESPONSES_IN_5_28, by_api_version
from audience_mock.providers.pinterest.customer_lists.schemas import CustomerList, ListedCustomerList
from audience_mock.web.request import MockRequest
from audience_mock.web.templates import JsonText, ResponseTemplate, json_string

_FORMATS = {
    "ad_account_id": '"%s"',
    "created_time": "%d",
    "id": '"%d"',
    "name": "%s",
    "num_batches": "%d",
    "num_removed_user_records": "%d",
    "num_uploaded_user_records": "%d",
    "type": '"customerlist"',
    "updated_time": "%d",
    "exceptions": "{}",
    "status": '"%s"',
}
_LISTED_FORMATS = {**_FORMATS, "is_nca": "%s"}

_ONE = ResponseTemplate(CustomerList, _FORMATS)
_LISTED = by_api_version(
    latest=ResponseTemplate(ListedCustomerList, _LISTED_FORMATS),
    before_5_28=ResponseTemplate(ListedCustomerList, _LISTED_FORMATS, without=ADDED_TO_RESPONSES_IN_5_28),
)


def customer_list(request: MockRequest, row: CustomerListRow) -> bytes:
    return customer_list_in(request.world, row)


def customer_list_in(world: World, row: CustomerListRow) -> bytes:
    return _ONE.render(_values(row, world.clock.now_ms())).encode()


def listed_customer_lists(request: MockRequest, rows: Sequence[CustomerListRow]) -> list[JsonText]:
    now_ms = request.world.clock.now_ms()
    render = _LISTED[request.options.api_version].render
    return [render((*_values(row, now_ms), "true" if row.is_nca else "false")) for row in rows]


def _values(row: CustomerListRow, now_ms: int) -> tuple[int | str, ...]:
    """In the order of `_FORMATS`."""
    return (
        row.account,
        row.created_at_ms // 1000,
        row.number,
        json_string(row.name),
        row.batches,
        row.removed_records,
        row.uploaded_records,
        row.updated_at_ms // 1000,
        list_status_at(row, now_ms),
    )
