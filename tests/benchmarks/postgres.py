"""make bench-postgres: worlds in PostgreSQL beside worlds in SQLite, taking turns within one run.

    python -m benchmarks.postgres [--rounds 3] [--quick] [--out FILE]

Starts a PostgreSQL server of its own, in a temporary folder, with the settings that PostgreSQL has by itself:
`fsync`, `full_page_writes` and `synchronous_commit` are on, as an operator has them. Client, server and
database share this machine's cores, so a rate is far below that of machines of their own, and how replicas
scale is computed from the CPU time of a request, not measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import exchanges, load, report
from benchmarks.exchanges import CREATE, GET, Request, post
from benchmarks.processes import ROOT, BenchError, Running, ask, environment, family
from benchmarks.report import Results, Target, Value
from benchmarks.servers import FILE, MEMORY, TITLES, Server, ours
from helpers import postgres
from helpers.postgres import Cluster

POSTGRESQL = "postgresql"
SERVERS = (MEMORY, FILE, POSTGRESQL)
WORKLOADS = (GET, CREATE)
CONNECTIONS = 1, 16
MANY_WORLDS = 1_000

MAKE, FORK, RESET, RESTORE, THOUSAND = "make a world", "fork", "reset", "restore a snapshot", "1,000 worlds"
WORLD_HEADER = "X-Audience-Mock-World"


def of(what: str, count: int) -> str:
    return f"{what} of {count:,} audiences"


def main(arguments: list[str] | None = None) -> int:
    asked = _parse(arguments)
    missing = postgres.why_missing()
    if missing is not None:
        print(f"bench: {missing}", file=sys.stderr)
        return 1
    count = 2_000 if asked.quick else 100_000
    worlds = 20 if asked.quick else MANY_WORLDS
    began = time.monotonic()
    cache = ROOT / "build/bench"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(dir=cache, prefix="run-") as folder,
            postgres.running_cluster(durable=True, settings={"shared_buffers": "128MB"}) as cluster,
        ):
            results = measure(Path(folder), cluster, asked.rounds, asked.duration_s, count, worlds)
            about = _about(cluster)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    found = report.outcomes(results, targets(count, worlds))
    titles = {**TITLES, POSTGRESQL: "Audience Mock, PostgreSQL"}
    print(f"\n{report.tables(results, titles, POSTGRESQL)}\n\n{report.verdicts(found)}\n\n{about}")
    written = {"about": about, "targets": found, "results": results.as_json()}
    asked.out.write_text(json.dumps(written, indent=1) + "\n")
    print(f"{asked.out}; {time.monotonic() - began:.0f} s")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-postgres ARGS=…", description="Measure PostgreSQL beside SQLite."
    )
    parser.add_argument("--rounds", type=int, help="rounds of each measurement (default: 3, quick: 1)")
    parser.add_argument("--quick", action="store_true", help="check that everything runs")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/postgres.json", help="file to write")
    asked = parser.parse_args(arguments)
    if asked.rounds is None:
        asked.rounds = 1 if asked.quick else 3
    if asked.rounds < 1:
        parser.error("--rounds must be 1 or more")
    asked.duration_s = 1 if asked.quick else 2
    return asked


def measure(
    folder: Path, cluster: Cluster, rounds: int, duration_s: int, count: int, worlds: int
) -> Results:
    results = Results()
    with ExitStack() as started:
        processes = {
            name: started.enter_context(server(name, folder, cluster).running(folder)) for name in SERVERS
        }
        _measure_requests(processes, cluster, rounds, duration_s, results)
    with ExitStack() as started:
        processes = {
            name: started.enter_context(server(name, folder, cluster, seed=False).running(folder))
            for name in SERVERS
        }
        _measure_worlds(processes, rounds, count, results)
        for name, process in processes.items():
            print(f"measuring: {worlds:,} worlds, {name}", flush=True)
            with _connected(process) as connection:
                took_ms = sum(_make(connection, f"many-{number}") for number in range(worlds))
            results.add(THOUSAND, name, {"ms": took_ms * MANY_WORLDS / worlds})
    return results


def server(name: str, folder: Path, cluster: Cluster, *, seed: bool = True) -> Server:
    """This server, over a fresh database."""
    if name != POSTGRESQL:
        return ours(name, folder, seed=seed)
    database = cluster.new_database()
    postgres.migrate(cluster, database)
    return ours(name, folder, seed=seed, database=cluster.url(database, query="sslmode=disable"))


def _measure_requests(
    processes: dict[str, Running], cluster: Cluster, rounds: int, duration_s: int, results: Results
) -> None:
    for workload in WORKLOADS:
        print(f"measuring: {workload}", flush=True)
        request = exchanges.OURS[workload]
        for process in processes.values():
            load.run(process.port, request, connections=1, duration_s=load.WARM_UP_S)
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, process in processes.items():
                    before = _cpu_s(process.pid), _cpu_s(cluster.pid)
                    got = load.run(process.port, request, connections=connections, duration_s=duration_s)
                    after = _cpu_s(process.pid), _cpu_s(cluster.pid)
                    requests = got.requests_per_s * duration_s
                    us = [(late - early) / requests * 1e6 for early, late in zip(before, after, strict=True)]
                    cpu = {"cpu_us": us[0]} | ({"database_cpu_us": us[1]} if name == POSTGRESQL else {})
                    if got.errors:
                        raise BenchError(f"{name} failed {got.errors} times during {workload!r}")
                    shown = {"requests_per_s": got.requests_per_s, "p50_ms": got.p50_ms, "p99_ms": got.p99_ms}
                    results.add(load.name_of(workload, connections), name, {**shown, **cpu})


def _measure_worlds(processes: dict[str, Running], rounds: int, count: int, results: Results) -> None:
    """A world of `count` audiences is filled once and restored from a snapshot for each round; while the
    large ones are copied, another world is read every few milliseconds."""
    seed = exchanges.compact(exchanges.seed(count))
    for name, process in processes.items():
        print(f"measuring: worlds, {name}", flush=True)
        with _connected(process) as connection:
            header = {WORLD_HEADER: "large", **exchanges.JSON}
            batch_ms = _took_ms(connection, Request("POST", "/__admin/seed", header, seed))
            results.add(of("one batch", count), name, {"ms": batch_ms})
            _took_ms(connection, Request("PUT", "/__admin/snapshots/full", header))
            for number in range(rounds):
                results.add(MAKE, name, {"ms": _make(connection, f"made-{number}")})
                fork = post("/__admin/worlds/large/fork", {}, {"name": f"fork-{number}"})
                with _probed(process) as waited:
                    fork_ms = _took_ms(connection, fork)
                results.add(of(FORK, count), name, {"ms": fork_ms, **waited})
                reset_ms = _took_ms(connection, post("/__admin/reset", header, {}))
                results.add(of(RESET, count), name, {"ms": reset_ms})
                with _probed(process) as waited:
                    restore = post("/__admin/snapshots/full/restore", header, {})
                    restore_ms = _took_ms(connection, restore)
                results.add(of(RESTORE, count), name, {"ms": restore_ms, **waited})


@contextmanager
def _connected(process: Running) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", process.port, timeout=600)
    try:
        yield connection
    finally:
        connection.close()


def _make(connection: HTTPConnection, name: str) -> float:
    return _took_ms(connection, Request("PUT", f"/__admin/worlds/{name}", exchanges.JSON, "{}"))


def _took_ms(connection: HTTPConnection, request: Request) -> float:
    began = time.perf_counter()
    connection.request(request.method, request.path, request.body, dict(request.headers))
    answer = connection.getresponse()
    body = answer.read()
    took_ms = (time.perf_counter() - began) * 1000
    if not 200 <= answer.status < 300:
        raise BenchError(f"{request.method} {request.path} received {answer.status}: {body[:200]!r}")
    return took_ms


@contextmanager
def _probed(process: Running) -> Iterator[dict[str, float]]:
    """Fills in how long requests to the default world waited meanwhile."""
    headers = exchanges.PINTEREST_HEADERS
    command = [sys.executable, "-m", "benchmarks.latency_probe", str(process.port)]
    waited: dict[str, float] = {}
    with subprocess.Popen(
        [*command, f"{exchanges.AUDIENCES}?page_size=1", headers["Authorization"]],
        env=environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as probe:
        try:
            assert probe.stdout is not None
            probe.stdout.readline()
            yield waited
            output, _ = probe.communicate(timeout=60)
        finally:
            probe.kill()
    if probe.returncode != 0:
        raise BenchError("the latency probe failed")
    waited["others_longest_wait_ms"] = json.loads(output)["longest_ms"]


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children so far, those that ended among them."""
    ticks = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15] if member == pid else fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def targets(count: int, worlds: int) -> list[Target]:
    """What was wanted of PostgreSQL before there was anything to measure."""

    def median(workload: str, metric: str) -> Any:
        return lambda results: results.median(workload, POSTGRESQL, metric)

    def longest(workload: str) -> Any:
        def figure(results: Results) -> Value:
            return results.highest(workload, POSTGRESQL, "others_longest_wait_ms")

        return figure

    fork = of(FORK, count)
    return [
        Target("GET one, 1 connection, p50", median(load.name_of(GET, 1), "p50_ms"), at_most=1.5, unit="ms"),
        Target("create, 1 connection, p50", median(load.name_of(CREATE, 1), "p50_ms"), at_most=4, unit="ms"),
        Target(of(RESET, count), median(of(RESET, count), "ms"), at_most=20, unit="ms"),
        Target(MAKE, median(MAKE, "ms"), at_most=10, unit="ms"),
        Target(fork, median(fork, "ms"), at_most=2_000, unit="ms"),
        Target(f"{fork}, longest wait of another world", longest(fork), at_most=150, unit="ms"),
        Target(THOUSAND, median(THOUSAND, "ms"), at_most=10_000, unit="ms"),
    ]


def _about(cluster: Cluster) -> dict[str, Any]:
    """What one needs to know to compare two runs."""
    names = ("server_version", "fsync", "full_page_writes", "synchronous_commit", "shared_buffers")
    shown = {name: cluster.rows(f"SHOW {name}", database="postgres")[0][0] for name in names}
    return {"cores": os.cpu_count(), "python": sys.version.split()[0], "postgresql": shown}


if __name__ == "__main__":
    sys.exit(main())
