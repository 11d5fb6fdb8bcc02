"""make bench: this server against baselines and peers, taking turns within one run.

    python -m benchmarks [--rounds 5] [--quick] [--only WORKLOAD] [--server NAME] [--out DIR]

Writes results.json and results.svg into DIR and prints medians, ratios and the targets.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from benchmarks import lists, load, peers, plot, report, startup, uploads, worlds
from benchmarks.exchanges import OURS
from benchmarks.processes import ROOT, BenchError
from benchmarks.report import Results
from benchmarks.servers import (
    DISCARD,
    FASTAPI,
    FILE,
    HELLO,
    MEMORY,
    RAW,
    STARLETTE,
    TITLES,
    Server,
    baselines,
    hello,
    ours,
    record,
)
from benchmarks.targets import targets

CACHE = ROOT / "build/bench"
"""Installed peers, files to upload, databases of a million audiences; kept between runs."""

STARTUP, UPLOADS, LISTS, WORLDS = "startup", "uploads", "lists", "worlds"
WORKLOADS = (*OURS, STARTUP, UPLOADS, LISTS, WORLDS)
SERVERS = (RAW, STARLETTE, FASTAPI, MEMORY, FILE, *peers.NAMES, HELLO, DISCARD)


def main(arguments: list[str] | None = None) -> int:
    asked = _parse(arguments)
    CACHE.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    upload_sizes = [10**5] if asked.quick else [10**5, 10**6, 10**7]
    list_counts = [10**3] if asked.quick else [10**3, 10**5, 10**6]
    world_count = 1_000 if asked.quick else 100_000
    try:
        # On the same disk as everything else: a database in a memory file system would not be comparable.
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
            results = _measure(asked, Path(folder), upload_sizes, list_counts, world_count)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; every server was stopped", file=sys.stderr)
        return 130
    found = report.outcomes(results, targets(upload_sizes, list_counts, world_count))
    titles = TITLES | peers.TITLES
    print(f"\n{report.tables(results, titles, MEMORY)}\n")
    if found:
        print(f"{report.verdicts(found)}\n")
    about = _about(asked)
    asked.out.mkdir(parents=True, exist_ok=True)
    written = {"about": about, "targets": found, "results": results.as_json()}
    (asked.out / "results.json").write_text(json.dumps(written, indent=1) + "\n")
    machine = f"{about['processor']}, {about['cores']} cores, Python {about['python']}"
    caption = f"medians of {asked.rounds} rounds, {machine}"
    (asked.out / "results.svg").write_text(plot.svg(results, titles, caption))
    print(f"{asked.out / 'results.json'}, {asked.out / 'results.svg'}; {time.monotonic() - began:.0f} s")
    if asked.quick:
        print("A quick run: these figures only show that the bench works.")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Measure the server.")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement (default: 5, quick: 1)")
    parser.add_argument("--quick", action="store_true", help="check that everything runs, in a minute or two")
    parser.add_argument(
        "--only",
        action="append",
        choices=WORKLOADS,
        metavar="WORKLOAD",
        help=f"one of {', '.join(WORKLOADS)}",
    )
    parser.add_argument(
        "--server", action="append", choices=SERVERS, metavar="NAME", help=f"one of {', '.join(SERVERS)}"
    )
    parser.add_argument("--out", type=Path, default=CACHE, help="folder of results.json and results.svg")
    asked = parser.parse_args(arguments)
    if asked.rounds is None:
        asked.rounds = 1 if asked.quick else 5
    if asked.rounds < 1:
        parser.error("--rounds must be 1 or more")
    asked.duration_s = 1 if asked.quick else 2
    asked.only = asked.only or list(WORKLOADS)
    asked.server = asked.server or list(SERVERS)
    return asked


def _interrupted(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _measure(
    asked: argparse.Namespace, folder: Path, upload_sizes: list[int], list_counts: list[int], world_count: int
) -> Results:
    results, rounds, names = Results(), asked.rounds, set(asked.server)
    loads = [workload for workload in OURS if workload in asked.only]
    others: list[Server] = []
    if loads or STARTUP in asked.only:
        others = peers.peers(tuple(name for name in peers.NAMES if name in names), CACHE)
    servers = [ours(name, folder) for name in (MEMORY, FILE) if name in names]
    below: list[Server] = []
    if (loads or STARTUP in asked.only) and names & {RAW, STARLETTE, FASTAPI}:
        below = [baseline for baseline in baselines(record(folder)) if baseline.name in names]
    if loads:
        loaded = [*below, *servers, *others]
        for workload in loads:
            _announce(workload)
            results.update(
                load.measure(loaded, [workload], folder=folder, rounds=rounds, duration_s=asked.duration_s)
            )
    if STARTUP in asked.only:
        _announce(STARTUP)
        starting = [*(baseline for baseline in below if baseline.name == RAW), hello()]
        empty = [ours(name, folder, seed=False) for name in (MEMORY, FILE)]
        chosen = [server for server in (*starting, *empty, *others) if server.name in names]
        results.update(startup.measure(chosen, folder=folder, rounds=rounds))
    if UPLOADS in asked.only:
        _announce(UPLOADS)
        results.update(uploads.measure(names, upload_sizes, folder=folder, cache=CACHE, rounds=rounds))
    if LISTS in asked.only:
        _announce(LISTS)
        results.update(
            lists.measure(list_counts, folder=folder, cache=CACHE, rounds=rounds, duration_s=asked.duration_s)
        )
    if WORLDS in asked.only:
        _announce(WORLDS)
        results.update(worlds.measure(world_count, folder=folder, rounds=rounds))
    return results


def _announce(workload: str) -> None:
    print(f"measuring: {workload}", flush=True)


def _about(asked: argparse.Namespace) -> dict[str, Any]:
    """What one needs to know to compare two runs."""
    return {
        "rounds": asked.rounds,
        "seconds_a_run": asked.duration_s,
        "quick": asked.quick,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("fastapi", "starlette", "uvicorn", "pydantic")}
        | peers.versions(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


if __name__ == "__main__":
    # A signal is handled as an error is: every server is stopped.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupted)
    sys.exit(main())
