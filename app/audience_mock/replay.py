"""Plays a bundle again and says where the first answer differs.

What is compared is what the server recorded both times, so a fault that breaks a connection does not hide
an answer. Requests are sent one after the other, in the order in which they were answered, each at its own
time of the world, while the clock stands still.
"""

import http.client
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from select import select
from socket import socket
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from audience_mock.bundle_form import check
from audience_mock.client import MockWorld
from audience_mock.client_errors import ControlError
from audience_mock.web.bundling import ALIAS, LATER_ARE_MISSING, raw_of, why_not_replayable
from audience_mock.web.exchanges import leaves

BROKEN_S = 0.5
"""Seconds to wait for more of an answer that the server has recorded, and a fault may hold back. Chosen."""
ANSWER_S = 60.0
BASE = "bundle.invalid"
"""Stands for the address of the server and its world in a bundle."""

_ALIAS = re.compile(ALIAS)
OWN_HEADERS = frozenset({"host", "content-length", "connection"})
"""The sender makes them itself. A second one could hide another request in the body of this one."""
LAWFUL_HEADERS = {
    "date": "the server's own time",
    "x-runtime": "the time that the answer took",
    "x-envoy-upstream-service-time": "the time that the answer took",
}


@dataclass(frozen=True)
class Difference:
    """A field of an answer that is otherwise now; `lawful` says why it may be."""

    number: int
    operation: str | None
    field: str
    was: Any
    now: Any
    lawful: str | None = None


@dataclass
class Replay:
    """What a replay came to: the differences that are not lawful, the lawful ones, and why it ended before
    the end of the bundle, if it did."""

    requests: int
    differences: list[Difference] = field(default_factory=list)
    lawful: list[Difference] = field(default_factory=list)
    stopped: str | None = None
    bundle: Mapping[str, Any] = field(default_factory=dict)
    """The bundle of the replay itself."""


def replay(bundle: Mapping[str, Any], world: MockWorld) -> Replay:
    """Play a bundle in a world, whose data it replaces. Raises BundleError, ControlError, OSError."""
    check(bundle)
    settings = bundle["settings"]
    _set(world, {**settings, "record": False})
    world.reset("empty")
    if any(bundle["start"].values()):
        world.seed(bundle["start"])
    world.clock.set(bundle["clock"]["now"], frozen=True)
    _set(world, {**settings, "record": True})
    bound: dict[str, str] = {}
    sent: list[Mapping[str, Any]] = []
    stopped = None
    for step in bundle["steps"]:
        world.clock.set(step["at"], frozen=True)
        if "change" in step:
            _change(world, step["change"])
            continue
        if (stopped := why_not_replayable(step)) is not None:
            break
        _send(world, step, bound, number=len(sent) + 1)
        sent.append(step)
    if stopped is None and bundle["missing"]["after_limit"]:
        stopped = LATER_ARE_MISSING
    again = world.control("GET", "/bundle")
    result = Replay(len(sent), stopped=stopped, bundle=again)
    answered = [step for step in again["steps"] if "request" in step]
    for was, now in zip(sent, answered, strict=False):
        for found in differences(was, now):
            (result.lawful if found.lawful else result.differences).append(found)
    if len(answered) != len(sent):
        result.differences.append(Difference(0, None, "requests", len(sent), len(answered)))
    return result


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """The fields in which an answer differs from the recorded one."""
    before, after = was["answer"], now["answer"]
    about = (was["number"], was["operation"])
    if was["operation"] != now["operation"]:
        yield Difference(*about, "operation", was["operation"], now["operation"])
    if before["status"] != after["status"]:
        yield Difference(*about, "status", before["status"], after["status"])
    one, other = _joined(before["headers"]), _joined(after["headers"])
    for name in {**one, **other}:
        if one.get(name) != other.get(name):
            lawful = LAWFUL_HEADERS.get(name)
            yield Difference(*about, f"headers.{name}", one.get(name), other.get(name), lawful)
    if before["body"] == after["body"]:
        return
    had, has = _value(before["body"]), _value(after["body"])
    found = list(_in_values(had, has, "body"))
    for path, value, value_now in found:
        yield Difference(*about, path, value, value_now)
    if not found:
        yield Difference(*about, "body", before["body"], after["body"])


def _joined(headers: Sequence[Sequence[str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _in_values(was: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(was, dict) and isinstance(now, dict):
        for name in {**was, **now}:
            yield from _in_values(was.get(name), now.get(name), f"{path}.{name}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for position, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _in_values(one, other, f"{path}.{position}")
    elif was != now or isinstance(was, bool) is not isinstance(now, bool):
        yield path, was, now


def _value(body: Any) -> Any:
    """A body's JSON value, or its text."""
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return body


def _set(world: MockWorld, settings: Mapping[str, Any]) -> None:
    """Give the world these settings, whatever their names are: the server knows which there are."""
    world.control("PUT", f"/worlds/{world.name}", {"settings": settings})


def _change(world: MockWorld, change: Mapping[str, Any]) -> None:
    path, body = change["path"], change["body"]
    if path.startswith("/clock"):
        return  # each step has its time
    if path == "/settings":
        _set(world, {**body["settings"], "record": True})
    else:
        world.control(change["method"], path, body)


def _send(world: MockWorld, step: Mapping[str, Any], bound: dict[str, str], *, number: int) -> None:
    """Send a request, which will have this number in the journal, and note what its answer has in the places
    of aliases."""
    request = step["request"]
    parts = urlsplit(world.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        connection.putrequest(
            request["method"], parts.path + _bind(request["path"], bound), skip_accept_encoding=True
        )
        headers = [(name, value) for name, value in request["headers"] if name not in OWN_HEADERS]
        for name, value in headers:
            connection.putheader(name, _bind_header(value, bound).encode("latin-1"))
        body = _raw(request["body"], bound)
        if body or request["method"] in ("POST", "PUT", "PATCH"):
            if "transfer-encoding" not in dict(headers):
                connection.putheader("content-length", str(len(body)))
                connection.endheaders(body)
            else:
                connection.endheaders([body] if body else [], encode_chunked=True)
        else:
            connection.endheaders()
        if step["fault"] is not None:
            _wait_until_recorded(world, number, connection.sock)
            connection.sock.settimeout(BROKEN_S)
        received = connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        received = ""
    finally:
        connection.close()
    if received and isinstance(recorded := step["answer"]["body"], str):
        received = received.replace(f"{parts.netloc}{parts.path}", BASE).replace(parts.netloc, BASE)
        for pattern, text in leaves(_value(recorded), _value(received)):
            _note(pattern, text, bound)


def _wait_until_recorded(world: MockWorld, number: int, answer: socket) -> None:
    """A fault may hold a request back, or its answer for good: wait for whichever comes first, the beginning
    of the answer or the request's entry in the journal."""
    until_s = monotonic() + ANSWER_S
    while monotonic() < until_s and not select([answer], [], [], BROKEN_S)[0]:
        try:
            world.control("GET", f"/journal/{number}")
        except ControlError as error:
            if error.status != 404:
                raise
        else:
            return


def _note(recorded: str, received: str, bound: dict[str, str]) -> None:
    """Note what a text has in the places of aliases: what stands before the next part of the recorded one.
    Looked for once from the left, since a pattern could take as long as the author of a bundle likes."""
    aliases = _ALIAS.findall(recorded)
    first, *parts = _ALIAS.split(recorded)
    if not aliases or not received.startswith(first):
        return
    found: list[str] = []
    at = len(first)
    for number, part in enumerate(parts, 1):
        end = received.find(part, at + 1) if part else -1
        if number == len(parts):
            end = len(received) - len(part)
        if end <= at or not received.startswith(part, end):
            return
        found.append(received[at:end])
        at = end + len(part)
    bound |= dict(zip(aliases, found, strict=True))


def _bind(text: str, bound: Mapping[str, str]) -> str:
    """The text with what the server gave in the places of aliases; other aliases stay, as they are accepted
    where the secret was."""
    return _ALIAS.sub(lambda found: bound.get(found[0], found[0]), text)


def _bind_header(value: str, bound: Mapping[str, str]) -> str:
    return _bind(value, bound)


def _raw(body: Any, bound: Mapping[str, str]) -> bytes:
    if isinstance(body, dict):
        return raw_of(body)
    return _bind(body, bound).encode()
