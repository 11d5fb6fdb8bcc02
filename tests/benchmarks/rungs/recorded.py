"""What this server answered in this run; the rungs answer it again."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_RECORDED = json.loads(Path(os.environ["BENCH_ANSWERS"]).read_text())

BODIES: dict[str, bytes] = {work: answer["body"].encode() for work, answer in _RECORDED.items()}
PATHS: dict[str, str] = {work: answer["path"] for work, answer in _RECORDED.items()}
WITH_FORM = frozenset(work for work, answer in _RECORDED.items() if answer["form"])
"""Works whose request has a form: the same path takes JSON, too."""
STATUSES: dict[str, int] = {work: answer["status"] for work, answer in _RECORDED.items()}


def has_form(scope: Mapping[str, Any]) -> bool:
    """Whether a request is multipart/form-data."""
    return any(
        name == b"content-type" and value.startswith(b"multipart/") for name, value in scope["headers"]
    )
