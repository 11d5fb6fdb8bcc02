"""`audience-mock sweep`: a command, once for each of its calls and each kind of fault."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.errors import USAGE_ERROR, exit_with_error
from audience_mock.cli.exec import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    SIGNAL_BASE,
    Api,
    apis_of,
    environment_of,
    without_proxy,
)
from audience_mock.cli.option_groups import GroupedOption
from audience_mock.cli.settings_command import SettingsCommand, given_flags, read_settings

if TYPE_CHECKING:
    from audience_mock.client import MockWorld
    from audience_mock.sweep.engine import Plan, Report, Sweep

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
    from audience_mock.sweep.cases import KINDS
    from audience_mock.sweep.engine import Plan
    from audience_mock.sweep.results import VERDICTS

    _check_names("--faults", faults, KINDS)
    _check_names("--fail-on", fail_on, VERDICTS)
    _check_folders(junit_xml, html)
    settings = given_flags(flags)
    plan = Plan(
        command=command,
        kinds=[kind for kind in KINDS if not faults or kind in faults],
        only=only,
        jobs=jobs or os.cpu_count() or 1,
        max_runs=max_runs,
        max_seconds=max_time,
        slow_s=slow_s,
        limit_s=limit_s,
        world_settings=_world_settings(settings) if url else {},
    )
    with ExitStack() as opened:
        base, apis = _running(url) if url else _started(settings, opened)
        report, status = _swept(plan, base, apis, quiet=as_json)
    _write_files(report, fail_on, junit_xml, html)
    if as_json:
        from audience_mock.sweep.report import as_json as in_json

        click.echo(json.dumps(in_json(report, fail_on), indent=2))
    else:
        _print(report, fail_on)
    sys.exit(status or (FOUND if report.findings(fail_on) else 0))


Apis = list[Api]


def _started(settings: Mapping[str, Any], opened: ExitStack) -> tuple["MockWorld", Apis]:
    from audience_mock.core.errors import DomainError
    from audience_mock.server.listener import why_not_listening
    from audience_mock.server.run import log_to_stderr
    from audience_mock.settings import variable_of
    from audience_mock.testing import MockServer

    given = {**settings, "admin": True}
    if variable_of("log_level") not in os.environ:
        # Each run is made to have requests rejected.
        given.setdefault("log_level", "error")
    read_settings({"port": 0, **given})
    server = MockServer(**given)
    log_to_stderr(server.settings)
    try:
        opened.enter_context(server)
    except DomainError as error:
        exit_with_error(error)
    except (OSError, UnicodeError) as error:
        exit_with_error(why_not_listening(server.settings.host, server.settings.port, error))
    return server, [*apis_of(server)]


def _running(url: str) -> tuple["MockWorld", Apis]:
    from http.client import HTTPException

    from audience_mock.cli.control.command import (
        NotAudienceMockError,
        check_server,
        connected,
        why_unreachable,
    )
    from audience_mock.client import ControlError

    base = connected(url)
    try:
        check_server(base)
        found = base.control("GET", "/overview")
    except ControlError as error:
        exit_with_error(error)
    except (HTTPException, NotAudienceMockError):
        exit_with_error(f"the server at {url} is not Audience Mock")
    except OSError as error:
        exit_with_error(why_unreachable(error, url))
    return base, [(api["name"], api["base_path"], api["client_variables"]) for api in found["apis"]]


def _swept(plan: "Plan", base: "MockWorld", apis: Apis, *, quiet: bool) -> tuple["Report", int]:
    """The report, and the exit status of a sweep that a signal ended, else 0."""
    from audience_mock.cli.control.output import printable
    from audience_mock.client import ControlError
    from audience_mock.sweep.engine import Sweep, SweepError

    token = base.admin_token
    variables = {} if token is None else {"AUDIENCE_MOCK_ADMIN_TOKEN": token}
    sweep = Sweep(
        plan, base, lambda url: environment_of(url, apis) | without_proxy(os.environ, url) | variables
    )
    try:
        with _interruptible():
            return _run(sweep, plan, quiet=quiet)
    except SweepError as error:
        for line in f"audience-mock: {error}".splitlines():
            click.echo(printable(line), err=True)
        sys.exit(USAGE_ERROR)
    except _InterruptedError as error:
        sys.exit(error.status)
    except FileNotFoundError:
        exit_with_error(f"{plan.command[0]}: not found", NOT_FOUND)
    except PermissionError as error:
        exit_with_error(f"{plan.command[0]}: {error.strerror}", NOT_EXECUTABLE)
    except ControlError as error:
        exit_with_error(error)
    except OSError as error:
        exit_with_error(f"cannot reach {base.url}: {error}")
    finally:
        sweep.close()


def _run(sweep: "Sweep", plan: "Plan", *, quiet: bool) -> tuple["Report", int]:
    from audience_mock.cli.control.output import echo
    from audience_mock.core.counting import counted

    report = sweep.learn()
    runs = min(len(report.planned), plan.max_runs or len(report.planned))
    if not quiet:
        took = f"{report.faultless.seconds:.1f} s"
        calls, cases = counted(len(report.calls), "call"), counted(len(report.planned), "case")
        echo(f"{calls} in {took} without a fault; {cases}, {counted(runs, 'run')}")
    for warning in report.warnings:
        echo(f"warning: {warning}", colour="yellow", error=True)
    results = sweep.run()
    status = 0
    hidden = not sys.stderr.isatty()
    try:
        with click.progressbar(length=runs, file=sys.stderr, hidden=hidden, show_pos=True) as bar:
            for _ in results:
                bar.update(1)
    except _InterruptedError as error:
        report.stopped, status = True, error.status
    finally:
        results.close()
    return report, status


class _InterruptedError(Exception):
    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.status = SIGNAL_BASE + signum


@contextmanager
def _interruptible() -> Iterator[None]:
    """Signals that end a process end the runs, and then the sweep with what it has found."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise _InterruptedError(signum)

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _print(report: "Report", fail_on: tuple[str, ...]) -> None:
    from audience_mock.cli.control.output import echo, table_lines
    from audience_mock.sweep.cases import KINDS
    from audience_mock.sweep.report import cell, label, last_line, matrix, summary
    from audience_mock.sweep.results import FINDINGS as VERDICTS

    rows = [
        (call.place, label(call), *(cell(row, kind) for kind in report.kinds)) for call, row in matrix(report)
    ]
    head, *lines = table_lines(("call", "operation", *report.kinds), rows)
    echo(head, bold=True)
    for line in lines:
        echo(line)
    for result in report.findings(VERDICTS):
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


def _write_files(
    report: "Report", fail_on: tuple[str, ...], junit_xml: Path | None, html: Path | None
) -> None:
    try:
        if junit_xml is not None:
            from audience_mock.sweep.report import as_junit

            junit_xml.write_bytes(as_junit(report, fail_on))
        if html is not None:
            from audience_mock.sweep.html import as_html

            # Arguments of the command may be bytes that are no text.
            html.write_text(as_html(report, fail_on), encoding="utf-8", errors="replace")
    except OSError as error:
        exit_with_error(f"{error.filename}: {error.strerror}")


def _check_names(option: str, given: tuple[str, ...], known: Mapping[str, str]) -> None:
    for name in given:
        if name not in known:
            exit_with_error(f"{option}: must be some of {', '.join(known)} (given: {name!r})")


def _check_folders(*files: Path | None) -> None:
    """Before the sweep, which takes minutes."""
    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            exit_with_error(f"{file}: no such folder")


def _world_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those that the worlds of a running server can have."""
    from audience_mock.cli.settings_command import flag_of
    from audience_mock.settings import WorldSettings

    for name in settings:
        if name not in WorldSettings.model_fields:
            exit_with_error(f"{flag_of(name)}: a setting of a server, and --url names one that runs already")
    return settings
