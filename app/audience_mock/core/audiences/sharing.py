"""Sharing: an audience that others may use, seen from who shares it and from who received it.

Who shares is an ad account, for its own audiences, or a business. A business acts as owner for the audiences
of the ad accounts that a seed places in it, and of those that no seed places in any business; what it
received otherwise it may only pass on to ad accounts of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Select, bindparam, delete, exists, insert, or_, select, update

from audience_mock.core.audiences.queries import MAX_NUMBER, WITH_PEOPLE, find
from audience_mock.core.errors import NotFoundError, SelfShareError
from audience_mock.core.store import ids
from audience_mock.core.store.tables import ACCOUNT, BUSINESS, Audience, Party, Share, table_of
from audience_mock.core.worlds.world import Transaction

_audiences = table_of(Audience)
_a = _audiences.c
_shares = table_of(Share)
_s = _shares.c
_parties = table_of(Party)
_p = _parties.c

_OF_RECIPIENT = (_s.recipient_kind == bindparam("of_kind")) & (_s.recipient == bindparam("of_recipient"))
_VISIBLE = or_(
    _a.account == bindparam("of_recipient"), exists().where(_s.audience_key == _a.key, _OF_RECIPIENT)
)
_FIND_VISIBLE = select(*WITH_PEOPLE).where(
    _a.api == bindparam("of_api"), _a.number == bindparam("of_number"), _VISIBLE
)
_FIND_ALL_VISIBLE = select(*WITH_PEOPLE).where(
    _a.api == bindparam("of_api"), _a.number.in_(bindparam("of_numbers", expanding=True)), _VISIBLE
)
_WITH_BUSINESS = (
    select(_audiences, _p.business)
    .join_from(
        _audiences,
        _parties,
        (_p.kind == ACCOUNT) & (_p.id == _a.account) & _p.business.is_not(None),
        isouter=True,
    )
    .where(_a.api == bindparam("of_api"), _a.number == bindparam("of_number"))
)
_RECEIVED = (
    select(*WITH_PEOPLE, _s.position)
    .join_from(_audiences, _shares, _s.audience_key == _a.key)
    .where(_a.api == bindparam("of_api"), _OF_RECIPIENT)
    .limit(bindparam("at_most"))
)
_RECEIVED_BY = {
    (order, descending): _RECEIVED.where(
        column < bindparam("beyond") if descending else column > bindparam("beyond")
    ).order_by(column.desc() if descending else column)
    for order, column in (("shared", _s.position), ("number", _a.number))
    for descending in (False, True)
}
_RECIPIENTS: Select[Any] = (
    select(_s.position, _s.recipient, _s.shared_at_ms, _p.name)
    .join_from(_shares, _parties, (_p.kind == _s.recipient_kind) & (_p.id == _s.recipient), isouter=True)
    .where(
        _s.audience_key == bindparam("of_key"),
        _s.recipient_kind == bindparam("of_kind"),
        _s.position > bindparam("beyond"),
    )
    .order_by(_s.position)
    .limit(bindparam("at_most"))
)
_RECIPIENTS_OF_GIVER = _RECIPIENTS.where(_s.giver == bindparam("of_giver"))
_ONE = (_s.audience_key == bindparam("of_key")) & _OF_RECIPIENT
_FIND = select(_shares).where(_ONE)
_INSERT = insert(_shares)
_OWN = update(_shares).where(_ONE).values(giver=None)
_REVOKE = delete(_shares).where(_ONE)
_REVOKE_OF_GIVER = _REVOKE.where(_s.giver == bindparam("of_giver"))
_REVOKE_PASSED_ON = delete(_shares).where(
    _s.audience_key == bindparam("of_key"), _s.giver == bindparam("of_recipient")
)
_ELSEWHERE = select(_p.id).where(
    _p.kind == ACCOUNT,
    _p.id.in_(bindparam("of_accounts", expanding=True)),
    _p.business != bindparam("of_business"),
)


@dataclass(frozen=True)
class Recipient:
    """Who has an audience, since when; `name` is the one that a seed gives."""

    id: str
    name: str | None
    shared_at_ms: int


def find_visible(tx: Transaction, *, api: str, account: str, number: int) -> Audience:
    """The audience `number`, owned by an ad account or shared with it. Raises NotFoundError."""
    try:
        return find(tx, api=api, account=account, number=number)
    except NotFoundError:
        if number <= MAX_NUMBER:
            which = {"of_api": api, "of_number": number, "of_kind": ACCOUNT, "of_recipient": account}
            row = tx.execute(_FIND_VISIBLE, which).first()
            if row is not None:
                return cast(Audience, row)
        raise


def find_all_visible(
    tx: Transaction, *, api: str, account: str, numbers: Sequence[int]
) -> Sequence[Audience]:
    """Those audiences of `numbers` that an ad account owns or received, in no order."""
    kept = [number for number in numbers if number <= MAX_NUMBER]
    which = {"of_api": api, "of_numbers": kept, "of_kind": ACCOUNT, "of_recipient": account}
    return cast(Sequence[Audience], tx.execute(_FIND_ALL_VISIBLE, which).all())


def list_received(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    recipient: str,
    after: int | None,
    at_most: int,
    descending: bool = False,
    by_number: bool = False,
) -> tuple[Sequence[Audience], int | None]:
    """At most `at_most` audiences that were shared with a recipient, by the time of sharing or by number,
    from behind `after`, and where the next page continues (None: there is none)."""
    beyond = after if after is not None else MAX_NUMBER if descending else -1
    rows = tx.execute(
        _RECEIVED_BY["number" if by_number else "shared", descending],
        {
            "of_api": api,
            "of_kind": kind,
            "of_recipient": recipient,
            "beyond": beyond,
            "at_most": at_most + 1,
        },
    ).all()
    page = rows[:at_most]
    more = None
    if len(rows) > at_most:
        more = page[-1].number if by_number else page[-1].position
    return cast(Sequence[Audience], page), more


def list_recipients(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str,
    after: int | None,
    at_most: int,
) -> tuple[Sequence[Recipient], int | None]:
    """Who of one kind has the audience `number`, by the time of sharing, as its `giver` may know; a business
    that is not the owner sees those to whom it passed it on. Raises NotFoundError."""
    audience, owns = _shareable(tx, api=api, kind=kind, giver=giver, number=number)
    rows = tx.execute(
        _RECIPIENTS if owns else _RECIPIENTS_OF_GIVER,
        {
            "of_key": audience.key,
            "of_kind": recipient_kind,
            "beyond": -1 if after is None else after,
            "at_most": at_most + 1,
        }
        | ({} if owns else {"of_giver": giver}),
    ).all()
    page = [Recipient(row.recipient, row.name, row.shared_at_ms) for row in rows[:at_most]]
    return page, rows[at_most - 1].position if len(rows) > at_most else None


def share(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str,
    recipients: Sequence[str],
) -> None:
    """Let the recipients use the audience `number`; one who may already keeps the time of the first share.

    Raises NotFoundError, for the audience and for an ad account of another business; SelfShareError.
    """
    audience, owns = _shareable(
        tx, api=api, kind=kind, giver=giver, number=number, recipient_kind=recipient_kind
    )
    if not owns:
        elsewhere = tx.execute(_ELSEWHERE, {"of_accounts": list(recipients), "of_business": giver}).first()
        if elsewhere is not None:
            raise NotFoundError("ad account", elsewhere.id)
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
            # Who has it from the owner as well keeps it when the business that passed it on loses it.
            tx.execute(_OWN, this)


def revoke(
    tx: Transaction,
    *,
    api: str,
    kind: str,
    giver: str,
    number: int,
    recipient_kind: str,
    recipients: Sequence[str],
) -> None:
    """Take the audience `number` back from the recipients, and from those to whom they passed it on; a
    business that is not the owner takes back what it gave. Raises NotFoundError."""
    audience, owns = _shareable(
        tx, api=api, kind=kind, giver=giver, number=number, recipient_kind=recipient_kind
    )
    for recipient in recipients:
        this = {"of_key": audience.key, "of_kind": recipient_kind, "of_recipient": recipient}
        if owns:
            tx.execute(_REVOKE, this)
        else:
            tx.execute(_REVOKE_OF_GIVER, this | {"of_giver": giver})
        if recipient_kind == BUSINESS:
            tx.execute(_REVOKE_PASSED_ON, {"of_key": audience.key, "of_recipient": recipient})


def _shareable(
    tx: Transaction, *, api: str, kind: str, giver: str, number: int, recipient_kind: str = ACCOUNT
) -> tuple[Audience, bool]:
    """The audience and whether the giver acts as its owner. Raises NotFoundError if it is not the giver's to
    share with that kind of recipient."""
    if number <= MAX_NUMBER:
        row = tx.execute(_WITH_BUSINESS, {"of_api": api, "of_number": number}).first()
        if row is not None:
            if giver == (row.account if kind == ACCOUNT else row.business or giver):
                return cast(Audience, row), True
            this = {"of_key": row.key, "of_kind": kind, "of_recipient": giver}
            if kind == BUSINESS and recipient_kind == ACCOUNT and tx.execute(_FIND, this).first():
                return cast(Audience, row), False
    raise NotFoundError("audience", str(number))
