"""Restoring a backup: checked as a whole, then put in its place."""

import hashlib
import json
import re
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing, nullcontext
from pathlib import Path
from typing import IO

from audience_mock import __version__
from audience_mock.core.errors import BackupError, StoreError
from audience_mock.core.store import files, migrations, tables
from audience_mock.core.worlds.backup import FORMAT, MAIN, MANIFEST, PIECE_BYTES, Manifest
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.names import NAME
from audience_mock.core.worlds.world import DEFAULT

_MANIFEST_BYTES = 64 << 20
"""More than a hundred thousand names take."""

_MEMBER = re.compile(rf"{DEFAULT}\.db|worlds/{NAME.pattern}(@{NAME.pattern})?\.db")


def check(file: Path) -> Manifest:
    """Read a backup as a whole. Raises BackupError, OSError."""
    return _read(file, None)


def restore(backup: Path, file: Path) -> Manifest:
    """Make the databases of a backup those of `file`, which must not exist yet, nor the folder beside it. All
    are checked first; `file` appears at the end, and nothing does if there is an error. Raises BackupError,
    StoreError, OSError."""
    folder = DatabaseFiles(file).folder
    for taken in (file, folder):
        if taken.exists():
            raise StoreError(f"{taken} exists: give the name of a new file, or move it away first")
    made = Path(tempfile.mkdtemp(prefix=f"{file.name}.", suffix=files.HALF, dir=file.parent))
    try:
        manifest = _read(backup, made)
        for name in manifest.databases:
            _check_database(made / name, name)
            files.sync(made / name)
        worlds = made / "worlds"
        worlds.mkdir(exist_ok=True)
        files.sync(worlds)
        worlds.rename(folder)
        try:
            # Unlike a renaming, it replaces nothing.
            file.hardlink_to(made / MAIN)
        except OSError:
            if file.exists():
                shutil.rmtree(folder)
                raise StoreError(f"{file} was made meanwhile: nothing was restored") from None
            (made / MAIN).rename(file)
        files.sync(file.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _read(backup: Path, into: Path | None) -> Manifest:
    """Check all members, and write them into a folder, if there is one. Raises BackupError, OSError."""
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(backup, "r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or manifest is not None or member.name in found:
                    raise _damaged(backup, f"unexpected {member.name!r}")
                if member.name == MANIFEST:
                    manifest = _manifest(backup, content.read(_MANIFEST_BYTES))
                elif _MEMBER.fullmatch(member.name):
                    found[member.name] = _copy(content, None if into is None else into / member.name)
                else:
                    raise _damaged(backup, f"unexpected {member.name!r}")
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(backup, str(error) or "it breaks off") from None
    if manifest is None:
        raise _damaged(backup, "it breaks off")
    for name in manifest.databases.keys() | found.keys():
        if manifest.databases.get(name) != found.get(name):
            raise _damaged(backup, f"{name} is not what was backed up")
    if MAIN not in found:
        raise _damaged(backup, f"{MAIN} is missing: {manifest.unreadable.get(MAIN, 'unknown why')}")
    return manifest


def _manifest(backup: Path, text: bytes) -> Manifest:
    """Raises BackupError."""
    try:
        values = json.loads(text)
        if values.pop("format") != FORMAT:
            raise BackupError(f"{backup} was made by Audience Mock {values['version']}: use that version")
        manifest = Manifest(**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(backup, f"{MANIFEST} is not one") from None
    if manifest.schema > tables.SCHEMA_VERSION:
        raise BackupError(
            f"{backup} has schema {manifest.schema}, and Audience Mock {__version__} reads schema"
            f" {tables.SCHEMA_VERSION}: use version {manifest.version}"
        )
    return manifest


def _copy(content: IO[bytes], to: Path | None) -> str:
    """Returns the SHA-256."""
    hashed = hashlib.sha256()
    if to is not None:
        to.parent.mkdir(exist_ok=True)
    with nullcontext() if to is None else to.open("xb") as out:
        while piece := content.read(PIECE_BYTES):
            hashed.update(piece)
            if out is not None:
                out.write(piece)
    return hashed.hexdigest()


def _check_database(file: Path, name: str) -> None:
    """Raises BackupError."""
    # Nothing is written, and nothing made beside it.
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as driver:
            if driver.execute("PRAGMA application_id").fetchone() != (files.APPLICATION_ID,):
                raise BackupError(f"{name} is not a database of Audience Mock")
            migrations.check_not_newer(driver, name)
            (found,) = driver.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise BackupError(f"{name} is damaged: {found}")
    except sqlite3.Error as error:
        raise BackupError(f"{name} is damaged: {error}") from None


def _damaged(backup: Path, why: str) -> BackupError:
    return BackupError(f"{backup} is not a complete backup: {why}")
