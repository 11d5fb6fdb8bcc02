"""The route class of the control API."""

from starlette.responses import Response

from audience_mock.control import access, errors
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute

CHANGE = "change"
"""The kind of a notice about an operation that changed something."""

_READING = frozenset({"journal/search", "journal/verify", "uploads/lint_for"})
"""Operations that change nothing, though their method is not GET."""


class ControlRoute(MockRoute):
    subject_to_faults = False  # or a fault could not be removed
    accepts_bare_bodies = True  # as curl sends them
    matches_encoded_slashes = True  # so that the error says what a name may be
    waits_for_long_transactions = True

    def authorize(self, request: MockRequest) -> None:
        access.check(request, request.options)

    async def respond(self, request: MockRequest, *, authorized: bool = False) -> Response | None:
        response = await super().respond(request, authorized=authorized)
        if response is not None and response.status_code < 400:
            self._notify(request)
        return response

    def _notify(self, request: MockRequest) -> None:
        """Tell the subscribers what was done."""
        operation = self.operation_id
        if self.methods == {"GET"} or operation in _READING:
            return
        if operation.startswith("worlds/"):
            request.worlds.notify(CHANGE, operation)
        elif request.world.subscribers:
            request.world.subscribers.notify(CHANGE, operation)

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return errors.error_response(request, error)
