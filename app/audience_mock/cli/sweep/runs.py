"""The runs of a sweep, with their progress; what ends them early; and what fails on the way."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from audience_mock.cli.control.output import echo
from audience_mock.cli.errors import USAGE_ERROR, exit_with_error
from audience_mock.cli.exec import NOT_EXECUTABLE, NOT_FOUND, SIGNAL_BASE, environment_of, without_proxy
from audience_mock.cli.sweep.servers import Apis
from audience_mock.client import DEFAULT_WORLD, ControlError, MockWorld, SweepError
from audience_mock.core.counting import counted
from audience_mock.core.text_tables import printable
from audience_mock.sweep.engine import Plan, Sweep
from audience_mock.sweep.processes import Processes
from audience_mock.sweep.report import SweepReport


def run_all(plan: Plan, base: MockWorld, apis: Apis, *, quiet: bool) -> tuple[SweepReport, int]:
    """The report, and the exit status of a sweep that a signal ended, else 0."""
    token = base.admin_token
    variables = {} if token is None else {"AUDIENCE_MOCK_ADMIN_TOKEN": token}
    processes = Processes(
        plan.command, lambda url: environment_of(url, apis) | without_proxy(os.environ, url) | variables
    )
    sweep = Sweep(plan, base, processes, forks=base.name != DEFAULT_WORLD)
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


def _run(sweep: Sweep, plan: Plan, *, quiet: bool) -> tuple[SweepReport, int]:
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
