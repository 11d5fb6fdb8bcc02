"""Statements of SQLAlchemy's Core as SQL text for PostgreSQL, compiled once."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert

from audience_mock.core.store.statements import IGNORE_DUPLICATES, Prepared

# SQLAlchemy's generic PostgreSQL: its types add no casts to parameters, and SQLite's integers have 64 bits.
_DIALECT: Dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

MAX_COMPILED = 512
"""Statements kept compiled, of those that are not `Prepared`. Chosen: all that are built at import."""


class Compiled:
    """A statement's text, and the values of its placeholders in their order.

    An INSERT leaves out what is there already and returns the keys of what was inserted: an error would end
    the transaction. `rejects_duplicates` is whether a row that was left out is an error nevertheless.
    """

    def __init__(self, statement: Any, columns: Iterable[str] | None) -> None:
        self.is_insert = isinstance(statement, Insert)
        if isinstance(statement, Insert):
            statement = statement.inline()
        self._compiled: SQLCompiler = statement.compile(
            dialect=_DIALECT, column_keys=None if columns is None else list(columns)
        )
        self.text = str(self._compiled)
        self._names = self._compiled.positiontup or []
        self._constants = {name: one for name, one in self._compiled.params.items() if one is not None}
        self._expands = bool(self._compiled.post_compile_params)
        self.strict_text = self.text
        """Of an INSERT: with an error for a row that is there already."""
        self.rejects_duplicates = False
        if self.is_insert:
            self.rejects_duplicates = not statement.get_execution_options().get(IGNORE_DUPLICATES)
            key = "key" if "key" in statement.table.c else "1"
            self.text += f" ON CONFLICT DO NOTHING RETURNING {key}"
        self.writes = not statement.is_select
        self.sums = "sum(" in self.text

    def bind(self, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The text and the values of its placeholders."""
        given = {**self._constants, **parameters} if self._constants else parameters
        if not self._expands:
            text, values = self.text, [given.get(name) for name in self._names]
        else:
            state = self._compiled.construct_expanded_state(dict(given))
            text, values = state.statement, [state.parameters[name] for name in state.positiontup or ()]
        return text, values if self.writes else [*map(_sought, values)]


def _sought(value: Any) -> Any:
    """What a read compares with: text that PostgreSQL rejects is nowhere in it, and NULL equals nothing."""
    return None if isinstance(value, str) and "\0" in value else value


_of_prepared: dict[Prepared, Compiled] = {}


def of_prepared(prepared: Prepared) -> Compiled:
    found = _of_prepared.get(prepared)
    if found is None:
        found = _of_prepared[prepared] = Compiled(prepared.statement, prepared.columns)
    return found


@lru_cache(MAX_COMPILED)
def of_statement(statement: Executable, columns: tuple[str, ...] | None = None) -> Compiled:
    """`columns` are those that the parameters of an INSERT or UPDATE fill."""
    return Compiled(statement, columns)


def without_decimals(row: Iterable[Any]) -> tuple[Any, ...]:
    """The sum of integers is a numeric in PostgreSQL."""
    return tuple(int(value) if isinstance(value, Decimal) else value for value in row)
