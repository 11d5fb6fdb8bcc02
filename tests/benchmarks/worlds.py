"""Time to reset and to fork a world of many audiences, against creating it in one batch."""

import time
from pathlib import Path

from benchmarks import exchanges
from benchmarks.exchanges import Request, post
from benchmarks.processes import BenchError, ask
from benchmarks.report import Results
from benchmarks.servers import MEMORY, ours

WORLD_HEADER = "X-Audience-Mock-World"


def name_of(count: int) -> str:
    return f"world of {count:,} audiences"


def measure(count: int, *, folder: Path, rounds: int) -> Results:
    """Each round fills an empty world in one batch and forks it, then changes and resets the default world,
    which started from the same seed. Raises BenchError."""
    results = Results()
    seed = exchanges.compact(exchanges.seed(count))
    with ours(MEMORY, folder).running(folder, count) as process:
        for number in range(rounds):
            other = {WORLD_HEADER: f"bench-{number}"}
            fork = post(f"/__admin/worlds/bench-{number}/fork", {}, {"name": f"fork-{number}"})
            for what, request in (
                ("", post("/__admin/reset", other, {"to": "empty"})),
                ("one batch", Request("POST", "/__admin/seed", {**other, **exchanges.JSON}, seed)),
                ("fork", fork),
                ("", exchanges.OURS[exchanges.CREATE]),
                ("reset", post("/__admin/reset", {}, {})),
            ):
                took_ms = _took_ms(process.port, request)
                if what:
                    results.add(name_of(count), what, {"ms": took_ms})
            for name in (f"bench-{number}", f"fork-{number}"):
                _took_ms(process.port, Request("DELETE", f"/__admin/worlds/{name}"))
    return results


def _took_ms(port: int, request: Request) -> float:
    began = time.perf_counter()
    status, body = ask(port, request)
    took_ms = (time.perf_counter() - began) * 1000
    if not 200 <= status < 300:
        raise BenchError(f"{request.method} {request.path} received status {status}: {body[:200]!r}")
    return took_ms
