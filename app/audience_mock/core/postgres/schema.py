"""The SQL that creates the schema, generated from the same tables that a SQLite database has.

The rows of all worlds lie in the same tables. Each row belongs to an image, a policy confines every statement
to the image that its transaction has set, and a world points to its image: reset, restore and fork copy one
and change the pointer.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from audience_mock.core.postgres import routines
from audience_mock.core.store import tables

SCHEMA = "audience_mock"
"""The PostgreSQL schema that everything is in."""

VERSION = 2
"""Kept in `schema_version`; raise it with every change of this schema, also of its functions, and write the
migration that makes it: `create` has the statements."""

IMAGE = f"current_setting('{SCHEMA}.image')::bigint"
"""The image that a transaction has set. Without one this raises an error, so no row is read or written."""

WRITTEN_AT = "written_at"
"""When a row was written, by the server's time: the age of what no row refers to."""

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

_DATED = {tables.table_of(model).name for model in (tables.UserBlock, tables.UploadPiece, tables.ListUpload)}

WORLD_TABLES = """
CREATE SEQUENCE images;
CREATE TABLE worlds (
    name text COLLATE "C" PRIMARY KEY,
    image bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    incarnation bigint NOT NULL DEFAULT 0,
    ahead_ms bigint NOT NULL DEFAULT 0,
    frozen_at_ms bigint,
    settings text NOT NULL DEFAULT '{{}}',
    used_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE TABLE snapshots (
    world text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    image bigint NOT NULL,
    ahead_ms bigint NOT NULL,
    frozen_at_ms bigint,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (world, name)
);
CREATE TABLE unused_images (
    image bigint PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE usage (
    world text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (world, kind)
);
CREATE INDEX usage_by_tenant ON usage (kind, tenant);
CREATE UNLOGGED TABLE journals (
    image bigint PRIMARY KEY,
    last bigint NOT NULL DEFAULT 0,
    cleared_at bigint NOT NULL DEFAULT 0,
    entries bigint NOT NULL DEFAULT 0,
    held_bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE journal (
    image bigint NOT NULL,
    number bigint NOT NULL,
    at_ms bigint NOT NULL,
    held_bytes bigint NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (image, number)
);
CREATE UNLOGGED TABLE windows (
    image bigint NOT NULL,
    caller text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    ends_at_ms bigint NOT NULL,
    calls_left bigint NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (image, caller, name)
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE notices (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    world text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    about text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE UNLOGGED TABLE faults (
    image bigint PRIMARY KEY,
    planned bytea NOT NULL
);
CREATE UNLOGGED TABLE upload_samples (
    image bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    sample bytea NOT NULL,
    PRIMARY KEY (image, number)
)
"""
"""What there is beside the rows of worlds. What SQLite's worlds have in memory is unlogged: it need not
survive a crash of the database."""

BESIDE_IMAGES = ("journals", "journal", "windows", "faults", "upload_samples")
"""Tables of what belongs to an image and is not copied with it."""


def create() -> list[str]:
    """The statements that create everything in an empty schema, which is the `search_path`, as the migrations
    do one after the other."""
    parts = [text.strip() for text in WORLD_TABLES.format(version=VERSION).split(";\n")]
    metadata = MetaData()
    copied = []
    for original in SQLModel.metadata.sorted_tables:
        table = _with_image(original, metadata)
        copied.append(table)
        if _is_numbered(original):
            parts.append(routines.next_key(table.name))
        parts.append(_compiled(CreateTable(table)))
        parts += [_compiled(CreateIndex(index)) for index in sorted(table.indexes, key=_name)]
        parts += [
            f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY one_image ON {table.name} USING (image = {IMAGE}) WITH CHECK (image = {IMAGE})",
        ]
    return [*parts, *routines.create(copied, BESIDE_IMAGES)]


def grants(role: str) -> list[str]:
    """The statements that let a role serve: it owns nothing, and what crosses images are functions."""
    quoted = _DIALECT.identifier_preparer.quote_identifier(role)
    return [
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {quoted}",
        f"REVOKE INSERT, UPDATE, DELETE ON {SCHEMA}.schema_version FROM {quoted}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {quoted}",
        f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM PUBLIC",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {SCHEMA} TO {quoted}",
    ]


def _with_image(table: Table, metadata: MetaData) -> Table:
    """A table of a SQLite database, with the image that each row belongs to."""
    columns: list[Column[Any]] = [Column("image", BigInteger, nullable=False, server_default=text(IMAGE))]
    for column in table.columns:
        numbered = _is_numbered(table) and column.primary_key
        columns.append(
            Column(
                column.name,
                _type_of(column),
                nullable=bool(column.nullable) and not column.primary_key,
                autoincrement=False,
                server_default=text(f"{routines.next_key_name(table.name)}()") if numbered else None,
            )
        )
    if table.name in _DATED:
        columns.append(
            Column(WRITTEN_AT, DateTime(timezone=True), nullable=False, server_default=text("now()"))
        )
    keys: list[PrimaryKeyConstraint | UniqueConstraint] = [
        PrimaryKeyConstraint("image", *(column.name for column in table.primary_key))
    ]
    keys += [
        UniqueConstraint("image", *(column.name for column in constraint.columns))
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    made = Table(table.name, metadata, *columns, *keys)
    for index in table.indexes:
        condition = index.dialect_options["sqlite"]["where"]
        Index(
            index.name,
            made.c.image,
            *(made.c[column.name] for column in index.columns),
            unique=index.unique,
            postgresql_where=condition,
        )
    return made


def _type_of(column: Column[Any]) -> TypeEngine[Any]:
    """As SQLite has it: any integer has 64 bits, text is compared by its bytes."""
    if isinstance(column.type, Boolean):
        return Boolean()
    if isinstance(column.type, Integer):
        return BigInteger()
    if isinstance(column.type, LargeBinary):
        return LargeBinary()
    return Text(collation="C")


def _is_numbered(table: Table) -> bool:
    """Whether SQLite gives its rows their key."""
    key = [column for column in table.columns if column.primary_key]
    return len(key) == 1 and key[0].name == "key"


def _name(index: Index) -> str:
    return str(index.name)


def _compiled(part: ExecutableDDLElement) -> str:
    return str(part.compile(dialect=_DIALECT)).strip()
