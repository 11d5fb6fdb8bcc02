"""What the commands print: JSON, or text for people."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

GAP = "  "


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


def printable(text: str, encoding: str | None = None) -> str:
    """The text without what would control a terminal: clients choose names and paths. Characters that the
    encoding does not have are escaped, too."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    encoding = encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def table_lines(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A line for the head and one for each row, in aligned columns; numbers are aligned to the right."""
    cells = [list(head), *([printable(_shown(value)) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    is_number = [
        bool(rows) and all(isinstance(row[at], int | float) for row in rows) for at in range(len(head))
    ]
    return [
        GAP.join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        ).rstrip()
        for row in cells
    ]


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
        echo(f"{name.ljust(width)}{GAP}{_shown(value)}".rstrip())


def assignments(values: Mapping[str, Any]) -> str:
    """`name=value` for each, as `world set` takes them."""
    return " ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
