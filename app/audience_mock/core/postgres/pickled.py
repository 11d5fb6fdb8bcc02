"""Values of ours that are kept in the database for other servers: what a SQLite world has in memory.

Reading makes objects of the listed types only: who can write to the database runs no code here.
"""

import io
import pickle
from typing import Any

_ALLOWED = frozenset(
    {
        ("audience_mock.core.controls.faults", "Fault"),
        ("audience_mock.core.controls.faults", "Faults"),
        ("audience_mock.core.controls.faults", "Outcome"),
        ("audience_mock.core.users.samples", "KeptSample"),
        ("audience_mock.core.users.samples", "Sample"),
        ("audience_mock.web.request", "FormSummary"),
        ("random", "Random"),
    }
)


def written(value: Any) -> bytes:
    return pickle.dumps(value, protocol=5)


def read(raw: bytes) -> Any:
    """Raises pickle.UnpicklingError for any other type."""
    return _Reader(io.BytesIO(raw)).load()


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not what is kept here")
        return super().find_class(module, name)
