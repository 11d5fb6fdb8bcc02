"""The entry point: the group of subcommands and its error handling."""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NoReturn

import click

from audience_mock import __version__
from audience_mock.cli.backup import backup, restore
from audience_mock.cli.completion import completion
from audience_mock.cli.descriptions import export_openapi
from audience_mock.cli.errors import discard_unwritten, exit_for_output, exit_with_error
from audience_mock.cli.exec import exec_
from audience_mock.cli.identities import identities
from audience_mock.cli.lint import lint
from audience_mock.cli.migrate import migrate
from audience_mock.cli.seeds import check, schema
from audience_mock.cli.serve import serve
from audience_mock.cli.token import token
from audience_mock.cli.wait import wait

INTERRUPTED = 130
"""The exit status of a process that Ctrl-C ended, as shells report it."""


CONTROL_COMMANDS = {
    "bridge": ("bridge", "Say what a move to the other API keeps, changes and loses."),
    "bundle": ("bundle", "Write what is needed to play requests again."),
    "clock": ("clock", "Show, set, stop and advance the time."),
    "conduct": ("conduct", "Judge the client by the requests that were received."),
    "fault": ("fault", "Plan faults, and check that they fired."),
    "journal": ("journal", "List the requests that were received."),
    "reset": ("state", "Go back to the seed, or to no data."),
    "seed": ("state", "Add what a seed file holds."),
    "snapshot": ("state", "Take, restore, list and delete snapshots."),
    "state": ("state", "Print all data as a seed."),
    "verify": ("journal", "Check which requests were received."),
    "world": ("world", "List, create, fork and delete worlds."),
}
"""The commands for a running server: the module of `cli.control` that has each, and its line in the help. A
module is imported when one of its commands runs: all together take 10 ms, which no start should pay."""

LATE_COMMANDS = {
    "contract-diff": ("contract_diff.command", "Say which calls two API versions answer otherwise."),
    "replay": ("replay", "Play a bundle again, and compare the answers."),
    "sweep": ("sweep.command", "Run a command once for each of its calls and each fault."),
}
"""Other commands that are imported when they run: the module of `cli` that has each, and its line in the
help."""


class OneLineErrorGroup(click.Group):
    """A group that reports a usage error in one line; click's report has four. It imports the commands for a
    running server, and others that are late, when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *LATE_COMMANDS, *CONTROL_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in CONTROL_COMMANDS:
            module, short_help = CONTROL_COMMANDS[cmd_name]
            module = f"control.{module}"
        elif cmd_name in LATE_COMMANDS:
            module, short_help = LATE_COMMANDS[cmd_name]
        else:
            return super().get_command(ctx, cmd_name)
        of_module = import_module(f"audience_mock.cli.{module}")
        command: click.Command = getattr(of_module, cmd_name.replace("-", "_"))
        command.short_help = short_help
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = {name: command.get_short_help_str(limit=80) for name, command in self.commands.items()}
        own |= {name: line for name, (_, line) in LATE_COMMANDS.items()}
        _write_section(formatter, "Commands", sorted(own.items()))
        controls = ((name, line) for name, (_, line) in CONTROL_COMMANDS.items())
        _write_section(formatter, "Commands for a running server", controls)

    def main(self, *args: Any, **more: Any) -> NoReturn:
        try:
            status = super().main(*args, **{**more, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "audience-mock"
            exit_with_error(f"{error.format_message()} (see {command} --help)")
        except click.ClickException as error:
            exit_with_error(error.format_message())
        except click.Abort:
            sys.exit(INTERRUPTED)
        except OSError as error:
            exit_for_output(error)
        finally:
            discard_unwritten()
        sys.exit(status if isinstance(status, int) else 0)


def _write_section(formatter: click.HelpFormatter, title: str, rows: Iterable[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(list(rows))


@click.group(
    cls=OneLineErrorGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""
    \b
    Examples:
      audience-mock serve --port 8000 --seed demo
      audience-mock verify audiences/create --count 1
    """,
)
@click.version_option(__version__, prog_name="audience-mock")
def main() -> None:
    """A mock server for Pinterest's audience API and PitchTarget's Audience API."""


for command in (
    *(serve, exec_, wait, check, lint, identities, schema, token, export_openapi),
    *(backup, restore, migrate),
    completion,
):
    main.add_command(command)
