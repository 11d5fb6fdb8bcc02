"""Rows and queries: each row type has the columns of its table."""

from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from audience_mock.core.audiences import queries
from audience_mock.core.store import rows, tables
from audience_mock.core.store.statements import Query
from audience_mock.core.worlds.world import World
from helpers.worlds import make


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (rows.AudienceRow, tables.Audience),
        (rows.PixelRow, tables.Pixel),
        (rows.TokenRow, tables.Token),
        (rows.CustomerListRow, tables.CustomerList),
        (rows.ListUploadRow, tables.ListUpload),
        (rows.UploadPartRow, tables.UploadPart),
    ],
)
def test_a_row_has_the_columns_of_its_table(row: Any, table: Any) -> None:
    """Fields and columns have the same names in the same order."""
    assert list(row._fields) == [column.name for column in tables.table_of(table).c]


def test_a_created_audience_is_the_row_that_is_found(world: World) -> None:
    """What a create returns is what the next read finds, in type and value."""
    created = make(world, columns={"retention_days": 30})
    found = world.transact_now(queries.find_by_key, key=created.key)
    assert (type(created), type(found)) == (rows.AudienceRow, rows.AudienceRow)
    assert created == found


def test_a_query_whose_columns_are_not_the_rows_is_rejected(world: World) -> None:
    """A row type that does not fit the statement is an error when the query is first run."""

    class Wrong(NamedTuple):
        name: str
        key: int

    audiences = tables.table_of(tables.Audience)
    query = Query(Wrong, select(audiences.c.key, audiences.c.name))
    with pytest.raises(TypeError, match="Wrong does not have the columns key, name"):
        world.read_now(lambda tx: tx.all(query, {}))
