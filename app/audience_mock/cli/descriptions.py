"""`audience-mock export-openapi`."""

from pathlib import Path

import click

from audience_mock.cli.errors import exit_with_error


@click.command(
    "export-openapi",
    short_help="Write the OpenAPI description of each API.",
    epilog="""
    \b
    Example:
      audience-mock export-openapi openapi
    """,
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export_openapi(directory: Path) -> None:
    """Write the OpenAPI description of each API into DIRECTORY.

    Beside them goes EVIDENCE.md, which lists each rule with its source. Prints the names of the files.
    """
    from audience_mock.app import describe

    try:
        files = describe(directory)
    except OSError as error:
        exit_with_error(f"cannot write to {directory}: {error.strerror}")
    for file in files:
        click.echo(file)
