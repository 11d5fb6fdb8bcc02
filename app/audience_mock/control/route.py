"""The route classes of the control API."""

from collections.abc import Sequence
from functools import cached_property

from pydantic_core import to_json
from starlette.responses import Response

from audience_mock.control import access, errors
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute

CHANGE = "change"
"""The kind of a notice about an operation that changed something."""

REPLAYED = frozenset(
    {
        *("state/seed", "clock/put", "clock/advance", "faults/add", "faults/clear", "faults/delete"),
        *("audience/update", "audience/delete", "customer_list/update", "ids/put"),
        *("limits/restart", "worlds/put", "worlds/update"),
    }
)
"""Operations that change how a world answers, and begin no new recording."""

_READING = frozenset({"journal/search", "journal/verify", "uploads/lint_for"})
"""Operations that change nothing, though their method is not GET."""


class ControlRoute(MockRoute):
    """For what is about the world of the request. `request.caller` is an `access.Caller`.

    To a tenant's token, worlds of others do not exist: the check looks at nothing but their names.
    """

    subject_to_faults = False  # or a fault could not be removed
    accepts_bare_bodies = True  # as curl sends them
    matches_encoded_slashes = True  # so that the error says what a name may be
    waits_for_long_transactions = True

    def authorize(self, request: MockRequest) -> None:
        request.caller = request.context.caller = caller = access.check(request, request.options)
        request.world.check_reachable()
        if caller.tenant is not None:
            for name in self.worlds_of(request):
                caller.check_sees(name)
            if not caller.may_change and not self.reads:
                raise access.ReadOnlyTokenError

    def worlds_of(self, request: MockRequest) -> Sequence[str]:
        """The names of the worlds that the request is about."""
        return (request.world.name,)

    @cached_property
    def reads(self) -> bool:
        """Whether the operation changes nothing."""
        return self.methods == {"GET"} or self.operation_id in _READING

    async def respond(self, request: MockRequest, *, authorized: bool = False) -> Response | None:
        response = await super().respond(request, authorized=authorized)
        if response is not None and response.status_code < 400:
            self._notify(request)
            if self.operation_id in REPLAYED:
                note_change(request)
        return response

    def _notify(self, request: MockRequest) -> None:
        """Tell the subscribers what was done."""
        operation = self.operation_id
        if self.reads:
            return
        if operation.startswith("worlds/"):
            request.worlds.notify(CHANGE, operation)
        else:
            request.world.subscribers.notify(CHANGE, operation)

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return errors.error_response(request, error)


def note_change(request: MockRequest) -> None:
    """Note a change of a world that is recorded: that of the request, or the one that its path names."""
    if request.worlds.is_shared:
        return  # only SQLite can record, and to find a world takes a trip
    name = request.path_params.get("world")
    world = request.world if name is None else request.worlds.find(name)
    if world.recording is None:
        return
    from audience_mock.core.worlds.recording import Change  # noqa: PLC0415 - few worlds are recorded

    path = "/settings" if name is not None else request.scope["path"].partition("/__admin")[2]
    body = request.raw_body or b""
    if name is not None:
        body = to_json({"settings": world.options["effective_settings"]()})
    change = Change(world.journal.last_number, world.clock.now_ms(), request.method, path, body)
    world.recording.add_change(change)


class ServerRoute(ControlRoute):
    """For what is about the server, or about worlds that the path names."""

    def worlds_of(self, request: MockRequest) -> Sequence[str]:
        return [str(request.path_params[name]) for name in ("world", "other") if name in request.path_params]
