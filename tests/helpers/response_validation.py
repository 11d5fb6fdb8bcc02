"""A pytest plugin that validates every response of Pinterest's API sent by a server in the suite.

The application of each MockServer is wrapped in a `ResponseValidator`, so that no client and no test is left
out: a test that receives a response that does not fit the description fails.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from audience_mock import testing
from audience_mock.server.uvicorn_server import Server
from audience_mock.web.context import context_of
from audience_mock.web.response import RawResponse
from helpers.descriptions import OFFICIAL, OURS, description, operation_of, shortened

HEADERS = {
    "pinterest-version": r"[0-9a-f]{7}",
    "cache-control": "no-cache, no-store, must-revalidate",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "vary": "Accept-Encoding|Accept-Encoding, Origin",
    "x-pinterest-rid": r"\d{16}",
    "x-pinterest-rid-128bit": r"[0-9a-f]{32}",
    "x-envoy-upstream-service-time": r"\d+",
    "access-control-allow-credentials": "true",
    "p3p": r'CP="[^"]*"',
    "pinterest-generated-by": r"[a-z-]+",
    "date": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
}
"""Those of each response, as recorded; one to a page of another origin has one more value in `vary`."""

LIMIT_HEADERS = {
    "x-ratelimit-limit": r'\d+(, \d+;w=\d+;name="\w+")+',
    "x-ratelimit-remaining": r"\d+",
    "x-ratelimit-reset": r"\d+",
}
"""On every response that was counted: recorded on all but a 401 of code 2."""

ON_PURPOSE = re.compile(r": (status \d+ is not described|the body is not JSON|header content-type: )")
"""Misfits that a planned fault may cause."""

Headers = dict[str, str]


FITTING: Mapping[str | None, Sequence[str]] = {
    None: (OURS, *OFFICIAL),
    "5.28": ("5.28", "5.23"),
    "5.23": ("5.23",),
    "5.18": ("5.23", "5.18"),
}
"""The descriptions that the responses of each `pinterest_contract` fit; ours is that of the newest."""


def misfits(
    method: str,
    path: str,
    status: int,
    headers: Headers,
    body: bytes,
    *,
    releases: Sequence[str] = FITTING[None],
    limited: bool = True,
) -> Iterator[str]:
    """Where a response of Pinterest's API is not as described, one line each; `path` has no `/v5`."""
    prefix = f"{method} {path} {status}"
    if path.startswith("/__uploads/") and status == 403 and headers.get("content-type") == "application/xml":
        # Amazon's S3 again: the tests of signatures check it.
        return
    parsed = None
    if body:
        try:
            parsed = json.loads(body, parse_constant=_reject_constant)
        except ValueError as error:
            yield f"{prefix}: the body is not JSON: {error}: {shortened(body.decode(errors='replace'))}"
            return
    operation = operation_of(method, path)
    if path.startswith("/__uploads/") and status == 200:
        # Amazon's S3, as far as a client can tell.
        if body or "etag" not in headers:
            yield f"{prefix}: more than an ETag: {shortened(body.decode(errors='replace'))}"
        return
    for line in _of_headers(status, headers, parsed, limited and not path.startswith("/__uploads/")):
        yield f"{prefix}: {line}"
    if operation is None and status < 400:
        yield f"{prefix}: answered, though no description has the operation"
        return
    for release in releases:
        known = description(release)
        if known is None:
            continue
        if operation is None:
            lines = known.misfits_of_error(parsed)
        elif operation in known.operations:
            lines = known.misfits(operation, status, parsed)
        else:
            continue
        for line in lines:
            yield f"{prefix} against {release}: {line}"


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value of JSON")


def _of_headers(status: int, headers: Headers, body: Any, limited: bool) -> Iterator[str]:
    expected = dict(HEADERS)
    if body is not None:
        expected["content-type"] = "application/json"
    unknown_caller = status == 401 and isinstance(body, dict) and body.get("code") == 2
    if limited and not unknown_caller:
        expected |= LIMIT_HEADERS
    for name, pattern in expected.items():
        if not re.fullmatch(pattern, headers.get(name, "")):
            yield f"header {name}: {headers.get(name, 'missing')!r} does not match {pattern}"


class ResponseValidator:
    """Wraps an application and validates its responses before they are sent."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._prefixes = app.state.providers["pinterest"].provider.mounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if b"%2f" in scope.get("raw_path", b"").lower():
            # In `path` it looks like any other slash; no operation has a path with one, or with two slashes.
            path = re.sub("%2f", "//", scope["raw_path"].decode(), flags=re.IGNORECASE)
        named = re.match(r"/worlds/[^/]+", path)
        path = path[named.end() :] if named else path
        if path.lstrip("/").partition("/")[0] not in self._prefixes:
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], path.removeprefix("/v5")
        started: Message = {}
        pieces: list[bytes] = []

        def validate(answer: RawResponse) -> None:
            # An invalid world name gets an error of the control API.
            context = context_of(scope)
            if context.provider is not None:
                options = context.world.options["pinterest"]
                self._validate(method, path, answer, options, injected=context.fault is not None)

        async def validate_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    validate(RawResponse(started["status"], b"".join(pieces), started["headers"]))
            await send(message)

        await self._app(scope, receive, validate_and_send)

    def _validate(self, method: str, path: str, answer: RawResponse, options: Any, *, injected: bool) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in answer.raw_headers}
        if method == "OPTIONS" and "access-control-allow-methods" in headers:
            return  # to a browser, not to a client
        # The server leaves the body out by itself.
        method = "GET" if method == "HEAD" else method
        found_misfits.extend(
            line
            for line in misfits(
                method,
                path,
                answer.status_code,
                headers,
                bytes(answer.body),
                releases=[
                    release
                    for release in FITTING[options.api_version]
                    if release != OURS or options.validation == "documented"
                ],
                limited=options.rate_limits != "off",
            )
            if not (injected and ON_PURPOSE.search(line))
            and not (_ends_worlds and line.endswith(": status 500 is not described"))
        )


MAX_REPORTED = 20
"""Misfits reported for one test; chosen."""

found_misfits: list[str] = []
"""The misfits since the test began; servers run in threads of this process."""

_ends_worlds = False


@contextmanager
def worlds_may_end_under_requests() -> Iterator[None]:
    """For tests that delete a world while it is used: what is under way then gets a 500, which operations do
    not describe."""
    global _ends_worlds  # noqa: PLW0603 - as above, for all servers of the process
    _ends_worlds = True
    try:
        yield
    finally:
        _ends_worlds = False


class ValidatingServer(Server):
    def __init__(self, app: FastAPI, **more: Any) -> None:
        super().__init__(cast(FastAPI, ResponseValidator(app)), **more)


@pytest.fixture(scope="session", autouse=True)
def every_server_is_validated() -> Iterator[None]:
    """Each MockServer of the session validates its responses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "Server", ValidatingServer)
        yield


def _fail_on_misfits() -> Generator[None, Any, Any]:
    try:
        answered = yield
    except BaseException as error:
        for line in take_misfits():
            error.add_note(line)
        raise
    if lines := take_misfits():
        pytest.fail("answers that do not fit:\n" + "\n".join(lines), pytrace=False)
    return answered


def take_misfits() -> list[str]:
    """Returns the first misfits, each once, and clears the list."""
    lines = list(dict.fromkeys(found_misfits))
    found_misfits.clear()
    return lines[:MAX_REPORTED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    return (yield from _fail_on_misfits())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    return (yield from _fail_on_misfits())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    return (yield from _fail_on_misfits())
