"""The report of a sweep: printed for people or as JSON, and written to files."""

import json
from pathlib import Path

import click

from audience_mock.cli.control.output import echo, table_lines
from audience_mock.cli.errors import exit_with_error
from audience_mock.sweep.cases import KINDS
from audience_mock.sweep.engine import Report
from audience_mock.sweep.report import as_json, as_junit, cell, label, last_line, matrix, summary
from audience_mock.sweep.results import FINDINGS


def print_json(report: Report, fail_on: tuple[str, ...]) -> None:
    click.echo(json.dumps(as_json(report, fail_on), indent=2))


def print_report(report: Report, fail_on: tuple[str, ...]) -> None:
    """The matrix, then each finding and how its case is run again."""
    rows = [
        (call.place, label(call), *(cell(row, kind) for kind in report.kinds)) for call, row in matrix(report)
    ]
    head, *lines = table_lines(("call", "operation", *report.kinds), rows)
    echo(head, bold=True)
    for line in lines:
        echo(line)
    for result in report.findings(FINDINGS):
        case = result.case
        fails = result.verdict in fail_on
        click.echo()
        echo(
            f"{result.verdict}: call {case.call.place}, {label(case.call)}, {case.kind} ({KINDS[case.kind]})",
            colour="red" if fails else "yellow",
        )
        for line in result.details:
            echo(f"  {line}")
        if line := last_line(result):
            echo(f"  {line}")
        echo(f"  again: --only {case.name}")
    click.echo()
    echo(summary(report), bold=True)


def check_folders(*files: Path | None) -> None:
    """Before the sweep, which takes minutes."""
    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            exit_with_error(f"{file}: no such folder")


def write_files(report: Report, fail_on: tuple[str, ...], junit_xml: Path | None, html: Path | None) -> None:
    try:
        if junit_xml is not None:
            junit_xml.write_bytes(as_junit(report, fail_on))
        if html is not None:
            from audience_mock.sweep.html import as_html

            # Arguments of the command may be bytes that are no text.
            html.write_text(as_html(report, fail_on), encoding="utf-8", errors="replace")
    except OSError as error:
        exit_with_error(f"{error.filename}: {error.strerror}")
