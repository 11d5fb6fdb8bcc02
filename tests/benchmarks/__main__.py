"""make bench: this server against rungs and peers, in one run, by turns.

    python -m benchmarks [--rounds 5] [--quick] [--only WORK] [--contender NAME] [--out DIR]

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
from benchmarks.contenders import (
    DISCARD,
    FASTAPI,
    FILE,
    HELLO,
    MEMORY,
    RAW,
    STARLETTE,
    TITLES,
    Contender,
    hello,
    ours,
    record,
    rungs,
)
from benchmarks.exchanges import OURS
from benchmarks.processes import ROOT, BenchError
from benchmarks.report import Results
from benchmarks.targets import targets

CACHE = ROOT / "build/bench"
"""Installed peers, files to upload, stores of a million audiences; kept between runs."""

STARTUP, UPLOADS, LISTS, WORLDS = "startup", "uploads", "lists", "worlds"
WORKS = (*OURS, STARTUP, UPLOADS, LISTS, WORLDS)
CONTENDERS = (RAW, STARLETTE, FASTAPI, MEMORY, FILE, *peers.NAMES, HELLO, DISCARD)


def main(arguments: list[str] | None = None) -> int:
    asked = _parse(arguments)
    # An end by signal is an error like any other: every server ends with it.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupted)
    CACHE.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    upload_sizes = [10**5] if asked.quick else [10**5, 10**6, 10**7]
    list_counts = [10**3] if asked.quick else [10**3, 10**5, 10**6]
    world_count = 1_000 if asked.quick else 100_000
    try:
        # On the same disk as everything else: a store in a memory file system would be another thing.
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
            results = _measure(asked, Path(folder), upload_sizes, list_counts, world_count)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; every server has ended", file=sys.stderr)
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
        print("A quick run: these figures say that the bench works, and nothing else.")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Measure the server.")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement (default: 5, quick: 1)")
    parser.add_argument("--quick", action="store_true", help="see that everything runs, in a minute or two")
    parser.add_argument(
        "--only", action="append", choices=WORKS, metavar="WORK", help=f"of {', '.join(WORKS)}"
    )
    parser.add_argument(
        "--contender", action="append", choices=CONTENDERS, metavar="NAME", help=f"of {', '.join(CONTENDERS)}"
    )
    parser.add_argument("--out", type=Path, default=CACHE, help="folder of results.json and results.svg")
    asked = parser.parse_args(arguments)
    if asked.rounds is None:
        asked.rounds = 1 if asked.quick else 5
    if asked.rounds < 1:
        parser.error("--rounds has to be 1 or more")
    asked.duration_s = 1 if asked.quick else 2
    asked.only = asked.only or list(WORKS)
    asked.contender = asked.contender or list(CONTENDERS)
    return asked


def _interrupted(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _measure(
    asked: argparse.Namespace, folder: Path, upload_sizes: list[int], list_counts: list[int], world_count: int
) -> Results:
    results, rounds, names = Results(), asked.rounds, set(asked.contender)
    loads = [work for work in OURS if work in asked.only]
    others: list[Contender] = []
    if loads or STARTUP in asked.only:
        others = peers.peers(tuple(name for name in peers.NAMES if name in names), CACHE)
    servers = [ours(name, folder) for name in (MEMORY, FILE) if name in names]
    below: list[Contender] = []
    if (loads or STARTUP in asked.only) and names & {RAW, STARLETTE, FASTAPI}:
        below = [rung for rung in rungs(record(folder)) if rung.name in names]
    if loads:
        everyone = [*below, *servers, *others]
        for work in loads:
            _say(work)
            results.update(
                load.measure(everyone, [work], folder=folder, rounds=rounds, duration_s=asked.duration_s)
            )
    if STARTUP in asked.only:
        _say(STARTUP)
        starting = [*(rung for rung in below if rung.name == RAW), hello()]
        empty = [ours(name, folder, seed=False) for name in (MEMORY, FILE)]
        chosen = [contender for contender in (*starting, *empty, *others) if contender.name in names]
        results.update(startup.measure(chosen, folder=folder, rounds=rounds))
    if UPLOADS in asked.only:
        _say(UPLOADS)
        results.update(uploads.measure(names, upload_sizes, folder=folder, cache=CACHE, rounds=rounds))
    if LISTS in asked.only:
        _say(LISTS)
        results.update(
            lists.measure(list_counts, folder=folder, cache=CACHE, rounds=rounds, duration_s=asked.duration_s)
        )
    if WORLDS in asked.only:
        _say(WORLDS)
        results.update(worlds.measure(world_count, folder=folder, rounds=rounds))
    return results


def _say(work: str) -> None:
    print(f"measures: {work}", flush=True)


def _about(asked: argparse.Namespace) -> dict[str, Any]:
    """What somebody needs to know who compares two runs."""
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
    sys.exit(main())
