"""Load by wrk: requests a second, how long they took, and how many failed."""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exchanges import Request, audiences_in_store
from benchmarks.processes import BenchError
from benchmarks.report import Results
from benchmarks.servers import Server

CONNECTIONS = (1, 32)
WARM_UP_S = 1
MAX_DURATION_S = 16
ENDS_WITHIN_S = 20
"""Seconds that wrk may take beyond its duration."""


@dataclass(frozen=True)
class Load:
    """`requests_per_s` are those that were answered with 2xx or 3xx; `errors` counts all others."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int


def run(port: int, request: Request, *, connections: int, duration_s: int) -> Load:
    """Load for `duration_s`, or longer if no request is answered within that. Raises BenchError."""
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
    """What `request.lua` wrote at the end of wrk's report; None if no request was answered. Raises
    BenchError."""
    found = re.search(r"^bench (\{.*\})$", output, flags=re.MULTILINE)
    if found is None:
        raise BenchError(f"not a report of wrk: {output.strip()[-200:]!r}")
    measured = json.loads(found[1])
    good = measured["requests"] - measured["error_statuses"]
    if good <= 0:
        return None
    return Load(
        requests_per_s=good / measured["duration_us"] * 1e6,
        p50_ms=measured["p50_us"] / 1000,
        p99_ms=measured["p99_us"] / 1000,
        max_ms=measured["max_us"] / 1000,
        errors=measured["error_statuses"] + measured["socket_errors"],
    )


def name_of(workload: str, connections: int) -> str:
    return f"{workload}, {connections} connection{'s' if connections > 1 else ''}"


def measure(
    servers: list[Server], workloads: list[str], *, folder: Path, rounds: int, duration_s: int
) -> Results:
    """Each workload, round by round: every server takes its turn before the next round begins."""
    results = Results()
    for workload in workloads:
        with ExitStack() as started:
            processes = {
                server: started.enter_context(server.running(folder, audiences_in_store(workload)))
                for server in servers
                if workload in server.calls
            }
            ports = {server.name: process.port for server, process in processes.items()}
            for server in processes:
                server.check(ports[server.name], workload)
                run(ports[server.name], server.calls[workload], connections=1, duration_s=WARM_UP_S)
            for _ in range(rounds):
                for connections in CONNECTIONS:
                    for server in processes:
                        got = run(
                            ports[server.name],
                            server.calls[workload],
                            connections=connections,
                            duration_s=duration_s,
                        )
                        results.add(name_of(workload, connections), server.name, vars(got))
    return results
