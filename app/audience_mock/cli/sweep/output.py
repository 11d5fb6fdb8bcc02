"""The report of a sweep: printed for people or as JSON, and written to files."""

import json
from pathlib import Path

import click

from audience_mock.cli.control.output import echo
from audience_mock.cli.errors import exit_with_error
from audience_mock.sweep.report import FAILING, FINDING, HEAD, SweepReport, text_lines

COLOURS = {FAILING: "red", FINDING: "yellow"}


def print_json(report: SweepReport) -> None:
    click.echo(json.dumps(report.to_json(), indent=2))


def print_report(report: SweepReport) -> None:
    for line, kind in text_lines(report):
        echo(line, bold=kind == HEAD, colour=COLOURS.get(kind))


def check_folders(*files: Path | None) -> None:
    """Before the sweep, which takes minutes."""
    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            exit_with_error(f"{file}: no such folder")


def write_files(report: SweepReport, junit_xml: Path | None, html: Path | None) -> None:
    try:
        if junit_xml is not None:
            junit_xml.write_bytes(report.to_junit())
        if html is not None:
            # Arguments of the command may be bytes that are no text.
            html.write_text(report.to_html(), encoding="utf-8", errors="replace")
    except OSError as error:
        exit_with_error(f"{error.filename}: {error.strerror}")
