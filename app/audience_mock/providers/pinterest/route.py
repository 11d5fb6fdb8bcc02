"""The route classes of this provider."""

from collections.abc import Callable
from typing import Any

from audience_mock.providers.pinterest.errors import error_response
from audience_mock.providers.pinterest.security import TokenRequirement, authorize_app, authorize_token
from audience_mock.providers.pinterest.strictness import is_schema_only
from audience_mock.web.errors import RouteNotFoundError
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute


class PinterestRoute(MockRoute):
    """For callers with a token that satisfies the route's `security`. A world whose API version is not among
    the route's `api_versions` has no such path."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(path, endpoint, **kwargs)
        self._requirement = TokenRequirement.from_security(self.security)

    def is_served(self, request: MockRequest) -> bool:
        version = request.options.api_version
        return self.api_versions is None or version is None or version in self.api_versions

    def authorize(self, request: MockRequest) -> None:
        if not self.is_served(request):
            raise RouteNotFoundError
        authorize_token(request, self._requirement)

    def is_strict(self, request: MockRequest) -> bool:
        return is_schema_only(request.options)

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return error_response(request, error)


class AppRoute(PinterestRoute):
    """For apps, with their id and secret."""

    def authorize(self, request: MockRequest) -> None:
        authorize_app(request)
