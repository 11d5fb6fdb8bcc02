"""A sweep's report as one HTML page, which needs no other file and no network."""

import shlex
from collections.abc import Iterator
from html import escape

from audience_mock import __version__
from audience_mock.core.controls.fault_cases import KINDS
from audience_mock.sweep.report import SweepReport, cell, label, matrix, summary
from audience_mock.sweep.results import FINDINGS, NOT_REACHED, PASSED, VERDICTS, Result

_STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1c1f24; --dim: #5b6370; --line: #dfe3e8;
  --card: #f6f7f9; --passed: #dff3e4; --on-passed: #125b2b; --failed: #fde3e1; --on-failed: #8f1d14;
  --hung: #ece3fb; --on-hung: #542a9c; --duplicated: #ffe9cf; --on-duplicated: #7a4300; --lost: #fbe0ef;
  --on-lost: #8a1257; --changed: #dcecfb; --on-changed: #0f4a85; }
@media (prefers-color-scheme: dark) { :root { --bg: #15181d; --fg: #e6e9ee; --dim: #9aa4b2; --line: #2e343d;
  --card: #1d2128; --passed: #16351f; --on-passed: #93dca9; --failed: #46201d; --on-failed: #ffb0a8;
  --hung: #2f2347; --on-hung: #cdb5ff; --duplicated: #43301a; --on-duplicated: #ffcf94; --lost: #421a31;
  --on-lost: #ffadd8; --changed: #182f47; --on-changed: #a5d2ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 80rem; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { margin: .75rem 0 0; padding: .75rem; overflow: auto; max-height: 24rem; background: var(--bg);
  border: 1px solid var(--line); border-radius: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 3px; }
th { font-weight: 600; text-align: left; padding: .3rem .6rem; white-space: nowrap; }
thead th { color: var(--dim); font-weight: 500; }
td { padding: 0; min-width: 5.5rem; text-align: center; }
thead td { min-width: 0; }
td.num { color: var(--dim); min-width: 2rem; text-align: end; padding-right: .5rem; }
td > *, .badge { display: block; padding: .25rem .5rem; border-radius: 5px; text-decoration: none; }
.badge { display: inline-block; padding: .05rem .5rem; font-weight: 500; }
td .none { color: var(--dim); }
a:hover, a:focus-visible { outline: 2px solid currentColor; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem;
  margin: .75rem 0; }
article:target { border-color: currentColor; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1rem; margin: 0; } dd { margin: 0; }
ul { margin: .25rem 0; padding-left: 1.2rem; }
.warning { border-left: 4px solid var(--on-duplicated); padding-left: .75rem; }
""" + "\n".join(
    f".{name} {{ background: var(--{name}); color: var(--on-{name}); }}" for name in (PASSED, *FINDINGS)
)


def as_html(report: SweepReport) -> str:
    shown = report.findings(FINDINGS)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Fault sweep</title><style>{_STYLE}</style></head><body>",
        f"<h1>Fault sweep</h1><p><code>{escape(shlex.join(report.command))}</code></p>",
        f"<p>{escape(summary(report))}</p>",
        f'<p class="dim">Without a fault: {report.faultless.seconds:.1f} s.'
        f" Limit of a run: {report.limit_s:.0f} s. Audience Mock {__version__}.</p>",
        *(f'<p class="warning">{escape(warning)}</p>' for warning in report.warnings),
        "<h2>Each fault at each call</h2>",
        *_table(report),
        "<h2>Findings</h2>" if shown else "<h2>Findings</h2><p>None.</p>",
    ]
    for result in shown:
        parts += _finding(result, fails=result.verdict in report.fail_on)
    parts += ["<h2>Meaning</h2>", *_meanings(report), "</body></html>"]
    return "\n".join(parts) + "\n"


def _table(report: SweepReport) -> Iterator[str]:
    heads = "".join(f'<th scope="col" title="{escape(KINDS[kind])}">{kind}</th>' for kind in report.kinds)
    yield f'<div class="scroll"><table><thead><tr><td></td><th scope="col">operation</th>{heads}</tr></thead>'
    yield "<tbody>"
    for call, row in matrix(report):
        cells = "".join(f"<td>{_cell(row.get(kind), cell(row, kind))}</td>" for kind in report.kinds)
        title = escape(f"{call.method} {call.path}")
        yield (
            f'<tr><td class="num">{call.place}</td><th scope="row" title="{title}">{escape(label(call))}</th>'
            f"{cells}</tr>"
        )
    yield "</tbody></table></div>"


def _cell(result: Result | None, text: str) -> str:
    if result is None:
        return f'<span class="none">{text or "&middot;"}</span>'
    if result.verdict in FINDINGS:
        return f'<a class="{result.verdict}" href="#{_anchor(result)}">{text}</a>'
    notes = escape("; ".join(result.notes))
    return (
        f'<span class="{"none" if result.verdict == NOT_REACHED else PASSED}" title="{notes}">{text}</span>'
    )


def _finding(result: Result, *, fails: bool) -> Iterator[str]:
    call, kind = result.case.call, result.case.kind
    allowed = "" if fails else ' <span class="dim">(does not fail the sweep)</span>'
    yield f'<article id="{_anchor(result)}"><h3>Call {call.place}, {escape(label(call))}: {kind}'
    yield f' <span class="badge {result.verdict}">{result.verdict}</span>{allowed}</h3>'
    yield f'<p class="dim"><code>{escape(call.method)} {escape(call.path)}</code>; {escape(KINDS[kind])}</p>'
    yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in result.details)}</ul>"
    if output := result.finished.output.strip():
        yield f"<details><summary>Output</summary><pre>{escape(output)}</pre></details>"
    yield "</article>"


def _meanings(report: SweepReport) -> Iterator[str]:
    verdicts = "".join(
        f'<dt><span class="badge {name}">{name}</span></dt><dd>{escape(meaning)}</dd>'
        for name, meaning in VERDICTS.items()
    )
    kinds = "".join(f"<dt>{kind}</dt><dd>{escape(KINDS[kind])}</dd>" for kind in report.kinds)
    yield f"<dl>{verdicts}{kinds}</dl>"


def _anchor(result: Result) -> str:
    return f"call-{result.case.call.place}-{result.case.kind}"
