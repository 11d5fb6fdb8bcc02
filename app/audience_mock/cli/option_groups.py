"""Commands whose help lists their options under headings, and choices that another place checks."""

from collections.abc import Collection
from typing import Any

import click

OTHER = "Other"


class ShownChoice(click.Choice[str]):
    """Shows and completes the allowed values. Whatever takes the value checks it: the settings, which have it
    from a variable too, or the server, which may be of another version."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value


class GroupedOption(click.Option):
    """An option under a heading of its command's help."""

    def __init__(self, *arguments: Any, group: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help has a section for each group of options; options without a group come last."""

    def ordered(self, groups: Collection[str]) -> Collection[str]:
        """The groups in the order of their sections, by default that of the options."""
        return groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue
            if record := parameter.get_help_record(ctx):
                sections.setdefault(getattr(parameter, "group", OTHER), []).append(record)
        others = sections.pop(OTHER, [])
        for group in self.ordered(sections):
            with formatter.section(group):
                formatter.write_dl(sections[group])
        if others:
            with formatter.section(OTHER):
                formatter.write_dl(others)
