"""Migrations of a PostgreSQL database: by alembic, which `audience-mock migrate` imports and no server.

Each file of `versions` makes the schema of one version what the next one reads; the first makes it from
nothing. All that a database lacks runs in one transaction, as the role that owns the tables, and grants the
serving role what it needs. A migration is never changed once a release has it.
"""

from typing import Any, Final, Protocol

from audience_mock import __version__
from audience_mock.core.errors import StoreError
from audience_mock.core.postgres.schema import SCHEMA, VERSION

VERSION_TABLE: Final = "schema_version"
"""Where alembic keeps the version, in that schema."""

HEAD: Final = str(VERSION)
"""The version that this program reads: that of the last file of `versions`."""

COMMAND: Final = "audience-mock migrate --database postgresql://OWNER@HOST/DATABASE"

_MAY_USE = f"""SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = '{SCHEMA}' AND c.relname = '{VERSION_TABLE}'"""
_VERSION = f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}"
_IS_CONFINED = f"SELECT row_security_active('{SCHEMA}.audiences')"


class Rows(Protocol):
    """A transaction, as `database.Session` is."""

    def row(self, text: str, *values: Any) -> Any: ...


def check(session: Rows, shown: str) -> None:
    """Raises StoreError, which says what to do, unless the database, `shown` in messages, has the schema that
    this version reads, and the role of the connection may use it, one world at a time."""
    may_use = session.row(_MAY_USE)
    if may_use is None:
        raise StoreError(f"{shown} has no tables: run {COMMAND}")
    if not may_use[0]:
        raise StoreError(f"{shown}: the role may not use the tables: run {COMMAND} --serving-role ROLE")
    _check_version(str(session.row(_VERSION)[0]), shown)
    if not session.row(_IS_CONFINED)[0]:
        raise StoreError(
            f"{shown}: the role owns the tables or is a superuser, so nothing would keep worlds apart: let"
            f" the server connect as another one, and run {COMMAND} --serving-role ROLE"
        )


def _check_version(version: str, shown: str) -> None:
    if version == HEAD:
        return
    found = f"{shown} has schema {version}, and Audience Mock {__version__} reads schema {HEAD}"
    if version.isdecimal() and int(version) > int(HEAD):
        raise StoreError(f"{found}: use a later version")
    raise StoreError(f"{found}: run {COMMAND}")
