"""What an operator sees of each request: middleware that measures it, for metrics, logs and traces.

It is part of the application only if one of them is on.
"""

import re
import secrets
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.core.worlds.names import tenant_of
from audience_mock.web.context import RequestContext, find_context

_REQUEST_ID = re.compile(rb"[!-~]{1,128}")
"""What is taken from `X-Request-Id`: it goes into logs."""


@dataclass(slots=True)
class Observation:
    """A request, under way or finished. `status` is None until the response starts, and where none does."""

    scope: Scope
    request_id: str
    status: int | None = None
    duration_s: float | None = None

    @property
    def context(self) -> RequestContext | None:
        """None before the world is known, and where its name was rejected."""
        return find_context(self.scope)

    @property
    def world(self) -> str | None:
        return self.context.world.name if self.context else None

    @property
    def tenant(self) -> str | None:
        return None if self.world is None else tenant_of(self.world)

    @property
    def api(self) -> str | None:
        """The name of the API, the control API among them; None for pages of the server itself."""
        provider = self.context.provider if self.context else None
        return provider.name if provider else None

    @property
    def operation(self) -> str | None:
        return self.context.operation if self.context else None

    @property
    def client(self) -> str | None:
        """The address that called."""
        client = self.scope.get("client")
        return client[0] if client else None


class Observer:
    """What is told of each request; does nothing itself. No method may raise."""

    def started(self, observation: Observation) -> None:
        """Nothing but the request's head is known."""

    def responding(self, observation: Observation) -> None:
        """The response is about to start."""

    def finished(self, observation: Observation) -> None:
        """The response was sent, or the client left."""


_current: ContextVar[Observation | None] = ContextVar("observation", default=None)


def current_observation() -> Observation | None:
    """The request that this code runs for, if requests are observed."""
    return _current.get()


class ObservationMiddleware:
    """Tells the observers of each HTTP request."""

    def __init__(self, app: ASGIApp, *, observers: Sequence[Observer]) -> None:
        self.app = app
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        observation = Observation(scope, _request_id(scope))

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                observation.status = message["status"]
                for observer in self._observers:
                    observer.responding(observation)
            await send(message)

        for observer in self._observers:
            observer.started(observation)
        token = _current.set(observation)
        began = perf_counter()
        try:
            await self.app(scope, receive, send_noting)
        finally:
            observation.duration_s = perf_counter() - began
            _current.reset(token)
            for observer in self._observers:
                observer.finished(observation)


def _request_id(scope: Scope) -> str:
    """The one that the caller or a proxy gave, else a new one. Never sent: responses are the providers'."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)
