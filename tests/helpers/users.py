"""Users as lines of a file, and as the store has them."""

import hashlib

from sqlalchemy import select

from audience_mock.core.store.tables import UserBlock, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users.digests import each

_blocks = table_of(UserBlock).c


def users_of(tx: Transaction, user_set: int | None) -> list[bytes]:
    """The digests of a set, in the order of the store."""
    parts = select(_blocks.digests).where(_blocks.user_set == user_set).order_by(_blocks.part)
    return [digest for (digests,) in tx.execute(parts) for digest in each(digests)]


def hashed(*people: str) -> list[str]:
    """A line of a file for each address."""
    return [hashlib.sha256(person.encode()).hexdigest() for person in people]


ANN, BOB, CYD = hashed("ann@example.com", "bob@example.com", "cyd@example.com")
