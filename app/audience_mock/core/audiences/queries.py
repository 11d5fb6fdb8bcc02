"""Audiences: made, found, listed, changed and removed, each by one function within a transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from sqlite3 import IntegrityError
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import (
    ColumnDefault,
    String,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy import (
    cast as cast_to,
)

from audience_mock.core.audiences.lifecycle import INITIALIZING, reads_left
from audience_mock.core.audiences.readiness import AFTER_READS, FAILS, built
from audience_mock.core.errors import AlreadyExistsError, NotFoundError, NotInAccountError
from audience_mock.core.store import ids, tables
from audience_mock.core.store.statements import Prepared
from audience_mock.core.store.tables import (
    PINTEREST,
    PITCHTARGET,
    WAITING,
    Audience,
    CustomerList,
    NextFacebookId,
    Pixel,
    Share,
    Upload,
    UserBlock,
    table_of,
)
from audience_mock.core.worlds.world import Transaction

P = ParamSpec("P")
T = TypeVar("T")

_table = table_of(Audience)
_blocks = table_of(UserBlock)
_uploads = table_of(Upload)
_given = table_of(NextFacebookId)
_shares = table_of(Share)
_pixels = table_of(Pixel)
_numbers = table_of(tables.Sequence)
_c = _table.c
_lists = table_of(CustomerList).c

SEQUENCE_OF = {PITCHTARGET: ids.PITCHTARGET_AUDIENCE, PINTEREST: ids.PINTEREST_AUDIENCE}

# Built once: a statement costs more to build than to run. A column that is not given takes its default.
_BLANK: dict[str, Any] = {
    column.name: column.default.arg if isinstance(column.default, ColumnDefault) else None
    for column in _c
    if column.name != "key"
}


class _New:
    """A row that was just written, as one that is read: columns that were not given have their defaults."""

    def __init__(self, given: dict[str, Any], key: int) -> None:
        self.__dict__ = given
        self.key = key


for _name, _default in _BLANK.items():
    setattr(_New, _name, _default)
_INSERT_WITH_KEY = Prepared(insert(_table), columns=("key", *_BLANK))
# The people of a customer list as they are now; any other audience has its own.
_PEOPLE = case(
    (_c.customer_list.is_(None), _c.people),
    else_=select(_lists.people).where(_lists.number == _c.customer_list).scalar_subquery(),
).label("people")
WITH_PEOPLE = (*(column for column in _c if column is not _c.people), _PEOPLE)
"""What every row of an audience is read with."""
_SELECT = select(*WITH_PEOPLE)
_ONE = (_c.api == bindparam("of_api")) & (_c.number == bindparam("of_number"))
_THIS = _ONE & (_c.account == bindparam("of_account"))
_FIND = Prepared(_SELECT.where(_THIS))
_CHANGE = update(_table).where(_THIS)
_REMOVE = delete(_table).where(_THIS)
# What a page shows: a row of all columns takes SQLite and the driver twice as long.
_SHOWN = (
    *(_c.number, _c.account, _c.kind, _c.name, _c.description, _c.definition, _c.created_by, _PEOPLE),
    *(_c.created_at_ms, _c.updated_at_ms, _c.ready_at_ms, _c.held_status, _c.policy),
)
_IN_ACCOUNT = (_c.api == bindparam("of_api")) & (_c.account == bindparam("of_account"))
_OF_ACCOUNT = _SELECT.where(_IN_ACCOUNT)
_PAGE = select(*_SHOWN).where(_IN_ACCOUNT)
_RISING = Prepared(
    _PAGE.where(_c.number > bindparam("beyond")).order_by(_c.number).limit(bindparam("at_most"))
)
_FALLING = Prepared(
    _PAGE.where(_c.number < bindparam("beyond")).order_by(_c.number.desc()).limit(bindparam("at_most"))
)
_BY_KEY = _SELECT.where(_c.key == bindparam("of_key"))
_BY_NUMBER = _SELECT.where(_ONE)
_BY_FACEBOOK_ID = _SELECT.where(_c.api == bindparam("of_api"), _c.facebook_id == bindparam("of_facebook_id"))
_LIST_OF_ACCOUNT = select(_lists.people).where(
    _lists.number == bindparam("of_number"), _lists.account == bindparam("of_account")
)
_DUE = Prepared(select(_c.key).where(text(WAITING), _c.ready_at_ms <= bindparam("now_ms")).limit(1))
_TAKE_GIVEN = Prepared(
    delete(_given)
    .where(_given.c.position == select(func.min(_given.c.position)).scalar_subquery())
    .returning(_given.c.facebook_id)
)
_GIVEN_NUMBER = cast_to(_numbers.c.next - 1, String)
# Whether it is somebody's already comes along: a seed or a test may have set the sequence to any number.
_TAKE_NUMBER = Prepared(
    update(_numbers)
    .where(_numbers.c.name == ids.FACEBOOK)
    .values(next=_numbers.c.next + 1)
    .returning(
        _GIVEN_NUMBER.label("facebook_id"),
        or_(
            exists().where(_c.facebook_id == _GIVEN_NUMBER),
            exists().where(_pixels.c.facebook_id == _GIVEN_NUMBER),
        ).label("taken"),
    )
)
_BUILD = update(_table).where(_c.key == bindparam("of_key"))
_UNSHARE = delete(_shares).where(_shares.c.audience_key == bindparam("of_key"))
_COUNT = select(func.count()).select_from(_table)
# As `lifecycle.size_at`, for all of an account in one statement.
_PEOPLE_OF_ACCOUNT = select(func.coalesce(func.sum(_PEOPLE), 0)).where(
    _IN_ACCOUNT,
    case(
        (
            _c.held_status.is_(None),
            (_c.ready_at_ms <= bindparam("now_ms")) & func.coalesce(_c.policy != FAILS, true()),
        ),
        else_=_c.held_status.not_like(f"%{INITIALIZING}"),
    ),
)

MAX_NUMBER = (1 << 63) - 1
"""The largest id that a column keeps; a larger one names no audience."""


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
) -> Audience:
    """Make an audience in the ad account `account` and answer it. Raises AlreadyExistsError, if `columns`
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
    ready_at_ms, policy = built(tx.rules.audience_ready, tx.now_ms, tx.rules.delay_ms)
    row: dict[str, Any] = {
        "api": api,
        "account": account,
        "kind": kind,
        "name": name,
        "people": people,
        "facebook_id": new_facebook_id(tx) if facebook else None,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "ready_at_ms": ready_at_ms,
        # Who knows when it is ready leaves nothing to decide.
        "policy": None if "ready_at_ms" in given else policy,
        **given,
    }
    while True:
        if "number" not in given:
            row["number"] = tx.new_id(SEQUENCE_OF[api])
        try:
            key = tx.add(_inserting(tuple(row)), row)
        except IntegrityError:
            # A seed may stand ahead of its sequence; then the next id is free, or the one after.
            if "number" in given:
                raise AlreadyExistsError("audience", str(given["number"])) from None
        else:
            return cast(Audience, _New(row, key))


@cache
def _inserting(columns: tuple[str, ...]) -> Prepared:
    """What fills these columns; the others are null. Half of an audience's are, and binding takes time."""
    return Prepared(insert(_table), columns=columns)


def insert_many(tx: Transaction, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put audiences in as they are: each with its `key` and `number`, other columns where they differ from
    their defaults. Raises IntegrityError at the row whose number is taken; the rows are made one by one."""
    tx.many(_INSERT_WITH_KEY, ({**_BLANK, **row} for row in rows))


def find(tx: Transaction, *, api: str, account: str, number: int) -> Audience:
    """The audience `number` of an ad account. Raises NotFoundError."""
    if number <= MAX_NUMBER:
        row = tx.one(_FIND, _this(api, account, number))
        if row is not None:
            return cast(Audience, row)
    raise NotFoundError("audience", str(number))


def list_page(
    tx: Transaction, *, api: str, account: str, after: int | None, at_most: int, descending: bool = False
) -> tuple[Sequence[Audience], int | None]:
    """At most `at_most` audiences of an ad account by number, from behind `after`, and where the next
    page continues (None: there is none). Costs the same on each page. The rows have what a page shows.
    """
    beyond = after if after is not None else MAX_NUMBER if descending else -1
    rows = tx.all(
        _FALLING if descending else _RISING,
        {"of_api": api, "of_account": account, "beyond": beyond, "at_most": at_most + 1},
    )
    page = cast(Sequence[Audience], rows[:at_most])
    return page, page[-1].number if len(rows) > at_most else None


def change(
    tx: Transaction,
    *,
    api: str,
    account: str,
    number: int,
    values: Mapping[str, Any],
    customer_list: str | None = None,
    seeds: Sequence[str] = (),
) -> Audience:
    """Set columns of an audience and its time of change; answers it as it is then. Raises NotFoundError, and
    NotInAccountError as `create`."""
    find(tx, api=api, account=account, number=number)
    if seeds:
        _check_seeds(tx, api=api, account=account, seeds=seeds)
    if customer_list is not None:
        _people_of_list(tx, account=account, customer_list=customer_list)
        values = {**values, "customer_list": int(customer_list)}
    tx.execute(_CHANGE, {**values, "updated_at_ms": tx.now_ms, **_this(api, account, number)})
    return find(tx, api=api, account=account, number=number)


def _check_seeds(tx: Transaction, *, api: str, account: str, seeds: Sequence[str]) -> None:
    for seed in seeds:
        try:
            find(tx, api=api, account=account, number=_as_number(seed))
        except NotFoundError:
            raise NotInAccountError("audience", seed) from None


def _people_of_list(tx: Transaction, *, account: str, customer_list: str) -> int:
    number = _as_number(customer_list)
    if number <= MAX_NUMBER:
        which = {"of_number": number, "of_account": account}
        people = tx.execute(_LIST_OF_ACCOUNT, which).scalar_one_or_none()
        if people is not None:
            return cast(int, people)
    raise NotInAccountError("customer list", customer_list)


def _as_number(digits: str) -> int:
    """An id in digits; one that is longer than any column keeps is larger than any, too."""
    return int(digits) if len(digits) <= len(str(MAX_NUMBER)) else MAX_NUMBER + 1


def remove(tx: Transaction, *, api: str, account: str, number: int) -> Audience:
    """Take an audience, its users and its shares out of the world; answers it as it last was. Raises
    NotFoundError."""
    audience = find(tx, api=api, account=account, number=number)
    tx.execute(_REMOVE, _this(api, account, number))
    tx.execute(_UNSHARE, {"of_key": audience.key})
    if audience.user_set is not None:
        tx.execute(delete(_uploads).where(_uploads.c.audience_key == audience.key))
        tx.execute(delete(_blocks).where(_blocks.c.user_set == audience.user_set))
    return audience


def find_by_key(tx: Transaction, *, key: int) -> Audience:
    """The audience of a row. Raises NotFoundError."""
    row = tx.execute(_BY_KEY, {"of_key": key}).first()
    if row is None:
        raise NotFoundError("audience", str(key))
    return cast(Audience, row)


def count_read(tx: Transaction, *, key: int) -> Audience:
    """A client's read of one audience, which may be the one that it waits for; answers it as it is then.

    Chosen: pages of a list do not count, so that a test knows how many reads there were.
    """
    audience = find_by_key(tx, key=key)
    left = reads_left(audience)
    if left is None:
        return audience
    values: dict[str, Any] = {"policy": f"{AFTER_READS}:{left - 1}"}
    if left == 1:
        values = {"policy": None, "ready_at_ms": tx.now_ms}
    tx.execute(_BUILD, {**values, "of_key": key})
    if left == 1 and audience.api == PITCHTARGET:
        give_to_facebook(tx)
    return find_by_key(tx, key=key)


def find_either(tx: Transaction, *, api: str, id: str) -> Audience:
    """The audience that has `id` as its Facebook id, or else as its number. Raises NotFoundError."""
    if id.isascii() and id.isdigit():
        row = tx.execute(_BY_FACEBOOK_ID, {"of_api": api, "of_facebook_id": id}).first()
        if row is None and int(id) <= MAX_NUMBER:
            row = tx.execute(_BY_NUMBER, {"of_api": api, "of_number": int(id)}).first()
        if row is not None:
            return cast(Audience, row)
    raise NotFoundError("audience", id)


def list_numbered(
    tx: Transaction, *, api: str, account: str, kind: str | None, skip: int, at_most: int
) -> tuple[Sequence[Audience], int]:
    """A page of an ad account's audiences by number, of one kind or any, and how many there are in all."""
    of_kind = () if kind is None else (_c.kind == kind,)
    which = {"of_api": api, "of_account": account}
    rows = tx.execute(
        _OF_ACCOUNT.where(*of_kind).order_by(_c.number).limit(at_most).offset(skip), which
    ).all()
    total = tx.execute(_OF_ACCOUNT.where(*of_kind).with_only_columns(func.count()), which).scalar_one()
    return cast(Sequence[Audience], rows), total


def give_to_facebook(tx: Transaction, *, account: str | None = None) -> None:
    """Facebook takes the audiences that are due, and gives them ids in the order of their numbers; with
    `account`, all of that ad account at once."""
    if account is None and not tx.all(_DUE, {"now_ms": tx.now_ms}):
        return
    due = _c.ready_at_ms <= tx.now_ms if account is None else _c.account == account
    waiting = select(_c.key).where(text(WAITING), due).order_by(_c.number)
    for key in tx.execute(waiting).scalars().all():
        tx.execute(update(_table).where(_c.key == key).values(facebook_id=new_facebook_id(tx)))


def after_facebook(
    tx: Transaction, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do `operation` once Facebook has taken what is due."""
    give_to_facebook(tx)
    return operation(tx, *args, **kwargs)


def remove_either(tx: Transaction, *, api: str, id: str) -> Audience:
    """As `remove`, by either id."""
    found = find_either(tx, api=api, id=id)
    return remove(tx, api=api, account=found.account, number=found.number)


def find_with_origin(tx: Transaction, *, api: str, id: str) -> tuple[Audience, Audience | None]:
    """An audience by either id, and the one that it is like, if this world has that. Raises NotFoundError."""
    audience = find_either(tx, api=api, id=id)
    return audience, origin_of(tx, audience)


def list_with_origins(
    tx: Transaction, *, api: str, account: str
) -> Sequence[tuple[Audience, Audience | None]]:
    """The audiences of an ad account that Facebook has, by number, each with the one that it is like."""
    known = _OF_ACCOUNT.where(_c.facebook_id.is_not(None)).order_by(_c.number)
    rows = cast(Sequence[Audience], tx.execute(known, {"of_api": api, "of_account": account}).all())
    return [(row, origin_of(tx, row)) for row in rows]


def origin_of(tx: Transaction, audience: Audience) -> Audience | None:
    if audience.origin_id is None:
        return None
    try:
        return find_either(tx, api=audience.api, id=audience.origin_id.strip('"'))
    except NotFoundError:
        return None


def new_facebook_id(tx: Transaction) -> str:
    """The next id of Facebook's: one that a seed names, or else of the sequence."""
    named = tx.one(_TAKE_GIVEN, {})
    if named is not None:
        return str(named.facebook_id)
    while (next_one := tx.one(_TAKE_NUMBER, {})).taken:
        pass
    return str(next_one.facebook_id)


def count(tx: Transaction) -> int:
    """How many audiences of both APIs the world holds."""
    return cast(int, tx.execute(_COUNT).scalar_one())


def people_reached(tx: Transaction, *, api: str, account: str) -> int:
    """The sizes that an ad account's own audiences have now, as `lifecycle.size_at` says, summed up."""
    which = {"of_api": api, "of_account": account, "now_ms": tx.now_ms}
    return cast(int, tx.execute(_PEOPLE_OF_ACCOUNT, which).scalar_one())


def _this(api: str, account: str, number: int) -> dict[str, Any]:
    return {"of_api": api, "of_account": account, "of_number": number}
