"""The route class of the control API."""

from audience_mock.control import access, errors
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute


class ControlRoute(MockRoute):
    subject_to_faults = False  # or a fault could not be removed
    accepts_bare_bodies = True  # as curl sends them
    matches_encoded_slashes = True  # so that the error says what a name may be
    waits_for_long_transactions = True

    def authorize(self, request: MockRequest) -> None:
        access.check(request, request.options)

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return errors.error_response(request, error)
