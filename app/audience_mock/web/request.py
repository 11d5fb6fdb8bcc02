"""A request as a handler sees it."""

from time import perf_counter
from typing import Any, NamedTuple

from starlette.requests import Request, empty_send
from starlette.types import Receive, Scope, Send

from audience_mock.core.worlds.world import World
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.web.context import context_of
from audience_mock.web.evidence_level import LEVELS
from audience_mock.web.response import Header


class FormSummary(NamedTuple):
    """What the journal keeps of a form: its fields, and by field the name and size so far of each file."""

    fields: dict[str, str]
    files: dict[str, list[Any]]

    def held_bytes(self) -> int:
        return sum(len(each) for each in (*self.fields, *self.fields.values(), *self.files)) + sum(
            len(name) for name, _ in self.files.values()
        )


class MockRequest(Request):
    """One request to one world.

    `caller` is who sent it, in the provider's own form, once its route has let them in.
    """

    caller: Any = None
    raw_body: bytes | None = None
    """The body, once it was read as a whole."""
    form_summary: FormSummary | None = None
    """The parts of a form that was read as it arrived."""
    streamed_bytes: int | None = None
    """Bytes of a body that were read and not kept."""
    tap: Any = None
    """What keeps its body, in a world that is recorded: a `recording.Tap`."""
    response_headers: tuple[Header, ...] = ()
    """Headers that any response to this request gets: rate limits."""
    _first_values: dict[bytes, bytes] | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send = empty_send) -> None:
        super().__init__(scope, receive, send)
        self.started_s = perf_counter()
        self.context = context_of(scope)
        self.world: World = self.context.world
        provider = self.context.provider
        self.options: Any = None if provider is None else self.world.options.get(provider.name)
        """The provider's own settings value, as this world has it."""

    @property
    def worlds(self) -> Worlds:
        """All worlds of the server."""
        return self.context.worlds

    @property
    def sent_method(self) -> str:
        """The method as it was sent: a HEAD is answered as a GET."""
        return "HEAD" if self.context.is_head else self.method

    @property
    def evidence_level(self) -> str | None:
        """The evidence that every rule of the response has to have; None for any."""
        asked = self.context.evidence
        level = self.world.rules.strict_evidence if asked is None else asked
        return level if level in LEVELS else None

    def header(self, name: bytes) -> str | None:
        """The first value of a header, named in lower case. Starlette decodes them all to find one."""
        if self._first_values is None:
            self._first_values = dict(reversed(self.scope["headers"]))
        value = self._first_values.get(name)
        return None if value is None else value.decode("latin-1")

    def replace_receive(self, receive: Receive) -> None:
        """Read the body from `receive`, since a part of it was read already."""
        self._receive = receive

    @property
    def received_file_bytes(self) -> int:
        """Bytes of files that were read from the body so far."""
        read: int = self.streamed_bytes or 0
        if self.form_summary is not None:
            read += sum(size for _, size in self.form_summary.files.values())
        return read

    @property
    def took_s(self) -> float:
        """Seconds since the request began; 0 where the world's clock is frozen, so two runs are alike."""
        return 0.0 if self.world.clock.frozen else perf_counter() - self.started_s
