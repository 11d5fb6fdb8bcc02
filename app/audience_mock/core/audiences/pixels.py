"""Conversion pixels: created, listed, found."""

from collections.abc import Sequence

from sqlalchemy import insert, select

from audience_mock.core.audiences.facebook_ids import take_next
from audience_mock.core.errors import NotFoundError
from audience_mock.core.store.rows import PixelRow
from audience_mock.core.store.tables import Pixel, table_of
from audience_mock.core.store.transaction import Transaction

_table = table_of(Pixel)


def create(tx: Transaction, *, account: str, name: str, tag: str, creator: str | None = None) -> str:
    """Create a pixel; returns its id. The default creator is "<account> (Audience Mock)"."""
    id = take_next(tx)
    row = {
        "facebook_id": id,
        "account": account,
        "name": name,
        "tag": tag,
        "creator": creator or f"{account} (Audience Mock)",
    }
    tx.execute(insert(_table), row)
    return id


def list_all(tx: Transaction, *, account: str) -> Sequence[PixelRow]:
    """The pixels of an ad account, oldest first."""
    rows = tx.execute(select(_table).where(_table.c.account == account).order_by(_table.c.key))
    return [PixelRow._make(row) for row in rows]


def find(tx: Transaction, *, id: str) -> PixelRow:
    """Raises NotFoundError."""
    row = tx.execute(select(_table).where(_table.c.facebook_id == id)).first()
    if row is None:
        raise NotFoundError("pixel", id)
    return PixelRow._make(row)
