"""Whether a page deep in a list costs more than the first one, in stores of a thousand to a million."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import exchanges, load
from benchmarks.contenders import FILE, ours
from benchmarks.exchanges import ACCOUNT, CREATED_AT, FIRST_ID, Request
from benchmarks.processes import BenchError, ask
from benchmarks.report import Results

PAGE_SIZE = 10
"""So that a store of 100,000 has a page 10,000."""
DEEP = 10_000
WALKED = 250
"""Audiences a page on the way there, the most that Pinterest gives."""
BATCH = 50_000


def name_of(count: int) -> str:
    return f"list by bookmark, {count:,} audiences"


def measure(counts: list[int], *, folder: Path, cache: Path, rounds: int, duration_s: int) -> Results:
    """Page 1 and page 10,000, or the last where there are fewer; by turns, one connection."""
    results = Results()
    for count in counts:
        server = ours(FILE, folder, seed=False, database=f"sqlite:///{store(count, cache)}")
        number = min(DEEP, count // PAGE_SIZE)
        with server.running(folder) as here:
            pages = {
                "page 1": page(None, PAGE_SIZE),
                f"page {number:,}": page(bookmark_of_page(here.port, number), PAGE_SIZE),
            }
            for request in pages.values():
                status, body = ask(here.port, request)
                if status != 200 or len(json.loads(body)["items"]) != PAGE_SIZE:
                    raise BenchError(f"a page of {count} audiences was answered {status}")
            for _ in range(rounds):
                for name, request in pages.items():
                    got = load.run(here.port, request, connections=1, duration_s=duration_s)
                    results.add(name_of(count), name, vars(got))
    return results


def page(bookmark: str | None, size: int) -> Request:
    query = f"page_size={size}" + ("" if bookmark is None else f"&bookmark={quote(bookmark, safe='')}")
    return Request("GET", f"{exchanges.AUDIENCES}?{query}", exchanges.PINTEREST_HEADERS)


def bookmark_of_page(port: int, number: int) -> str | None:
    """The bookmark that leads to a page of PAGE_SIZE, from one page to the next as a client finds it."""
    bookmark, left = None, (number - 1) * PAGE_SIZE
    while left:
        step = min(left, WALKED)
        status, body = ask(port, page(bookmark, step))
        if status != 200:
            raise BenchError(f"a page on the way to page {number} was answered {status}")
        bookmark, left = json.loads(body)["bookmark"], left - step
    return bookmark


def store(count: int, cache: Path) -> Path:
    """A database file of `count` audiences of one ad account, written once for each form of the table: over
    HTTP a million would take minutes."""
    # Here, so that a start from a cold file cache finds nothing that the bench itself holds on to.
    from sqlalchemy import insert, update
    from sqlalchemy.schema import CreateTable

    from audience_mock.core.store.database import Database
    from audience_mock.core.store.tables import Audience, Sequence, table_of

    table = table_of(Audience)
    form = hashlib.sha256(str(CreateTable(table)).encode()).hexdigest()[:8]
    file = cache / f"audiences-{count}-{form}.db"
    if file.exists():
        return file
    half = file.with_suffix(".tmp")
    for left_behind in (half, *(half.with_name(half.name + end) for end in ("-wal", "-shm"))):
        left_behind.unlink(missing_ok=True)
    database = Database(f"sqlite:///{half}")
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
    return half.replace(file)


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
