"""Tokens and apps of a seed."""

from sqlalchemy import select

from audience_mock.core import tokens
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.sections.ids import continue_at, insert_once
from audience_mock.core.seeds.sections.times import to_ms_or_none
from audience_mock.core.store import ids
from audience_mock.core.store.tables import App, Token, table_of
from audience_mock.core.store.transaction import Transaction


def insert_tokens(tx: Transaction, seed: Seed) -> None:
    used: set[str] = set()
    families = {row.family: None for row in tx.execute(select(table_of(Token).c.family).distinct())}
    own_families: dict[int | None, int] = {}
    for position, given in enumerate(seed.tokens):
        family = own_families.get(given.family)
        if family is None:
            family = given.family
            if family is None or family in families:
                family = tx.new_id(ids.GRANT)
            if given.family is not None:
                own_families[given.family] = family
                continue_at(tx, ids.GRANT, family + 1)
        row = given.model_dump(include={"kind", "app", "revoked"}) | {
            "digest": _digest(given.token, given.digest),
            "family": family,
            "scopes": None if given.scopes is None else " ".join(given.scopes),
            "ad_accounts": None if given.ad_accounts is None else " ".join(given.ad_accounts),
            "expires_at_ms": to_ms_or_none(given.expires_at),
        }
        what = f"token whose SHA-256 begins with {row['digest'].hex()[:8]}"
        insert_once(tx, Token, row, used=used, what=what, place=f"tokens.{position}")
    tx.callers.clear()
    for position, app in enumerate(seed.apps):
        row = {"id": app.id, "digest": _digest(app.secret, app.digest)}
        insert_once(tx, App, row, used=used, what=f"app {app.id}", place=f"apps.{position}.id")


def _digest(text: str | None, digest: str | None) -> bytes:
    return tokens.digest(text) if text is not None else bytes.fromhex(digest or "")
