"""Results: medians of the rounds, ratios, and whether the targets were reached."""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = float | None


@dataclass
class Results:
    """Each measured value, by workload, server and metric, in the order of the rounds."""

    values: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)

    def add(self, workload: str, server: str, metrics: Mapping[str, float]) -> None:
        found = self.values.setdefault(workload, {}).setdefault(server, {})
        for metric, value in metrics.items():
            found.setdefault(metric, []).append(value)

    def update(self, other: "Results") -> None:
        for workload, servers in other.values.items():
            for server, metrics in servers.items():
                for metric, values in metrics.items():
                    self.values.setdefault(workload, {}).setdefault(server, {}).setdefault(metric, []).extend(
                        values
                    )

    def median(self, workload: str, server: str, metric: str) -> Value:
        """None if it was not measured."""
        values = self._all(workload, server, metric)
        return statistics.median(values) if values else None

    def highest(self, workload: str, server: str, metric: str) -> Value:
        return max(self._all(workload, server, metric), default=None)

    def ratio(self, workload: str, server: str, other: str, metric: str) -> Value:
        """The value of `server` divided by that of `other`: the median of each round's ratio. Other load on
        the machine lasts for minutes, so that it affects both values of a round alike."""
        rounds = zip(self._all(workload, server, metric), self._all(workload, other, metric), strict=False)
        ratios = [ratio for one, by in rounds if (ratio := quotient(one, by)) is not None]
        return statistics.median(ratios) if ratios else None

    def _all(self, workload: str, server: str, metric: str) -> list[float]:
        return self.values.get(workload, {}).get(server, {}).get(metric, [])

    def as_json(self) -> dict[str, Any]:
        return {
            workload: {
                server: {
                    metric: {
                        "median": _rounded(statistics.median(values)),
                        "rounds": [*map(_rounded, values)],
                    }
                    for metric, values in metrics.items()
                }
                for server, metrics in servers.items()
            }
            for workload, servers in self.values.items()
        }


def quotient(one: Value, other: Value) -> Value:
    return None if one is None or not other else one / other


def _rounded(value: float) -> float:
    """Four significant digits; no figure here is more precise."""
    return float(f"{value:.4g}")


@dataclass(frozen=True)
class Target:
    """`figure` must be at least or at most this limit; it is None if this run did not measure it."""

    what: str
    figure: Callable[[Results], Value]
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "×"

    def outcome(self, results: Results) -> dict[str, Any] | None:
        figure = self.figure(results)
        if figure is None:
            return None
        reached = (self.at_least is None or figure >= self.at_least) and (
            self.at_most is None or figure <= self.at_most
        )
        limit = (
            f"at least {self.at_least:g} {self.unit}"
            if self.at_most is None
            else f"at most {self.at_most:g} {self.unit}"
        )
        return {"what": self.what, "limit": limit, "figure": _rounded(figure), "reached": reached}


def outcomes(results: Results, targets: Iterable[Target]) -> list[dict[str, Any]]:
    """The outcome of each target that this run measured."""
    return [outcome for target in targets if (outcome := target.outcome(results)) is not None]


SHOWN = {
    "requests_per_s": ("requests/s", "{:,.0f}"),
    "p50_ms": ("p50 ms", "{:.2f}"),
    "p99_ms": ("p99 ms", "{:.2f}"),
    "max_ms": ("max ms", "{:.1f}"),
    "cpu_us": ("server's CPU µs", "{:,.0f}"),
    "database_cpu_us": ("database's CPU µs", "{:,.0f}"),
    "errors": ("errors", "{:.0f}"),
    "ready_ms": ("ms", "{:,.0f}"),
    "rss_mib": ("MiB", "{:.1f}"),
    "mb_per_s": ("MB/s", "{:,.1f}"),
    "first_mb_per_s": ("first upload, MB/s", "{:,.1f}"),
    "grown_mib": ("grown MiB", "{:.0f}"),
    "others_longest_wait_ms": ("other clients' longest wait, ms", "{:.1f}"),
    "others_requests": ("other clients' requests", "{:.0f}"),
    "ms": ("ms", "{:,.2f}"),
}
"""Heading and format of each metric."""


def tables(results: Results, titles: Mapping[str, str], ours: str) -> str:
    """All medians as text, a table for each workload; `ours / it` is the ratio of the first metric."""
    text = []
    for workload, servers in results.values.items():
        metrics = list(dict.fromkeys(metric for found in servers.values() for metric in found))
        against = ours in servers and len(servers) > 1
        head = ["", *(SHOWN[metric][0] for metric in metrics), *(["ours / it"] if against else [])]
        rows = [head]
        for server in servers:
            row = [titles.get(server, server)]
            for metric in metrics:
                value = results.median(workload, server, metric)
                row.append("" if value is None else SHOWN[metric][1].format(value))
            if against:
                ratio = results.ratio(workload, ours, server, metrics[0])
                row.append("" if ratio is None or server == ours else f"{ratio:.2f}")
            rows.append(row)
        text.append(f"{workload}\n{_aligned(rows)}")
    return "\n\n".join(text)


def verdicts(found: list[dict[str, Any]]) -> str:
    rows = [["target", "limit", "measured", ""]]
    for outcome in found:
        verdict = "reached" if outcome["reached"] else "NOT reached"
        rows.append([outcome["what"], outcome["limit"], f"{outcome['figure']:g}", verdict])
    return _aligned(rows)


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
