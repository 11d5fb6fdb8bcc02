"""Faults on the wire: which one a request meets, and what it does to the answer."""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import Message, Receive, Send

from audience_mock.core.controls.faults import REQUEST_FAULT_ID, Fault, Outcome
from audience_mock.core.errors import (
    InvalidFaultError,
    QuotaExceededError,
    StoreUnavailableError,
    WorldReplacedError,
)
from audience_mock.web.body import FORM, MAX_BODY_BYTES, declared_bytes, media_type
from audience_mock.web.context import route_path
from audience_mock.web.errors import InjectedError, MalformedBodyError
from audience_mock.web.in_flight import TooManyInFlightError, in_a_copy
from audience_mock.web.request import MockRequest
from audience_mock.web.requested_faults import requested
from audience_mock.web.response import RawResponse, body_of, checked

log = logging.getLogger("audience_mock")

CONNECTION = "audience_mock.connection"
"""The ASGI extension by which this project's own server passes on the connection of a request."""

NO_LATENCY = "audience_mock.no_latency"
"""The ASGI extension of a request that is replayed at the time at which it took effect: to wait before that
would only take time."""

STALL_S = 300
"""Seconds after which a stalled connection is reset. Chosen: longer than clients wait."""

GARBAGE = b"\x00\xff{garbage]\xfe"
"""Neither JSON nor UTF-8. Chosen."""


class Connection(Protocol):
    """The connection that a request arrived on."""

    async def reset(self) -> None:
        """Reset it once the data sent has arrived."""

    def close(self) -> None:
        """Close it once the data sent has left."""


class Route(Protocol):
    """The part of a MockRoute that faults use."""

    operation_id: str

    def authorize(self, request: MockRequest) -> None: ...

    async def respond(self, request: MockRequest, *, authorized: bool = False) -> Response | None: ...

    def error_response(self, request: MockRequest, error: Exception) -> Response: ...


@dataclass(frozen=True)
class BrokenDelivery:
    """How the delivery of a response is broken."""

    outcome: Outcome
    connection: Connection

    async def deliver(self, request: MockRequest, response: Response | None, send: Send) -> None:
        """Send as much of the response as the fault allows, and end the connection."""
        outcome = self.outcome
        if response is not None and not outcome.answer_lost:
            size = len(body_of(response))
            kept = outcome.cut_after_bytes if outcome.cut_after_bytes is not None else size
            await _send_part(response, send, size // 2 if "in" in (outcome.reset, outcome.stall) else kept)
        if outcome.stall is not None:
            try:
                with request.context.served.in_flight.waiting(request.world.name):
                    await _wait_for_disconnect(request)
            except (TooManyInFlightError, QuotaExceededError) as error:
                log.warning("a stalled connection ends at once: %s", error)
        if outcome.answer_lost or outcome.cut_after_bytes is not None:
            self.connection.close()
        else:
            await self.connection.reset()


async def respond(route: Route, request: MockRequest) -> tuple[Response | None, BrokenDelivery | None]:
    """The response to a request that may meet a fault, and how its delivery is broken, if it is.

    A planned fault comes before the caller is looked at. One that the request asks for comes after that, or
    anybody could keep connections busy.
    """
    try:
        outcome = requested(request) if request.world.rules.request_faults else None
    except InvalidFaultError as error:
        invalid = MalformedBodyError(str(error))
        return _reject_caller(route, request) or route.error_response(request, invalid), None
    if outcome is None:
        try:
            fault = await _planned_for(route.operation_id, request)
        except StoreUnavailableError as error:
            return route.error_response(request, error), None
        if fault is None:
            return await route.respond(request), None
    else:
        rejected = _reject_caller(route, request)
        if rejected is not None:
            return rejected, None
        fault = request.world.faults.for_request(route.operation_id, outcome)
    request.context.fault = fault.id
    try:
        return await _meet(fault, route, request)
    except TooManyInFlightError as error:
        return route.error_response(request, InjectedError(503, reason=str(error))), None
    except QuotaExceededError as error:
        return route.error_response(request, error), None


async def _meet(
    fault: Fault, route: Route, request: MockRequest
) -> tuple[Response | None, BrokenDelivery | None]:
    """As `respond`, for a request that meets this fault. Raises TooManyInFlightError."""
    broken = _broken_delivery(fault.outcome, request)
    if fault.outcome.latency_ms is not None and NO_LATENCY not in request.scope.get("extensions", {}):
        try:
            with request.world.interruptible(), request.context.served.in_flight.waiting(request.world.name):
                await asyncio.sleep(fault.latency_ms() / 1000)
        except WorldReplacedError:
            # The world may be deleted, so nothing can be looked up in it.
            return route.error_response(request, InjectedError(500)), None
    return await _respond_with_fault(route, request, fault), broken


def _reject_caller(route: Route, request: MockRequest) -> Response | None:
    """The response to a caller that may not call. One that may is counted, as always."""
    try:
        route.authorize(request)
    except Exception as error:  # noqa: BLE001 - the provider has a response to anything
        return route.error_response(request, error)
    return None


async def _planned_for(operation: str, request: MockRequest) -> Fault | None:
    """The planned fault that the request meets."""
    world = request.world
    if not world.faults.planned:
        return None
    now_ms = world.clock.now_ms()
    body = await peek_body(request) if world.faults.needs_body(operation, now_ms) else None
    return world.faults.fire(operation, _to_match(request, body), now_ms)


async def _respond_with_fault(route: Route, request: MockRequest, fault: Fault) -> Response | None:
    outcome, authorized = fault.outcome, fault.id == REQUEST_FAULT_ID
    if outcome.limit_window_s is not None:
        left_s = -(-fault.window_left_ms(request.world.clock.now_ms()) // 1000)
        return route.error_response(request, InjectedError(429, left_s))
    if outcome.stale_token:
        return route.error_response(request, InjectedError(401, reason="a fault made the token stale"))
    if outcome.status is not None:
        rejected = route.error_response(request, InjectedError(outcome.status))
        return rejected if outcome.body is None else _with_body(rejected, outcome.body)
    if "before" in (outcome.reset, outcome.stall):
        return None
    if outcome.effect_lost:
        async with in_a_copy(request):
            return await route.respond(request, authorized=authorized)
    response = await route.respond(request, authorized=authorized)
    if response is None:
        return None
    if outcome.garbage:
        # A 204 or 304 can have no body.
        return _with_body(response, GARBAGE, 200 if response.status_code in (204, 304) else None)
    if outcome.content_type is not None:
        others = [header for header in response.raw_headers if header[0].lower() != b"content-type"]
        content_type = (b"content-type", outcome.content_type.encode("latin-1"))
        return RawResponse(response.status_code, body_of(response), checked([content_type, *others]))
    return response


def _with_body(response: Response, body: bytes, status_code: int | None = None) -> Response:
    """The same response with another body; an ETag of the old one would be wrong."""
    kept = [
        header for header in response.raw_headers if header[0].lower() not in (b"content-length", b"etag")
    ]
    length = (b"content-length", b"%d" % len(body))
    return RawResponse(status_code or response.status_code, body, [*kept, length])


def _broken_delivery(outcome: Outcome, request: MockRequest) -> BrokenDelivery | None:
    if not (outcome.reset or outcome.stall or outcome.answer_lost) and outcome.cut_after_bytes is None:
        return None
    connection = cast(Connection | None, request.scope.get("extensions", {}).get(CONNECTION))
    if connection is None:
        raise RuntimeError(
            "this fault breaks the connection, and there is none in process: call the server over HTTP, as"
            " started by MockServer or `audience-mock serve`"
        )
    return BrokenDelivery(outcome, connection)


async def _send_part(response: Response, send: Send, body_bytes: int) -> None:
    """Send the head and so many bytes of the body, and leave the response unfinished."""
    start: Message = {"type": "http.response.start", "status": response.status_code}
    await send({**start, "headers": response.raw_headers})
    body = body_of(response)[:body_bytes]
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _wait_for_disconnect(request: MockRequest) -> None:
    """Wait until the client disconnects, the world is replaced, or STALL_S have passed."""

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    try:
        with request.world.interruptible():
            await asyncio.wait_for(disconnected(), STALL_S)
    except (WorldReplacedError, TimeoutError):
        pass


# Which fault a request meets


def _to_match(request: MockRequest, body: Any) -> dict[str, Any]:
    scope = request.scope
    return {
        "method": scope["method"],
        "path": route_path(scope),
        "path_params": request.path_params,
        "query": dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        "body": body,
    }


async def peek_body(request: MockRequest, max_bytes: int = MAX_BODY_BYTES) -> Any:
    """A JSON or form body as a value; None if it is neither, or too large. The body can be read again."""
    if declared_bytes(request) > max_bytes or media_type(request).startswith("multipart/"):
        return None
    raw, receive = await _read_ahead(request.receive, max_bytes)
    request.replace_receive(receive)
    if raw is None:
        return None
    request.raw_body = raw
    if len(raw) <= MAX_BODY_BYTES:
        return _as_value(raw, media_type(request))
    # Beside the event loop: a large body takes a tenth of a second.
    return await asyncio.to_thread(_as_value, raw, media_type(request))


def _as_value(raw: bytes, content_type: str) -> Any:
    try:
        if content_type == FORM:
            return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=1000))
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


async def _read_ahead(receive: Receive, max_bytes: int) -> tuple[bytes | None, Receive]:
    """The body, or None if it is too large or incomplete, and what receives all of it again."""
    seen: list[Message] = []
    size = 0
    whole = False
    while not whole and size <= max_bytes:
        message = await receive()
        seen.append(message)
        if message["type"] != "http.request":
            break
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
    raw = b"".join(message.get("body", b"") for message in seen) if whole and size <= max_bytes else None

    async def again() -> Message:
        return seen.pop(0) if seen else await receive()

    return raw, again
