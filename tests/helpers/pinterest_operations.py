"""The operations of Pinterest's API that the server has: tests of clients compare theirs with it."""

import json
from pathlib import Path

_DESCRIBED = json.loads((Path(__file__).parents[2] / "openapi/pinterest.json").read_text())

OPERATIONS: dict[str, str] = {
    f"{method.upper()} {path}": operation["operationId"]
    for path, item in _DESCRIBED["paths"].items()
    for method, operation in item.items()
    if method in ("get", "post", "put", "patch", "delete")
}
"""Ids of operations by method and path: "GET /ad_accounts" is "ad_accounts/list"."""
