"""A request as a handler sees it."""

from time import perf_counter
from typing import Any, NamedTuple, cast

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from audience_mock.core.worlds.world import World
from audience_mock.core.worlds.worlds import Worlds

FAULT = "fault"
"""In the scope of a request that met one: the planned fault's id, or "request" for one that it asked for."""


class FormSummary(NamedTuple):
    """The fields of a form, and of each file its name and its bytes so far, by field."""

    fields: dict[str, str]
    files: dict[str, list[Any]]

    def held_bytes(self) -> int:
        return sum(len(each) for each in (*self.fields, *self.fields.values(), *self.files)) + sum(
            len(name) for name, _ in self.files.values()
        )


class MockRequest(Request):
    """One request to one world.

    `caller` is who calls, in the provider's own form, once its route has let them in; `more_head` is what
    came up on the way and belongs into the head of the answer, whatever that is.
    """

    caller: Any = None
    raw_body: bytes | None = None
    """The body, once it was read as a whole."""
    form_seen: FormSummary | None = None
    """What came of a form that was read as it arrived."""
    streamed_bytes: int | None = None
    """How much of a body was read and is not held."""
    _first_values: dict[bytes, bytes] | None = None
    more_head: bytes = b""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.started_s = perf_counter()
        self.world: World = scope["world"]
        self.options: Any = scope.get("options")
        """The provider's own settings value, as this world has it."""

    def header(self, name: bytes) -> str | None:
        """The first value of a header, named in lower case. Starlette decodes them all to find one."""
        if self._first_values is None:
            self._first_values = dict(reversed(self.scope["headers"]))
        value = self._first_values.get(name)
        return None if value is None else value.decode("latin-1")

    def read_from(self, receive: Receive) -> None:
        """Have the body come from here: some of it was looked at."""
        self._receive = receive

    @property
    def took_s(self) -> float:
        """Seconds since the request began. None pass where the world's clock stands: two runs are alike."""
        return 0.0 if self.world.clock.frozen else perf_counter() - self.started_s

    @property
    def worlds(self) -> Worlds:
        """All worlds of the server."""
        return cast(Worlds, self.scope["worlds"])
