"""The plans of all statements that a cluster ran, as auto_explain writes them to its log."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from audience_mock.core.postgres.schema import SCHEMA
from helpers.postgres import Cluster

LOGGING: Mapping[str, str] = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_format": "json",
    "log_min_messages": "log",
    "log_line_prefix": "",
}
"""Settings of a cluster that writes them."""

_PLAN = re.compile(r"duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)")


class Scan(NamedTuple):
    """How a statement finds rows of a table."""

    query: str
    table: str
    kind: str
    condition: str | None
    """By which it uses an index; None: it reads everything."""


def scans(cluster: Cluster) -> Iterator[Scan]:
    """Those of our own tables, of all statements in the log."""
    for found in _PLAN.finditer(cluster.log):
        explained = json.loads(found[1])
        yield from _scans(explained["Plan"], explained["Query Text"], None)


def _scans(node: Mapping[str, Any], query: str, table: str | None) -> Iterator[Scan]:
    kind: str = node["Node Type"]
    if node.get("Schema", SCHEMA) == SCHEMA and "Relation Name" in node:
        table = node["Relation Name"]
    if "Scan" in kind and table is not None and kind != "Bitmap Heap Scan":
        yield Scan(query, table, kind, node.get("Index Cond"))
    for inner in node.get("Plans", ()):
        yield from _scans(inner, query, table if kind == "Bitmap Heap Scan" else None)
