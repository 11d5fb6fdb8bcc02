"""make bench-postgres: worlds in PostgreSQL beside worlds in SQLite, taking turns within one run.

    python -m benchmarks.postgres [--rounds 3] [--quick] [--only KIND] [--out FILE]

Starts a PostgreSQL server of its own, in a temporary folder, with the settings that PostgreSQL has by itself:
`fsync`, `full_page_writes` and `synchronous_commit` are on, as an operator has them. Client, server and
database share this machine's cores, so a rate is far below that of machines of their own, and how replicas
scale is computed from the CPU time of a request, not measured.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import exchanges, load, report
from benchmarks.exchanges import CREATE, GET, Request, post
from benchmarks.latency_probe import probing
from benchmarks.processes import ROOT, BenchError, Running, family
from benchmarks.report import Results, Target, Value
from benchmarks.servers import FILE, MEMORY, TITLES, Server, ours
from helpers import postgres
from helpers.postgres import Cluster

POSTGRESQL = "postgresql"
SERVERS = (MEMORY, FILE, POSTGRESQL)
REQUESTS = (GET, CREATE)
WORLDS, MANY_WORLDS = "worlds", "many worlds"
KINDS = (*REQUESTS, WORLDS, MANY_WORLDS)
CONNECTIONS = 1, 16

MAKE, THOUSAND = "make a world", "make 1,000 worlds"
BATCH, SNAPSHOT, FORK, RESET, RESTORE = "one batch", "snapshot", "fork", "reset", "restore"
WORLD_HEADER = "X-Audience-Mock-World"


def of(what: str, count: int) -> str:
    return f"{what} of {count:,} audiences"


def main(arguments: list[str] | None = None) -> int:
    asked = _parse(arguments)
    missing = postgres.why_missing()
    if missing is not None:
        print(f"bench: {missing}", file=sys.stderr)
        return 1
    began = time.monotonic()
    cache = ROOT / "build/bench"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(dir=cache, prefix="run-") as folder,
            postgres.running_cluster(durable=True, settings={"shared_buffers": "128MB"}) as cluster,
        ):
            results = measure(asked, Path(folder), cluster)
            about = _about(cluster)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    found = report.outcomes(results, targets(asked.count))
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
    parser.add_argument(
        "--only", action="append", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/postgres.json", help="file to write")
    asked = parser.parse_args(arguments)
    if asked.rounds is None:
        asked.rounds = 1 if asked.quick else 3
    if asked.rounds < 1:
        parser.error("--rounds must be 1 or more")
    asked.only = asked.only or [*KINDS]
    asked.duration_s = 1
    asked.count = 2_000 if asked.quick else 100_000
    asked.worlds = 20 if asked.quick else 1_000
    return asked


def measure(asked: argparse.Namespace, folder: Path, cluster: Cluster) -> Results:
    results = Results()

    def started(stack: ExitStack, *, seed: bool) -> dict[str, Running]:
        servers = {name: server(name, folder, cluster, seed=seed) for name in SERVERS}
        return {name: stack.enter_context(each.running(folder)) for name, each in servers.items()}

    if requests := [workload for workload in REQUESTS if workload in asked.only]:
        with ExitStack() as stack:
            processes = started(stack, seed=True)
            for workload in requests:
                print(f"measuring: {workload}", flush=True)
                _measure_requests(workload, processes, cluster, asked, results)
    if {WORLDS, MANY_WORLDS} & {*asked.only}:
        with ExitStack() as stack:
            for name, process in started(stack, seed=False).items():
                if WORLDS in asked.only:
                    print(f"measuring: {WORLDS}, {name}", flush=True)
                    _measure_worlds(name, process, asked, results)
                if MANY_WORLDS in asked.only:
                    print(f"measuring: {MANY_WORLDS}, {name}", flush=True)
                    with _connected(process) as connection:
                        took_ms = sum(_make(connection, f"many-{number}") for number in range(asked.worlds))
                    results.add(THOUSAND, name, {"ms": took_ms * 1_000 / asked.worlds})
    return results


def server(name: str, folder: Path, cluster: Cluster, *, seed: bool = True) -> Server:
    """This server, over a fresh database."""
    if name != POSTGRESQL:
        return ours(name, folder, seed=seed)
    database = cluster.new_database()
    postgres.migrate(cluster, database)
    return ours(name, folder, seed=seed, database=cluster.url(database, query="sslmode=disable"))


def _measure_requests(
    workload: str,
    processes: dict[str, Running],
    cluster: Cluster,
    asked: argparse.Namespace,
    results: Results,
) -> None:
    request = exchanges.OURS[workload]
    for process in processes.values():
        load.run(process.port, request, connections=1, duration_s=load.WARM_UP_S)
    for _ in range(asked.rounds):
        for connections in CONNECTIONS:
            for name, process in processes.items():
                pids = {
                    "cpu_us": process.pid,
                    **({"database_cpu_us": cluster.pid} if name == POSTGRESQL else {}),
                }
                before = {what: _cpu_s(pid) for what, pid in pids.items()}
                got = load.run(process.port, request, connections=connections, duration_s=asked.duration_s)
                requests = got.requests_per_s * asked.duration_s
                cpu = {what: (_cpu_s(pid) - before[what]) / requests * 1e6 for what, pid in pids.items()}
                if got.errors:
                    raise BenchError(f"{name} failed {got.errors} times during {workload!r}")
                measured = {"requests_per_s": got.requests_per_s, "p50_ms": got.p50_ms, "p99_ms": got.p99_ms}
                results.add(load.name_of(workload, connections), name, {**measured, **cpu})


def _measure_worlds(name: str, process: Running, asked: argparse.Namespace, results: Results) -> None:
    """A world is filled once and restored from a snapshot for each round; meanwhile, another world is read
    every few milliseconds."""
    count, header = asked.count, {WORLD_HEADER: "large", **exchanges.JSON}
    with _connected(process) as connection:

        def measured(what: str, request: Request) -> None:
            with _probing(process) as waited:
                took_ms = _took_ms(connection, request)
            results.add(of(what, count), name, {"ms": took_ms, **waited})

        measured(BATCH, Request("POST", "/__admin/seed", header, exchanges.compact(exchanges.seed(count))))
        measured(SNAPSHOT, Request("PUT", "/__admin/snapshots/full", header))
        for number in range(asked.rounds):
            results.add(MAKE, name, {"ms": _make(connection, f"made-{number}")})
            measured(FORK, post("/__admin/worlds/large/fork", {}, {"name": f"fork-{number}"}))
            measured(RESET, post("/__admin/reset", header, {}))
            measured(RESTORE, post("/__admin/snapshots/full/restore", header, {}))


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


def _probing(process: Running) -> AbstractContextManager[dict[str, float]]:
    """Measures how long requests to the default world wait meanwhile."""
    path = f"{exchanges.AUDIENCES}?page_size=1"
    return probing(process.port, path, exchanges.PINTEREST_HEADERS["Authorization"])


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


def targets(count: int) -> list[Target]:
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
