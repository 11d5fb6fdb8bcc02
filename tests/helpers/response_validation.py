"""Looks at every answer of Pinterest's API that a server in the suite sends, as a plugin of pytest.

Whatever client a test uses, and whether it looks at the answer or not: the application of each MockServer is
served through a `Watch`, and a test that was sent an answer that does not fit fails.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from audience_mock import testing
from audience_mock.server.uvicorn_server import Server
from audience_mock.web.context import find_context
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
}
"""Those of each answer, as recorded; a page from elsewhere is answered with one more word in `vary`."""

LIMIT_HEADERS = {
    "x-ratelimit-limit": r'\d+(, \d+;w=\d+;name="\w+")+',
    "x-ratelimit-remaining": r"\d+",
    "x-ratelimit-reset": r"\d+",
}
"""On every answer that was counted: recorded on all but a 401 of code 2."""

ON_PURPOSE = re.compile(r": (status \d+ is not described|the body is not JSON|header content-type: )")
"""What a planned fault may do to an answer."""

Headers = dict[str, str]


FITTING: Mapping[str | None, Sequence[str]] = {
    None: (OURS, *OFFICIAL),
    "5.28": ("5.28", "5.23"),
    "5.23": ("5.23",),
    "5.18": ("5.23", "5.18"),
}
"""The descriptions that the answers under each `pinterest_contract` fit; ours is the newest contract's."""


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
    """In what an answer of Pinterest's API is not as described, one line each; `path` has no `/v5`."""
    told = f"{method} {path} {status}"
    parsed = None
    if body:
        try:
            parsed = json.loads(body, parse_constant=_reject_constant)
        except ValueError as error:
            yield f"{told}: the body is not JSON: {error}: {shortened(body.decode(errors='replace'))}"
            return
    operation = operation_of(method, path)
    if path.startswith("/__uploads/") and status == 200:
        # Amazon's S3, as far as a client can tell.
        if body or "etag" not in headers:
            yield f"{told}: more than an ETag: {shortened(body.decode(errors='replace'))}"
        return
    for line in _of_headers(status, headers, parsed, limited and not path.startswith("/__uploads/")):
        yield f"{told}: {line}"
    if operation is None and status < 400:
        yield f"{told}: answered, though no description has the operation"
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
            yield f"{told} against {release}: {line}"


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


class Watch:
    """An application whose answers are looked at before they are sent."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._prefixes = app.state.providers["pinterest"].provider.mounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = re.match(r"/worlds/[^/]+", scope["path"])
        path = scope["path"][named.end() :] if named else scope["path"]
        if path.lstrip("/").partition("/")[0] not in self._prefixes:
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], path.removeprefix("/v5")
        started: Message = {}
        pieces: list[bytes] = []

        def look(answer: RawResponse) -> None:
            # A world that there cannot be is not rejected in the words of an API.
            context = find_context(scope)
            if context is not None and context.provider is not None:
                options = context.world.options["pinterest"]
                self._look(method, path, answer, options, of_a_fault=context.fault is not None)

        async def look_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    look(RawResponse(started["status"], b"".join(pieces), started["headers"]))
            await send(message)

        await self._app(scope, receive, look_and_send)

    def _look(self, method: str, path: str, answer: RawResponse, options: Any, *, of_a_fault: bool) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in answer.raw_headers}
        if method == "OPTIONS" and "access-control-allow-methods" in headers:
            return  # to a browser, not to a client
        # The server leaves the body out by itself.
        method = "GET" if method == "HEAD" else method
        seen.extend(
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
            if not (of_a_fault and ON_PURPOSE.search(line))
        )


TOLD = 20
"""Lines in the report on a test; chosen."""

seen: list[str] = []
"""What did not fit since a test began; servers run in threads of its process."""


class WatchedServer(Server):
    def __init__(self, app: FastAPI, **more: Any) -> None:
        super().__init__(cast(FastAPI, Watch(app)), **more)


@pytest.fixture(scope="session", autouse=True)
def every_server_is_watched() -> Iterator[None]:
    """Each MockServer of the session serves its application through a Watch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "Server", WatchedServer)
        yield


def _fail_if_seen() -> Generator[None, Any, Any]:
    try:
        answered = yield
    except BaseException as error:
        for line in taken():
            error.add_note(line)
        raise
    if lines := taken():
        pytest.fail("answers that do not fit:\n" + "\n".join(lines), pytrace=False)
    return answered


def taken() -> list[str]:
    """The first of what did not fit, each once; all is forgotten by this."""
    lines = list(dict.fromkeys(seen))
    seen.clear()
    return lines[:TOLD]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    return (yield from _fail_if_seen())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    return (yield from _fail_if_seen())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    return (yield from _fail_if_seen())
