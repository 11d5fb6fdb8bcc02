"""The runs, the replay and the comparison, as one report."""

import gc
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from audience_mock.cli.contract_diff import runs
from audience_mock.cli.contract_diff.alignment import divergences
from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.exec import SIGNAL_BASE, ChildProcess
from audience_mock.core.errors import DomainError
from audience_mock.core.worlds.clock import real_ms
from audience_mock.server.run import log_to_stderr
from audience_mock.settings import Settings
from audience_mock.web.api_versions import ApiVersions


def report_on(
    command: Sequence[str],
    settings: Mapping[str, Any],
    *,
    api: str,
    versions: ApiVersions,
    one: str,
    other: str,
    once: bool,
) -> dict[str, Any]:
    """Run the command under both versions, or only under the first, and compare. Exits if it made no call."""
    gc.enable()
    before, after = ({**settings, **versions.settings(version)} for version in (one, other))
    log_to_stderr(Settings(**before))
    child = ChildProcess()
    child.forward_signals()
    started_ms = real_ms()
    made = []
    try:
        for used in (before,) if once else (before, after):
            made.append(runs.run(command, used, child=child, started_ms=started_ms))
            if child.last_signal is not None:
                sys.exit(SIGNAL_BASE + child.last_signal)
        first = made[0]
        if not first.calls:
            exit_with_error(
                f"{command[0]} called neither API under {one}: it finds the server in AUDIENCE_MOCK_URL"
            )
        compared = runs.compare(
            first.exchanges,
            api=api,
            versions=[(one, Settings(**before)), (other, Settings(**after))],
            started_ms=started_ms,
        )
    except (DomainError, OSError) as error:
        exit_with_error(error)
    return {
        **compared,
        "command": [*command],
        "runs": [
            {"version": version, "exit_status": run.exit_status, "calls": len(run.calls)}
            for version, run in zip((one, other), made, strict=False)
        ],
        "divergences": divergences(first.calls, made[1].calls) if len(made) > 1 else [],
        "own_setting": [
            number for number, call in enumerate(first.calls, 1) if versions.setting in call.settings
        ],
    }
