"""`audience-mock migrate`."""

from pathlib import Path

import click

from audience_mock.cli.errors import exit_with_error


@click.command(
    epilog="""
    \b
    Example:
      audience-mock migrate audiences.db
    """
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Migrate copies, and delete them.")
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
def migrate(file: Path, dry_run: bool, backup: bool, database_lock: bool) -> None:
    """Bring a database FILE to the schema of this version.

    The files of worlds and snapshots beside it are migrated, too: each is copied, and replaced once the copy
    is migrated. Stop the server first. A call that was interrupted can be made again.
    """
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
