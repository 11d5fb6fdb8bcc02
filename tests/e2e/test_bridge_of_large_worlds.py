"""The bridge report of a world, while the server has other clients."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from audience_mock.testing import MockServer
from audience_mock.web import bridge

LIMIT_S = 20
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
