"""Shares of a seed's audiences."""

from sqlalchemy import select

from audience_mock.core.errors import IdTakenError
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.sections.audiences import key_at
from audience_mock.core.seeds.sections.ids import continue_at, insert_once
from audience_mock.core.seeds.sections.times import to_ms
from audience_mock.core.store import ids
from audience_mock.core.store.tables import Share, table_of
from audience_mock.core.store.transaction import Transaction

_shares = table_of(Share)


def insert_shares(tx: Transaction, seed: Seed) -> None:
    used: set[str] = set()
    for position, given in enumerate(seed.shares):
        place = f"shares.{position}"
        row = {
            "position": tx.new_id(ids.SHARE) if given.position is None else given.position,
            "audience_key": key_at(tx, given, place),
            "recipient_kind": given.recipient_kind,
            "recipient": given.recipient,
            "giver": given.giver,
            "shared_at_ms": tx.now_ms if given.shared_at is None else to_ms(given.shared_at),
        }
        if given.position is not None:
            continue_at(tx, ids.SHARE, given.position + 1)
            here = select(_shares.c.position).where(_shares.c.position == given.position)
            if tx.execute(here).first() is not None:
                raise IdTakenError(f"the position {given.position} is another share's", f"{place}.position")
        shared = f"{given.api} audience {given.audience} shared with {given.recipient_kind} {given.recipient}"
        insert_once(tx, Share, row, used=used, what=shared, place=f"{place}.recipient")
