"""Seeds: the file format that a world starts from.

A seed is a JSON object: `sequences` (the next id of a kind of `core.ids.FIRST`) and `audiences`, each
with the columns of `tables.Audience` that a person would write, in our words.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from audience_mock.core import audiences, ids
from audience_mock.core.errors import BadSeed
from audience_mock.core.tables import Sequence, table_of
from audience_mock.core.world import Transaction

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


_SAME_NAME = {
    *("description", "created_by", "facebook_id", "user_type"),
    *("opt_out_link", "origin_id", "retention_days"),
}


class SeedAudience(BaseModel):
    """An audience that is there from the start.

    `id` counts on from the API's sequence if it is left out. `status` holds a status for good; without
    it the audience goes by the clock, `ready_in_s` seconds from the start of the world (0: it is built).
    """

    model_config = ConfigDict(extra="forbid")

    api: Literal["pinterest", "pitchtarget"]
    id: Digits | None = None
    account: Digits
    kind: Text
    name: Text
    description: str | None = None
    definition: dict[str, Any] | str | None = None
    created_by: str | None = None
    created_at: int | None = Field(default=None, ge=0, le=1 << 40, description="Unix seconds")
    ready_in_s: float = Field(default=0, ge=0, le=1e9)
    status: str | None = None
    people: int = Field(default=0, ge=0, le=1 << 40)
    facebook_id: Text | None = None
    user_type: str | None = None
    opt_out_link: str | None = None
    origin_id: Digits | None = None
    retention_days: int | None = Field(default=None, ge=1)


class Seed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sequences: dict[Literal["pitchtarget_audience", "facebook", "pinterest_audience"], int] = {}
    audiences: list[SeedAudience] = []


def load(path: Path) -> Seed:
    """Read a seed file. Raises BadSeed, which names the file and the field."""
    try:
        return Seed.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadSeed(f"cannot read the seed {path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadSeed(
            f"the seed {path} is not right{' at ' if where else ''}{where}: {first['msg']}"
        ) from None


def is_untouched(tx: Transaction) -> bool:
    """Whether nothing ever happened in this world: it may be seeded."""
    table = table_of(Sequence)
    moved = [next > ids.FIRST[name] for name, next in tx.execute(select(table.c.name, table.c.next))]
    return not any(moved) and audiences.count(tx) == 0


def plant(tx: Transaction, seed: Seed) -> int:
    """Put a seed into the world; answers how many audiences it had. Raises BadSeed."""
    for name, number in seed.sequences.items():
        _continue_at(tx, name, number)
    for position, given in enumerate(seed.audiences):
        created_at_ms = tx.now_ms if given.created_at is None else given.created_at * 1000
        columns: dict[str, Any] = given.model_dump(include=_SAME_NAME) | {
            "held_status": given.status,
            "created_at_ms": created_at_ms,
            "updated_at_ms": created_at_ms,
            "ready_at_ms": tx.now_ms + round(given.ready_in_s * 1000),
        }
        if given.id is not None:
            columns["number"] = int(given.id)
        if isinstance(given.definition, dict):
            columns["definition"] = json.dumps(given.definition, ensure_ascii=False, separators=(",", ":"))
        else:
            columns["definition"] = given.definition
        try:
            made = audiences.create(
                tx,
                api=given.api,
                account=given.account,
                kind=given.kind,
                name=given.name,
                people=given.people,
                columns=columns,
            )
        except IntegrityError:
            raise BadSeed(
                f"the seed has two {given.api} audiences {given.id}, at audiences.{position}"
            ) from None
        sequence = audiences.SEQUENCE_OF[given.api]
        if given.id is not None and sequence not in seed.sequences:
            _continue_at(tx, sequence, made.number + 1)
    return len(seed.audiences)


def _continue_at(tx: Transaction, name: str, number: int) -> None:
    """A sequence goes on from `number`, but never back."""
    table = table_of(Sequence)
    tx.execute(update(table).where(table.c.name == name, table.c.next < number).values(next=number))
