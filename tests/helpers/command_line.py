"""The command's own parser, for command lines that files of the project hold."""

from collections.abc import Sequence
from typing import Any

import click

from audience_mock.cli.main import main


def read_command_line(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The subcommand of a command line, without `audience-mock`, and its parameters by name. Raises
    click.UsageError for one that is invalid."""
    name, *arguments = words
    # click keeps a command's help option as the first context made it: without the command above it, `-h`
    # would be missing from then on in this process.
    with click.Context(main, info_name="audience-mock", **main.context_settings) as above:
        return name, main.commands[name].make_context(name, arguments, parent=above).params
