"""What it takes to set a world of many audiences back, and to copy it, against making it in one batch."""

import time
from pathlib import Path

from benchmarks import exchanges
from benchmarks.contenders import MEMORY, ours
from benchmarks.exchanges import Request, post
from benchmarks.processes import BenchError, ask
from benchmarks.report import Results

WORLD = {"X-Audience-Mock-World": "bench"}


class NotServed(Exception):
    """The server has no such control endpoint; the message says which."""


def name_of(count: int) -> str:
    return f"world of {count:,} audiences"


def measure(count: int, *, folder: Path, rounds: int) -> Results:
    """Seeded, changed, reset and forked, in this order. Raises NotServed."""
    results = Results()
    seed = exchanges.compact(exchanges.seed(count))
    server = ours(MEMORY, folder)
    with server.running(folder, count) as here:
        for number in range(rounds):
            world = {"X-Audience-Mock-World": f"bench-{number}"}
            planted = Request("POST", "/__admin/seed", {**world, **exchanges.JSON}, seed)
            ms = {
                "one batch": _took_ms(here.port, planted),
                "reset": 0.0,
                "fork": _took_ms(
                    here.port, post(f"/__admin/worlds/bench-{number}/fork", {}, {"to": f"fork-{number}"})
                ),
            }
            # The default world began with the same audiences; something has to change to be set back.
            _took_ms(here.port, exchanges.OURS[exchanges.CREATE])
            ms["reset"] = _took_ms(here.port, post("/__admin/reset", {}, {}))
            for what, took_ms in ms.items():
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
