"""Strict evidence: a request that the mock could answer only by a guess gets 501, which names the rule.

A guess is a rule whose evidence is below the level that a world, or the request, asks for. Which rules an
operation has is read from the description, as `/__admin/operations` shows them; when one makes a response
follows from what it is about:

- the operation itself: always;
- a field of a request, as its schema has it: when it is sent;
- what is stated about a field: when a value is rejected for it;
- what is stated about an operation or its responses: always;
- an error: when it is the response.

Where that is not so, the provider's `guesses` say when, by the text of the rule. Headers of responses count
only where they are named there. A field that a recorded operation requires was recorded with it.

Everything that can be known before an operation runs is checked then, so that nothing is written; whether the
operation would reject the request is found out in a copy of the world. What only the answer tells is checked
for operations that write nothing.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from pydantic_core import from_json
from starlette.responses import Response

from audience_mock.core.audiences import changes
from audience_mock.core.controls.faults import EVIDENCE_FAULT_ID
from audience_mock.core.errors import QuotaExceededError, StorageFullError, WorldReplacedError
from audience_mock.web.body import MAX_BODY_BYTES
from audience_mock.web.errors import InjectedError, InvalidInputError, MalformedBodyError, NotEvidencedError
from audience_mock.web.evidence import ErrorSpec, Grade
from audience_mock.web.evidence_level import HEADER, LEVELS, OFF
from audience_mock.web.evidence_rules import RANKS, OperationRules, Rule, operations_of
from audience_mock.web.faults import peek_body
from audience_mock.web.in_flight import TooManyInFlightError, in_a_copy
from audience_mock.web.request import MockRequest
from audience_mock.web.response import body_of

if TYPE_CHECKING:
    from audience_mock.web.route import MockRoute

_SAFE = ("GET", "HEAD")

_OWN_ERRORS = (
    *(InjectedError, QuotaExceededError, WorldReplacedError, StorageFullError),
    NotEvidencedError,
)
"""What the server says of itself, or a test asked for: no statement about an API."""

_REJECTING = {
    **dict.fromkeys(("string_too_long", "too_long"), re.compile(r"at most|1 to")),
    **dict.fromkeys(("string_too_short", "too_short", "blank"), re.compile(r"not blank|at least|1 to")),
}
"""Which rule of a field rejects a value, by pydantic's error type; any other is the field's schema."""


class Exchange(NamedTuple):
    """A request, and its response where it is known already."""

    request: MockRequest
    body: Any
    """The body, if it is JSON or a form of text; else None."""
    fields: frozenset[str]
    """What was sent, as `query page_size` or `body rule.url`."""
    status: int | None = None
    answer: Any = None


Condition = Callable[[Exchange], bool]


def always(exchange: Exchange) -> bool:
    """For what is stated about a field, but matters to each response."""
    return True


def never(exchange: Exchange) -> bool:
    """For what no single response shows."""
    return False


def sends(**values: Any) -> Condition:
    """For requests whose body has one of these values."""

    def applies(exchange: Exchange) -> bool:
        body = exchange.body if isinstance(exchange.body, dict) else {}
        return any(body.get(name) == value for name, value in values.items())

    return applies


class _Api(NamedTuple):
    operations: Mapping[str, OperationRules]
    conditions: Mapping[str, Condition]


async def respond(
    route: "MockRoute", request: MockRequest, call: Callable[[MockRequest], Awaitable[Response]]
) -> Response:
    """The response of `call`, if it is no guess. Raises NotEvidencedError, MalformedBodyError for a header
    that names no level, and whatever `call` raises."""
    level, operation, api = await _known(route, request)
    if level is None or operation is None or api is None:
        return await call(request)
    if RANKS[operation.grade] < RANKS[level]:
        raise _guess(request, level, f"operation {operation.name}", operation.grade, operation.source)
    exchange = await _exchange(request, operation, route.max_body_bytes)
    try:
        _check(operation, api, level, exchange)
    except NotEvidencedError as guess:
        await _raise_if_rejected(request, call, guess)
        raise
    if request.method in _SAFE and request.world.read_now(changes.counts_reads):
        # A read may be counted, and what is a guess changes nothing.
        try:
            async with in_a_copy(request):
                _check_answer(operation, api, level, exchange, await call(request))
        except TooManyInFlightError as error:
            raise InjectedError(503, reason=str(error)) from None
    response = await call(request)
    _check_answer(operation, api, level, exchange, response)
    return response


async def _raise_if_rejected(
    request: MockRequest, call: Callable[[MockRequest], Awaitable[Response]], guess: NotEvidencedError
) -> None:
    """Raise what the operation rejects the request with, if it does: otherwise its answer is the guess."""
    try:
        async with in_a_copy(request):
            request.context.fault = None
            await call(request)
    except TooManyInFlightError:
        raise guess from None
    request.context.fault = EVIDENCE_FAULT_ID


def check_form(request: MockRequest, fields: Mapping[str, str]) -> None:
    """The fields of a form that was read as it arrived, before it is used. Raises NotEvidencedError."""
    level, api = request.evidence_level, _api_of(request)
    operation = api.operations.get(request.context.operation or "") if api else None
    if level is not None and api is not None and operation is not None:
        sent = frozenset(f"body {name}" for name in fields)
        _check(operation, api, level, Exchange(request, dict(fields), sent))


def _check_answer(
    operation: OperationRules, api: _Api, level: str, exchange: Exchange, response: Response
) -> None:
    """What the answer tells of an operation that writes nothing. Raises NotEvidencedError."""
    if exchange.request.method not in _SAFE:
        return
    try:
        answer = from_json(body_of(response))
    except ValueError:
        answer = None
    exchange = exchange._replace(status=response.status_code, answer=answer)
    _check(operation, api, level, exchange)


def guess_in_error(
    request: MockRequest, specs: Sequence[ErrorSpec], error: Exception
) -> NotEvidencedError | None:
    """The guess in an error response, if there is one: the error itself, or the rule that rejects."""
    level = request.evidence_level
    if level is None or isinstance(error, _OWN_ERRORS):
        return None
    for spec in specs:
        if RANKS[spec.evidence.grade] < RANKS[level]:
            rule = f"error {spec.status}, {spec.when}: {spec.message}"
            return _guess(request, level, rule, spec.evidence.grade, spec.evidence.source)
    if isinstance(error, InvalidInputError) and (rejecting := _rejecting_rule(request, error)):
        rule = f"{rejecting.field}: {rejecting.text}"
        if RANKS[rejecting.grade] < RANKS[level]:
            return _guess(request, level, rule, rejecting.grade, rejecting.source)
    return None


def _rejecting_rule(request: MockRequest, error: InvalidInputError) -> Rule | None:
    api = _api_of(request)
    operation = api.operations.get(request.context.operation or "") if api else None
    pattern = _REJECTING.get(error.details[0]["type"])
    if operation is None or pattern is None:
        return None
    place = ".".join("[]" if isinstance(part, int) else part for part in error.details[0]["loc"])
    field = f"{error.place} {place.replace('.[]', '[]')}"
    return next(
        (rule for rule in operation.fields if rule.field == field and pattern.match(rule.text)),
        None,
    )


def _check(operation: OperationRules, api: _Api, level: str, exchange: Exchange) -> None:
    request, least = exchange.request, RANKS[level]
    for rule in operation.fields:
        if RANKS[rule.grade] < least and _applies_to_field(rule, api, exchange):
            raise _guess(request, level, f"{rule.field}: {rule.text}", rule.grade, rule.source)
    for rules, otherwise in ((operation.answers, always), (operation.headers, never)):
        for rule in rules:
            if RANKS[rule.grade] < least and api.conditions.get(rule.text, otherwise)(exchange):
                raise _guess(request, level, f"{rule.field}: {rule.text}", rule.grade, rule.source)


def _applies_to_field(rule: Rule, api: _Api, exchange: Exchange) -> bool:
    if rule.is_schema:
        return rule.field in exchange.fields
    condition = api.conditions.get(rule.text)
    if condition is None:
        return False
    return rule.field in exchange.fields if condition is always else condition(exchange)


def _guess(request: MockRequest, level: str, rule: str, grade: Grade, source: str) -> NotEvidencedError:
    request.context.fault = EVIDENCE_FAULT_ID
    return NotEvidencedError(rule, grade, source, level, allow=OFF if grade == "invented" else grade)


async def _known(
    route: "MockRoute", request: MockRequest
) -> tuple[str | None, OperationRules | None, _Api | None]:
    asked = request.context.evidence
    if asked is not None and asked not in (*LEVELS, OFF):
        raise MalformedBodyError(
            f"{HEADER}: must be one of {', '.join((*LEVELS, OFF))} (given: {asked[:100]!r})"
        )
    level, provider = request.evidence_level, request.context.provider
    if level is None or provider is None or provider.errors is None:
        return None, None, None
    api = _api_of(request)
    if api is None:
        # Making the description takes a second at the first time: other requests run meanwhile.
        served = request.context.served
        description = (await asyncio.to_thread(served.descriptions))[provider.name]
        conditions = {} if provider.guesses is None else provider.guesses()
        operations = {each.name: each for each in operations_of(description)}
        api = served.evidence[provider.name] = _Api(operations, conditions)
    return level, api.operations.get(route.operation_id), api


def _api_of(request: MockRequest) -> _Api | None:
    provider = request.context.provider
    return None if provider is None else request.context.served.evidence.get(provider.name)


async def _exchange(request: MockRequest, operation: OperationRules, max_bytes: int) -> Exchange:
    body = await peek_body(request, max_bytes) if request.method not in _SAFE else None
    sent = [f"path {name}" for name in request.path_params]
    query = request.scope["query_string"].decode("latin-1")
    sent += [f"query {name}" for name, _ in parse_qsl(query, keep_blank_values=True)]
    size_bytes = len(request.raw_body or b"")
    find = partial(_fields_in, body, operation.body_fields)
    # Beside the event loop: a large body takes a tenth of a second.
    found = await asyncio.to_thread(find) if size_bytes > MAX_BODY_BYTES else find()
    return Exchange(request, body, frozenset(sent) | found)


def _fields_in(body: Any, known: frozenset[str]) -> frozenset[str]:
    return frozenset(_known_in(body, "body ", known))


def _known_in(value: Any, path: str, known: frozenset[str]) -> Iterator[str]:
    """Those of the known fields that a body has. What is in others is not looked at: a body may be as deep
    and its names as long as a client likes."""
    if isinstance(value, list) and f"{path}[]" in known:
        for item in value:
            yield from _known_in(item, f"{path}[].", known)
    elif isinstance(value, dict):
        for name, item in value.items():
            field = f"{path}{name}"
            if item is not None and field in known:
                yield field
                yield from _known_in(item, field if isinstance(item, list) else f"{field}.", known)
