"""This server's responses, recorded in this run for the baselines to return."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_RECORDED = json.loads(Path(os.environ["BENCH_ANSWERS"]).read_text())

BODIES: dict[str, bytes] = {workload: answer["body"].encode() for workload, answer in _RECORDED.items()}
PATHS: dict[str, str] = {workload: answer["path"] for workload, answer in _RECORDED.items()}
WITH_FORM = frozenset(workload for workload, answer in _RECORDED.items() if answer["form"])
"""Workloads whose request is a form: the same path accepts JSON, too."""
STATUSES: dict[str, int] = {workload: answer["status"] for workload, answer in _RECORDED.items()}


def has_form(scope: Mapping[str, Any]) -> bool:
    """Whether a request is multipart/form-data."""
    return any(
        name == b"content-type" and value.startswith(b"multipart/") for name, value in scope["headers"]
    )
