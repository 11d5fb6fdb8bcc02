"""Load by wrk: requests a second, how long they took, and how many went wrong."""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.exchanges import Request, audiences_in_store
from benchmarks.processes import BenchError
from benchmarks.report import Results

CONNECTIONS = (1, 32)
WARM_UP_S = 1
ENDS_WITHIN_S = 20
"""Seconds that wrk may take beyond the ones that it is told."""


@dataclass(frozen=True)
class Load:
    """`requests_per_s` are those that were answered with 2xx or 3xx; `wrong` all others."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    wrong: int


def run(port: int, request: Request, *, connections: int, duration_s: int) -> Load:
    """One run of wrk. Raises BenchError if no request was answered."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchError("wrk is missing: apt-get install wrk (or brew install wrk)")
    headers = [part for name, value in request.headers.items() for part in ("-H", f"{name}: {value}")]
    finished = subprocess.run(
        [
            *(wrk, "-t1", f"-c{connections}", f"-d{duration_s}s", "--timeout", "20s"),
            *("-s", str(Path(__file__).with_name("request.lua")), *headers),
            *(f"http://127.0.0.1:{port}{request.path}", "--", request.method),
            *([] if request.body is None else [request.body]),
        ],
        capture_output=True,
        text=True,
        timeout=duration_s + ENDS_WITHIN_S,
        check=False,
    )
    if finished.returncode != 0:
        raise BenchError(f"wrk failed: {(finished.stderr or finished.stdout).strip()}")
    return parse(finished.stdout)


def parse(output: str) -> Load:
    """What `request.lua` wrote at the end of wrk's report. Raises BenchError."""
    found = re.search(r"^bench (\{.*\})$", output, flags=re.MULTILINE)
    if found is None:
        raise BenchError(f"not a report of wrk: {output.strip()[-200:]!r}")
    said = json.loads(found[1])
    good = said["requests"] - said["refused"]
    if good <= 0:
        raise BenchError(f"no request was answered: {found[1]}")
    return Load(
        requests_per_s=good / said["duration_us"] * 1e6,
        p50_ms=said["p50_us"] / 1000,
        p99_ms=said["p99_us"] / 1000,
        max_ms=said["max_us"] / 1000,
        wrong=said["refused"] + said["broken"],
    )


def name_of(work: str, connections: int) -> str:
    return f"{work}, {connections} connection{'s' if connections > 1 else ''}"


def measure(
    contenders: list[Contender], works: list[str], *, folder: Path, rounds: int, duration_s: int
) -> Results:
    """Each work, round by round: every contender has its turn before the next round begins."""
    results = Results()
    for work in works:
        with ExitStack() as started:
            here = {
                contender: started.enter_context(contender.running(folder, audiences_in_store(work)))
                for contender in contenders
                if work in contender.calls
            }
            ports = {contender.name: server.port for contender, server in here.items()}
            for contender in here:
                contender.check(ports[contender.name], work)
                run(ports[contender.name], contender.calls[work], connections=8, duration_s=WARM_UP_S)
            for _ in range(rounds):
                for connections in CONNECTIONS:
                    for contender in here:
                        got = run(
                            ports[contender.name],
                            contender.calls[work],
                            connections=connections,
                            duration_s=duration_s,
                        )
                        results.add(name_of(work, connections), contender.name, vars(got))
    return results
