"""`audience-mock lint`: what the values in files of users really are."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from audience_mock.core.users.lint.expected import Expected
    from audience_mock.core.users.lint.linter import Linter

FINDINGS = 1
PIECE_BYTES = 1 << 18

# As `core.users.lint.expected` has them, which is imported when the command runs.
TYPES = ("email", "phone", "maid", "third_party_id", "fbid")
FORMS = ("plain", "md5", "sha1", "sha256", "sha512")


@click.command(
    epilog="""
    \b
    Examples:
      audience-mock lint customers.csv
      audience-mock lint --type phone --column mobile customers.csv
      audience-mock lint --accept plain,md5,sha1,sha256 records.txt
    """
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--type",
    "kind",
    type=click.Choice(TYPES, case_sensitive=False),
    default="email",
    show_default=True,
    help="Kind of id.",
)
@click.option(
    "--accept",
    metavar="FORMS",
    help=f"Forms that are right, of {', '.join(FORMS)}; by default sha256 for email and phone, else plain.",
)
@click.option(
    "--column",
    metavar="NAME|NUMBER",
    help="Column of a CSV file; by default the one whose header names the kind of id.",
)
@click.option(
    "--people",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV file with plain ids of people (columns email, phone, maid, third_party_id, fbid) to recognize.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lint(
    *,
    files: tuple[str, ...],
    kind: str,
    accept: str | None,
    column: str | None,
    people: Path | None,
    as_json: bool,
) -> None:
    """Say what the values in files of users really are.

    A file has one id a line, or is CSV with a header; - is standard input. Each finding says what is wrong,
    what to change, and which lines have it. Values of the people that are included, and of those in
    --people, are recognized exactly, others by their shape. The exit status is 1 if there are findings.
    """
    from audience_mock.cli.control.output import echo_json
    from audience_mock.cli.errors import exit_with_error
    from audience_mock.core.users.lint.files import NoColumnError, lint_file
    from audience_mock.core.users.lint.index import index_for
    from audience_mock.core.users.lint.linter import Linter
    from audience_mock.core.users.lint.people import read

    expected = _expected(kind, accept)
    try:
        index = index_for(kind, read(people) if people is not None else ())
    except OSError as error:
        exit_with_error(f"{people}: {error.strerror}")
    except ValueError as error:
        exit_with_error(f"{people}: {error}")
    reports = []
    for name in files:
        linter = Linter(expected, index=index)
        try:
            with click.open_file(name, "rb") as file:
                lint_file(_pieces(file), linter, column=column)
        except OSError as error:
            exit_with_error(f"{name}: {error.strerror}")
        except NoColumnError as error:
            exit_with_error(f"{name}: {error} (--column)")
        reports.append(_report(name, linter))
        if not as_json:
            _print_report(reports[-1], expected)
    if as_json:
        echo_json({"files": reports})
    sys.exit(FINDINGS if any(report["findings"] for report in reports) else 0)


def _expected(kind: str, accept: str | None) -> "Expected":
    from audience_mock.core.users.lint.expected import DEFAULTS, Expected

    if accept is None:
        return DEFAULTS[kind]
    forms = frozenset(form.strip().lower().replace("-", "") for form in accept.split(","))
    if not forms <= {*FORMS}:
        raise click.BadParameter(
            f"must be some of {', '.join(FORMS)} (given: {accept[:100]!r})", param_hint="'--accept'"
        )
    return Expected(kind, forms)


def _pieces(file: IO[Any]) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _report(name: str, linter: "Linter") -> dict[str, Any]:
    from audience_mock.core.users.lint.linter import findings_as_json

    return {
        "file": name,
        "type": linter.expected.kind,
        "accepted": sorted(linter.expected.forms),
        "values": linter.values,
        "findings": findings_as_json(linter),
    }


def _print_report(report: dict[str, Any], expected: "Expected") -> None:
    from audience_mock.cli.control.output import echo
    from audience_mock.core.counting import counted
    from audience_mock.failure_report import finding_lines

    values = counted(report["values"], "value")
    if not report["findings"]:
        echo(f"{report['file']}: OK, {values} ({expected})")
        return
    echo(f"{report['file']}: {values}, expected: {expected}")
    for line in finding_lines(report):
        echo(f"  {line}")
