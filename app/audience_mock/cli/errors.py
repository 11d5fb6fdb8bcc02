"""How the command reports an error: one line on stderr and an exit status."""

import contextlib
import errno
import os
import sys
from typing import NoReturn

import click

USAGE_ERROR = 2

_OUTPUT_ERRORS = (
    errno.ENOSPC,
    errno.EIO,
    errno.EFBIG,
    *((errno.EDQUOT,) if hasattr(errno, "EDQUOT") else ()),
)
"""A disk that is full or broken, a limit on a file or a user."""


def exit_with_error(message: object, status: int = USAGE_ERROR) -> NoReturn:
    """Print one line of plain text, whatever the message holds, and exit."""
    from audience_mock.core.text_tables import printable

    line = printable(" ".join(str(message).split()), getattr(sys.stderr, "encoding", None))
    with contextlib.suppress(OSError):
        click.echo(f"audience-mock: {line}", err=True)
    sys.exit(status)


def exit_for_output(error: OSError) -> NoReturn:
    """Report that the output cannot be written. Raises the error if it is about something else."""
    if error.errno not in _OUTPUT_ERRORS or error.filename is not None:
        raise error
    exit_with_error(f"cannot write the output: {error.strerror}")


def discard_unwritten() -> None:
    """Drop what stdout and stderr still hold and cannot write. Python would try again at the end of the
    process, report an ignored exception, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
