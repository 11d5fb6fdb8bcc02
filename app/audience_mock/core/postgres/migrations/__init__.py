"""Migrations of a PostgreSQL database: by alembic, which `audience-mock migrate` imports and no server.

Each file of `versions` makes the schema of one version what the next one reads; the first makes it from
nothing. All that a database lacks runs in one transaction, as the role that owns the tables, and grants the
serving role what it needs. A migration is never changed once a release has it.
"""

from typing import TYPE_CHECKING, Any, Final

from audience_mock import __version__
from audience_mock.core.errors import StoreError
from audience_mock.core.postgres.schema import SCHEMA, VERSION

if TYPE_CHECKING:
    import asyncpg

VERSION_TABLE: Final = "schema_version"
"""Where alembic keeps the version, in that schema."""

HEAD: Final = str(VERSION)
"""The version that this program reads: that of the last file of `versions`."""

COMMAND: Final = "audience-mock migrate --database postgresql://OWNER@HOST/DATABASE"

_VERSION = f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}"  # noqa: S608 - our own names
_EXISTS = f"SELECT to_regclass('{SCHEMA}.{VERSION_TABLE}') IS NOT NULL"
_IS_CONFINED = f"SELECT row_security_active('{SCHEMA}.audiences')"


async def check(connection: "asyncpg.Connection[Any]") -> None:
    """Raises StoreError, which says what to do, unless the database has the schema that this version reads
    and the role of the connection may use it, one world at a time."""
    import asyncpg  # noqa: PLC0415 - servers on SQLite have none

    try:
        if not await connection.fetchval(_EXISTS):
            raise StoreError(f"the database has no tables: run {COMMAND}")
        version = str(await connection.fetchval(_VERSION))
        _check_version(version)
        confined = await connection.fetchval(_IS_CONFINED)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StoreError(
            f"the role of --database may not use the tables ({error}): run {COMMAND} --serving-role ROLE"
        ) from None
    if not confined:
        raise StoreError(
            "the role of --database owns the tables or is a superuser, so nothing would keep worlds apart:"
            f" let the server connect as another one, and run {COMMAND} --serving-role ROLE"
        )


def _check_version(version: str) -> None:
    if version == HEAD:
        return
    found = f"the database has schema {version}, and Audience Mock {__version__} reads schema {HEAD}"
    if version.isdecimal() and int(version) > int(HEAD):
        raise StoreError(f"{found}: use a later version")
    raise StoreError(f"{found}: run {COMMAND}")
