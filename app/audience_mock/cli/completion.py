"""`audience-mock completion`."""

import click


@click.command(
    short_help="Print the completion script of a shell.",
    epilog="""
    \b
    Example:
      audience-mock completion bash > ~/.local/share/bash-completion/completions/audience-mock
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, flags and their values in a shell.

    For one session: eval "$(audience-mock completion bash)".
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    program = "audience-mock"
    source = kind(ctx.find_root().command, {}, program, "_AUDIENCE_MOCK_COMPLETE").source()
    # Click's script for fish ends descriptions at their first comma.
    click.echo(source.replace('string split ","', 'string split --max 1 ","'))
