"""`audience-mock backup` and `audience-mock restore`. What they need is imported when they run: every start
of the command imports this module."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

import click

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.wait import parse_url

if TYPE_CHECKING:
    from audience_mock.core.worlds.backup import Manifest

INCOMPLETE = 1
"""The exit status of a backup that lacks a database which the server could not read."""

STALLED_S = 600
"""Seconds that the server may be silent. Chosen: it copies a large world before it sends it."""

PIECE_BYTES = 1 << 18


@click.command(
    epilog="""
    \b
    Example:
      audience-mock backup http://127.0.0.1:8000 audiences.tar
    """
)
@click.argument("url")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--admin-token-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File whose first token opens the control API; else AUDIENCE_MOCK_ADMIN_TOKEN, if it is set.",
)
def backup(url: str, file: Path, admin_token_file: Path | None) -> None:
    """Back up the server at URL, which goes on, into one FILE.

    FILE has all worlds with their snapshots, clocks and settings. It is replaced once the backup is complete
    and checked; a database or a device is not. The exit status is 1 if there is a database that the server
    cannot read: all others are in FILE.
    """
    import http.client

    from audience_mock.core.store import files

    address = parse_url(url)
    if address is None:
        exit_with_error(f"not the URL of a server: {url!r} (try http://127.0.0.1:8000)")
    if files.is_special(file) or files.is_database(file):
        what = "a database" if file.is_file() else "a device or a pipe"
        exit_with_error(f"{file} is {what}: give the name of a new file, or of a backup to replace")
    token = _token(admin_token_file)
    half = file.with_name(f"{file.name}.{os.getpid()}.half")
    try:
        _download(address, token, half)
        manifest = _check(half)
        half.replace(file)
    except http.client.HTTPException:
        exit_with_error(f"{url} broke off: nothing was kept")
    except OSError as error:
        exit_with_error(f"cannot back up {url} into {file}: {error.strerror or error}")
    finally:
        half.unlink(missing_ok=True)
    click.echo(f"{file}: {manifest.counts}")
    for name, why in manifest.unreadable.items():
        click.echo(f"audience-mock: not in the backup: {name}: {why}", err=True)
    if manifest.unreadable:
        raise SystemExit(INCOMPLETE)


@click.command(
    epilog="""
    \b
    Example:
      audience-mock restore audiences.tar audiences.db
    """
)
@click.argument("backup", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(backup: Path, file: Path) -> None:
    """Make a new database FILE of a BACKUP.

    Its worlds and snapshots go into a folder beside it.

    All of the backup is checked first. FILE and the folder must not exist: nothing is overwritten.
    """
    from audience_mock.core.errors import StoreError
    from audience_mock.core.store.tables import SCHEMA_VERSION
    from audience_mock.core.worlds import restore as restoring

    try:
        manifest = restoring.restore(backup, file)
    except StoreError as error:
        exit_with_error(error)
    except OSError as error:
        exit_with_error(f"cannot restore {backup} to {file}: {error.strerror or error}")
    click.echo(f"{file}: {manifest.counts}, as of {manifest.made_at}")
    if manifest.schema < SCHEMA_VERSION:
        click.echo(f"run audience-mock migrate {file} before it is served")
    for name in manifest.unreadable:
        click.echo(f"audience-mock: not in the backup: {name}", err=True)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get("AUDIENCE_MOCK_ADMIN_TOKEN") or None
    from audience_mock.control import read_tokens
    from audience_mock.core.errors import InvalidSettingsError

    try:
        return read_tokens(file)[0]
    except InvalidSettingsError as error:
        exit_with_error(error)


def _download(url: SplitResult, token: str | None, half: Path) -> None:
    """Raises OSError, HTTPException."""
    import http.client

    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=STALLED_S)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", f"{url.path.rstrip('/')}/__admin/backup", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            exit_with_error(f"the server answers {response.status}: {_message(response.read())}")
        with half.open("wb") as out:
            while piece := response.read(PIECE_BYTES):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    finally:
        connection.close()


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return "it is not Audience Mock, or an earlier version"


def _check(half: Path) -> "Manifest":
    from audience_mock.core.errors import BackupError
    from audience_mock.core.worlds import restore

    try:
        return restore.check(half)
    except BackupError as error:
        exit_with_error(error)
