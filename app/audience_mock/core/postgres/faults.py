"""The planned faults of a world, and how often each fired, shared by all servers.

They are kept as one value: a request to a world that has some reads it, under a lock, and writes it back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from audience_mock.core.controls.faults import Fault, Faults, Outcome
from audience_mock.core.postgres import pickled
from audience_mock.core.postgres.database import Session
from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.world import PostgresWorld

T = TypeVar("T")

_READ = f"SELECT planned FROM {SCHEMA}.faults WHERE image = $1"
# Also where there is no row yet: two servers that plan the first fault take turns.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('faults', $1))"
_WRITE = f"""INSERT INTO {SCHEMA}.faults (image, planned) VALUES ($1, $2)
    ON CONFLICT (image) DO UPDATE SET planned = excluded.planned"""


class PostgresFaults(Faults):
    def __init__(self, world: "PostgresWorld") -> None:
        self._world = world
        self._of_requests = Faults()
        self.has_some = False
        """Whether any were planned, as the request read it in the world's head."""

    @property
    def planned(self) -> dict[str, Fault]:  # type: ignore[override]
        return self._read().planned if self.has_some else {}

    def for_request(self, operation: str, outcome: Outcome) -> Fault:
        return self._of_requests.for_request(operation, outcome)

    def add_all(self, plans: Sequence[Mapping[str, Any]]) -> list[Fault]:
        made = self._change(lambda faults: faults.add_all(plans))
        self.has_some = True
        return made

    def remove(self, id: str) -> None:
        self._change(lambda faults: faults.remove(id))

    def clear(self) -> None:
        self._change(lambda faults: faults.clear())

    def fire(self, operation: str, request: Mapping[str, Any], now_ms: int) -> Fault | None:
        def fired(faults: Faults) -> Fault | None:
            fault = faults.fire(operation, request, now_ms)
            if fault is None:
                return None
            # What is drawn from it afterwards, such as a latency, is not written back.
            own = Random(fault.random.getrandbits(64))  # noqa: S311 - chance, and no secret
            copy = replace(fault, random=own)
            copy.count_as(fault)
            return copy

        return self._change(fired)

    def __iter__(self) -> Iterator[Fault]:
        return iter([*self.planned.values()])

    def _read(self) -> Faults:
        row = self._world.server.row(_READ, self._world.image)
        return Faults() if row is None else pickled.read(row[0])

    def _change(self, change: Callable[[Faults], T]) -> T:
        image = self._world.image

        def changed(session: Session) -> T:
            session.row(_LOCK, image)
            row = session.row(_READ, image)
            faults: Faults = Faults() if row is None else pickled.read(row[0])
            result = change(faults)
            session.run(_WRITE, image, pickled.written(faults))
            return result

        return self._world.server.transact(changed)
