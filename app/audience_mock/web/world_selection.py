"""Which world a request is for: named by its path, a header or its token, in this order.

The headers are looked through once, so this is also where one that asks for a fault is seen, and a page's.
"""

import re

from starlette.types import Scope

from audience_mock.core.worlds.world import DEFAULT

PREFIX = "/worlds/"
HEADER = b"x-audience-mock-world"
ASKS_FOR_FAULT = "asks_for_fault"
"""In the scope of a request with a header that may ask for a fault."""
OF_A_PAGE = "of_a_page"
"""In the scope of a request that has an Origin."""

_LOOKED_AT = frozenset({HEADER, b"authorization", b"origin", b"prefer", b"x-audience-mock-fault"})

_TOKEN_AND_WORLD = re.compile(rb"(.+)~([A-Za-z0-9][A-Za-z0-9_.-]{0,99})(=*)")
"""`Bearer pina_anything~blue` is `Bearer pina_anything` in the world blue, for clients that let nothing but a
token be set. The tilde may stand in a token (RFC 6750) and is in none of Pinterest's or PitchTarget's."""


def choose(scope: Scope) -> str:
    """The name of the world, as it was given; what named it is taken off the scope's path and token."""
    path: str = scope["path"]
    named = ""
    if path.startswith(PREFIX):
        named, slash, _ = path[len(PREFIX) :].partition("/")
        # `root_path` is part of `path`, as ASGI has it.
        scope["root_path"] = PREFIX + named
        scope["path"] = path if slash else path + "/"
    by_token = ""
    for position, (name, value) in enumerate(scope["headers"]):
        if name not in _LOOKED_AT:
            continue
        if name == b"authorization":
            if b"~" in value and (found := _TOKEN_AND_WORLD.fullmatch(value)):
                headers = list(scope["headers"])
                headers[position] = (name, found[1] + found[3])
                scope["headers"] = headers
                by_token = found[2].decode("ascii")
        elif name == HEADER:
            named = named or value.decode("latin-1").strip(" \t")
        else:
            scope[OF_A_PAGE if name == b"origin" else ASKS_FOR_FAULT] = True
    # `/worlds//…` is what an empty variable makes: no name, rather than everybody's world.
    return named if path.startswith(PREFIX) else named or by_token or DEFAULT
