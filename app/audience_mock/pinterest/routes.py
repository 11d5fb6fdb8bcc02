"""The route classes of this dialect."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from audience_mock.core import tokens
from audience_mock.pinterest import auth, errors, limits
from audience_mock.pinterest.contract import ONLY_IN, is_by_schema_alone
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.errors import NoSuchRoute, NotAuthenticated
from audience_mock.transport.routes import MockRoute


class PinterestRoute(MockRoute):
    """For callers with a token."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        self._demand = auth.DEMANDS.get(self.operation_id)
        self._only_in = ONLY_IN.get(self.operation_id)

    def admit(self, call: Call) -> None:
        if self._only_in is not None and call.options.contract not in self._only_in:
            raise NoSuchRoute
        auth.admit(call, self._demand)

    def reads_strictly(self, call: Call) -> bool:
        return is_by_schema_alone(call.options)

    def refuse(self, call: Call, error: Exception) -> Answer:
        return errors.refuse(call, error)


class AppRoute(PinterestRoute):
    """For apps, with their id and secret; `call.caller` is the id."""

    def admit(self, call: Call) -> None:
        id, secret = _basic(call.header(b"authorization") or "")
        if call.options.auth_mode == "strict" and not call.world.read_now(
            tokens.is_app, id=id, secret=secret
        ):
            raise NotAuthenticated
        call.caller = id
        limits.count(call, f"app {id}", None, call.world.clock.now_ms())


MAX_APP_ID_CHARACTERS = 200
"""Chosen; Pinterest's are seven digits."""


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of HTTP Basic, neither empty. Raises NotAuthenticated."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise NotAuthenticated from None
    if scheme.lower() != "basic" or not secret or not id.isprintable():
        raise NotAuthenticated
    if not 0 < len(id) <= MAX_APP_ID_CHARACTERS:
        raise NotAuthenticated
    return id, secret
