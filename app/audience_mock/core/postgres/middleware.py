"""Requests that may wait for the database wherever they are."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audience_mock.core.postgres.waiting import in_greenlet, wait

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class Waiting:
    """Middleware of ASGI: runs each request, and the lifespan, in a greenlet of its own."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await in_greenlet(lambda: wait(self.app(scope, receive, send)))
