"""`audience-mock migrate`."""

from pathlib import Path

import click

from audience_mock.cli.errors import exit_with_error

_POSTGRESQL = ("postgresql:", "postgresql+", "postgres:")


@click.command(
    epilog="""
    \b
    Examples:
      audience-mock migrate audiences.db
      audience-mock migrate --database postgresql://owner@db/mock --serving-role mock
    """
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--database",
    metavar="URL",
    help="Database to migrate instead of a FILE: postgresql://… as the role that owns the tables, or"
    " sqlite:///FILE.",
)
@click.option(
    "--serving-role",
    metavar="ROLE",
    help="Role that the servers connect as, which may use the tables of PostgreSQL from then on.",
)
@click.option("--dry-run", is_flag=True, help="Migrate copies, and delete them; in PostgreSQL, roll back.")
@click.option(
    "--backup/--no-backup",
    default=True,
    show_default=True,
    help="Keep each file as it was, as FILE.schemaN beside it.",
)
@click.option(
    "--database-lock/--no-database-lock",
    default=True,
    show_default=True,
    help="As of serve: whether to lock the files.",
)
def migrate(
    *,
    file: Path | None,
    database: str | None,
    serving_role: str | None,
    dry_run: bool,
    backup: bool,
    database_lock: bool,
) -> None:
    """Bring a database to the schema of this version.

    It is a FILE, or a PostgreSQL database. The files of worlds and snapshots beside FILE are migrated, too:
    each is copied, and replaced once the copy is migrated. Stop the server first. A call that was
    interrupted can be made again.

    In an empty PostgreSQL database the tables are created. All is done in one transaction.
    """
    if (file is None) == (database is None):
        raise click.UsageError("give a FILE or a --database, one of the two")
    if database is not None and database.startswith(_POSTGRESQL):
        _migrate_postgresql(database, serving_role, dry_run)
        return
    if serving_role is not None:
        raise click.UsageError("a --serving-role is one of PostgreSQL's: give --database postgresql://…")
    _migrate_files(_file_of(database) if file is None else file, dry_run, backup, database_lock)


def _file_of(database: str | None) -> Path:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from audience_mock.core.store.database import without_password

    try:
        url = make_url(database or "")
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        shown = without_password(database or "")
        raise click.UsageError(
            f"not the URL of a database to migrate: {shown!r} (try postgresql://… or sqlite:///audiences.db)"
        )
    return Path(url.database or "")


def _migrate_files(file: Path, dry_run: bool, backup: bool, database_lock: bool) -> None:
    from audience_mock.core.errors import StoreError
    from audience_mock.core.store.tables import SCHEMA_VERSION
    from audience_mock.core.worlds import upgrade

    migrated = 0
    try:
        for done in upgrade.migrate(file, keep_backup=backup, dry_run=dry_run, lock=database_lock):
            kept = f", kept as {done.backup}" if done.backup and not dry_run else ""
            click.echo(f"{done.file}: schema {done.schema} to {SCHEMA_VERSION}{kept}")
            migrated += 1
    except StoreError as error:
        exit_with_error(error)
    if not migrated:
        click.echo(f"{file}: has schema {SCHEMA_VERSION} already")
    elif dry_run:
        click.echo("nothing was changed: a dry run")


def _migrate_postgresql(database: str, serving_role: str | None, dry_run: bool) -> None:
    from audience_mock.core.errors import StoreError
    from audience_mock.core.store.database import without_password

    try:
        from audience_mock.core.postgres.migrations import upgrade
    except ImportError as error:
        exit_with_error(f"{error}: install audience-mock[postgres]")
    try:
        done = upgrade.migrate(database, serving_role=serving_role, dry_run=dry_run)
    except StoreError as error:
        exit_with_error(error)
    shown = without_password(database)
    if done.before == done.after:
        click.echo(f"{shown}: has schema {done.after} already")
    else:
        click.echo(
            f"{shown}: "
            + (f"schema {done.before} to {done.after}" if done.before else f"schema {done.after} created")
        )
    if serving_role is not None:
        click.echo(f"{shown}: the role {serving_role} may serve")
    if dry_run:
        click.echo("nothing was changed: a dry run")
