"""Seeds in files: read, and checked with the place of whatever is wrong."""

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
from audience_mock.core.worlds.world import World

_AT = re.compile(r"^(.*) at line (\d+) column (\d+)$")


class Fault(NamedTuple):
    """What is wrong in a file, as FILE:LINE:COLUMN: FIELD: WHY; no field of what is no JSON."""

    file: Path
    place: Place
    field: str
    why: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.place.line}:{self.place.column}: {field}{self.why}"


def load(file: Path) -> Seed:
    """Read a seed file. Raises InvalidSeedError, which names the file and the place."""
    raw = _read(file)
    try:
        return Seed.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidSeedError(_told(_faults(file, raw, error))) from None


def located(file: Path, error: InvalidSeedError) -> InvalidSeedError:
    """What was found when the seed of a file was planted, with its place in the file."""
    return InvalidSeedError(str(_locate(file, _read(file), error)))


def check(file: Path) -> tuple[Seed | None, list[Fault]]:
    """The seed of a file, if it is right, or else everything that is wrong with it; what shows only when it
    is planted is told one at a time. Raises InvalidSeedError if it cannot be read."""
    raw = _read(file)
    try:
        seed = Seed.model_validate_json(raw)
    except ValidationError as error:
        return None, _faults(file, raw, error)
    database = Database()
    try:
        World(database).transact_now(insert_seed, seed)
    except InvalidSeedError as error:
        return None, [_locate(file, raw, error)]
    finally:
        database.close()
    return seed, []


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidSeedError(f"cannot read the seed {file}: {error.strerror}") from None


def _told(faults: list[Fault]) -> str:
    others = len(faults) - 1
    return f"{faults[0]}{f' (and {others} more: audience-mock check lists them)' if others else ''}"


def _faults(file: Path, raw: bytes, error: ValidationError) -> list[Fault]:
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        return [_syntax(file, raw, str(details[0]["ctx"]["error"]))]
    text = raw.decode()
    found = json_positions.offsets(text, [one["loc"] for one in details])
    return [
        Fault(
            file, json_positions.at(text, found[one["loc"]]), ".".join(map(str, one["loc"])), _why(one["msg"])
        )
        for one in sorted(details, key=lambda one: found[one["loc"]])
    ]


def _why(message: str) -> str:
    return message.removeprefix("Value error, ")


def _syntax(file: Path, raw: bytes, message: str) -> Fault:
    """Python's reader counts characters; what it takes and pydantic does not is told by pydantic's bytes."""
    try:
        json.loads(raw.decode())
    except json.JSONDecodeError as error:
        return Fault(file, Place(error.lineno, error.colno), "", f"not JSON: {error.msg}")
    except UnicodeDecodeError as error:
        place = json_positions.at(raw[: error.start].decode(), error.start)
        return Fault(file, place, "", f"not UTF-8: {error.reason}")
    except RecursionError:
        pass
    told = _AT.match(message)
    place = Place(int(told[2]), int(told[3])) if told else Place(1, 1)
    return Fault(file, place, "", f"not JSON: {told[1] if told else message}")


def _locate(file: Path, raw: bytes, error: InvalidSeedError) -> Fault:
    text, field = raw.decode(), error.field or ""
    path = tuple(int(part) if part.isdigit() else part for part in field.split(".")) if field else ()
    return Fault(file, json_positions.at(text, json_positions.offsets(text, [path])[path]), field, error.why)
