"""The ids of a seed's rows: given in it or from sequences, and each only once."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlmodel import SQLModel

from audience_mock.core.errors import DuplicateRowError, IdTakenError, InvalidSeedError
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.store import ids
from audience_mock.core.store.tables import Sequence, table_of
from audience_mock.core.store.transaction import Transaction

_sequences = table_of(Sequence)


def start_at(tx: Transaction, name: str, number: int) -> None:
    """Set a sequence to `number`, but not back once the world has given an id of it."""
    here = _sequences.c.name == name
    may = (_sequences.c.next < number) | (_sequences.c.next == ids.first_ids()[name])
    tx.execute(update(_sequences).where(here, may).values(next=number))


def continue_at(tx: Transaction, name: str, number: int) -> None:
    """Set a sequence to `number`, but never back."""
    tx.execute(
        update(_sequences).where(_sequences.c.name == name, _sequences.c.next < number).values(next=number)
    )


class SeedIds:
    """Ids as a seed gives them, or else from a sequence, which continues after the given ones unless the seed
    sets it. An id is given once."""

    def __init__(self, tx: Transaction, seed: Seed, sequence: str, taken: Select[Any], column: Any) -> None:
        self._tx, self._sequence, self._follows = tx, sequence, sequence not in seed.sequences
        now = select(_sequences.c.next).where(_sequences.c.name == sequence)
        self._next: int = tx.execute(now).scalar_one()
        # Ids that are taken already, ahead of the sequence.
        self._ahead = set(tx.execute(taken.where(column >= self._next)).scalars())
        self._used: set[int] = set()

    def next(self, id: str | None, what: str, place: str) -> int:
        """Raises InvalidSeedError if the seed has it twice."""
        if id is None:
            while self._next in self._ahead or self._next in self._used:
                self._next += 1
            number = self._next
            self._next += 1
        else:
            number = int(id)
            if number in self._used:
                raise InvalidSeedError(f"the seed has the {what} {id} twice", place)
            if self._follows:
                self._next = max(self._next, number + 1)
        self._used.add(number)
        return number

    def save(self) -> None:
        """Set the sequence to the id after the last one."""
        continue_at(self._tx, self._sequence, self._next)


def insert_once(
    tx: Transaction, model: type[SQLModel], row: Mapping[str, Any], *, used: set[str], what: str, place: str
) -> None:
    """Insert a row. Raises InvalidSeedError if the seed (`used`) or the world has one with its id already."""
    if what in used:
        raise InvalidSeedError(f"the seed has the {what} twice", place)
    used.add(what)
    try:
        tx.execute(insert(model), row)
    except DuplicateRowError:
        raise IdTakenError(f"the world has the {what} already", place) from None
