"""The route classes of this provider."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from audience_mock.core import tokens
from audience_mock.providers.pinterest import errors
from audience_mock.providers.pinterest import rate_limits as limits
from audience_mock.providers.pinterest import security as auth
from audience_mock.providers.pinterest.api_versions import ONLY_IN, is_by_schema_alone
from audience_mock.web.errors import NotAuthenticatedError, RouteNotFoundError
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute


class PinterestRoute(MockRoute):
    """For callers with a token."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        self._demand = auth.DEMANDS.get(self.operation_id)
        self._only_in = ONLY_IN.get(self.operation_id)

    def authorize(self, request: MockRequest) -> None:
        if self._only_in is not None and request.options.contract not in self._only_in:
            raise RouteNotFoundError
        auth.authorize(request, self._demand)

    def is_strict(self, request: MockRequest) -> bool:
        return is_by_schema_alone(request.options)

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return errors.error_response(request, error)


class AppRoute(PinterestRoute):
    """For apps, with their id and secret; `request.caller` is the id."""

    def authorize(self, request: MockRequest) -> None:
        id, secret = _basic(request.header(b"authorization") or "")
        if request.options.auth_mode == "strict" and not request.world.read_now(
            tokens.is_app, id=id, secret=secret
        ):
            raise NotAuthenticatedError
        request.caller = id
        limits.count(request, f"app {id}", None, request.world.clock.now_ms())


MAX_APP_ID_CHARACTERS = 200
"""Chosen; Pinterest's are seven digits."""


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of HTTP Basic, neither empty. Raises NotAuthenticatedError."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise NotAuthenticatedError from None
    if scheme.lower() != "basic" or not secret or not id.isprintable():
        raise NotAuthenticatedError
    if not 0 < len(id) <= MAX_APP_ID_CHARACTERS:
        raise NotAuthenticatedError
    return id, secret
