"""The agenda of a world: what the clock will cause, and when. Computed when it is asked for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    func,
    literal,
    select,
    text,
    union_all,
)

from audience_mock.core.audiences import queries
from audience_mock.core.audiences.lifecycle import list_status_at, status_at, upload_state_at
from audience_mock.core.store.tables import (
    FACEBOOK_API,
    WAITING,
    Audience,
    CustomerList,
    ListUpload,
    Token,
    table_of,
)
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.tokens import ACCESS, APP, REFRESH
from audience_mock.core.worlds.clock import LATEST_MS
from audience_mock.core.worlds.world import World

SHOWN_CHARACTERS = 5
"""Shown of a token, at most, and never more than half of it: enough for `pina_`. Chosen."""

DIGEST_CHARACTERS = 8
"""Shown of the hex SHA-256 of a token, to distinguish tokens. Chosen."""


class Event(NamedTuple):
    """An event at a time; `about` says what it concerns, as the control API shows it."""

    at_ms: int
    kind: str
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Agenda:
    """The first events, sorted by time; how many there are in all, and the time of the last one."""

    events: Sequence[Event]
    total: int
    last_at_ms: int | None


def next_events(world: World, *, kinds: Collection[str] = (), limit: int = 1) -> Agenda:
    """What will happen after now, of some `kinds` or of all; at most `limit` events."""
    wanted = tuple(kind for kind in KINDS if not kinds or kind in kinds)
    now_ms = world.clock.now_ms()
    found = world.read_now(_stored, kinds=wanted, now_ms=now_ms, limit=limit)
    if LIMIT in wanted:
        found.append(_windows(world, now_ms))
    # Events of one time stay in the order of KINDS, and of their kind.
    events = sorted((event for part in found for event in part.events), key=lambda event: event.at_ms)
    return Agenda(
        events[:limit],
        sum(part.total for part in found),
        max((part.last_at_ms for part in found if part.last_at_ms is not None), default=None),
    )


def _audience(row: Any) -> dict[str, Any]:
    becomes = status_at(row, row.ready_at_ms)
    return {"api": row.api, "id": str(row.number), "account": row.account, "becomes": becomes}


def _facebook_id(row: Any) -> dict[str, Any]:
    return {"api": FACEBOOK_API, "id": str(row.number), "account": row.account}


def _customer_list(row: Any) -> dict[str, Any]:
    becomes = list_status_at(row, row.ready_at_ms)
    return {"id": str(row.number), "account": row.account, "becomes": becomes}


def _upload(row: Any) -> dict[str, Any]:
    becomes = upload_state_at(row, row.ready_at_ms)
    return {"id": str(row.number), "customer_list": str(row.customer_list), "becomes": becomes}


def _token(row: Any) -> dict[str, Any]:
    return {"token": row.kind, "digest": row.digest.hex()[:DIGEST_CHARACTERS]}


class _Source(NamedTuple):
    """Rows with an event at the time `at`; `order` sorts rows of one time."""

    rows: Select[Any]
    at: ColumnElement[Any]
    order: ColumnElement[Any]
    describe: Callable[[Any], dict[str, Any]]


_a, _l, _u, _t = (table_of(model).c for model in (Audience, CustomerList, ListUpload, Token))
_SOURCES = {
    "audience": _Source(
        select(*queries.COLUMNS).where(_a.held_status.is_(None)), _a.ready_at_ms, _a.key, _audience
    ),
    "facebook_id": _Source(
        select(_a.number, _a.account, _a.ready_at_ms).where(text(WAITING)),
        _a.ready_at_ms,
        _a.number,
        _facebook_id,
    ),
    "customer_list": _Source(
        select(table_of(CustomerList)).where(_l.held_status.is_(None)),
        _l.ready_at_ms,
        _l.number,
        _customer_list,
    ),
    # An upload that is still being read does not finish at its time.
    "upload": _Source(
        select(table_of(ListUpload)).where(_u.valid.is_not(None)), _u.ready_at_ms, _u.number, _upload
    ),
    "token": _Source(
        select(table_of(Token)).where(_t.revoked.is_(False), _t.kind.in_((ACCESS, APP, REFRESH))),
        _t.expires_at_ms,
        _t.digest,
        _token,
    ),
}
LIMIT = "limit"
KINDS = (*_SOURCES, LIMIT)
"""An audience is built, Facebook gives an audience its id, a customer list is built, an upload to one is
done, a token expires, a window of a rate limit ends."""


def _stored(tx: Transaction, *, kinds: Sequence[str], now_ms: int, limit: int) -> list[Agenda]:
    found: list[Agenda] = []
    stored = tuple(kind for kind in kinds if kind in _SOURCES)
    if not stored:
        return found
    when = {"now_ms": now_ms, "most": limit}
    for kind, total, last_at_ms in cast(Any, tx.execute(_counts(stored), when)):
        _, at, _, describe = _SOURCES[kind]
        first = tx.execute(_first(kind), when) if total and limit else ()
        events = [Event(getattr(row, at.key or ""), kind, describe(row)) for row in first]
        found.append(Agenda(events, total, last_at_ms))
    return found


@cache
def _counts(kinds: Sequence[str]) -> CompoundSelect[Any] | Select[Any]:
    """Of each kind, how many events there are, and the time of the last one."""
    return union_all(
        *(
            _pending(kind).with_only_columns(
                literal(kind).label("kind"), func.count(), func.max(_SOURCES[kind].at)
            )
            for kind in kinds
        )
    )


@cache
def _first(kind: str) -> Select[Any]:
    _, at, order, _ = _SOURCES[kind]
    return _pending(kind).order_by(at, order).limit(bindparam("most"))


def _pending(kind: str) -> Select[Any]:
    rows, at, _, _ = _SOURCES[kind]
    return rows.where(at > bindparam("now_ms"), at < LATEST_MS)


def _windows(world: World, now_ms: int) -> Agenda:
    events = [
        Event(
            window.ends_at_ms,
            LIMIT,
            {
                "caller": masked(window.caller),
                "digest": short_digest(window.caller),
                "limit": window.limit,
                "left": max(0, window.left),
            },
        )
        for window in world.limits.windows()
        if window.ends_at_ms > now_ms
    ]
    return Agenda(events, len(events), max((event.at_ms for event in events), default=None))


def masked(secret: str) -> str:
    """The start of a token."""
    return f"{secret[: min(SHOWN_CHARACTERS, len(secret) // 2)]}…"


def short_digest(secret: str) -> str:
    """The first digits of its SHA-256."""
    return sha256(secret.encode()).hexdigest()[:DIGEST_CHARACTERS]
