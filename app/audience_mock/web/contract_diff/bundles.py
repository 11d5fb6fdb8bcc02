"""The calls that a bundle has, replayed under two versions and compared."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from pydantic_core import from_json, to_json

from audience_mock.core.worlds.world import DEFAULT as DEFAULT_WORLD
from audience_mock.web.api_versions import ApiVersions
from audience_mock.web.bundling import BASE, LATER_ARE_MISSING, BundleError, raw_of, why_not_replayable
from audience_mock.web.contract_diff.comparison import Comparison
from audience_mock.web.contract_diff.lockstep import Pair, applications, make_alike, replay
from audience_mock.web.exchanges import Answer, Exchange
from audience_mock.web.response import Header
from audience_mock.web.world_selection import HEADER as WORLD_HEADER

UNRECORDED = {"record": False, "journal_entries": 0, "lint_sample_bytes": 0}
"""What a replay has no use for."""

MakeApp = Callable[[Mapping[str, Any]], FastAPI]
"""Makes an application in memory with the default settings but for these."""


def compare(
    bundle: Mapping[str, Any],
    *,
    api: str,
    versions: ApiVersions,
    one: str,
    other: str,
    make_app: MakeApp,
    after_each: Callable[[], str | None] = lambda: None,
) -> dict[str, Any]:
    """The report on the calls of a bundle. After each one, `after_each` may say why not to go on. Runs for
    milliseconds per call, on an event loop of its own. Raises BundleError."""
    return asyncio.run(_compare(_Steps(bundle, versions), api, (one, other), make_app, after_each))


async def _compare(
    steps: "_Steps",
    api: str,
    names: tuple[str, str],
    make_app: MakeApp,
    after_each: Callable[[], str | None],
) -> dict[str, Any]:
    settings = [steps.versions.settings(name) for name in names]
    other_version = []
    stopped = None
    async with applications(*((lambda of=of: make_app(of)) for of in settings)) as apps:
        worlds = [app.state.worlds.default for app in apps]

        def prepare(exchange: Exchange) -> None:
            for world in worlds:
                world.set_clock(now_ms=exchange.at_ms, frozen=True)
            make_alike(*worlds)

        comparison = Comparison(api, apps[0].state.providers, *names)
        async with aclosing(replay(steps.start(), apps, prepare=prepare)) as started:
            async for pair in started:
                _check_start(pair)
        async with aclosing(replay(steps.exchanges(), apps, prepare=prepare)) as pairs:
            async for pair in pairs:
                if pair.call.is_control:
                    continue
                comparison.see(pair.call.number, pair)
                if steps.versions.name_of(pair.call.settings) != names[0]:
                    other_version.append(pair.call.number)
                if (stopped := after_each()) is not None:
                    break
    return {
        "world": steps.world,
        **comparison.report(),
        "other_version": other_version,
        "stopped": stopped or steps.stopped,
    }


def _check_start(pair: Pair) -> None:
    """Raises BundleError if the settings or the data that the bundle begins with were rejected."""
    for answer in (pair.before, pair.after):
        if answer.status is not None and answer.status >= 400:
            raise BundleError(from_json(answer.body)["error"])


class _Steps:
    """What a bundle says was done, as requests to a default world whose server decides the version."""

    def __init__(self, bundle: Mapping[str, Any], versions: ApiVersions) -> None:
        self._bundle = bundle
        self.versions = versions
        self.world = str(bundle.get("world", DEFAULT_WORLD))
        self.stopped: str | None = None
        """Why not all was done, once that is known."""

    def start(self) -> Iterator[Exchange]:
        """What makes the world that was there at first."""
        at_ms = _milliseconds(self._bundle["clock"]["now"])
        yield self._settings(self._bundle["settings"], at_ms)
        if any(self._bundle["start"].values()):
            yield _control("POST", "/seed", self._bundle["start"], at_ms)

    def exchanges(self) -> Iterator[Exchange]:
        """Calls and changes, in order."""
        settings = self._bundle["settings"]
        for step in self._bundle["steps"]:
            at_ms = _milliseconds(step["at"])
            if "change" in step:
                change = step["change"]
                if change["path"].startswith("/clock"):
                    continue  # each step has its time
                if change["path"] == "/settings":
                    settings = change["body"]["settings"]
                    yield self._settings(settings, at_ms)
                else:
                    yield _control(change["method"], change["path"], change["body"], at_ms)
            elif (why := why_not_replayable(step)) is not None:
                self.stopped = why
                return
            else:
                yield self._call(step, settings, at_ms)
        if self._bundle["missing"]["after_limit"]:
            self.stopped = LATER_ARE_MISSING

    def _settings(self, settings: Mapping[str, Any], at_ms: int) -> Exchange:
        own = {name: value for name, value in settings.items() if name != self.versions.setting}
        return _control("PUT", f"/worlds/{DEFAULT_WORLD}", {"settings": own | UNRECORDED}, at_ms)

    def _call(self, step: Mapping[str, Any], settings: Mapping[str, Any], at_ms: int) -> Exchange:
        request, answer = step["request"], step["answer"]
        path, _, query = request["path"].partition("?")
        body = raw_of(request["body"])
        return Exchange(
            request["method"],
            unquote(path),
            path.encode("latin-1"),
            query.encode("latin-1"),
            [*_headers(request, body)],
            BytesIO(body),
            operation=step["operation"],
            world=self.world,
            settings=settings,
            at_ms=at_ms,
            answer=Answer(answer["status"], body=b"" if answer["body"] is None else raw_of(answer["body"])),
            number=step["number"],
        )


def _headers(request: Mapping[str, Any], body: bytes) -> Iterator[Header]:
    """Those that a server would pass on, at the address that stands for its own. There is only one world."""
    yield b"host", BASE
    is_chunked = False
    for name, value in request["headers"]:
        raw_name = name.encode("latin-1")
        is_chunked = is_chunked or raw_name == b"transfer-encoding"
        if raw_name not in (b"host", b"content-length", b"connection", WORLD_HEADER):
            yield raw_name, value.encode("latin-1")
    if not is_chunked and (body or request["method"] in ("POST", "PUT", "PATCH")):
        yield b"content-length", b"%d" % len(body)


def _control(method: str, path: str, body: Any, at_ms: int) -> Exchange:
    path, _, query = f"/__admin{path}".partition("?")
    raw = b"" if body is None else to_json(body)
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(raw)),
    ]
    return Exchange(
        method,
        unquote(path),
        path.encode(),
        query.encode(),
        headers,
        BytesIO(raw),
        is_control=True,
        at_ms=at_ms,
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
