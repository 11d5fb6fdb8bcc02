"""Database files as earlier versions wrote them: kept as SQL, with the state that was exported from each."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "fixtures"


def schemas() -> list[int]:
    """The schemas of which there are files."""
    return sorted(int(folder.name.removeprefix("schema_")) for folder in KEPT.glob("schema_*"))


def sql_of(schema: int, name: str = "default") -> str:
    """The dump of a database: `default`, `blue`, or `blue@one` for a snapshot."""
    return (KEPT / f"schema_{schema}" / f"{name}.sql").read_text()


def state_of(schema: int, name: str) -> Any:
    """The state that the version of that time exported."""
    return json.loads((KEPT / f"schema_{schema}" / f"{name}.json").read_text())


def make(file: Path, schema: int) -> None:
    """The database of a server with the world blue and its snapshot one. They are as a killed server leaves
    them: in the mode that has a log."""
    folder = file.with_name(f"{file.name}.worlds")
    folder.mkdir()
    for path, name in ((file, "default"), (folder / "blue.db", "blue"), (folder / "blue@one.db", "blue@one")):
        with closing(sqlite3.connect(path)) as driver:
            driver.execute("PRAGMA journal_mode = WAL")
            driver.executescript(sql_of(schema, name))


def schema_of(file: Path) -> int:
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as driver:
        return int(driver.execute("PRAGMA user_version").fetchone()[0])
