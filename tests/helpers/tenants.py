"""Files of tenants, and callers with their tokens."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

OPERATOR = "operator-token"


def digest(token: str) -> str:
    return "sha256:" + sha256(token.encode()).hexdigest()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _lines(table: str, values: Mapping[str, Any]) -> str:
    """A table in TOML, whose strings and lists are written as in JSON."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    return "\n".join(
        [
            f"[{table}]",
            *(f"{key} = {json.dumps(value)}" for key, value in plain.items()),
            *(_lines(f"{table}.{key}", value) for key, value in inner.items()),
        ]
    )


def write_tenants(file: Path, **tables: Mapping[str, Any]) -> Path:
    """Write a file of tenants: its tables `server`, `defaults` and `tenants`."""
    file.write_text("\n".join(_lines(table, values) for table, values in tables.items()) + "\n")
    return file


def two_teams(**more: Any) -> dict[str, dict[str, Any]]:
    """Team a and team b, each with an admin token and one that reads; `more` is for team a."""
    return {
        name: {
            "admin_tokens": [digest(f"{name}-admin"), digest(f"{name}-admin-2")],
            "read_only_tokens": [digest(f"{name}-reads")],
            **(more if name == "team-a" else {}),
        }
        for name in ("team-a", "team-b")
    }
