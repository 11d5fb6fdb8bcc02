"""The JUnit report of a command that checks something, for the test reports of CI systems."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.option_groups import GroupedOption


class Case(NamedTuple):
    """A test: it fails if it has a failure, the text of which is one line; `lines` are its output."""

    classname: str
    name: str
    failure: str | None = None
    lines: Sequence[str] = ()


def junit_option(group: str, each: str) -> Callable[[Any], Any]:
    """The decorator of --junit, under a heading; `each` is what has a test."""
    return click.option(
        "--junit",
        cls=GroupedOption,
        group=group,
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_not_standard_output,
        metavar="FILE",
        help=f"Also write a JUnit report, with a test for each {each}.",
    )


def write_junit(file: Path, name: str, cases: Sequence[Case]) -> None:
    """Write the report; exits if the file cannot be written."""
    try:
        file.write_bytes(as_junit(name, cases))
    except OSError as error:
        exit_with_error(f"{file}: {error.strerror}")


def as_junit(name: str, cases: Sequence[Case]) -> bytes:
    """The report as XML. It cannot have control characters, which clients may send: they are escaped."""
    from xml.etree import ElementTree

    from audience_mock.core.text_tables import printable

    failures = sum(case.failure is not None for case in cases)
    suite = ElementTree.Element("testsuite", name=name, tests=str(len(cases)), failures=str(failures))
    for case in cases:
        test = ElementTree.SubElement(suite, "testcase", classname=case.classname, name=printable(case.name))
        text = "\n".join(map(printable, case.lines))
        if case.failure is not None:
            ElementTree.SubElement(test, "failure", message=printable(case.failure)).text = text
        elif text:
            ElementTree.SubElement(test, "system-out").text = text
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _not_standard_output(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
    """Standard output has the report for people, or JSON: - would be a file of that name."""
    if file == Path("-"):
        raise click.BadParameter("give the name of a file, such as report.xml")
    return file
