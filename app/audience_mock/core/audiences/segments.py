"""Pinterest's customer segments: audiences under one name, which say who is a customer already."""

from collections.abc import Sequence

from pydantic_core import to_json
from sqlalchemy import bindparam, delete, insert, or_, select, update

from audience_mock.core.audiences import directory, sharing
from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.errors import NotFoundError, NotInAccountError
from audience_mock.core.store import ids
from audience_mock.core.store.listing import contains, lowered
from audience_mock.core.store.rows import CustomerSegmentRow
from audience_mock.core.store.statements import Query
from audience_mock.core.store.tables import CUSTOMER_LIST_API, CustomerSegment, table_of
from audience_mock.core.store.transaction import Transaction

_table = table_of(CustomerSegment)
_c = _table.c
_BY_NUMBER = Query(CustomerSegmentRow, select(_table).where(_c.number == bindparam("of_number")))
_PAGE = (
    select(_table)
    .where(
        _c.account == bindparam("of_account"),
        or_(bindparam("named") == "", contains(_c.name, bindparam("named"))),
    )
    .limit(bindparam("limit"))
)
PAGE_ASCENDING = Query(CustomerSegmentRow, _PAGE.where(_c.number > bindparam("cursor")).order_by(_c.number))
PAGE_DESCENDING = Query(
    CustomerSegmentRow, _PAGE.where(_c.number < bindparam("cursor")).order_by(_c.number.desc())
)
_INSERT = insert(_table)
_UPDATE = update(_table).where(_c.number == bindparam("of_number"))
_DELETE = delete(_table).where(_c.number == bindparam("of_number"))


def create(
    tx: Transaction, *, account: str, name: str, members: Sequence[str], check: bool
) -> CustomerSegmentRow:
    """Create a segment of the audiences `members`. With `check` they have to be the ad account's, its own or
    received ones, in any status; raises NotInAccountError."""
    if check:
        _check_members(tx, account=account, members=members)
    number = tx.new_id(ids.CUSTOMER_SEGMENT)
    while tx.one(_BY_NUMBER, {"of_number": number}) is not None:
        # A seed may be ahead of its sequence; an id is given once.
        number = tx.new_id(ids.CUSTOMER_SEGMENT)
    directory.enter(tx, account)
    row = CustomerSegmentRow(number, account, name, _text(members), tx.now_ms, tx.now_ms)
    tx.execute(_INSERT, row._asdict())
    return row


def list_page(
    tx: Transaction, *, account: str, named: str, cursor: int | None, limit: int, descending: bool = False
) -> tuple[Sequence[CustomerSegmentRow], int | None]:
    """As `queries.list_page`; of those whose name contains `named`, in capitals or not."""
    start = cursor if cursor is not None else MAX_NUMBER if descending else -1
    rows = tx.all(
        PAGE_DESCENDING if descending else PAGE_ASCENDING,
        {"of_account": account, "named": lowered(named), "cursor": start, "limit": limit + 1},
    )
    page = rows[:limit]
    return page, page[-1].number if len(rows) > limit else None


def replace_members(
    tx: Transaction, *, account: str, number: int, members: Sequence[str] | None, check: bool
) -> None:
    """Make a segment of other audiences; None, and those that it has, change nothing. Raises NotFoundError,
    and NotInAccountError as `create`."""
    row = _find(tx, account=account, number=number)
    if members is None:
        return
    if check:
        _check_members(tx, account=account, members=members)
    if (text := _text(members)) != row.members:
        tx.execute(_UPDATE, {"members": text, "updated_at_ms": tx.now_ms, "of_number": number})


def remove(tx: Transaction, *, account: str, number: int) -> None:
    """Delete a segment. Raises NotFoundError."""
    tx.execute(_DELETE, {"of_number": _find(tx, account=account, number=number).number})


def _find(tx: Transaction, *, account: str, number: int) -> CustomerSegmentRow:
    row = tx.one(_BY_NUMBER, {"of_number": number}) if number <= MAX_NUMBER else None
    if row is None or row.account != account:
        raise NotFoundError("customer segment", str(number))
    return row


def _check_members(tx: Transaction, *, account: str, members: Sequence[str]) -> None:
    numbers = {id: int(id) for id in members if id.isascii() and id.isdigit() and len(id) <= 18}
    found = {
        row.number
        for row in sharing.find_all_visible(
            tx, api=CUSTOMER_LIST_API, account=account, numbers=[*numbers.values()]
        )
    }
    for id in members:
        if numbers.get(id) not in found:
            raise NotInAccountError("audience", id)


def _text(members: Sequence[str]) -> str:
    return to_json(members).decode()
