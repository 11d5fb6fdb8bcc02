"""Migrations: what makes a database of an earlier schema one of this.

A migration is never changed once a release has it: it says what the code of its time wrote, in SQL of its
own, whatever the tables are today. `upgrade` is the one function that brings a database up to date, so that
another tool can take its place with the next engine.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json

from audience_mock import __version__
from audience_mock.core.errors import StoreError
from audience_mock.core.store import files, tables

_VERSION_OF_PROGRAM = "version"
"""The row of `world_metadata` with the version of Audience Mock that last opened the database."""

_RECORD = """INSERT INTO world_metadata (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value != excluded.value"""
"""Writes nothing where it is recorded already: a server may open a thousand files."""


def schema_of(driver: sqlite3.Connection) -> int:
    """The schema of a database, by the number that it was given when it was made."""
    return int(driver.execute("PRAGMA user_version").fetchone()[0])


def check_schema(driver: sqlite3.Connection, name: object) -> None:
    """Raises StoreError, which says what to do, if a database has another schema than this version reads."""
    schema = schema_of(driver)
    check_not_newer(driver, name)
    if schema < tables.SCHEMA_VERSION:
        raise StoreError(
            f"{name} has schema {schema}, and Audience Mock {__version__} reads schema"
            f" {tables.SCHEMA_VERSION}: run audience-mock migrate {name}"
        )


def check_not_newer(driver: sqlite3.Connection, name: object) -> None:
    """Raises StoreError, which says what version to use, if a later one has made the database."""
    schema = schema_of(driver)
    if schema > tables.SCHEMA_VERSION:
        writer = _writer_of(driver)
        raise StoreError(
            f"{name} has schema {schema}, and Audience Mock {__version__} reads schema"
            f" {tables.SCHEMA_VERSION}: use " + (f"version {writer}" if writer else "a later version")
        )


def record_version(driver: sqlite3.Connection) -> None:
    """Keep which version of Audience Mock uses a database: an earlier one that cannot read it says so."""
    row = (_VERSION_OF_PROGRAM, json.dumps(__version__))
    driver.execute(_RECORD, row)


def _writer_of(driver: sqlite3.Connection) -> str | None:
    """None if it is not known: a later schema may keep it elsewhere."""
    try:
        row = driver.execute(
            "SELECT value FROM world_metadata WHERE name = ?", (_VERSION_OF_PROGRAM,)
        ).fetchone()
        return None if row is None else str(json.loads(row[0]))
    except (sqlite3.Error, ValueError):
        return None


def upgrade(driver: sqlite3.Connection) -> None:
    """Bring a database to the current schema: in one transaction, all or nothing. One that has it already
    stays as it is. Raises StoreError, sqlite3.Error."""
    schema = schema_of(driver)
    if schema == tables.SCHEMA_VERSION:
        return
    if not all(version in MIGRATIONS for version in range(schema, tables.SCHEMA_VERSION)):
        raise StoreError(f"there is no migration from schema {schema} to {tables.SCHEMA_VERSION}")
    driver.execute("BEGIN IMMEDIATE")
    try:
        for version in range(schema, tables.SCHEMA_VERSION):
            MIGRATIONS[version](driver)
        record_version(driver)
        driver.execute(f"PRAGMA user_version = {tables.SCHEMA_VERSION}")
        driver.execute(f"PRAGMA application_id = {files.APPLICATION_ID}")
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise


# From 3 to 4: ad accounts and businesses have tables of their own, ad accounts a directory; there are
# customer segments; and a rule that a seed gave is kept as it is answered.

_FROM_3 = (
    "CREATE TABLE businesses (id VARCHAR NOT NULL, name VARCHAR NOT NULL, PRIMARY KEY (id))",
    """CREATE TABLE ad_accounts (
        id VARCHAR NOT NULL, created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL, name VARCHAR,
        business VARCHAR, owner_id VARCHAR, owner_username VARCHAR, country VARCHAR, currency VARCHAR,
        time_zone VARCHAR, permissions VARCHAR, PRIMARY KEY (id)
    )""",
    "CREATE TABLE listed_accounts (digits INTEGER NOT NULL, id VARCHAR NOT NULL, PRIMARY KEY (digits, id))",
    """CREATE TABLE customer_segments (
        number BIGINT NOT NULL, account VARCHAR NOT NULL, name VARCHAR NOT NULL, members VARCHAR NOT NULL,
        created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL, PRIMARY KEY (number)
    )""",
    "CREATE INDEX customer_segments_by_account ON customer_segments (account, number)",
    "INSERT INTO businesses (id, name) SELECT id, name FROM parties WHERE kind = 'business'",
    # As old as the first thing in it, as one that a seed describes without a time is.
    """INSERT INTO ad_accounts (id, name, business, created_at_ms, updated_at_ms)
    SELECT id, name, business, made_at_ms, made_at_ms FROM (
        SELECT id, name, business, coalesce(
            (SELECT min(first_ms) FROM (
                SELECT (
                    SELECT created_at_ms FROM audiences
                    WHERE api = 'pinterest' AND account = parties.id ORDER BY number LIMIT 1
                ) AS first_ms
                UNION ALL
                SELECT (
                    SELECT created_at_ms FROM customer_lists
                    WHERE account = parties.id ORDER BY number LIMIT 1
                )
            )), :now_ms
        ) AS made_at_ms
        FROM parties WHERE kind = 'account'
    )""",
    """INSERT INTO listed_accounts (digits, id)
    SELECT length(account), account FROM (
        SELECT account FROM audiences WHERE api = 'pinterest'
        UNION SELECT account FROM customer_lists
        UNION SELECT id FROM parties WHERE kind = 'account'
    )""",
    "DROP TABLE parties",
    """UPDATE audiences SET definition = rule_as_answered(definition)
    WHERE api = 'pinterest' AND definition IS NOT NULL""",
)


def _from_3(driver: sqlite3.Connection) -> None:
    driver.create_function("rule_as_answered", 1, _rule_as_answered, deterministic=True)
    now_ms = _clock_of_3(driver)
    for statement in _FROM_3:
        driver.execute(statement, {"now_ms": now_ms} if ":now_ms" in statement else ())


def _clock_of_3(driver: sqlite3.Connection) -> int:
    row = driver.execute("SELECT value FROM world_metadata WHERE name = 'clock'").fetchone()
    clock = json.loads(row[0]) if row else {}
    frozen_at_ms: int | None = clock.get("frozen_at_ms")
    if frozen_at_ms is not None:
        return frozen_at_ms
    return time.time_ns() // 1_000_000 + int(clock.get("ahead_ms") or 0)


def _rule_as_answered(text: str) -> str:
    try:
        return to_json(_sorted_without_nulls(json.loads(text))).decode()
    except (ValueError, RecursionError):
        return text


def _sorted_without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_without_nulls(value[key]) for key in sorted(value) if value[key] is not None}
    return [_sorted_without_nulls(inner) for inner in value] if isinstance(value, list) else value


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {3: _from_3}
"""By the schema that each starts from; it ends at the next. Each runs within a transaction."""
