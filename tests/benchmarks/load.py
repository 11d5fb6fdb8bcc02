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
MAX_DURATION_S = 16
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
    """Load for `duration_s`, or longer where nobody is answered within that. Raises BenchError."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchError("wrk is missing: apt-get install wrk (or brew install wrk)")
    headers = [part for name, value in request.headers.items() for part in ("-H", f"{name}: {value}")]
    while True:
        finished = subprocess.run(
            [
                *(wrk, "-t1", f"-c{connections}", f"-d{duration_s}s", "--timeout", f"{MAX_DURATION_S}s"),
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
        load = parse(finished.stdout)
        if load is not None:
            return load
        duration_s *= 2
        if duration_s > MAX_DURATION_S:
            raise BenchError(f"no request to port {port} was answered: {finished.stdout.strip()[-200:]}")


def parse(output: str) -> Load | None:
    """What `request.lua` wrote at the end of wrk's report; None if it says that nobody was answered. Raises
    BenchError."""
    found = re.search(r"^bench (\{.*\})$", output, flags=re.MULTILINE)
    if found is None:
        raise BenchError(f"not a report of wrk: {output.strip()[-200:]!r}")
    said = json.loads(found[1])
    good = said["requests"] - said["refused"]
    if good <= 0:
        return None
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
                run(ports[contender.name], contender.calls[work], connections=1, duration_s=WARM_UP_S)
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
