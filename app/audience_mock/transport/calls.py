"""A request as a handler sees it."""

from time import perf_counter
from typing import Any, cast

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from audience_mock.core.world import World


class Call(Request):
    """One request to one world."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.started_s = perf_counter()
        self.world = cast(World, scope["world"])

    @property
    def options(self) -> Any:
        """The dialect's own settings value."""
        return self.scope["options"]
