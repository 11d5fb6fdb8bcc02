"""A bridge report or a bundle of a world, while the server has other clients."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from audience_mock.testing import MockServer
from audience_mock.web import bridge, bundling

LIMIT_S = 60
"""Reached only where something is broken."""


@pytest.mark.parametrize("path", ["/bridge", "/bridge/seed"])
def test_others_are_answered_meanwhile(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a move is worked out, which takes half a second for 20,000 audiences, others are answered."""
    began, answered = Event(), Event()
    met: list[bool] = []

    class HeldMove(bridge.Move):
        def __init__(self, *rows: Any, **named: Any) -> None:
            began.set()
            met.append(answered.wait(LIMIT_S))
            super().__init__(*rows, **named)

    monkeypatch.setattr(bridge, "Move", HeldMove)
    with MockServer(seed="demo") as server, ThreadPoolExecutor(1) as threads:
        report = threads.submit(server.control, "GET", path)
        assert began.wait(LIMIT_S)
        server.control("GET", "/health")
        answered.set()
        assert report.result(LIMIT_S)
    assert met == [True]


def test_others_are_answered_while_a_bundle_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the bundle of a recorded world is written, which takes seconds for thousands of requests, others
    are answered."""
    began, answered = Event(), Event()
    met: list[bool] = []
    write = bundling.bundle_of

    def held(*given: Any) -> Any:
        began.set()
        met.append(answered.wait(LIMIT_S))
        return write(*given)

    monkeypatch.setattr(bundling, "bundle_of", held)
    with MockServer(record=True) as server, ThreadPoolExecutor(1) as threads:
        bundle = threads.submit(server.control, "GET", "/bundle")
        assert began.wait(LIMIT_S)
        server.control("GET", "/health")
        answered.set()
        assert bundle.result(LIMIT_S)["steps"] == []
    assert met == [True]
