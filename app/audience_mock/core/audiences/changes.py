"""Audiences created, updated and deleted, each by one function within a transaction."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import bindparam, insert, select

from audience_mock.core.apis import registered
from audience_mock.core.audiences import directory, facebook_ids
from audience_mock.core.audiences.lifecycle import reads_left
from audience_mock.core.audiences.queries import MAX_NUMBER, find, find_by_any_id, find_by_key
from audience_mock.core.errors import (
    AlreadyExistsError,
    DuplicateRowError,
    NotFoundError,
    NotInAccountError,
)
from audience_mock.core.readiness import AFTER_READS, schedule_build
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.statements import Prepared
from audience_mock.core.store.tables import (
    CUSTOMER_LIST_API,
    FACEBOOK_API,
    Audience,
    CustomerList,
    Share,
    Upload,
    UserBlock,
    table_of,
)
from audience_mock.core.store.transaction import Transaction

_table = table_of(Audience)
_c = _table.c
_lists = table_of(CustomerList).c
_blocks, _uploads, _shares = table_of(UserBlock), table_of(Upload), table_of(Share)

_DEFAULTS: dict[str, Any] = {
    column.name: column.default.arg if isinstance(column.default, sa.ColumnDefault) else None for column in _c
}
"""By column, in the order of an AudienceRow."""
_INSERT_ALL = Prepared(insert(_table), columns=tuple(_DEFAULTS))
_FOLLOW_FROM_DEFINITION = ("people", "customer_list")
_BY_KEY = _c.key == bindparam("of_key")
_UPDATE = sa.update(_table).where(_BY_KEY)
_COUNTS_READS = select(_c.key).where(_c.policy.startswith(AFTER_READS)).limit(1)
_DELETE = sa.delete(_table).where(_BY_KEY)
_UNSHARE = sa.delete(_shares).where(_shares.c.audience_key == bindparam("of_key"))
_PEOPLE_OF_LIST = select(_lists.people).where(
    _lists.number == bindparam("of_number"), _lists.account == bindparam("of_account")
)


def create(
    tx: Transaction,
    *,
    api: str,
    account: str,
    kind: str,
    name: str,
    people: int = 0,
    facebook: bool = False,
    columns: Mapping[str, Any] | None = None,
    customer_list: str | None = None,
    seeds: Sequence[str] = (),
) -> AudienceRow:
    """Create an audience in the ad account `account` and return it. Raises AlreadyExistsError, if `columns`
    have a `number` that is taken.

    `people` are those it will hold once built, or else it has those of a customer list; `facebook` gives it a
    Facebook id at once. `columns` are the others of Audience, where they differ from their defaults. Raises
    NotInAccountError if the account lacks the customer list, or one of the audiences `seeds`.
    """
    given = columns or {}
    if seeds:
        _check_seeds(tx, api=api, account=account, seeds=seeds)
    if customer_list is not None:
        people = _people_of_list(tx, account=account, customer_list=customer_list)
        given = {**given, "customer_list": int(customer_list)}
    if api == CUSTOMER_LIST_API:
        directory.enter(tx, account)
    ready_at_ms, policy = schedule_build(tx.rules.audience_ready, tx.now_ms, tx.rules.delay_ms)
    row: dict[str, Any] = {
        "api": api,
        "account": account,
        "kind": kind,
        "name": name,
        "people": people,
        "facebook_id": facebook_ids.take_next(tx) if facebook else None,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "ready_at_ms": ready_at_ms,
        # A given time leaves nothing for a policy to decide.
        "policy": None if "ready_at_ms" in given else policy,
        **given,
    }
    sequence = registered()[api].audience_sequence
    while True:
        if "number" not in given:
            row["number"] = tx.new_id(sequence)
        try:
            key = tx.insert(_insert_of(tuple(row)), row)
        except DuplicateRowError:
            # A seed may be ahead of its sequence; then the next id is free, or the one after.
            if "number" in given:
                raise AlreadyExistsError("audience", str(given["number"])) from None
        else:
            return AudienceRow._make({**_DEFAULTS, **row, "key": key}.values())


@cache
def _insert_of(columns: tuple[str, ...]) -> Prepared:
    """An INSERT of these columns; the others are null. Half of an audience's are, and binding takes time."""
    return Prepared(insert(_table), columns=columns)


def insert_many(tx: Transaction, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert audiences as they are: each with its `key` and `number`, other columns where they differ from
    their defaults. `rows` may be an iterator. Raises DuplicateRowError at the row whose number is taken."""
    tx.for_each(_INSERT_ALL, ({**_DEFAULTS, **row} for row in rows))


def update(
    tx: Transaction,
    *,
    api: str,
    account: str,
    number: int,
    values: Mapping[str, Any],
    customer_list: str | None = None,
    seeds: Sequence[str] = (),
) -> AudienceRow:
    """Set columns of an audience, and its time of change if one of them had another value; returns it as it
    is then. Raises NotFoundError, and NotInAccountError as `create`."""
    before = find(tx, api=api, account=account, number=number)
    if seeds:
        _check_seeds(tx, api=api, account=account, seeds=seeds)
    if customer_list is not None:
        _people_of_list(tx, account=account, customer_list=customer_list)
        values = {**values, "customer_list": int(customer_list)}
    if values.get("definition") == before.definition:
        # The same definition selects the same people, whatever number of them a seed gave.
        values = {name: value for name, value in values.items() if name not in _FOLLOW_FROM_DEFINITION}
    if all(getattr(before, name) == value for name, value in values.items()):
        return before
    tx.execute(_UPDATE, {**values, "updated_at_ms": tx.now_ms, "of_key": before.key})
    return find(tx, api=api, account=account, number=number)


def delete(tx: Transaction, *, api: str, account: str, number: int) -> AudienceRow:
    """Delete an audience, its users and its shares; returns it as it last was. Raises NotFoundError."""
    return _delete(tx, find(tx, api=api, account=account, number=number))


def delete_by_any_id(tx: Transaction, *, api: str, id: str) -> AudienceRow:
    """As `delete`, by its Facebook id or its number."""
    return _delete(tx, find_by_any_id(tx, api=api, id=id))


def delete_by_key(tx: Transaction, *, key: int) -> AudienceRow:
    """As `delete`, by its key of the table."""
    return _delete(tx, find_by_key(tx, key=key))


def _delete(tx: Transaction, audience: AudienceRow) -> AudienceRow:
    tx.execute(_DELETE, {"of_key": audience.key})
    tx.execute(_UNSHARE, {"of_key": audience.key})
    if audience.user_set is not None:
        tx.execute(sa.delete(_uploads).where(_uploads.c.audience_key == audience.key))
        tx.execute(sa.delete(_blocks).where(_blocks.c.user_set == audience.user_set))
    return audience


def record_read(tx: Transaction, *, key: int) -> AudienceRow:
    """Count a client's read of one audience, which may be the one that completes its build; returns it as it
    is then.

    Chosen: pages of a list do not count, so that a test knows how many reads there were.
    """
    audience = find_by_key(tx, key=key)
    left = reads_left(audience)
    if left is None:
        return audience
    values: dict[str, Any] = {"policy": f"{AFTER_READS}:{left - 1}"}
    if left == 1:
        values = {"policy": None, "ready_at_ms": tx.now_ms}
    tx.execute(_UPDATE, {**values, "of_key": key})
    if left == 1 and audience.api == FACEBOOK_API:
        facebook_ids.assign_due(tx)
    return find_by_key(tx, key=key)


def counts_reads(tx: Transaction) -> bool:
    """Whether there is an audience whose reads are counted."""
    return tx.execute(_COUNTS_READS).first() is not None


def _check_seeds(tx: Transaction, *, api: str, account: str, seeds: Sequence[str]) -> None:
    for seed in seeds:
        try:
            find(tx, api=api, account=account, number=_to_number(seed))
        except NotFoundError:
            raise NotInAccountError("audience", seed) from None


def _people_of_list(tx: Transaction, *, account: str, customer_list: str) -> int:
    number = _to_number(customer_list)
    if number <= MAX_NUMBER:
        which = {"of_number": number, "of_account": account}
        people = tx.execute(_PEOPLE_OF_LIST, which).scalar_one_or_none()
        if people is not None:
            return cast(int, people)
    raise NotInAccountError("customer list", customer_list)


def _to_number(digits: str) -> int:
    """An id in digits; any that no column could hold becomes one that no audience has."""
    return int(digits) if len(digits) <= len(str(MAX_NUMBER)) else MAX_NUMBER + 1
