"""Conversion pixels: made, listed, found."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import insert, select

from audience_mock.core.audiences.queries import new_facebook_id
from audience_mock.core.errors import NotFoundError
from audience_mock.core.store.tables import Pixel, table_of
from audience_mock.core.worlds.world import Transaction

_table = table_of(Pixel)


def create(tx: Transaction, *, account: str, name: str, tag: str, creator: str | None = None) -> str:
    """Make a pixel and answer its id. Its creator is, if no one says, "<account> (Audience Mock)"."""
    id = new_facebook_id(tx)
    row = {
        "facebook_id": id,
        "account": account,
        "name": name,
        "tag": tag,
        "creator": creator or f"{account} (Audience Mock)",
    }
    tx.execute(insert(_table), row)
    return id


def list_all(tx: Transaction, *, account: str) -> Sequence[Pixel]:
    """The pixels of an ad account, oldest first."""
    rows = tx.execute(select(_table).where(_table.c.account == account).order_by(_table.c.key)).all()
    return cast(Sequence[Pixel], rows)


def find(tx: Transaction, *, id: str) -> Pixel:
    """Raises NotFoundError."""
    row = tx.execute(select(_table).where(_table.c.facebook_id == id)).first()
    if row is None:
        raise NotFoundError("pixel", id)
    return cast(Pixel, row)
