"""Work that is done in steps, held after its first one, while others are answered."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx
import pytest

from audience_mock.core import steps

LIMIT_S = 20


class Held(NamedTuple):
    """The answer to what was held, and to what was asked meanwhile."""

    answer: httpx.Response
    other: httpx.Response
    pauses: int
    """Times that others were let run."""


def ask_while_held(
    monkeypatch: pytest.MonkeyPatch,
    client: httpx.Client,
    ask: Callable[[httpx.Client], httpx.Response],
    other_path: str,
) -> Held:
    """Each item is a step here; the first pause lasts until GET of `other_path` is answered."""
    pauses, waits, may_go_on = 0, threading.Event(), threading.Event()

    async def pause() -> None:
        nonlocal pauses
        pauses += 1
        waits.set()
        while not may_go_on.is_set():
            await asyncio.sleep(0.001)

    monkeypatch.setattr(steps, "STEP_S", 0)
    monkeypatch.setattr(steps, "let_others_run", pause)
    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=client.base_url, timeout=LIMIT_S) as asking:
        asked = thread.submit(ask, asking)
        try:
            assert waits.wait(LIMIT_S)
            other = client.get(other_path)
        finally:
            may_go_on.set()
        answer = asked.result(LIMIT_S)
    return Held(answer, other, pauses)
