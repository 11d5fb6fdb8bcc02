"""Plots a run as SVG: bars for the main metrics of each server."""

from collections.abc import Mapping
from html import escape

from benchmarks import load, startup
from benchmarks.exchanges import CREATE, GET, LIST
from benchmarks.report import SHOWN, Results
from benchmarks.servers import FILE, MEMORY

PANELS = (
    (load.name_of(GET, 32), "requests_per_s", "GET one, requests/s at 32 connections"),
    (load.name_of(LIST, 32), "requests_per_s", "page of 25 out of 10,000, requests/s at 32 connections"),
    (load.name_of(CREATE, 32), "requests_per_s", "POST create, requests/s at 32 connections"),
    (startup.WARM, "ready_ms", "ms from start to first answer (less is better)"),
)
WIDTH, LABELS, BARS = 760, 230, 430
ROW, BAR, GAP, HEAD, MARGIN = 19, 13, 16, 24, 14
OURS_COLOUR, OTHERS_COLOUR = "#0969da", "#9aa4af"


def svg(results: Results, titles: Mapping[str, str], about: str) -> str:
    """The panels that were measured, from top to bottom."""
    lines, y = [], MARGIN
    for workload, metric, heading in PANELS:
        medians = {
            name: value
            for name in results.values.get(workload, {})
            if (value := results.median(workload, name, metric)) is not None
        }
        if not medians:
            continue
        lines.append(_text(MARGIN, y + 14, heading, weight="bold"))
        y += HEAD
        for name, value in medians.items():
            length = max(1, round(BARS * value / max(medians.values())))
            colour = OURS_COLOUR if name in (MEMORY, FILE) else OTHERS_COLOUR
            lines.append(_text(LABELS - 8, y + BAR - 2, titles.get(name, name), anchor="end"))
            lines.append(
                f'<rect x="{LABELS}" y="{y}" width="{length}" height="{BAR}" rx="2" fill="{colour}"/>'
            )
            lines.append(_text(LABELS + length + 6, y + BAR - 2, SHOWN[metric][1].format(value)))
            y += ROW
        y += GAP
    lines.append(_text(MARGIN, y + 6, about, size=10))
    height = y + MARGIN + 6
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
            f' viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Results of make bench"'
            ' font-family="system-ui, sans-serif">',
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _text(x: int, y: int, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
        f' fill="#1f2328">{escape(text)}</text>'
    )
