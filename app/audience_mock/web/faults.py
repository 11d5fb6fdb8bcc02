"""Planned faults on the wire, and the headers by which one request asks for a fault of its own."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import Message, Receive, Send

from audience_mock.core.controls.faults import Fault, Outcome
from audience_mock.core.errors import InvalidFaultError, WorldReplacedError
from audience_mock.web.body import FORM, MAX_BODY_BYTES, declared_bytes, media_type
from audience_mock.web.errors import InjectedError, MalformedBodyError
from audience_mock.web.request import FAULT, MockRequest
from audience_mock.web.response import CONNECTION, RawResponse, lines

HEADER = "X-Audience-Mock-Fault"
STALL_S = 300
"""Seconds after which a stalled connection is reset. Chosen: longer than clients wait."""

GARBAGE = b"\x00\xff{garbage]\xfe"
"""Neither JSON nor UTF-8. Chosen."""

_PREFERRED_ERROR = re.compile(r"(?:^|[,;\s])code=([45]\d\d)(?:$|[,;\s])")
"""As Prism has it; what is no error is not forced."""

_FIELD_FORMATS = (
    "status=503, latency_ms=200 or =100-300, reset=before|in|after, cut_after_bytes=10, stall=before|in,"
    " content_type=text/html, garbage, effect_lost, answer_lost"
)


class Connection(Protocol):
    """The connection that a request came by."""

    async def reset(self) -> None:
        """End it with a reset, once what was sent has arrived."""

    def close(self) -> None:
        """End it in order, once what was sent has left."""


class Route(Protocol):
    """What is needed of a MockRoute."""

    operation_id: str

    def authorize(self, call: MockRequest) -> None: ...

    async def response(self, call: MockRequest) -> RawResponse | None: ...

    def error_response(self, call: MockRequest, error: Exception) -> RawResponse: ...


@dataclass(frozen=True)
class BrokenDelivery:
    """How an answer is kept from arriving."""

    outcome: Outcome
    connection: Connection

    async def deliver(self, call: MockRequest, response: RawResponse | None, send: Send) -> None:
        """Send of the answer what shall come, and end the connection; no answer is none to send."""
        how, size = self.outcome, len(response.body) if response else 0
        if response is not None and not how.answer_lost:
            at_most = how.cut_after_bytes if how.cut_after_bytes is not None else size
            await _begin(response, send, size // 2 if "in" in (how.reset, how.stall) else at_most)
        if how.stall is not None:
            await _until_gone(call)
        if how.answer_lost or how.cut_after_bytes is not None:
            self.connection.close()
        else:
            await self.connection.reset()


async def response(route: Route, call: MockRequest) -> tuple[RawResponse | None, BrokenDelivery | None]:
    """What a call is answered that may meet a fault, and how that is kept from arriving, if it is."""
    try:
        fault = await _met(route.operation_id, call)
    except InvalidFaultError as error:
        return _refused(route, call, MalformedBodyError(str(error))), None
    if fault is None:
        return await route.response(call), None
    call.scope[FAULT] = fault.id
    broken = _broken(fault.outcome, call)
    if fault.outcome.latency_ms is not None:
        try:
            with call.world.interruptible():
                await asyncio.sleep(fault.latency_ms() / 1000)
        except WorldReplacedError:
            # The world may be gone, so that nobody can be looked up in it.
            return route.error_response(call, InjectedError(500)), None
    return await _spoilt(route, call, fault), broken


def _refused(route: Route, call: MockRequest, error: Exception) -> RawResponse:
    """No fault, but an error of its own, told to who may call and counted as any."""
    try:
        route.authorize(call)
    except Exception as first:  # noqa: BLE001 - the provider has an answer to anything
        error = first
    return route.error_response(call, error)


async def _met(operation: str, call: MockRequest) -> Fault | None:
    """What the request asks for, or else what is planned for it. Raises InvalidFaultError."""
    world = call.world
    asked = _asked(call) if world.rules.request_faults else None
    if asked is not None:
        return world.faults.of_request(operation, asked)
    if not world.faults.planned:
        return None
    now_ms = world.clock.now_ms()
    body = await _look_at_body(call) if world.faults.wants_body(operation, now_ms) else None
    return world.faults.take(operation, _to_match(call, body), now_ms)


async def _spoilt(route: Route, call: MockRequest, fault: Fault) -> RawResponse | None:
    outcome = fault.outcome
    if outcome.limit_window_s is not None:
        left_s = -(-fault.window_left_ms(call.world.clock.now_ms()) // 1000)
        return route.error_response(call, InjectedError(429, left_s))
    if outcome.status is not None:
        refused = route.error_response(call, InjectedError(outcome.status))
        return refused if outcome.body is None else _with_body(refused, outcome.body)
    if "before" in (outcome.reset, outcome.stall):
        return None
    if outcome.effect_lost:
        world = call.world
        try:
            with world.dry_run() as call.world:
                return await route.response(call)
        finally:
            call.world = world
    told = await route.response(call)
    if told is None:
        return None
    if outcome.garbage:
        # A 204 or 304 can have no body.
        return _with_body(told, GARBAGE, 200 if told.status in (204, 304) else None)
    if outcome.content_type is not None:
        others = [header for header in told.headers if header[0].lower() != b"content-type"]
        type = (b"content-type", outcome.content_type.encode("latin-1"))
        return RawResponse(told.status, told.body, lines([type, *others]))
    return told


def _with_body(told: RawResponse, body: bytes, status: int | None = None) -> RawResponse:
    """The same answer with another body; a tag of the old one would be wrong."""
    kept = [header for header in told.headers if header[0].lower() not in (b"content-length", b"etag")]
    return RawResponse(status or told.status, body, lines([*kept, (b"content-length", b"%d" % len(body))]))


def _broken(outcome: Outcome, call: MockRequest) -> BrokenDelivery | None:
    if not (outcome.reset or outcome.stall or outcome.answer_lost) and outcome.cut_after_bytes is None:
        return None
    connection = cast(Connection | None, call.scope.get(CONNECTION))
    if connection is None:
        raise RuntimeError(
            "a fault that breaks the connection needs one: call the server over HTTP, as MockServer and"
            " `audience-mock serve` are, not the application in process"
        )
    return BrokenDelivery(outcome, connection)


async def _begin(response: RawResponse, send: Send, body_bytes: int) -> None:
    """Send the head and so many bytes of the body, and leave the rest open."""
    start: Message = {"type": "http.response.start", "status": response.status}
    await send({**start, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body[:body_bytes], "more_body": True})


async def _until_gone(call: MockRequest) -> None:
    """Wait for the client to give up, for the world to be another one, or for STALL_S."""

    async def hang_up() -> None:
        while (await call.receive())["type"] != "http.disconnect":
            pass

    try:
        with call.world.interruptible():
            await asyncio.wait_for(hang_up(), STALL_S)
    except (WorldReplacedError, TimeoutError):
        pass


# Which calls


def _to_match(call: MockRequest, body: Any) -> dict[str, Any]:
    scope = call.scope
    return {
        "method": scope["method"],
        "path": scope["path"].removeprefix(scope["root_path"]),
        "path_params": call.path_params,
        "query": dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        "body": body,
    }


async def _look_at_body(call: MockRequest) -> Any:
    """A JSON or form body as a value, left for who reads it next; None if it is neither, or too large."""
    if declared_bytes(call) > MAX_BODY_BYTES or media_type(call).startswith("multipart/"):
        return None
    raw, receive = await _look_ahead(call.receive)
    call.read_from(receive)
    if raw is None:
        return None
    call.raw_body = raw
    try:
        if media_type(call) == FORM:
            return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=1000))
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


async def _look_ahead(receive: Receive) -> tuple[bytes | None, Receive]:
    """The body, or None if it is too large or never ends, and what gives all of it once more."""
    seen: list[Message] = []
    size = 0
    whole = False
    while not whole and size <= MAX_BODY_BYTES:
        message = await receive()
        seen.append(message)
        if message["type"] != "http.request":
            break
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
    raw = b"".join(message.get("body", b"") for message in seen) if whole and size <= MAX_BODY_BYTES else None

    async def again() -> Message:
        return seen.pop(0) if seen else await receive()

    return raw, again


# What a request asks for


def _asked(request: Request) -> Outcome | None:
    """What the headers force. Raises InvalidFaultError."""
    written = request.headers.get(HEADER)
    if written is not None:
        return parse(written)
    found = _PREFERRED_ERROR.search(request.headers.get("prefer", ""))
    return Outcome(status=int(found[1])) if found else None


def parse(written: str) -> Outcome:
    """An outcome in the header's short form: kinds with `=` and a value, with commas between. Raises
    InvalidFaultError."""
    values: dict[str, Any] = {}
    for part in written.split(","):
        name, _, value = part.strip().partition("=")
        read = _VALUES.get(name)
        found = read.fullmatch(value) if read else None
        if found is None or name in values:
            raise InvalidFaultError(f"{HEADER}: {part.strip()[:100]!r} is not one of {_FIELD_FORMATS}")
        if name == "latency_ms":
            values[name] = (int(found[1]), int(found[2] or found[1]))
        elif name in ("status", "cut_after_bytes"):
            values[name] = int(value)
        else:
            values[name] = value or _BARE[name]
    try:
        return Outcome(**values)
    except InvalidFaultError as error:
        place = f"{error.field}: " if error.field else ""
        raise InvalidFaultError(f"{HEADER}: {place}{error}") from None


_BARE: dict[str, Any] = {
    "reset": "before",
    "stall": "before",
    "content_type": "text/html",
    **dict.fromkeys(("garbage", "effect_lost", "answer_lost"), True),
}
"""What a kind is without a value."""

_VALUES = {
    "status": re.compile(r"[0-9]{3}"),
    "latency_ms": re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?"),
    "reset": re.compile(r"(before|in|after)?"),
    "cut_after_bytes": re.compile(r"[0-9]{1,9}"),
    "stall": re.compile(r"(before|in)?"),
    "content_type": re.compile(r"[!-~][ -~]*|"),
    **dict.fromkeys(("garbage", "effect_lost", "answer_lost"), re.compile("")),
}
