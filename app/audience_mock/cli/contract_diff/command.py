"""The command: its options, and its exit status."""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.errors import USAGE_ERROR, exit_with_error
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
      audience-mock contract-diff 5.18 5.28 --bundle bundle.json
    """,
)
@_option("--once", is_flag=True, help="Run COMMAND under FROM alone, and replay its calls under TO.")
@_option(
    "--bundle",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Compare the calls of a bundle instead of those of COMMAND.",
)
@_option("--json", "as_json", is_flag=True, help="Print JSON.")
@junit_option(COMPARISON, "operation")
@click.argument("one", metavar="FROM")
@click.argument("other", metavar="TO")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def contract_diff(
    *,
    one: str,
    other: str,
    command: tuple[str, ...],
    once: bool,
    bundle: Path | None,
    as_json: bool,
    junit: Path | None,
    **flags: Any,
) -> None:
    """Run COMMAND under two versions of an API, and say which of its calls are answered otherwise.

    FROM and TO are versions of Pinterest's API (5.18, 5.23, 5.28), or dates of PitchTarget's documentation;
    newest is the last of them, default what a server without the setting emulates. Each run has a server of
    its own with the same seed and start of time, which COMMAND finds as with exec; what it prints goes to
    standard error. The calls of the first run are replayed under both versions at the same times, with the
    same ids and random numbers, so that each difference is one of the versions. With --bundle, those of a
    bundle are.

    The exit status is 0 if there is no difference, 1 if there are some, or if COMMAND itself ends or calls
    otherwise, 2 if nothing could be compared, or not all of a bundle.
    """
    given = given_flags(flags)
    if (bundle is None) != bool(command):
        raise click.UsageError("give either -- COMMAND or --bundle FILE")
    if bundle is None:
        report = _of_command(command, given, one, other, once=once)
    else:
        if given or once:
            flag = flag_of(next(iter(given), "once"))
            raise click.UsageError(f"{flag} is for COMMAND: a bundle has its settings")
        report = _of_bundle(bundle, one, other)
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
    sys.exit(_exit_status(report))


def _of_command(
    command: Sequence[str], given: Mapping[str, Any], one: str, other: str, *, once: bool
) -> dict[str, Any]:
    settings = {**given, "database": "sqlite://"}
    with without_collector():
        read_settings({"port": 0, **settings})
        name, versions = _versions_of(one, other)
    if versions.setting in settings:
        exit_with_error(f"{flag_of(versions.setting)}: FROM and TO say it")
    from audience_mock.cli.contract_diff.report import report_on

    return report_on(
        [*command],
        settings,
        api=name,
        versions=versions,
        one=_named(versions, one),
        other=_named(versions, other),
        once=once,
    )


def _of_bundle(file: Path, one: str, other: str) -> dict[str, Any]:
    name, versions = _versions_of(one, other)
    from audience_mock.app import replica
    from audience_mock.bundle_form import check
    from audience_mock.web.bundling import BundleError
    from audience_mock.web.contract_diff.bundles import compare

    try:
        bundle = json.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
        check(bundle)
        return compare(
            bundle,
            api=name,
            versions=versions,
            one=_named(versions, one),
            other=_named(versions, other),
            make_app=replica,
        )
    except OSError as error:
        exit_with_error(f"{file}: {error.strerror or error}")
    except (BundleError, ValueError, RecursionError) as error:
        exit_with_error(f"{file}: {error}")


def _exit_status(report: Mapping[str, Any]) -> int:
    if report.get("stopped") is not None and not report["different"]:
        return USAGE_ERROR
    ends_alike = len({run["exit_status"] for run in report.get("runs", ())}) <= 1
    same = not report["different"] and not report.get("divergences") and ends_alike
    return 0 if same else DIFFERENT


def _versions_of(one: str, other: str) -> "tuple[str, ApiVersions]":
    """The first API that has both versions. Exits if none has."""
    from audience_mock.providers import registry
    from audience_mock.web.api_versions import UnknownVersionError, api_of

    known = {
        provider.name: provider.versions()
        for provider in registry.providers()
        if provider.versions is not None
    }
    try:
        name = api_of(known, one, other)
    except UnknownVersionError as error:
        raise click.UsageError(str(error)) from None
    return name, known[name]


def _named(versions: "ApiVersions", name: str) -> str:
    found = versions.find(name)
    assert found is not None, "`_versions_of` has found it"
    return found
