"""How the command reports an error: one line on stderr and an exit status."""

import sys
from typing import NoReturn

import click

USAGE_ERROR = 2


def exit_with_error(message: object, status: int = USAGE_ERROR) -> NoReturn:
    """Print one line, whatever the message holds, and exit."""
    click.echo(f"audience-mock: {' '.join(str(message).split())}", err=True)
    sys.exit(status)
