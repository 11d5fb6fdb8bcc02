"""Customer segments of a seed."""

from collections.abc import Iterator

from pydantic_core import to_json
from sqlalchemy import insert, select

from audience_mock.core.audiences import directory
from audience_mock.core.errors import DuplicateRowError, IdTakenError
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.sections.ids import SeedIds
from audience_mock.core.seeds.sections.times import to_ms
from audience_mock.core.store import ids
from audience_mock.core.store.tables import CustomerSegment, table_of
from audience_mock.core.store.transaction import Transaction

_table = table_of(CustomerSegment)


def insert_segments(tx: Transaction, seed: Seed) -> Iterator[str]:
    """Yields their ids. Raises InvalidSeedError."""
    if not seed.customer_segments:
        return
    numbers = SeedIds(tx, seed, ids.CUSTOMER_SEGMENT, select(_table.c.number), _table.c.number)
    for position, given in enumerate(seed.customer_segments):
        place = f"customer_segments.{position}.id"
        number = numbers.next(given.id, "customer segment", place)
        created_at_ms = tx.now_ms if given.created_at is None else to_ms(given.created_at)
        row = {
            "number": number,
            "account": given.account,
            "name": given.name,
            "members": to_json(given.audiences).decode(),
            "created_at_ms": created_at_ms,
            "updated_at_ms": created_at_ms if given.updated_at is None else to_ms(given.updated_at),
        }
        try:
            tx.execute(insert(_table), row)
        except DuplicateRowError:
            raise IdTakenError(f"the world has a customer segment {number} already", place) from None
        directory.enter(tx, given.account)
        yield str(number)
    numbers.save()
