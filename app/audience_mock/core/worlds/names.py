"""The names of worlds and snapshots."""

import re

from audience_mock.core.errors import InvalidNameError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""What is safe in a path, a header, a token and a file's name."""


def tenant_of(world: str) -> str:
    """The tenant whose world it is: what stands before the first dot of its name."""
    return world.partition(".")[0]


def check_name(name: str) -> None:
    """Raises InvalidNameError."""
    if not NAME.fullmatch(name):
        raise InvalidNameError(
            f"{name[:120]!r} is not a valid name: give 1 to 100 letters, digits, dots, dashes and"
            " underscores, the first a letter or digit"
        )
