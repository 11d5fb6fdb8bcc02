"""The route class of this provider."""

from audience_mock.providers.pitchtarget import errors, security
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute


class PitchTargetRoute(MockRoute):
    def authorize(self, request: MockRequest) -> None:
        if self.security is None or self.security:
            security.authorize(request)

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return errors.error_response(request, error)
