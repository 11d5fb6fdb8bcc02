"""Whether a page deep in a list costs more than the first one, with a thousand to a million audiences."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import exchanges, load
from benchmarks.exchanges import ACCOUNT, CREATED_AT, FIRST_ID, Request
from benchmarks.processes import BenchError, ask
from benchmarks.report import Results
from benchmarks.servers import FILE, ours

PAGE_SIZE = 10
"""So that a database of 100,000 has a page 10,000."""
DEEP = 10_000
STEP = 250
"""Audiences a page on the way there, the most that Pinterest allows."""
BATCH = 50_000


def name_of(count: int) -> str:
    return f"list by bookmark, {count:,} audiences"


def measure(counts: list[int], *, folder: Path, cache: Path, rounds: int, duration_s: int) -> Results:
    """Page 1 and page 10,000 (or the last page), alternating, on one connection."""
    results = Results()
    for count in counts:
        server = ours(FILE, folder, seed=False, database=f"sqlite:///{database_file(count, cache)}")
        number = min(DEEP, count // PAGE_SIZE)
        with server.running(folder) as process:
            pages = {
                "page 1": page(None, PAGE_SIZE),
                f"page {number:,}": page(bookmark_of_page(process.port, number), PAGE_SIZE),
            }
            for request in pages.values():
                status, body = ask(process.port, request)
                if status != 200 or len(json.loads(body)["items"]) != PAGE_SIZE:
                    raise BenchError(f"a page of {count} audiences was answered {status}")
            for _ in range(rounds):
                for name, request in pages.items():
                    got = load.run(process.port, request, connections=1, duration_s=duration_s)
                    results.add(name_of(count), name, vars(got))
    return results


def page(bookmark: str | None, size: int) -> Request:
    query = f"page_size={size}" + ("" if bookmark is None else f"&bookmark={quote(bookmark, safe='')}")
    return Request("GET", f"{exchanges.AUDIENCES}?{query}", exchanges.PINTEREST_HEADERS)


def bookmark_of_page(port: int, number: int) -> str | None:
    """The bookmark of page `number` (of PAGE_SIZE), found by following bookmarks as a client does."""
    bookmark, left = None, (number - 1) * PAGE_SIZE
    while left:
        step = min(left, STEP)
        status, body = ask(port, page(bookmark, step))
        if status != 200:
            raise BenchError(f"a page on the way to page {number} was answered {status}")
        bookmark, left = json.loads(body)["bookmark"], left - step
    return bookmark


def database_file(count: int, cache: Path) -> Path:
    """A database file of `count` audiences of one ad account, written once for each table definition: over
    HTTP a million would take minutes."""
    # Imported here, so that the bench itself keeps none of these files in the cache for a cold start.
    from sqlalchemy import insert, update
    from sqlalchemy.schema import CreateTable

    from audience_mock.core.store.database import Database
    from audience_mock.core.store.tables import Audience, Sequence, table_of

    table = table_of(Audience)
    digest = hashlib.sha256(str(CreateTable(table)).encode()).hexdigest()[:8]
    file = cache / f"audiences-{count}-{digest}.db"
    if file.exists():
        return file
    unfinished = file.with_suffix(".tmp")
    for stale in (unfinished, *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-shm"))):
        stale.unlink(missing_ok=True)
    database = Database(f"sqlite:///{unfinished}")
    with database.transaction() as connection:
        for first in range(0, count, BATCH):
            rows = [_row(position) for position in range(first, min(first + BATCH, count))]
            connection.execute(insert(table), rows)
        sequences = table_of(Sequence)
        connection.execute(
            update(sequences).where(sequences.c.name == "pinterest_audience").values(next=FIRST_ID + count)
        )
    database.connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return unfinished.replace(file)


def _row(position: int) -> dict[str, Any]:
    at_ms = CREATED_AT * 1000
    return {
        "api": "pinterest",
        "number": FIRST_ID + position,
        "account": ACCOUNT,
        "kind": "VISITOR",
        "name": f"Buyers {position:07d}",
        "definition": exchanges.compact(exchanges.RULE),
        "created_by": "Audience Mock",
        "created_at_ms": at_ms,
        "updated_at_ms": at_ms,
        "ready_at_ms": at_ms,
        "people": 31416,
    }
