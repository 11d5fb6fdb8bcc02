"""Every published exchange of PitchTarget's API, replayed against the documented worlds."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer

ROOT = Path(__file__).parents[2]
WORLDS = ROOT / "fixtures" / "worlds"
PUBLISHED = ROOT.parent / "shared" / "reference" / "pitchtarget-exchanges.json"

# Situations whose ids clash with those of the main world, by revision, method and path.
WORLD_OF = {
    ("20140512", "POST", "/custom_audiences", "CUSTOM"): "documented-87",
    ("20140512", "POST", "/custom_audiences", "LOOKALIKE"): "documented-89",
    ("20140512", "POST", "/custom_audiences", "APP"): "documented-84",
    ("20140512", "POST", "/custom_audiences", "WEBSITE"): "documented-90",
    ("20140512", "GET", "/custom_audiences/465257143575221", None): "documented-91",
    ("20140512", "POST", "/offsite_pixels", None): "documented-pixel",
}
CHANGING = {"x-request-id", "x-runtime"}


def exchanges() -> Iterator[Any]:
    if not PUBLISHED.exists():
        yield pytest.param(None, marks=pytest.mark.skip(reason="the published exchanges are not at hand"))
        return
    for exchange in json.loads(PUBLISHED.read_text())["exchanges"]:
        request = exchange["request"]
        yield pytest.param(exchange, id=f"{exchange['published']} {request['method']} {request['path']}")


def send(url: str, request: dict[str, Any]) -> httpx.Response:
    """The request as it was published; its multipart body is written by the client."""
    headers = dict(request["headers"])
    body: dict[str, Any] = {}
    if request["file"]:
        del headers["Content-Type"]
        file = request["file"]
        body = {"data": request["multipart"] or {}, "files": {"file": (file["name"], b"a\n", file["type"])}}
    elif request["json"] is not None:
        body = {"content": json.dumps(request["json"]).encode()}
    elif request["form_urlencoded"] is not None:
        body = {"content": request["form_urlencoded"].encode()}
    return httpx.request(request["method"], url + request["path"], headers=headers, **body)


@pytest.mark.parametrize("exchange", list(exchanges()))
def test_a_published_exchange_replays_to_the_byte(
    start: Callable[..., MockServer], exchange: dict[str, Any]
) -> None:
    """Status, body, and the set of headers with their fixed values are those that were published."""
    request, published = exchange["request"], exchange["response"]
    said = request["json"] or request["multipart"] or {}
    world = WORLD_OF.get(
        (exchange["published"], request["method"], request["path"], said.get("subtype")), "documented"
    )
    revision = date.fromisoformat(exchange["published"]).isoformat()
    server = start(seed=str(WORLDS / f"{world}.json"), pitchtarget_revision=revision)
    response = send(server.url, request)
    assert response.status_code == published["status"]
    assert response.text == (published["wire"] or "")
    expected = {name.lower(): value for name, value in published["headers"].items()}
    assert set(response.headers) == set(expected)
    assert {name: value for name, value in response.headers.items() if name not in CHANGING} == {
        name: value for name, value in expected.items() if name not in CHANGING
    }
