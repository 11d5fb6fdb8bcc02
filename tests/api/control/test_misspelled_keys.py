"""Bodies of the control API with a key that it does not know, or with a byte order mark."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer, connect
from helpers.descriptions import CHECKOUT
from helpers.errors import control_error

AUDIENCE = {"api": "pinterest", "kind": "VISITOR", "name": "a"}


@pytest.mark.parametrize(
    ("call", "body", "field", "meant"),
    [
        ("POST /seed", {"audience": []}, "audience", "audiences"),
        ("POST /seed", {"audiences": [AUDIENCE | {"acount": "1"}]}, "audiences.0.acount", "account"),
        ("POST /seed", {"audiences": [{"acount": "1"}]}, "audiences.0.acount", "account"),
        ("POST /seed", {"clock": {"nov": 5}}, "clock.nov", "now"),
        ("POST /seed", {"sequences": {"facebok": 5}}, "sequences.facebok", "facebook"),
        ("POST /reset", {"too": "seed"}, "too", "to"),
        ("PUT /clock", {"frozn": True}, "frozn", "frozen"),
        ("POST /clock/advance", {"secnds": 5}, "secnds", "seconds"),
        ("POST /faults", {"operation": "audiences/list", "STATUS": 503}, "STATUS", "status"),
        ("POST /faults", {"opertion": "audiences/list", "status": 503}, "opertion", "operation"),
        ("POST /faults", {"fauls": [{"operation": "audiences/list", "status": 503}]}, "fauls", "faults"),
        ("POST /faults", {"faults": [{"operation": "*", "staus": 503}]}, "faults.0.staus", "status"),
        ("POST /faults", {"operation": "*", "latency_ms": {"form": 1, "to": 2}}, "latency_ms.form", "from"),
        ("POST /faults", {"operation": "*", "match": {"heders": {}}}, "match.heders", "headers"),
        ("PUT /worlds/w", {"setings": {}}, "setings", "settings"),
        ("POST /worlds/default/fork", {"nme": "x"}, "nme", "name"),
        ("PUT /ids", {"facebok": 5}, "facebok", "facebook"),
        ("POST /journal/search", {"opration": "x"}, "opration", "operation"),
        ("POST /verify", {"cuont": 1}, "cuont", "count"),
        ("PATCH /audiences/1", {"staus": "READY"}, "staus", "status"),
    ],
)
def test_a_misspelled_key_is_asked_about(
    mock: MockServer, call: str, body: Any, field: str, meant: str
) -> None:
    """The error names the unknown key and the one that it may be, though that one is missing then."""
    method, path = call.split()
    error = control_error(httpx.request(method, f"{mock.url}/__admin{path}", json=body), 400)
    word = field.rpartition(".")[2]
    assert error == {
        "error": f"{field}: unknown key {word!r}, did you mean {meant!r}?",
        "field": field,
    }


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/seed", b'{"people": ["ann@example.com"]}', 200),
        ("/faults", b'{"operation": "audiences/list", "status": 503}', 201),
        ("/reset", b"", 204),
    ],
)
def test_a_body_may_begin_with_a_byte_order_mark(
    mock: MockServer, path: str, body: bytes, status: int
) -> None:
    """What a file with a mark holds is read when it is sent as it is."""
    answer = httpx.post(f"{mock.url}/__admin{path}", content="\ufeff".encode() + body)
    assert answer.status_code == status, answer.text


def test_a_seed_file_with_a_mark_is_imported(mock: MockServer, tmp_path: Path) -> None:
    """The client reads a seed file with a byte order mark as one without."""
    file = tmp_path / "seed.json"
    file.write_text('\ufeff{"people": ["ann@example.com"]}', encoding="utf-8")
    assert connect(mock.url).seed(file)["counts"] == {"people": 1}


DESCRIBED = json.loads((CHECKOUT / "openapi/control.json").read_text())["paths"]
WITH_PARAMETERS = {
    (method.upper(), path): [each["name"] for each in found if each.get("required")]
    for path, operations in DESCRIBED.items()
    for method, operation in operations.items()
    if isinstance(operation, dict)
    and (found := [each for each in operation.get("parameters", ()) if each["in"] == "query"])
}


@pytest.mark.parametrize(("method", "path"), WITH_PARAMETERS)
def test_an_unknown_parameter_is_named(mock: MockServer, method: str, path: str) -> None:
    """Each operation with parameters in its query rejects another one instead of doing what was not meant."""
    query = {"no_such_key": "1"} | dict.fromkeys(WITH_PARAMETERS[method, path], "x")
    url = mock.url + re.sub(r"\{\w+\}", "1", path)
    response = httpx.request(method, url, params=query)
    assert "unknown key 'no_such_key'" in control_error(response, 400)["error"]
