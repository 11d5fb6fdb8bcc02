"""The command: its options, and its exit status."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.junit import junit_option, write_junit
from audience_mock.cli.option_groups import GroupedOption
from audience_mock.cli.settings_command import (
    SettingsCommand,
    flag_of,
    given_flags,
    read_settings,
    without_collector,
)

if TYPE_CHECKING:
    from audience_mock.web.api_versions import ApiVersions

DIFFERENT = 1
COMPARISON = "Comparison"


class ContractDiffCommand(SettingsCommand):
    # A database file would keep what the first run made.
    fixed_settings = ("port", "ready_file", "database")


_option = partial(click.option, cls=GroupedOption, group=COMPARISON)


@click.command(
    "contract-diff",
    cls=ContractDiffCommand,
    epilog="""
    \b
    Examples:
      audience-mock contract-diff 5.18 5.28 -- pytest
      audience-mock contract-diff --seed demo --json default newest -- npm test
    """,
)
@_option("--once", is_flag=True, help="Run COMMAND under FROM alone, and replay its calls under TO.")
@_option("--json", "as_json", is_flag=True, help="Print JSON.")
@junit_option(COMPARISON, "operation")
@click.argument("one", metavar="FROM")
@click.argument("other", metavar="TO")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def contract_diff(
    *,
    one: str,
    other: str,
    command: tuple[str, ...],
    once: bool,
    as_json: bool,
    junit: Path | None,
    **flags: Any,
) -> None:
    """Run COMMAND under two versions of an API, and say which of its calls are answered otherwise.

    FROM and TO are versions of Pinterest's API (5.18, 5.23, 5.28), or dates of PitchTarget's documentation;
    newest is the last of them, default what a server without the setting emulates. Each run has a server of
    its own with the same seed and start of time, which COMMAND finds as with exec; what it prints goes to
    standard error. The calls of the first run are replayed under both versions at the same times, with the
    same ids and random numbers, so that each difference is one of the versions.

    The exit status is 0 if there is no difference, 1 if there are some, or if COMMAND itself ends or calls
    otherwise, 2 if nothing could be compared.
    """
    settings = {**given_flags(flags), "database": "sqlite://"}
    with without_collector():
        read_settings({"port": 0, **settings})
        name, versions = _versions_of(one, other)
    if versions.setting in settings:
        exit_with_error(f"{flag_of(versions.setting)}: FROM and TO say it")
    from audience_mock.cli.contract_diff.report import report_on

    report = report_on(
        [*command],
        settings,
        api=name,
        versions=versions,
        one=_named(versions, one),
        other=_named(versions, other),
        once=once,
    )
    if junit is not None:
        from audience_mock.cli.contract_diff.output import junit_cases

        name = f"audience-mock contract-diff {report['from']} {report['to']}"
        write_junit(junit, name, junit_cases(report))
    if as_json:
        from audience_mock.cli.control.output import echo_json

        echo_json(report)
    else:
        from audience_mock.cli.contract_diff.output import print_report

        print_report(report)
    same = not report["different"] and not report["divergences"] and _ends_alike(report)
    sys.exit(0 if same else DIFFERENT)


def _ends_alike(report: Mapping[str, Any]) -> bool:
    return len({run["exit_status"] for run in report["runs"]}) == 1


def _versions_of(one: str, other: str) -> "tuple[str, ApiVersions]":
    """The first API that has both versions. Exits if none has."""
    from audience_mock.providers import registry

    known = {
        provider.name: provider.versions()
        for provider in registry.providers()
        if provider.versions is not None
    }
    for name, versions in known.items():
        if None not in (versions.find(one), versions.find(other)):
            return name, versions
    which = "; ".join(f"{name}: {', '.join(versions.names)}" for name, versions in known.items())
    raise click.UsageError(f"{one} and {other} are not versions of one API: {which}; newest, default")


def _named(versions: "ApiVersions", name: str) -> str:
    found = versions.find(name)
    assert found is not None, "`_versions_of` has found it"
    return found
