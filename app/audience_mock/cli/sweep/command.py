"""The command: its options, and its exit status."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.option_groups import GroupedOption
from audience_mock.cli.settings_command import SettingsCommand, given_flags

FOUND = 1
MAX_RUNS = 400
"""Chosen: some minutes of a job that takes a second."""

SWEEP, REPORT = "Sweep", "Report"
FINDINGS = "failed,hung,duplicated,lost,changed"
"""As `sweep.results` has them, which is imported when the command runs."""


def _listed(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if value else ()


def _duration(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    import re

    from audience_mock.core.durations import PATTERN, seconds

    if value is None:
        return None
    if not re.match(PATTERN, value):
        raise click.BadParameter("must be a duration, such as 90s or 10m")
    return seconds(value)


def _option(*declared: str, group: str = SWEEP, **more: Any) -> Callable[[Any], Any]:
    return click.option(*declared, cls=GroupedOption, group=group, **more)


class SweepCommand(SettingsCommand):
    fixed_settings = ("port", "ready_file", "admin")


@click.command(
    "sweep",
    cls=SweepCommand,
    short_help="Run a command once for each of its calls and each fault.",
    context_settings={"allow_interspersed_args": False},
    epilog="""
    \b
    Examples:
      audience-mock sweep -- pytest tests/sync
      audience-mock sweep --build-delay-s 0 --jobs 4 --html sweep.html -- ./sync.sh
      audience-mock sweep --only 3:reset -- pytest tests/sync
    """,
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@_option(
    "--faults",
    callback=_listed,
    metavar="KINDS",
    help="Kinds of fault to try, such as 500,reset; by default all.",
)
@_option(
    "--only", multiple=True, metavar="CALL:KIND", help="This case alone, as a report names it; repeatable."
)
@_option(
    "--jobs",
    type=click.IntRange(1),
    metavar="COUNT",
    help="Runs at a time; by default as many as there are processors.",
)
@_option(
    "--max-runs",
    type=click.IntRange(1),
    default=MAX_RUNS,
    show_default=True,
    metavar="COUNT",
    help="Runs at most.",
)
@_option(
    "--max-time", callback=_duration, metavar="DURATION", help="Begin no run later than this, such as 10m."
)
@_option(
    "--slow-s",
    type=click.FloatRange(0, 60),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds that a slow answer is late.",
)
@_option(
    "--limit-s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Seconds after which a run has hung; by default ten times the run without a fault, and at least 30.",
)
@_option(
    "--url",
    metavar="URL",
    help="A running server to use, or a world of it, to be forked for each run; by default, one is started.",
)
@_option(
    "--fail-on",
    callback=_listed,
    default=FINDINGS,
    show_default=True,
    metavar="VERDICTS",
    help="Verdicts that make the exit status 1.",
)
@_option(
    "--junit-xml", group=REPORT, type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML."
)
@_option("--html", group=REPORT, type=click.Path(path_type=Path), metavar="FILE", help="Write a page.")
@_option("--json", "as_json", group=REPORT, is_flag=True, help="Print JSON.")
def sweep(
    *,
    command: tuple[str, ...],
    faults: tuple[str, ...],
    only: tuple[str, ...],
    jobs: int | None,
    max_runs: int,
    max_time: float | None,
    slow_s: float,
    limit_s: float | None,
    url: str | None,
    fail_on: tuple[str, ...],
    junit_xml: Path | None,
    html: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Run COMMAND once for each call that it makes and each kind of fault.

    COMMAND runs without a fault first. Then, each time in a world of its own, one call meets a
    fault: answer-lost (after the effect), reset, 500, 429, stalled, truncated, stale-token, slow. What
    passed, failed, hung, or left duplicated or lost data is printed as a matrix. COMMAND finds its world in
    the variables that `audience-mock exec` sets. The exit status is 1 if there are findings.
    """
    from audience_mock.cli.sweep import output, runs, servers
    from audience_mock.core.controls.fault_cases import KINDS
    from audience_mock.sweep.engine import Plan
    from audience_mock.sweep.results import VERDICTS

    _check_names("--faults", faults, KINDS)
    _check_names("--fail-on", fail_on, VERDICTS)
    output.check_folders(junit_xml, html)
    settings = given_flags(flags)
    if url:
        servers.check_world_settings(settings)
    plan = Plan(
        command=command,
        kinds=[kind for kind in KINDS if not faults or kind in faults],
        only=only,
        jobs=jobs or os.cpu_count() or 1,
        max_runs=max_runs,
        max_seconds=max_time,
        slow_s=slow_s,
        limit_s=limit_s,
        fail_on=fail_on,
        world_settings=settings if url else {},
    )
    with ExitStack() as opened:
        base, apis = servers.connect(url) if url else servers.start(settings, opened)
        report, status = runs.run_all(plan, base, apis, quiet=as_json)
    output.write_files(report, junit_xml, html)
    if as_json:
        output.print_json(report)
    else:
        output.print_report(report)
    sys.exit(status or (0 if report.ok else FOUND))


def _check_names(option: str, given: tuple[str, ...], known: Mapping[str, str]) -> None:
    for name in given:
        if name not in known:
            exit_with_error(f"{option}: must be some of {', '.join(known)} (given: {name!r})")
