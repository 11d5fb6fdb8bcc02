"""Tokens: given for a code, for a refresh token or to an app itself, looked up, revoked.

Only digests are kept, so what a file holds opens nothing. Their texts come from a number of the world's own
sequence and from its chance: the same on every run, and never twice, also after a restart.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import bindparam, func, insert, select, update

from audience_mock.core.errors import InvalidGrantError, ScopesNotGrantedError
from audience_mock.core.store import ids
from audience_mock.core.store.tables import App, Token, table_of
from audience_mock.core.worlds.world import Transaction

ACCESS, REFRESH, OF_APP, CODE = "access", "refresh", "app", "code"

_table = table_of(Token)
_apps = table_of(App)
_INSERT = insert(_table)
_FIND = select(_table).where(_table.c.digest == bindparam("of_digest"))
_REVOKE = update(_table).where(_table.c.digest == bindparam("of_digest")).values(revoked=True)
_REVOKE_FAMILY = update(_table).where(_table.c.family == bindparam("of_family")).values(revoked=True)
_APP = select(_apps.c.digest).where(_apps.c.id == bindparam("of_id"))
_ANY_APP = select(func.count()).select_from(_apps)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a provider's tokens begin and how long they live; `salt` is chance from the world."""

    access_prefix: str
    refresh_prefix: str = ""
    access_s: int
    refresh_s: int = 0
    salt: int


class Issued(NamedTuple):
    """Tokens as their owner gets them, once; `refresh` is empty where there is none."""

    access: str
    refresh: str
    scopes: Sequence[str]
    refresh_expires_at_ms: int


def find(tx: Transaction, *, text: str) -> Token | None:
    """What is known of a token, if anything."""
    return cast(Token | None, tx.execute(_FIND, {"of_digest": digest(text)}).first())


def redeem_code(tx: Transaction, *, code: str, app: str, scopes: Sequence[str], terms: Terms) -> Issued:
    """Tokens for a code that was not given in before. Raises InvalidGrantError."""
    if find(tx, text=code) is not None:
        raise InvalidGrantError
    family = tx.new_id(ids.GRANT)
    keep(tx, text=code, kind=CODE, family=family, app=app, revoked=True)
    return _issue(tx, family=family, app=app, scopes=scopes, ad_accounts=None, terms=terms)


def redeem_refresh(
    tx: Transaction,
    *,
    refresh: str,
    app: str,
    scopes: Sequence[str] | None,
    terms: Terms,
    described: Sequence[str] | None = None,
) -> Issued:
    """New tokens for a refresh token, which is used up by it; with `scopes`, for no more than these. One that
    is not known and says of itself that it has the scopes `described` is good again and again.

    Raises InvalidGrantError, ScopesNotGrantedError.
    """
    row = find(tx, text=refresh)
    if row is None and described is not None:
        return _issue(
            tx,
            family=tx.new_id(ids.GRANT),
            app=app,
            scopes=_within(described, scopes),
            ad_accounts=None,
            terms=terms,
        )
    if row is None or row.kind != REFRESH or row.revoked or row.app not in (None, app) or _is_over(row, tx):
        raise InvalidGrantError
    given = _within((row.scopes or "").split(), scopes)
    tx.execute(_REVOKE, {"of_digest": row.digest})
    return _issue(tx, family=row.family, app=app, scopes=given, ad_accounts=row.ad_accounts, terms=terms)


def give_to_app(tx: Transaction, *, app: str, scopes: Sequence[str], terms: Terms) -> Issued:
    """An access token for an app itself."""
    number = tx.new_id(ids.GRANT)
    access = _text(terms.access_prefix, number, terms.salt)
    expires_at_ms = tx.now_ms + terms.access_s * 1000
    keep(tx, text=access, kind=OF_APP, family=number, app=app, scopes=scopes, expires_at_ms=expires_at_ms)
    return Issued(access, "", scopes, 0)


def revoke(tx: Transaction, *, text: str, kind: str | None) -> None:
    """Take a token back; with a refresh token all that came of the same grant. A token that this world does
    not know is kept as a revoked one of `kind`, or left alone without it."""
    row = find(tx, text=text)
    if row is not None:
        if row.kind == REFRESH:
            tx.execute(_REVOKE_FAMILY, {"of_family": row.family})
        else:
            tx.execute(_REVOKE, {"of_digest": row.digest})
        tx.callers.clear()
    elif kind is not None:
        keep(tx, text=text, kind=kind, family=tx.new_id(ids.GRANT), revoked=True)


def keep(
    tx: Transaction,
    *,
    text: str,
    kind: str,
    family: int,
    app: str | None = None,
    scopes: Iterable[str] | None = None,
    ad_accounts: Iterable[str] | None = None,
    expires_at_ms: int | None = None,
    revoked: bool = False,
) -> None:
    """Remember a token from now on."""
    row: dict[str, Any] = {
        "digest": digest(text),
        "kind": kind,
        "family": family,
        "app": app,
        "scopes": None if scopes is None else " ".join(scopes),
        "ad_accounts": None if ad_accounts is None else " ".join(ad_accounts),
        "expires_at_ms": expires_at_ms,
        "revoked": revoked,
    }
    tx.execute(_INSERT, row)
    tx.callers.clear()


def keep_app(tx: Transaction, *, id: str, secret: str) -> None:
    tx.execute(insert(_apps), {"id": id, "digest": digest(secret)})


def is_app(tx: Transaction, *, id: str, secret: str) -> bool:
    """Whether this is an app's id and its secret; any is, in a world that names no app."""
    known = tx.execute(_APP, {"of_id": id}).scalar_one_or_none()
    return known == digest(secret) or (known is None and tx.execute(_ANY_APP).scalar_one() == 0)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _issue(
    tx: Transaction, *, family: int, app: str, scopes: Sequence[str], ad_accounts: str | None, terms: Terms
) -> Issued:
    refresh_expires_at_ms = tx.now_ms + terms.refresh_s * 1000
    texts = []
    for kind, prefix, expires_at_ms in (
        (ACCESS, terms.access_prefix, tx.now_ms + terms.access_s * 1000),
        (REFRESH, terms.refresh_prefix, refresh_expires_at_ms),
    ):
        texts.append(_text(prefix, tx.new_id(ids.GRANT), terms.salt))
        keep(
            tx,
            text=texts[-1],
            kind=kind,
            family=family,
            app=app,
            scopes=scopes,
            ad_accounts=None if ad_accounts is None else ad_accounts.split(),
            expires_at_ms=expires_at_ms,
        )
    return Issued(texts[0], texts[1], scopes, refresh_expires_at_ms)


def _within(granted: Sequence[str], scopes: Sequence[str] | None) -> Sequence[str]:
    """The scopes that are asked for, or all that were granted. Raises ScopesNotGrantedError."""
    if too_much := sorted(set(scopes or ()) - set(granted)):
        raise ScopesNotGrantedError(too_much)
    return scopes or granted


def _is_over(row: Token, tx: Transaction) -> bool:
    return row.expires_at_ms is not None and tx.now_ms >= row.expires_at_ms


def _text(prefix: str, number: int, salt: int) -> str:
    secret = hashlib.sha256(f"{number} {salt}".encode()).digest()
    return prefix + base64.b32encode(secret).decode().rstrip("=")
