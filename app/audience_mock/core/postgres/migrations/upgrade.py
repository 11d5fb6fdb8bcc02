"""`audience-mock migrate` for a PostgreSQL database."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from audience_mock.core.errors import StoreError
from audience_mock.core.postgres import address, schema
from audience_mock.core.postgres.migrations import HEAD, VERSION_TABLE
from audience_mock.core.postgres.schema import SCHEMA

_LOCK = "audience-mock migrate"
"""Two runs at a time: the second finds that all is done."""

_LOCK_WAIT = "60s"
"""Chosen: a server that uses the tables holds locks for the length of a transaction. Longer waits would stop
the servers, whose statements wait behind this one."""

_SERVING_ROLES = """SELECT DISTINCT pg_get_userbyid(allowed.grantee)
FROM pg_namespace, aclexplode(nspacl) AS allowed
WHERE nspname = :of AND allowed.privilege_type = 'USAGE' AND allowed.grantee NOT IN (0, nspowner)"""


class Migrated(NamedTuple):
    before: str | None
    """The version that was found; None: there were no tables."""
    after: str


def migrate(url: str, *, serving_role: str | None, dry_run: bool) -> Migrated:
    """Make the tables, or bring them to the schema of this version, in one transaction; `serving_role` may
    use them then. A dry run is rolled back. Raises StoreError."""
    place = address.parse(url)
    timeout_s = place.options.connect_timeout_ms / 1000
    try:
        connect = partial(asyncpg.connect, place.dsn, timeout=timeout_s)
        return asyncio.run(_migrate(connect, serving_role, dry_run))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as error:
        cause = getattr(error, "orig", None) or error
        if isinstance(error, DBAPIError) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise StoreError(f"cannot migrate {place.shown}: {cause}") from None


async def _migrate(
    connect: Callable[[], Awaitable[Any]], serving_role: str | None, dry_run: bool
) -> Migrated:
    engine = create_async_engine("postgresql+asyncpg://", poolclass=NullPool, async_creator=connect)
    async with engine.connect() as connection:
        found = await connection.run_sync(_run, serving_role)
        await (connection.rollback() if dry_run else connection.commit())
    await engine.dispose()
    return found


def _run(connection: Connection, serving_role: str | None) -> Migrated:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'"))
    before = _version(connection)
    if before is not None and before.isdecimal() and int(before) > int(HEAD):
        raise StoreError(f"the database has schema {before}, and this version knows {HEAD}: use a later one")
    if serving_role is not None and not _exists(
        connection, "SELECT 1 FROM pg_roles WHERE rolname = :of", serving_role
    ):
        raise StoreError(
            f"there is no role {serving_role}: create it (CREATE ROLE {serving_role} LOGIN), and try again"
        )
    if not _exists(connection, "SELECT 1 FROM pg_namespace WHERE nspname = :of", SCHEMA):
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    for role in {*_serving_roles(connection), *([serving_role] if serving_role else ())}:
        for statement in schema.grants(role):
            connection.exec_driver_sql(statement)
    return Migrated(before, HEAD)


def _serving_roles(connection: Connection) -> list[str]:
    """Those that may serve already: what is new is for them, too."""
    return [str(role) for (role,) in connection.execute(text(_SERVING_ROLES), {"of": SCHEMA})]


def _version(connection: Connection) -> str | None:
    if not _exists(connection, "SELECT 1 WHERE to_regclass(:of) IS NOT NULL", f"{SCHEMA}.{VERSION_TABLE}"):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _exists(connection: Connection, query: str, of: str) -> bool:
    return connection.execute(text(query), {"of": of}).first() is not None
