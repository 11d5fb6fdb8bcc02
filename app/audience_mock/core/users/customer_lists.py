"""Customer lists: made of records, changed by a batch more, found, listed."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import bindparam, false, insert, or_, select, update

from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.errors import NotFoundError
from audience_mock.core.store import ids
from audience_mock.core.store.tables import CustomerList, table_of
from audience_mock.core.users import user_sets
from audience_mock.core.users.digests import LINK_BYTES
from audience_mock.core.users.records import Records
from audience_mock.core.worlds.world import Transaction, World

ADD, REMOVE = "ADD", "REMOVE"

_table = table_of(CustomerList)
_c = _table.c
_INSERT = insert(_table)
_FIND = select(_table).where(_c.number == bindparam("of_number"), _c.account == bindparam("of_account"))
_BY_NUMBER = select(_c.number).where(_c.number == bindparam("of_number"))
_CHANGE = update(_table).where(_c.number == bindparam("of_number"))
_OF_ACCOUNT = select(_table).where(
    _c.account == bindparam("of_account"),
    or_(bindparam("with_nca"), _c.is_nca == false()),
)
_RISING = _OF_ACCOUNT.where(_c.number > bindparam("beyond")).order_by(_c.number).limit(bindparam("at_most"))
_FALLING = (
    _OF_ACCOUNT.where(_c.number < bindparam("beyond")).order_by(_c.number.desc()).limit(bindparam("at_most"))
)

Also = Callable[[Transaction], None]
"""What is to be written in the same transaction as a batch."""


@dataclass(frozen=True)
class _Batch:
    """What a list is to hold instead: its people, and its links (None: no new ones came)."""

    users: user_sets.Written
    links: user_sets.Written | None


def find(tx: Transaction, *, account: str, number: int) -> CustomerList:
    """The customer list `number` of an ad account. Raises NotFoundError."""
    if number <= MAX_NUMBER:
        row = tx.execute(_FIND, {"of_number": number, "of_account": account}).first()
        if row is not None:
            return cast(CustomerList, row)
    raise NotFoundError("customer list", str(number))


def list_page(
    tx: Transaction,
    *,
    account: str,
    after: int | None,
    at_most: int,
    descending: bool = False,
    exclude_nca: bool = False,
) -> tuple[Sequence[CustomerList], int | None]:
    """As `audiences.list_page`; `exclude_nca` leaves out lists for the acquisition of new customers."""
    beyond = after if after is not None else MAX_NUMBER if descending else -1
    which = {
        "of_account": account,
        "with_nca": not exclude_nca,
        "beyond": beyond,
        "at_most": at_most + 1,
    }
    rows = tx.execute(_FALLING if descending else _RISING, which).all()
    page = cast(Sequence[CustomerList], rows[:at_most])
    return page, page[-1].number if len(rows) > at_most else None


async def create(
    world: World, records: Records, *, account: str, name: str, list_type: str, is_nca: bool
) -> CustomerList:
    """Make a customer list of these records; they are its first batch."""
    columns = {"account": account, "name": name, "list_type": list_type, "is_nca": is_nca}
    async with _people_after(world, None, records, ADD) as batch:
        return await world.transact(_create, columns=columns, records=records, batch=batch)


async def change(
    world: World,
    records: Records,
    *,
    account: str,
    number: int,
    action: str,
    also: Also | None = None,
) -> CustomerList:
    """Add the people of these records to a list, or remove them from it (`action`: ADD or REMOVE); answers
    it as it is then. Raises NotFoundError.

    The list has them at once, and its counters count all that was sent (documented), wrong records too.
    """
    while True:
        before = await world.read(find, account=account, number=number)
        async with _people_after(world, before, records, action) as batch:
            after = await world.transact(
                _change, before=before, records=records, batch=batch, action=action, also=also
            )
            if after is not None:
                return after
        # Another batch was faster: its people are there now, so once more.


@asynccontextmanager
async def _people_after(
    world: World, before: CustomerList | None, records: Records, action: str
) -> AsyncIterator[_Batch]:
    """Write what the list holds after a batch as new sets; dropped again if no list takes them."""
    user_set = before.user_set if before is not None else None
    link_set = before.link_set if before is not None else None
    async with AsyncExitStack() as held:
        had, sent = user_sets.read(world, user_set), user_sets.run_of(records.people.parts())
        links = None
        if records.has_links:
            came = user_sets.run_of(records.links.parts())
            all_links = user_sets.union(user_sets.read(world, link_set), came, width=LINK_BYTES)
            links = await held.enter_async_context(user_sets.writing(world, all_links, width=LINK_BYTES))
            # A hash that stood for itself so far may be somebody's whose plain form is here now.
            persons = await user_sets.linked(had, user_sets.run_of(records.links.parts()))
            held.callback(persons.close)
            had = user_sets.run_of(persons.parts())
            link_set = links.user_set
        if link_set is not None:
            meant = await user_sets.linked(sent, user_sets.read(world, link_set))
            held.callback(meant.close)
            sent = user_sets.run_of(meant.parts())
        after = user_sets.union(had, sent) if action == ADD else user_sets.without(had, sent)
        yield _Batch(await held.enter_async_context(user_sets.writing(world, after)), links)


def _create(tx: Transaction, *, columns: dict[str, Any], records: Records, batch: _Batch) -> CustomerList:
    sets = {"user_set": batch.users.user_set, "link_set": batch.links and batch.links.user_set}
    return insert_list(tx, **columns, **sets, uploaded_records=records.sent, people=batch.users.people)


def insert_list(tx: Transaction, **columns: Any) -> CustomerList:
    """Make the row of a list; what is not given has its default, and the time is now."""
    row: dict[str, Any] = {
        "is_nca": False,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "ready_at_ms": tx.now_ms + tx.rules.list_delay_ms,
        "held_status": None,
        "batches": 1,
        "uploaded_records": 0,
        "removed_records": 0,
        "people": 0,
        "unnamed_people": 0,
        "user_set": None,
        "link_set": None,
        **columns,
    }
    while "number" not in columns:
        row["number"] = tx.new_id(ids.PINTEREST_CUSTOMER_LIST)
        # A seed may stand ahead of its sequence; an id is given once.
        if tx.execute(_BY_NUMBER, {"of_number": row["number"]}).first() is None:
            break
    tx.execute(_INSERT, row)
    return cast(CustomerList, SimpleNamespace(**row))


def _change(
    tx: Transaction,
    *,
    before: CustomerList,
    records: Records,
    batch: _Batch,
    action: str,
    also: Also | None,
) -> CustomerList | None:
    """None if the list has changed since `before`."""
    now = find(tx, account=before.account, number=before.number)
    if (now.user_set, now.link_set) != (before.user_set, before.link_set):
        return None
    counter = "uploaded_records" if action == ADD else "removed_records"
    values: dict[str, Any] = {
        "user_set": batch.users.user_set,
        "people": now.unnamed_people + batch.users.people,
        "batches": now.batches + 1,
        counter: getattr(now, counter) + records.sent,
        "updated_at_ms": tx.now_ms,
    }
    user_sets.drop(tx, user_set=now.user_set)
    if batch.links is not None:
        values["link_set"] = batch.links.user_set
        user_sets.drop(tx, user_set=now.link_set)
    tx.execute(_CHANGE, {**values, "of_number": now.number})
    if also is not None:
        also(tx)
    return find(tx, account=before.account, number=before.number)
