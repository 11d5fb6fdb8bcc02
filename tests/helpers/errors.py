"""Checks the shape of each API's errors; every test of an error uses them."""

from typing import Any

import httpx


def pinterest_error(response: httpx.Response) -> dict[str, Any]:
    """Checks the shape that all errors of Pinterest's API have; returns the body."""
    body: dict[str, Any] = response.json()
    assert response.status_code >= 400, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(body)[:2] == ["code", "message"], body
    assert isinstance(body["code"], int)
    assert isinstance(body["message"], str)
    assert body["message"]
    assert ("status" in body) == (body["code"] in (2, 11))
    assert response.content == httpx.Response(200, json=body).content, "compact JSON"
    return body


def pitchtarget_error(response: httpx.Response) -> dict[str, list[str]]:
    """Checks the shape that all errors of PitchTarget's API have; returns the reasons by field."""
    body = response.json()
    assert response.status_code >= 400, response.text
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["etag"]
    assert list(body) == ["errors"]
    errors: dict[str, list[str]] = body["errors"]
    assert errors
    for field, reasons in errors.items():
        assert field
        assert reasons
        assert all(isinstance(reason, str) and reason for reason in reasons)
    return errors


def not_verified(response: httpx.Response) -> dict[str, Any]:
    """Checks the shape of a failed verification; returns the body."""
    body: dict[str, Any] = response.json()
    assert response.status_code == 417, response.text
    assert set(body) - {"field"} == {"error", "verified", "matched", "dropped", "nearest", "differences"}
    assert body["error"]
    assert body["verified"] is False
    for difference in body["differences"]:
        assert set(difference) | {"found"} == {"path", "wanted", "found"}
    if body["nearest"] is not None:
        assert list(body["nearest"]) == [
            *("number", "at", "api", "operation", "method", "path", "status", "fault")
        ]
    return body


def control_error(response: httpx.Response, status: int) -> dict[str, Any]:
    """Checks the shape that all errors of the control API have; returns the body."""
    body: dict[str, Any] = response.json()
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert set(body) <= {"error", "field"}
    assert isinstance(body["error"], str)
    assert body["error"]
    return body
