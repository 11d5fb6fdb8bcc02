"""Seed files: read and validated; each error names the line and column."""

import codecs
import json
import re
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from audience_mock.core.errors import InvalidSeedError
from audience_mock.core.seeds import json_positions
from audience_mock.core.seeds.apply import insert_seed
from audience_mock.core.seeds.json_positions import Place
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.store.database import Database
from audience_mock.core.validation_errors import problems
from audience_mock.core.worlds.world import World

_SYNTAX_ERROR_POSITION = re.compile(r"^(.*) at line (\d+) column (\d+)$")


class SeedFileProblem(NamedTuple):
    """One thing that is wrong in a file, as FILE:LINE:COLUMN: FIELD: WHY; a syntax error has no field."""

    file: Path
    place: Place
    field: str
    why: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.place.line}:{self.place.column}: {field}{self.why}"


def load(file: Path) -> Seed:
    """Read a seed file. Raises InvalidSeedError, which names the file and the place of the first error."""
    raw = _read(file)
    try:
        return Seed.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidSeedError(_summary(_invalid(file, raw, error))) from None


def located(file: Path, error: InvalidSeedError) -> InvalidSeedError:
    """An error of applying the seed in `file`, with its place in the file."""
    return InvalidSeedError(str(_locate(file, _read(file), error)))


def check(file: Path) -> tuple[Seed | None, list[SeedFileProblem]]:
    """The seed in a file if it is valid, else all its schema errors or the first error of applying it.

    Raises InvalidSeedError if the file cannot be read.
    """
    raw = _read(file)
    try:
        seed = Seed.model_validate_json(raw)
    except ValidationError as error:
        return None, _invalid(file, raw, error)
    database = Database()
    try:
        World(database).transact_now(insert_seed, seed)
    except InvalidSeedError as error:
        return None, [_locate(file, raw, error)]
    finally:
        database.close()
    return seed, []


def _read(file: Path) -> bytes:
    """The content, without the byte order mark that some editors put in front: places in the file count from
    what follows it."""
    try:
        return file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise InvalidSeedError(f"cannot read the seed {file}: {error.strerror}") from None


def _summary(found: list[SeedFileProblem]) -> str:
    others = len(found) - 1
    return f"{found[0]}{f' (and {others} more: audience-mock check lists them)' if others else ''}"


def _invalid(file: Path, raw: bytes, error: ValidationError) -> list[SeedFileProblem]:
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        return [_syntax_error(file, raw, str(details[0]["ctx"]["error"]))]
    text = raw.decode()
    found = problems(details, Seed)
    offsets = json_positions.offsets(text, [problem.path for problem in found])
    return [
        SeedFileProblem(file, json_positions.at(text, offsets[problem.path]), problem.field, problem.why)
        for problem in sorted(found, key=lambda problem: offsets[problem.path])
    ]


def _syntax_error(file: Path, raw: bytes, message: str) -> SeedFileProblem:
    """By Python's parser, which counts characters; pydantic's counts bytes, and rejects more."""
    try:
        json.loads(raw.decode())
    except json.JSONDecodeError as error:
        offset, why = _trailing_comma(error) or (error.pos, error.msg)
        return SeedFileProblem(file, json_positions.at(error.doc, offset), "", f"not JSON: {why}")
    except UnicodeDecodeError as error:
        place = json_positions.at(raw[: error.start].decode(), error.start)
        return SeedFileProblem(file, place, "", f"not UTF-8: {error.reason}")
    except RecursionError:
        pass
    position = _SYNTAX_ERROR_POSITION.match(message)
    place = Place(int(position[2]), int(position[3])) if position else Place(1, 1)
    return SeedFileProblem(file, place, "", f"not JSON: {position[1] if position else message}")


def _trailing_comma(error: json.JSONDecodeError) -> tuple[int, str] | None:
    """Python 3.13 reports the position of a trailing comma; older versions report the bracket after it, with
    another message. Every version gets the same line for the same file."""
    text, offset = error.doc, error.pos
    if text[offset : offset + 1] == "," and "trailing comma" in error.msg:
        offset = len(text) - len(text[offset + 1 :].lstrip())
    closing = text[offset : offset + 1]
    if closing not in {"}", "]"} or not text[:offset].rstrip().endswith(","):
        return None
    return offset, f"Illegal trailing comma before end of {'object' if closing == '}' else 'array'}"


def _locate(file: Path, raw: bytes, error: InvalidSeedError) -> SeedFileProblem:
    text, field = raw.decode(), error.field or ""
    path = tuple(int(part) if part.isdigit() else part for part in field.split(".")) if field else ()
    return SeedFileProblem(
        file, json_positions.at(text, json_positions.offsets(text, [path])[path]), field, error.why
    )
