"""Conversion pixels: created, listed, found."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select

from audience_mock.core.audiences.facebook_ids import take_next
from audience_mock.core.errors import NameTakenError, NotFoundError
from audience_mock.core.store.rows import PixelRow
from audience_mock.core.store.tables import Pixel, table_of
from audience_mock.core.store.transaction import Transaction

_table = table_of(Pixel)
_NAMED = select(_table.c.key).where(
    _table.c.account == bindparam("of_account"), _table.c.name == bindparam("of_name")
)


def create(tx: Transaction, *, account: str, name: str, tag: str, creator: str | None = None) -> str:
    """Create a pixel; returns its id. The default creator is "<account> (Audience Mock)". Raises
    NameTakenError: names are unique in an ad account, as written."""
    if has_name(tx, account=account, name=name):
        raise NameTakenError("pixel", name)
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


def has_name(tx: Transaction, *, account: str, name: str) -> bool:
    """Whether an ad account has a pixel of this name."""
    return tx.execute(_NAMED, {"of_account": account, "of_name": name}).first() is not None


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
