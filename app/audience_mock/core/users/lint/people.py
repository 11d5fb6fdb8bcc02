"""Fictional people whose ids are known in plain: so hashes of misspelled ones can be recognized."""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from audience_mock.core.users.lint.expected import KINDS

People = Sequence[Mapping[str, str]]
"""A person has ids by kind. A phone number is written +CC NNN NNNN: the country code stands alone."""


@cache
def known_people() -> tuple[Mapping[str, str], ...]:
    """The 300 people that are included: those of the demo world and of the sample files, and others. Their
    ids belong to no person: addresses are in example domains, numbers are reserved for fiction."""
    return read(Path(__file__).with_name("people.csv"))


def read(file: Path) -> tuple[Mapping[str, str], ...]:
    """The people of a CSV file with a header; a column is a kind of id, other columns are ignored. Raises
    OSError, and ValueError for what is not CSV in UTF-8."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}") from error
    return tuple({kind: row[kind].strip() for kind in KINDS if (row.get(kind) or "").strip()} for row in rows)
