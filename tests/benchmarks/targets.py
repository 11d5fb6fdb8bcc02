"""The targets, most of them ratios to a baseline or a peer in the same run."""

from collections.abc import Callable

from benchmarks import load, startup, uploads, worlds
from benchmarks.exchanges import CREATE, GET, LIST, MULTIPART_CREATE, OURS
from benchmarks.lists import name_of as list_name
from benchmarks.peers import JSON_SERVER, MOCKOON, MOTO, PRISM
from benchmarks.report import Results, Target, Value, quotient
from benchmarks.servers import DISCARD, FASTAPI, HELLO, MEMORY, STARLETTE

RATE = "requests_per_s"
MANY = 32

PAGES_DIFFER_AT_MOST = 1.25
"""Chosen above the noise of a run: a larger difference between two pages of one size is a cost of depth."""
SIZES_DIFFER_AT_MOST = 1.5
"""Chosen: an index of a million is a level deeper than one of a thousand."""


def targets(upload_sizes: list[int], list_counts: list[int], world_count: int) -> list[Target]:
    return [
        *_rates(GET, {STARLETTE: 0.6, FASTAPI: 1.4, PRISM: 10, MOTO: 10, JSON_SERVER: 1}),
        *_rates(CREATE, {STARLETTE: 0.5, FASTAPI: 1.2, PRISM: 10, JSON_SERVER: 8, MOCKOON: 4, MOTO: 8}),
        *_rates(LIST, {STARLETTE: 0.5}),
        *_rates(MULTIPART_CREATE, {STARLETTE: 0.4, FASTAPI: 0.7}),
        *(_spread(workload) for workload in OURS),
        *(_longest(workload) for workload in OURS),
        Target("failed requests", _failed, at_most=0, unit=""),
        *_starts({HELLO: 1.25, PRISM: 1, MOCKOON: 1, MOTO: 1}),
        Target("idle memory", _of(startup.MEMORY, "rss_mib"), at_most=75, unit="MiB"),
        *(target for lines in upload_sizes for target in _upload(lines)),
        *(_deep(count) for count in list_counts),
        *([_sizes(list_counts)] if len(list_counts) > 1 else []),
        *(_world(what, world_count) for what in ("reset", "fork")),
    ]


def _of(workload: str, metric: str, server: str = MEMORY) -> Callable[[Results], Value]:
    return lambda results: results.median(workload, server, metric)


def _against(workload: str, other: str, metric: str) -> Callable[[Results], Value]:
    return lambda results: results.ratio(workload, MEMORY, other, metric)


def _rates(workload: str, factors: dict[str, float]) -> list[Target]:
    name = load.name_of(workload, MANY)
    return [
        Target(f"{name}, against {other}", _against(name, other, RATE), at_least=factor)
        for other, factor in factors.items()
    ]


def _spread(workload: str) -> Target:
    name = load.name_of(workload, MANY)

    def figure(results: Results) -> Value:
        return quotient(results.median(name, MEMORY, "p99_ms"), results.median(name, MEMORY, "p50_ms"))

    return Target(f"{name}, p99 against p50", figure, at_most=4)


def _longest(workload: str) -> Target:
    name = load.name_of(workload, MANY)
    return Target(
        f"{name}, longest of all rounds",
        lambda results: results.highest(name, MEMORY, "max_ms"),
        at_most=100,
        unit="ms",
    )


def _failed(results: Results) -> Value:
    names = [load.name_of(workload, connections) for workload in OURS for connections in load.CONNECTIONS]
    counts = [results.highest(name, MEMORY, "errors") for name in names]
    return max((count for count in counts if count is not None), default=None)


def _starts(factors: dict[str, float]) -> list[Target]:
    return [
        Target(f"{how}, against {other}", _against(how, other, "ready_ms"), at_most=factor)
        for how in (startup.WARM, startup.COLD)
        for other, factor in factors.items()
    ]


def _upload(lines: int) -> list[Target]:
    name = uploads.name_of(lines)
    # 64 MiB and 16 bytes for each distinct user.
    allowed_mib = round(64 + 16 * lines / uploads.MIB)
    return [
        Target(f"{name}, against discarding it", _against(name, DISCARD, "mb_per_s"), at_least=0.3),
        Target(f"{name}, memory grown", _of(name, "grown_mib"), at_most=allowed_mib, unit="MiB"),
        Target(
            f"{name}, longest wait of other clients",
            lambda results: results.highest(name, MEMORY, "others_longest_wait_ms"),
            at_most=100,
            unit="ms",
        ),
    ]


def _deep(count: int) -> Target:
    name = list_name(count)

    def figure(results: Results) -> Value:
        pages = [results.median(name, page, "p50_ms") for page in results.values.get(name, {})]
        return quotient(pages[1], pages[0]) if len(pages) == 2 else None

    return Target(f"{name}, last page asked against the first", figure, at_most=PAGES_DIFFER_AT_MOST)


def _sizes(counts: list[int]) -> Target:
    small, large = list_name(min(counts)), list_name(max(counts))

    def figure(results: Results) -> Value:
        return quotient(results.median(large, "page 1", "p50_ms"), results.median(small, "page 1", "p50_ms"))

    return Target(
        f"page 1 of {max(counts):,} audiences against {min(counts):,}", figure, at_most=SIZES_DIFFER_AT_MOST
    )


def _world(what: str, count: int) -> Target:
    name = worlds.name_of(count)

    def figure(results: Results) -> Value:
        return quotient(results.median(name, "one batch", "ms"), results.median(name, what, "ms"))

    return Target(f"{what} of a {name}, times faster than one batch", figure, at_least=50)
