"""Sharing: audiences that other ad accounts and businesses may use.

A giver is an ad account, for its own audiences, or a business. A business acts as owner of the audiences of
the ad accounts that a seed places in it, and of ad accounts that no seed places in a business; other
audiences that it received it may only pass on to ad accounts of its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, insert, or_, select, update

from audience_mock.core.audiences import accounts
from audience_mock.core.audiences.queries import COLUMNS, MAX_NUMBER, PAGE_COLUMNS, find
from audience_mock.core.errors import NotFoundError, SelfShareError
from audience_mock.core.store import ids
from audience_mock.core.store.rows import AudiencePageRow, AudienceRow
from audience_mock.core.store.statements import Query
from audience_mock.core.store.tables import (
    ACCOUNT,
    BUSINESS,
    AdAccount,
    Audience,
    Business,
    Share,
    table_of,
)
from audience_mock.core.store.transaction import Transaction

UNNAMED_BUSINESS = "Business {}"
"""The name of a business that no seed names: made up."""

_audiences = table_of(Audience)
_a = _audiences.c
_shares = table_of(Share)
_s = _shares.c
_accounts, _businesses = table_of(AdAccount), table_of(Business)

_OF_RECIPIENT = (_s.recipient_kind == bindparam("of_kind")) & (_s.recipient == bindparam("of_recipient"))
_VISIBLE = or_(
    _a.account == bindparam("of_recipient"), exists().where(_s.audience_key == _a.key, _OF_RECIPIENT)
)
_FIND_VISIBLE = Query(
    AudienceRow,
    select(*COLUMNS).where(_a.api == bindparam("of_api"), _a.number == bindparam("of_number"), _VISIBLE),
)
_FIND_ALL_VISIBLE = select(*COLUMNS).where(
    _a.api == bindparam("of_api"), _a.number.in_(bindparam("of_numbers", expanding=True)), _VISIBLE
)
_BY_NUMBER = Query(
    AudienceRow,
    select(*COLUMNS).where(_a.api == bindparam("of_api"), _a.number == bindparam("of_number")),
)
_BUSINESS = select(_accounts.c.business).where(_accounts.c.id == bindparam("of_account"))
_RECEIVED = (
    select(*PAGE_COLUMNS, _s.position)
    .join_from(_audiences, _shares, _s.audience_key == _a.key)
    .where(_a.api == bindparam("of_api"), _OF_RECIPIENT)
    .limit(bindparam("limit"))
)
_RECEIVED_BY = {
    (order, descending): _RECEIVED.where(
        column < bindparam("cursor") if descending else column > bindparam("cursor")
    ).order_by(column.desc() if descending else column)
    for order, column in (("shared", _s.position), ("number", _a.number))
    for descending in (False, True)
}
_RECIPIENTS: dict[str, Select[Any]] = {
    kind: select(_s.position, _s.recipient, _s.shared_at_ms, named.c.name)
    .join_from(_shares, named, named.c.id == _s.recipient, isouter=True)
    .where(
        _s.audience_key == bindparam("of_key"),
        _s.recipient_kind == bindparam("of_kind"),
        _s.position > bindparam("cursor"),
    )
    .order_by(_s.position)
    .limit(bindparam("limit"))
    for kind, named in ((ACCOUNT, _accounts), (BUSINESS, _businesses))
}
_RECIPIENTS_OF_GIVER = {
    kind: statement.where(_s.giver == bindparam("of_giver")) for kind, statement in _RECIPIENTS.items()
}
_ONE = (_s.audience_key == bindparam("of_key")) & _OF_RECIPIENT
_FIND = select(_shares).where(_ONE)
_INSERT = insert(_shares)
_MAKE_OWNERS = update(_shares).where(_ONE).values(giver=None)
_REVOKE = delete(_shares).where(_ONE)
_REVOKE_OF_GIVER = _REVOKE.where(_s.giver == bindparam("of_giver"))
_REVOKE_PASSED_ON = delete(_shares).where(
    _s.audience_key == bindparam("of_key"), _s.giver == bindparam("of_recipient")
)
_OF_THIS_BUSINESS = select(_accounts.c.id).where(
    _accounts.c.id.in_(bindparam("of_accounts", expanding=True)),
    _accounts.c.business == bindparam("of_business"),
)
_OF_OTHER_BUSINESS = select(_accounts.c.id).where(
    _accounts.c.id.in_(bindparam("of_accounts", expanding=True)),
    _accounts.c.business != bindparam("of_business"),
)


@dataclass(frozen=True)
class Recipient:
    """A recipient that an audience was shared with, and when; one that nothing names has a made-up name."""

    id: str
    name: str
    shared_at_ms: int


def find_visible(tx: Transaction, *, api: str, account: str, number: int) -> AudienceRow:
    """The audience `number`, owned by an ad account or shared with it. Raises NotFoundError."""
    try:
        return find(tx, api=api, account=account, number=number)
    except NotFoundError:
        if number <= MAX_NUMBER:
            which = {"of_api": api, "of_number": number, "of_kind": ACCOUNT, "of_recipient": account}
            row = tx.one(_FIND_VISIBLE, which)
            if row is not None:
                return row
        raise


def find_all_visible(
    tx: Transaction, *, api: str, account: str, numbers: Sequence[int]
) -> Sequence[AudienceRow]:
    """The audiences of `numbers` that an ad account owns or received, in no particular order."""
    kept = [number for number in numbers if number <= MAX_NUMBER]
    which = {"of_api": api, "of_numbers": kept, "of_kind": ACCOUNT, "of_recipient": account}
    return [AudienceRow._make(row) for row in tx.execute(_FIND_ALL_VISIBLE, which)]


def list_received(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    recipient: str,
    cursor: int | None,
    limit: int,
    descending: bool = False,
    by_number: bool = False,
) -> tuple[Sequence[AudiencePageRow], int | None]:
    """At most `limit` audiences that were shared with a recipient, by the time of sharing or by number, after
    `cursor`, and the cursor of the next page (None: this is the last one)."""
    start = cursor if cursor is not None else MAX_NUMBER if descending else -1
    rows = tx.execute(
        _RECEIVED_BY["number" if by_number else "shared", descending],
        {
            "of_api": api,
            "of_kind": kind,
            "of_recipient": recipient,
            "cursor": start,
            "limit": limit + 1,
        },
    ).all()
    page = [AudiencePageRow._make(row[:-1]) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        following = page[-1].number if by_number else rows[limit - 1].position
    return page, following


def owns_any(tx: Transaction, *, business: str, accounts: Collection[str]) -> bool:
    """Whether a seed places one of the ad accounts in the business."""
    which = {"of_accounts": list(accounts), "of_business": business}
    return tx.execute(_OF_THIS_BUSINESS, which).first() is not None


def list_recipients(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str,
    cursor: int | None,
    limit: int,
    only: Collection[str] | None = None,
) -> tuple[Sequence[Recipient], int | None]:
    """The recipients of one kind that the audience `number` is shared with, by the time of sharing. A
    business that is not the owner sees those to which it passed it on. With `only`, audiences that the giver
    owns are those of these ad accounts. Raises NotFoundError."""
    audience, owns = _find_shareable(tx, api=api, kind=kind, giver=giver, number=number, only=only)
    rows = tx.execute(
        (_RECIPIENTS if owns else _RECIPIENTS_OF_GIVER)[recipient_kind],
        {
            "of_key": audience.key,
            "of_kind": recipient_kind,
            "cursor": -1 if cursor is None else cursor,
            "limit": limit + 1,
        }
        | ({} if owns else {"of_giver": giver}),
    ).all()
    unnamed = accounts.UNNAMED if recipient_kind == ACCOUNT else UNNAMED_BUSINESS
    page = [
        Recipient(row.recipient, row.name or unnamed.format(row.recipient), row.shared_at_ms)
        for row in rows[:limit]
    ]
    return page, rows[limit - 1].position if len(rows) > limit else None


def share(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str,
    recipients: Sequence[str],
    only: Collection[str] | None = None,
) -> None:
    """Share the audience `number` with the recipients; sharing it again keeps the time of the first share.
    `only` as in `list_recipients`.

    Raises NotFoundError, for the audience and for an ad account of another business; SelfShareError.
    """
    audience, owns = _find_shareable(
        tx, api=api, kind=kind, giver=giver, number=number, recipient_kind=recipient_kind, only=only
    )
    if not owns:
        other = tx.execute(
            _OF_OTHER_BUSINESS, {"of_accounts": list(recipients), "of_business": giver}
        ).first()
        if other is not None:
            raise NotFoundError("ad account", other.id)
    for recipient in recipients:
        if (recipient_kind, recipient) in ((ACCOUNT, audience.account), (kind, giver)):
            raise SelfShareError(recipient)
        this = {"of_key": audience.key, "of_kind": recipient_kind, "of_recipient": recipient}
        before = tx.execute(_FIND, this).first()
        if before is None:
            row = {
                "position": tx.new_id(ids.SHARE),
                "audience_key": audience.key,
                "recipient_kind": recipient_kind,
                "recipient": recipient,
                "giver": None if owns else giver,
                "shared_at_ms": tx.now_ms,
            }
            tx.execute(_INSERT, row)
        elif owns and before.giver is not None:
            # Shared by the owner, too: it stays when the business that passed it on loses it.
            tx.execute(_MAKE_OWNERS, this)


def revoke(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str,
    recipients: Sequence[str],
    only: Collection[str] | None = None,
) -> None:
    """Unshare the audience `number` from the recipients, and from those to which they passed it on; a
    business that is not the owner unshares what it passed on. `only` as in `list_recipients`. Raises
    NotFoundError."""
    audience, owns = _find_shareable(
        tx, api=api, kind=kind, giver=giver, number=number, recipient_kind=recipient_kind, only=only
    )
    for recipient in recipients:
        this = {"of_key": audience.key, "of_kind": recipient_kind, "of_recipient": recipient}
        if owns:
            tx.execute(_REVOKE, this)
        else:
            tx.execute(_REVOKE_OF_GIVER, this | {"of_giver": giver})
        if recipient_kind == BUSINESS:
            tx.execute(_REVOKE_PASSED_ON, {"of_key": audience.key, "of_recipient": recipient})


def _find_shareable(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str = ACCOUNT,
    only: Collection[str] | None = None,
) -> tuple[AudienceRow, bool]:
    """The audience, and whether the giver acts as its owner. Raises NotFoundError if the giver may not share
    it with that kind of recipient, or owns it by an ad account that is not among `only`."""
    audience = tx.one(_BY_NUMBER, {"of_api": api, "of_number": number}) if number <= MAX_NUMBER else None
    if audience is not None:
        if giver == _owner(tx, audience, kind, giver) and (only is None or audience.account in only):
            return audience, True
        this = {"of_key": audience.key, "of_kind": kind, "of_recipient": giver}
        if kind == BUSINESS and recipient_kind == ACCOUNT and tx.execute(_FIND, this).first():
            return audience, False
    raise NotFoundError("audience", str(number))


def _owner(tx: Transaction, audience: AudienceRow, kind: str, giver: str) -> str:
    """The ad account, or the business; where no seed names one, any `giver` acts as owner."""
    if kind == ACCOUNT:
        return audience.account
    business: str | None = tx.execute(_BUSINESS, {"of_account": audience.account}).scalar_one_or_none()
    return business or giver
