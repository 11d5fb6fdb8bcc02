"""What a database keeps of its world beside the rows: the clock, the settings of its own, and its secret."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from audience_mock.core.store.tables import WorldMetadata, table_of
from audience_mock.core.store.transaction import Transaction

CLOCK, SETTINGS, SECRET = "clock", "settings", "secret"

_table = table_of(WorldMetadata)


def read(connection: Connection | Transaction) -> dict[str, Any]:
    """All that is kept, by name."""
    return {row.name: json.loads(row.value) for row in connection.execute(select(_table))}


def write(transaction: Connection | Transaction, values: Mapping[str, Any]) -> None:
    """Keep these; others stay as they are. Within a transaction."""
    transaction.execute(delete(_table).where(_table.c.name.in_(values)))
    transaction.execute(
        insert(_table), [{"name": name, "value": json.dumps(value)} for name, value in values.items()]
    )
