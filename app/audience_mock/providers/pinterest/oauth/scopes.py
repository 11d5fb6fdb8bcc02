"""Self-describing codes and refresh tokens: the scopes that they stand for. All chosen."""

import re

from audience_mock.core.errors import InvalidGrantError
from audience_mock.providers.pinterest.security import ALL_SCOPES, SCOPES
from audience_mock.providers.pinterest.settings import PinterestOptions

_CODE = re.compile(r"[\w.~:+ /=-]{1,1000}", re.ASCII)
"""A well-formed code or refresh token. Chosen: any word; Pinterest's codes are 40 hex digits."""
_SELF_DESCRIBING_CODE = re.compile(r"code_mock\.([a-z_:+, ]*)(?:\.[\w-]*)?", re.ASCII)
"""A code that names the scopes of its tokens: `code_mock.ads:read+ads:write`, with any third part to make it
another code. The plus signs may arrive as the spaces that a form makes of them."""
_SELF_DESCRIBING_REFRESH = re.compile(r"pinr_mock\.([a-z_:+ ]*)")
"""`pinr_mock.ads:read+ads:write`: the official client sends the same at each start, and forgets the next."""


def scopes_of_code(code: str, options: PinterestOptions) -> tuple[str, ...]:
    """The scopes that a code names; if it names none, all that the operations here need (chosen).

    Raises InvalidGrantError: in strict mode, for a code that is not self-describing.
    """
    if options.self_describing_tokens and (found := _SELF_DESCRIBING_CODE.fullmatch(code)):
        return _parse(found[1])
    if not _CODE.fullmatch(code):
        raise InvalidGrantError("malformed code")
    if options.auth_mode == "strict":
        raise InvalidGrantError("unknown code")
    return tuple(SCOPES)


def scopes_of_refresh_token(
    token: str, options: PinterestOptions, wanted: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """The scopes of a refresh token that this world never issued: those that it names. In lenient mode any
    other word has those that are `wanted`, or all that the operations here need (chosen, as for a code:
    clients start from a token that they stored). None: it is not accepted. Raises InvalidGrantError."""
    if options.self_describing_tokens and (found := _SELF_DESCRIBING_REFRESH.fullmatch(token)):
        return _parse(found[1])
    if options.auth_mode == "strict" or not _CODE.fullmatch(token):
        return None
    return wanted or tuple(SCOPES)


def is_self_describing_refresh_token(token: str) -> bool:
    return _SELF_DESCRIBING_REFRESH.fullmatch(token) is not None


def _parse(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(re.findall(r"[a-z_:]+", text)))
    if set(scopes) <= ALL_SCOPES:
        return scopes
    raise InvalidGrantError("it names scopes that Pinterest does not have")
