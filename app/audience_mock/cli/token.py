"""`audience-mock token`, for files of tenants."""

import secrets
import sys

import click

from audience_mock.cli.errors import exit_with_error

TOKEN_BYTES = 32
"""Of randomness. Chosen: twice what cannot be guessed."""


@click.command(
    epilog="""
    \b
    Example:
      audience-mock token
    """
)
@click.argument("source", metavar="[-]", required=False, type=click.Choice(["-"]))
def token(source: str | None) -> None:
    """Make a token, and its digest for a file of tenants.

    Prints the token in the first line, to give away, and its digest in the second. With -, the token is read
    from standard input, and only the digest is printed.
    """
    from audience_mock.core.worlds.tenants import digest_of

    if source is None:
        made = f"am_{secrets.token_urlsafe(TOKEN_BYTES)}"
        click.echo(made)
    else:
        made = sys.stdin.read().strip()
        if not made or not made.isascii() or not made.isprintable() or " " in made:
            exit_with_error("a token has ASCII characters without spaces")
    click.echo(digest_of(made))
