"""What the commands print: JSON, or text for people."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from audience_mock.core.text_tables import GAP, printable, shown, table_lines

_BEYOND_ASCII = re.compile(r"[^\n -~]")


def echo_json(value: Any) -> None:
    """Print indented JSON. Characters are escaped if they could control a terminal, as those of C1 do, or
    turn the direction of writing, and all of them if the output's encoding has some of them not."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not text.isascii():
        text = _BEYOND_ASCII.sub(
            lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text
        )
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    click.echo(text)


def echo(text: str, *, colour: str | None = None, bold: bool = False, error: bool = False) -> None:
    """Print one line, in colour on a terminal unless NO_COLOR is set (no-color.org); click leaves colours out
    of anything else."""
    line = printable(text, getattr(sys.stderr if error else sys.stdout, "encoding", None))
    if (colour or bold) and not os.environ.get("NO_COLOR"):
        line = click.style(line, fg=colour, bold=bold or None)
    click.echo(line, err=error)


def echo_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print a table; `empty` is the line for one without rows."""
    if not rows:
        echo(empty)
        return
    first, *lines = table_lines(head, rows)
    echo(first, bold=True)
    for line in lines:
        echo(line)


def echo_fields(fields: Mapping[str, object]) -> None:
    """Print a line for each field: its name, and its value in an aligned column."""
    width = max(map(len, fields))
    for name, value in fields.items():
        echo(f"{name.ljust(width)}{GAP}{shown(value)}".rstrip())


def assignments(values: Mapping[str, Any]) -> str:
    """`name=value` for each, as `world set` takes them."""
    return " ".join(f"{name}={shown(value)}" for name, value in values.items())
