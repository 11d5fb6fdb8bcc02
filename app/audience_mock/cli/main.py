"""The entry point: the group of subcommands and its error handling."""

import sys
from typing import Any, NoReturn

import click

from audience_mock import __version__
from audience_mock.cli.backup import backup, restore
from audience_mock.cli.descriptions import export_openapi
from audience_mock.cli.errors import discard_unwritten, exit_for_output, exit_with_error
from audience_mock.cli.exec import exec_
from audience_mock.cli.migrate import migrate
from audience_mock.cli.seeds import check, schema
from audience_mock.cli.serve import serve
from audience_mock.cli.wait import wait

INTERRUPTED = 130
"""The exit status of a process that Ctrl-C ended, as shells report it."""


class OneLineErrorGroup(click.Group):
    """A group that reports a usage error in one line; click's report has four."""

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


@click.group(
    cls=OneLineErrorGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""
    \b
    Example:
      audience-mock serve --port 8000 --seed demo
    """,
)
@click.version_option(__version__, prog_name="audience-mock")
def main() -> None:
    """A mock server for Pinterest's audience API and PitchTarget's Audience API."""


for command in (serve, exec_, wait, check, schema, export_openapi, backup, restore, migrate):
    main.add_command(command)
