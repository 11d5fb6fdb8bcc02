"""Customer lists: created from records, changed by batches, found, listed."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, false, insert, or_, select, update

from audience_mock.core.audiences import changes, directory
from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.errors import NotFoundError
from audience_mock.core.store import ids
from audience_mock.core.store.rows import AudienceRow, CustomerListRow
from audience_mock.core.store.tables import Audience, CustomerList, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import magic, samples, user_sets
from audience_mock.core.users.digests import LINK_BYTES
from audience_mock.core.users.magic import Effects
from audience_mock.core.users.records import Records
from audience_mock.core.worlds.world import World

ADD = "ADD"

_table = table_of(CustomerList)
_c = _table.c
_INSERT = insert(_table)
_FIND = select(_table).where(_c.number == bindparam("of_number"), _c.account == bindparam("of_account"))
_BY_NUMBER = select(_c.number).where(_c.number == bindparam("of_number"))
_UPDATE = update(_table).where(_c.number == bindparam("of_number"))
_OF_ACCOUNT = select(_table).where(
    _c.account == bindparam("of_account"),
    or_(bindparam("with_nca"), _c.is_nca == false()),
)
_PAGE_ASCENDING = (
    _OF_ACCOUNT.where(_c.number > bindparam("cursor")).order_by(_c.number).limit(bindparam("limit"))
)
_PAGE_DESCENDING = (
    _OF_ACCOUNT.where(_c.number < bindparam("cursor")).order_by(_c.number.desc()).limit(bindparam("limit"))
)


_HOLD_AUDIENCES = (
    update(table_of(Audience))
    .where(table_of(Audience).c.customer_list == bindparam("of_list"))
    .values(held_status=bindparam("status"))
)


@dataclass(frozen=True)
class _Batch:
    """The new sets of a list: its people, and its links (None: there are no new ones)."""

    users: user_sets.WrittenSet
    links: user_sets.WrittenSet | None

    def own(self) -> None:
        """A committed row refers to both sets."""
        self.users.owned = True
        if self.links is not None:
            self.links.owned = True


def find(tx: Transaction, *, account: str, number: int) -> CustomerListRow:
    """The customer list `number` of an ad account. Raises NotFoundError."""
    if number <= MAX_NUMBER:
        row = tx.execute(_FIND, {"of_number": number, "of_account": account}).first()
        if row is not None:
            return CustomerListRow._make(row)
    raise NotFoundError("customer list", str(number))


def list_page(
    tx: Transaction,
    *,
    account: str,
    cursor: int | None,
    limit: int,
    descending: bool = False,
    exclude_nca: bool = False,
) -> tuple[Sequence[CustomerListRow], int | None]:
    """As `audiences.queries.list_page`; `exclude_nca` omits lists for the acquisition of new customers."""
    start = cursor if cursor is not None else MAX_NUMBER if descending else -1
    which = {
        "of_account": account,
        "with_nca": not exclude_nca,
        "cursor": start,
        "limit": limit + 1,
    }
    rows = tx.execute(_PAGE_DESCENDING if descending else _PAGE_ASCENDING, which).all()
    page = [CustomerListRow._make(row) for row in rows[:limit]]
    return page, page[-1].number if len(rows) > limit else None


async def create(
    world: World, records: Records, *, account: str, name: str, list_type: str, is_nca: bool
) -> CustomerListRow:
    """Create a customer list with these records as its first batch. Raises RejectedIdentityError."""
    effects = await _take_effect(records)
    columns = {
        "account": account,
        "name": name,
        "list_type": list_type,
        "is_nca": is_nca,
        "held_status": effects.list_status,
    }
    async with _writing(world, None, records, ADD) as batch:
        row = await world.transact(_create, columns=columns, records=records, batch=batch)
        batch.own()
        samples.keep(world, records.sample, type=list_type, customer_list=row.number)
    effects.raise_if_failed()
    return row


def create_audience(
    tx: Transaction, *, account: str, customer_list: str, columns: Mapping[str, Any], **audience: Any
) -> AudienceRow:
    """As `changes.create`, of the people of a customer list. It has the status that a magic identity among
    them has set."""
    status = None
    if len(customer_list) <= len(str(MAX_NUMBER)):
        with suppress(NotFoundError):  # `changes.create` says so
            row = find(tx, account=account, number=int(customer_list))
            if row.held_status is not None:
                status = user_sets.magic_status_of(tx, user_set=row.user_set)
    columns = {**columns, "held_status": status}
    return changes.create(tx, account=account, customer_list=customer_list, columns=columns, **audience)


async def apply_batch(
    world: World,
    records: Records,
    *,
    account: str,
    number: int,
    action: str,
    also: Callable[[Transaction, Effects], None] | None = None,
) -> CustomerListRow:
    """Add the people of these records to a list, or remove them (`action`: ADD, else REMOVE); returns it as
    it is then. Raises NotFoundError, RejectedIdentityError.

    The list changes at once, and its counters count all records that were sent, also invalid ones
    (documented). `also` runs in the transaction that changes the list, and reports a batch that fails half
    way; without it, that raises.
    """
    effects = await _take_effect(records)
    while True:
        before = await world.read(find, account=account, number=number)
        async with _writing(world, before, records, action) as batch:
            after = await world.transact(
                _replace_sets,
                before=before,
                records=records,
                batch=batch,
                action=action,
                effects=effects,
                also=also,
            )
            if after is not None:
                batch.own()
                await records.people.release()
                samples.keep(world, records.sample, type=records.list_type, customer_list=number)
                if also is None:
                    effects.raise_if_failed()
                return after
        # Another batch was committed first: start again from the people it left.


async def _take_effect(records: Records) -> Effects:
    """What the magic identities among whole records do, to the records themselves already. Raises
    RejectedIdentityError."""
    await records.people.sort()
    effects = magic.effects_of(records.people)
    records.people = await magic.without_invalid(records.people, effects)
    if effects.invalid:
        records.reject(effects.invalid)
    return effects


@asynccontextmanager
async def _writing(
    world: World, before: CustomerListRow | None, records: Records, action: str
) -> AsyncIterator[_Batch]:
    """Write the people and links of a list after a batch as new sets."""
    user_set = before.user_set if before is not None else None
    link_set = before.link_set if before is not None else None
    async with AsyncExitStack() as stack:
        old, sent = user_sets.read(world, user_set), user_sets.as_run(records.people)
        links = None
        if records.has_links:
            new = user_sets.as_run(records.links)
            all_links = user_sets.union(user_sets.read(world, link_set), new, width=LINK_BYTES)
            links = await stack.enter_async_context(user_sets.writing(world, all_links, width=LINK_BYTES))
            # The plain form of people known only by a hash so far may be among the new records.
            linked_old = await user_sets.linked(old, user_sets.as_run(records.links))
            stack.callback(linked_old.close)
            old = user_sets.as_run(linked_old)
            link_set = links.user_set
        if link_set is not None:
            linked_sent = await user_sets.linked(sent, user_sets.read(world, link_set))
            stack.callback(linked_sent.close)
            sent = user_sets.as_run(linked_sent)
        after = user_sets.union(old, sent) if action == ADD else user_sets.difference(old, sent)
        yield _Batch(await stack.enter_async_context(user_sets.writing(world, after)), links)


def _create(tx: Transaction, *, columns: dict[str, Any], records: Records, batch: _Batch) -> CustomerListRow:
    sets = {"user_set": batch.users.user_set, "link_set": batch.links and batch.links.user_set}
    return insert_list(tx, **columns, **sets, uploaded_records=records.sent, people=batch.users.people)


def insert_list(tx: Transaction, **columns: Any) -> CustomerListRow:
    """Insert a list; columns that are not given have their defaults, times are now."""
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
        row["number"] = tx.new_id(ids.CUSTOMER_LIST)
        # A seed may be ahead of its sequence; an id is given once.
        if tx.execute(_BY_NUMBER, {"of_number": row["number"]}).first() is None:
            break
    tx.execute(_INSERT, row)
    directory.enter(tx, row["account"])
    return CustomerListRow(**row)


def _replace_sets(
    tx: Transaction,
    *,
    before: CustomerListRow,
    records: Records,
    batch: _Batch,
    action: str,
    effects: Effects,
    also: Callable[[Transaction, Effects], None] | None,
) -> CustomerListRow | None:
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
    user_sets.delete_set(tx, user_set=now.user_set)
    if batch.links is not None:
        values["link_set"] = batch.links.user_set
        user_sets.delete_set(tx, user_set=now.link_set)
    if effects.list_status is not None:
        # Chosen: who takes the identity out of the list gives its status back to the clock.
        values["held_status"] = effects.list_status if action == ADD else None
        audience_status = effects.audience_status if action == ADD else None
        tx.execute(_HOLD_AUDIENCES, {"of_list": now.number, "status": audience_status})
    tx.execute(_UPDATE, {**values, "of_number": now.number})
    if also is not None:
        also(tx, effects)
    return find(tx, account=before.account, number=before.number)
