"""The SQL that creates a database's tables and indexes, compiled once for all databases of a process."""

from functools import cache

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlmodel import SQLModel

from audience_mock.core.store import tables

ATTACHED = "attached"
"""The name under which a database attaches the one for large tables."""

LARGE_TABLES: tuple[Table, ...] = (
    tables.table_of(tables.UserBlock),
    tables.table_of(tables.UploadPiece),
)
"""Users take 32 bytes each, and files of them more."""


@cache
def create_main(attach_large: bool) -> list[str]:
    """Statements for all tables, or for all but the large ones."""
    elsewhere = LARGE_TABLES if attach_large else ()
    parts: list[ExecutableDDLElement] = []
    for table in SQLModel.metadata.sorted_tables:
        if table not in elsewhere:
            parts += [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
    return [_compiled(part) for part in parts]


@cache
def create_attached() -> list[str]:
    """Statements for the large tables, in the attached database."""
    metadata = MetaData(schema=ATTACHED)
    return [_compiled(CreateTable(table.to_metadata(metadata))) for table in LARGE_TABLES]


def _compiled(part: ExecutableDDLElement) -> str:
    return str(part.compile(dialect=SQLiteDialect()))
