"""Values as text for a terminal, and tables of them."""

import json
from collections.abc import Sequence

GAP = "  "


def printable(text: str, encoding: str | None = None) -> str:
    """The text without what would control a terminal: clients choose names and paths. Characters that the
    encoding does not have are escaped, too."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    encoding = encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def table_lines(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A line for the head and one for each row, in aligned columns; numbers are aligned to the right."""
    cells = [list(head), *([printable(shown(value)) for value in row] for row in rows)]
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


def shown(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
