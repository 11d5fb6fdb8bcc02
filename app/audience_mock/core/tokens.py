"""Tokens: issued for a code, for a refresh token or to an app itself; looked up; revoked.

Only digests are stored, so a database file reveals no token. The texts are derived from a sequence of the
world and a salt: never twice the same, also after a restart, and in every run if the salt is.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update

from audience_mock.core.errors import InvalidGrantError, ScopesNotGrantedError
from audience_mock.core.store import ids
from audience_mock.core.store.rows import TokenRow
from audience_mock.core.store.tables import App, Token, table_of
from audience_mock.core.store.transaction import Transaction

ACCESS, REFRESH, APP, CODE = "access", "refresh", "app", "code"

_table = table_of(Token)
_apps = table_of(App)
_INSERT = insert(_table)
_FIND = select(_table).where(_table.c.digest == bindparam("of_digest"))
_REVOKE = update(_table).where(_table.c.digest == bindparam("of_digest")).values(revoked=True)
_REVOKE_FAMILY = update(_table).where(_table.c.family == bindparam("of_family")).values(revoked=True)
_APP_DIGEST = select(_apps.c.digest).where(_apps.c.id == bindparam("of_id"))
_ANY_APP = select(func.count()).select_from(_apps)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a provider's tokens begin and how long they are valid; `salt` is a random number."""

    access_prefix: str
    refresh_prefix: str = ""
    access_s: int
    refresh_s: int = 0
    salt: int


class Issued(NamedTuple):
    """New tokens; `refresh` is empty if there is none."""

    access: str
    refresh: str
    scopes: Sequence[str]
    refresh_expires_at_ms: int


def find(tx: Transaction, *, text: str) -> TokenRow | None:
    row = tx.execute(_FIND, {"of_digest": digest(text)}).first()
    return None if row is None else TokenRow._make(row)


def list_newest(tx: Transaction, *, limit: int) -> tuple[list[TokenRow], int]:
    """At most `limit` tokens, those of the newest grants first, and how many there are."""
    total = tx.execute(select(func.count()).select_from(_table)).scalar_one()
    newest = select(_table).order_by(_table.c.family.desc(), _table.c.kind, _table.c.digest).limit(limit)
    return [TokenRow._make(row) for row in tx.execute(newest)], total


def app_ids(tx: Transaction) -> list[str]:
    """The ids of the known apps, sorted; empty where any app is accepted."""
    return list(tx.execute(select(_apps.c.id).order_by(_apps.c.id)).scalars())


def redeem_code(tx: Transaction, *, code: str, app: str, scopes: Sequence[str], terms: Terms) -> Issued:
    """Tokens for a code that was not redeemed before. Raises InvalidGrantError."""
    if find(tx, text=code) is not None:
        raise InvalidGrantError("the code was used before")
    family = tx.new_id(ids.GRANT)
    insert_token(tx, text=code, kind=CODE, family=family, app=app, revoked=True)
    return _issue(tx, family=family, app=app, scopes=scopes, ad_accounts=None, terms=terms)


def redeem_refresh(
    tx: Transaction,
    *,
    refresh: str,
    app: str,
    scopes: Sequence[str] | None,
    terms: Terms,
    claimed_scopes: Sequence[str] | None = None,
) -> Issued:
    """New tokens for a refresh token, which is revoked; with `scopes`, for these only. An unknown refresh
    token that claims scopes of its own, `claimed_scopes`, can be used any number of times.

    Raises InvalidGrantError, ScopesNotGrantedError.
    """
    row = find(tx, text=refresh)
    if row is None and claimed_scopes is not None:
        return _issue(
            tx,
            family=tx.new_id(ids.GRANT),
            app=app,
            scopes=_within(claimed_scopes, scopes),
            ad_accounts=None,
            terms=terms,
        )
    if row is None:
        raise InvalidGrantError("unknown refresh token")
    for applies, reason in (
        (row.kind != REFRESH, "not a refresh token"),
        (row.app not in (None, app), "the refresh token is another app's"),
        (row.revoked, "the refresh token was revoked, or used before"),
        (_is_expired(row, tx), "the refresh token has expired"),
    ):
        if applies:
            raise InvalidGrantError(reason)
    given = _within((row.scopes or "").split(), scopes)
    tx.execute(_REVOKE, {"of_digest": row.digest})
    return _issue(tx, family=row.family, app=app, scopes=given, ad_accounts=row.ad_accounts, terms=terms)


def issue_to_app(tx: Transaction, *, app: str, scopes: Sequence[str], terms: Terms) -> Issued:
    """An access token for an app itself."""
    number = tx.new_id(ids.GRANT)
    access = _text(terms.access_prefix, number, terms.salt)
    expires_at_ms = tx.now_ms + terms.access_s * 1000
    insert_token(
        tx, text=access, kind=APP, family=number, app=app, scopes=scopes, expires_at_ms=expires_at_ms
    )
    return Issued(access, "", scopes, 0)


def revoke(tx: Transaction, *, text: str, kind: str | None) -> None:
    """Revoke a token; with a refresh token, all of the same grant. A token that this world does not know is
    stored as a revoked one of `kind`, or ignored without it."""
    row = find(tx, text=text)
    if row is not None:
        if row.kind == REFRESH:
            tx.execute(_REVOKE_FAMILY, {"of_family": row.family})
        else:
            tx.execute(_REVOKE, {"of_digest": row.digest})
        tx.callers.clear()
    elif kind is not None:
        insert_token(tx, text=text, kind=kind, family=tx.new_id(ids.GRANT), revoked=True)


def insert_token(
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
    """Insert a token."""
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


def is_app(tx: Transaction, *, id: str, secret: str, must_be_known: bool = False) -> bool:
    """Whether this is an app's id and its secret; in a world without apps any are, unless they must be
    known."""
    known = tx.execute(_APP_DIGEST, {"of_id": id}).scalar_one_or_none()
    if known is None:
        return not must_be_known and tx.execute(_ANY_APP).scalar_one() == 0
    return compare_digest(known, digest(secret))


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
        insert_token(
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
    """The requested scopes, or all that were granted. Raises ScopesNotGrantedError."""
    if excess := sorted(set(scopes or ()) - set(granted)):
        raise ScopesNotGrantedError(excess)
    return scopes or granted


def _is_expired(row: TokenRow, tx: Transaction) -> bool:
    return row.expires_at_ms is not None and tx.now_ms >= row.expires_at_ms


def _text(prefix: str, number: int, salt: int) -> str:
    secret = hashlib.sha256(f"{number} {salt}".encode()).digest()
    return prefix + base64.b32encode(secret).decode().rstrip("=")
