"""The exchanges of fixtures/exchanges, and how they are sent again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

FIXTURES = Path(__file__).parents[2] / "fixtures/exchanges"
BOUNDARY = "----------XnJLe9ZIbbGUYtzPQJ16u1"
"""The boundary of the published requests."""


def load(api: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / f"{api}.json").read_text())
    return content


def form_of(fields: Mapping[str, str], name: str, content_type: str, content: bytes) -> bytes:
    """A form as curl writes it: the fields, then the file."""
    heads = [f'name="{field}"\r\n\r\n{value}' for field, value in fields.items()]
    heads.append(f'name="file"; filename="{name}"\r\nContent-Type: {content_type}\r\n\r\n{content.decode()}')
    parts = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n" for head in heads)
    return f"{''.join(parts)}--{BOUNDARY}--\r\n".encode()


def send(url: str, http: httpx.Client, request: dict[str, Any]) -> httpx.Response:
    """Send the request of an exchange as it is written down."""
    headers, body = dict(request["headers"]), b""
    if "json" in request:
        headers.setdefault("Content-Type", "application/json")
        body = json.dumps(request["json"], separators=(",", ":")).encode()
    elif "form" in request:
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        file = request["file"]
        body = form_of(request["form"], file["name"], file["type"], "\n".join(file["lines"]).encode())
    elif "text" in request:
        body = request["text"].encode()
    return http.request(request["method"], url + request["path"], headers=headers, content=body)
