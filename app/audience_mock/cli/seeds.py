"""`audience-mock check` and `audience-mock schema`, for seed files and files of tenants."""

import json
import sys
from pathlib import Path

import click

INVALID = 1


@click.command(
    epilog="""
    \b
    Example:
      audience-mock check seeds/*.json tenants.toml
    """
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Validate seed files, and files of tenants (.toml).

    Prints each error as FILE:LINE:COLUMN: FIELD: WHY, and "FILE: OK" for a valid file. Files of tenants get
    no column. The exit status is 1 if any file is invalid.
    """
    from audience_mock.cli.control.output import echo
    from audience_mock.core.counting import counted
    from audience_mock.core.errors import InvalidSeedError
    from audience_mock.core.seeds import loader
    from audience_mock.providers.registry import register_apis

    register_apis()
    status = 0
    for file in files:
        if file.suffix == ".toml":
            status = max(status, _check_tenants(file))
            continue
        try:
            seed, problems = loader.check(file)
        except InvalidSeedError as error:
            echo(str(error))
            status = INVALID
            continue
        if seed is not None:
            echo(f"{file}: OK, {counted(len(seed.audiences), 'audience')}")
        for problem in problems:
            echo(str(problem))
            status = INVALID
    sys.exit(status)


def _check_tenants(file: Path) -> int:
    """The exit status."""
    from audience_mock.cli.control.output import echo
    from audience_mock.core.counting import counted
    from audience_mock.core.worlds.tenants import check_file

    tenants, wrong = check_file(file)
    for line in wrong or (f"{file}: OK, {counted(tenants, 'tenant')}",):
        echo(line)
    return INVALID if wrong else 0


@click.command(
    epilog="""
    \b
    Example:
      audience-mock schema > seed.schema.json
    """
)
def schema() -> None:
    """Print the JSON Schema of seed files, for editors."""
    from audience_mock.core.seeds import schemas
    from audience_mock.providers.registry import register_apis

    register_apis()
    click.echo(json.dumps(schemas.json_schema(), indent=2, ensure_ascii=False))
