"""Options of several commands, and values that are more than a text: JSON, numbers, ranges."""

import json
import re
from collections.abc import Callable
from typing import Any

import click

from audience_mock.cli.option_groups import GroupedOption

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")


class Json(click.ParamType[Any]):
    """JSON text; with `or_text`, what is none stands for itself."""

    name = "json"

    def __init__(self, *, or_text: bool = False) -> None:
        self._or_text = or_text

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value, parse_constant=_reject_constant)
        except (ValueError, RecursionError) as error:
            if self._or_text:
                return value
            self.fail(f"is not JSON: {error} (given: {value[:100]!r})", param, ctx)


class NumberOrText(click.ParamType[Any]):
    """A number where the text is one: a status or `4xx`, Unix seconds or ISO 8601."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            return float(value) if "." in value else int(value)
        return value


class MillisecondsOrRange(click.ParamType[Any]):
    """`200`, or `100-800` for a range."""

    name = "milliseconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", value)
        if found is None:
            self.fail(
                f"must be milliseconds, or a range such as 100-800 (given: {value[:100]!r})", param, ctx
            )
        low, high = found.groups()
        return int(low) if high is None else {"from": int(low), "to": int(high)}


class Pattern(Json):
    """An operation id, or a JSON object with what a request has to have."""

    name = "pattern"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.lstrip().startswith("{"):
            return {"operation": value}
        return super().convert(value, param, ctx)


def assignment(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` of a setting; the value is JSON, or a text that stands for itself."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"must be NAME=VALUE, such as build_delay_s=0 (given: {text[:100]!r})")
    return name.replace("-", "_"), Json(or_text=True).convert(value, None, None)


def grouped(group: str, *flags: str, **more: Any) -> Callable[[Any], Any]:
    """The decorator of an option under a heading."""
    return click.option(*flags, cls=GroupedOption, group=group, **more)


api_option = grouped(
    "Requests",
    "--api",
    metavar="NAME",
    help="Requests to this API: pinterest, pitchtarget, or one that a plug-in adds.",
)


def request_options(function: Any) -> Any:
    """The options by which requests are chosen, of a search and of a check alike."""
    for flag, kind, metavar, text in reversed(
        [
            ("--method", str, "METHOD", "HTTP method, in any case."),
            (
                "--path",
                str,
                "PATH",
                "Path as sent; * is any characters. With a ?, the query is compared too.",
            ),
            ("--status", NumberOrText(), "STATUS", "Status of the response: 404, 4xx, or none."),
            ("--fault", str, "ID", "Planned fault that fired."),
            ("--match", Json(), "JSON", "Part of the request: path_params, query, headers, body."),
        ]
    ):
        function = grouped("Requests", flag, type=kind, metavar=metavar, help=text)(function)
    return api_option(function)


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
