"""What it takes to set a world of many audiences back, and to copy it, against making it in one batch."""

import time
from pathlib import Path

from benchmarks import exchanges
from benchmarks.contenders import MEMORY, ours
from benchmarks.exchanges import Request, post
from benchmarks.processes import BenchError, ask
from benchmarks.report import Results

WORLD_HEADER = "X-Audience-Mock-World"


class NotServed(Exception):
    """The server has no such control endpoint; the message says which."""


def name_of(count: int) -> str:
    return f"world of {count:,} audiences"


def measure(count: int, *, folder: Path, rounds: int) -> Results:
    """Each round makes a world in one batch and forks it; and sets the default world, which started from the
    same seed, back after a change. Raises NotServed."""
    results = Results()
    seed = exchanges.compact(exchanges.seed(count))
    with ours(MEMORY, folder).running(folder, count) as here:
        for number in range(rounds):
            headers = {WORLD_HEADER: f"bench-{number}", **exchanges.JSON}
            fork = post(f"/__admin/worlds/bench-{number}/fork", {}, {"name": f"fork-{number}"})
            steps = {
                "one batch": Request("POST", "/__admin/seed", headers, seed),
                "fork": fork,
                "change": exchanges.OURS[exchanges.CREATE],
                "reset": post("/__admin/reset", {}, {}),
            }
            for what, request in steps.items():
                took_ms = _took_ms(here.port, request)
                if what != "change":
                    results.add(name_of(count), what, {"ms": took_ms})
    return results


def _took_ms(port: int, request: Request) -> float:
    began = time.perf_counter()
    status, body = ask(port, request)
    took_ms = (time.perf_counter() - began) * 1000
    if status in (404, 405):
        raise NotServed(f"{request.method} {request.path} is not served")
    if not 200 <= status < 300:
        raise BenchError(f"{request.method} {request.path} was answered {status}: {body[:200]!r}")
    return took_ms
