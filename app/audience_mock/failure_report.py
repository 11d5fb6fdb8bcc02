"""What a test shows of its world: the last requests or all, why some were rejected, suspicious uploads, and
the rules that its client broke."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audience_mock.client import DEFAULT_WORLD, ControlError, MockWorld, conduct_lines
from audience_mock.core.counting import counted

LAST = 10
"""Requests that are shown whatever they were answered, and rejected ones before them. Chosen: one screen."""
SEARCHED = 1_000
"""Requests among which those that were rejected are looked for."""
BODY_CHARACTERS = 300


def last_requests(world: MockWorld, last: int = LAST) -> str:
    """One line for each of the last requests and of the rejected ones before; below a rejected request, what
    it was answered, the fault that caused it, the reason if the answer has none, and the routes that were
    probably meant. With `last=SEARCHED`, it is all of them."""
    try:
        # Through the default world: a path through a world that the test deleted would create it anew.
        world.in_world(DEFAULT_WORLD).control("GET", f"/worlds/{world.name}")
        entries = world.journal.entries(limit=SEARCHED)
    except (ControlError, OSError) as error:
        return f"The request journal of world {world.name} cannot be read: {error}"
    if not entries:
        return (
            f"World {world.name} received no request. Base URLs of its APIs:\n"
            f"  {world.urls.pinterest}\n  {world.urls.pitchtarget}"
        )
    rejected = [entry for entry in entries[:-last] if is_rejected(entry)][-LAST:]
    shown = [*rejected, *entries[-last:]]
    lines = [f"World {world.name}, {len(shown)} of {entries[-1]['number']} requests, the newest last:"]
    for entry in shown:
        lines += _lines(entry, f"/worlds/{world.name}")
    return "\n".join(lines)


def suspicious_uploads(world: MockWorld) -> str:
    """What the linter finds in the world's uploads; nothing if it finds nothing."""
    try:
        world.in_world(DEFAULT_WORLD).control("GET", f"/worlds/{world.name}")
        reports = [report for report in world.lint() if report["findings"]]
    except (ControlError, OSError):
        return ""  # `last_requests` says why
    lines: list[str] = []
    for report in reports[:LAST]:
        if report["customer_list"] is None:
            what = f"audience {report['audience']}"
        else:
            what = f"customer list {report['customer_list']}"
        values = ("" if report["whole"] else "first ") + counted(report["values"], "value")
        lines += [f"{what}, {report['type']}, {values}:", *(f"  {line}" for line in finding_lines(report))]
    return "\n".join(lines)


def keep_bundle(world: MockWorld, folder: Path) -> str:
    """Write the bundle of a world into a folder; returns how to play it again, or why there is none."""
    file = folder / f"{world.name}.json"
    try:
        world.in_world(DEFAULT_WORLD).control("GET", f"/worlds/{world.name}")
        bundle = world.control("GET", "/bundle")
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(bundle, indent=1) + "\n", encoding="utf-8")
    except (ControlError, OSError) as error:
        return f"There is no bundle: {error}"
    return f"audience-mock replay {file}"


def broken_rules(world: MockWorld) -> str:
    """The findings of the world's conduct report; nothing if there are none."""
    try:
        world.in_world(DEFAULT_WORLD).control("GET", f"/worlds/{world.name}")
        findings = world.conduct()
    except (ControlError, OSError):
        return ""  # `last_requests` says why
    return "\n".join(line for finding in findings[:LAST] for line in conduct_lines(finding))


def finding_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The findings of a report of the linter: what each is, what to change, where it is."""
    for finding in report["findings"]:
        count, exact = finding["count"], finding["recognized"]
        recognized = f" ({exact:,} recognized)" if exact else ""
        yield f"{counted(count, 'value')}: {finding['what']}{recognized}"
        yield f"    change: {finding['change']}"
        places = [
            f"{example['line']:,} ({example['value']})" if "value" in example else f"{example['line']:,}"
            for example in finding["first"]
        ]
        lines = "line" if count == len(places) == 1 else "lines"
        yield f"    {lines} {', '.join(places)}{', …' if count > len(places) else ''}"


def _lines(entry: Mapping[str, Any], prefix: str) -> Iterator[str]:
    request, answer = entry["request"], entry["answer"]
    status = answer["status"] or "no response"
    operation = entry["operation"] or "no operation"
    path = request["path"].removeprefix(prefix)
    yield f"{entry['number']:>5} {status} {request['method']} {path} ({operation})"
    for line in explanation(entry):
        yield f"          {line}"


def explanation(entry: Mapping[str, Any]) -> Iterator[str]:
    """Why a request was rejected, as far as its journal entry tells; nothing for one that was not."""
    if not is_rejected(entry):
        return
    if entry["answer"]["body"] is not None:
        body = json.dumps(entry["answer"]["body"], ensure_ascii=False)
        yield f"{body[:BODY_CHARACTERS]}{'…' if len(body) > BODY_CHARACTERS else ''}"
    if entry["fault"] is not None:
        yield f"fault: {entry['fault']}"
    if "reason" in entry:
        yield f"reason: {entry['reason']}"
    for suggestion in entry.get("suggestions", ()):
        yield f"did you mean {suggestion}"


def is_rejected(entry: Mapping[str, Any]) -> bool:
    status = entry["answer"]["status"]
    return status is None or status >= 400
