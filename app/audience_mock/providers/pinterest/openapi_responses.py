"""What all resources describe alike: their errors, and the status of a create."""

import re
from typing import Any

from audience_mock.providers.pinterest.errors import Error
from audience_mock.providers.pinterest.sources import OURS
from audience_mock.web import body as bodies
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest

Responses = dict[int | str, dict[str, Any]]

_PREFER_CODE = re.compile(r"(?:^|[,;\s])code=(\d{3})(?:$|[,;\s])")


def described_error(description: str, code: int, message: str, **more: Any) -> dict[str, Any]:
    example = {"code": code, "message": message, **more}
    return {
        "model": Error,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


READ_ERRORS: Responses = {
    400: described_error(
        "A parameter that does not fit", 1, "Parameter 'page_size' was not numeric (was 3e)"
    ),
    401: described_error("No token", 2, "Authentication failed.", status="failure"),
}
WRITE_ERRORS = READ_ERRORS | {
    400: described_error("A value that does not fit", 1, "Invalid request: 'name' is a required property"),
    413: described_error(
        "A body over 1 MiB", 1, f"Invalid request: body is larger than {bodies.MAX_BODY_BYTES} bytes"
    ),
    415: described_error(
        "A body that is not JSON", 1, "Invalid request: text/plain is not served, only application/json"
    ),
}
NOT_FOUND: Responses = {
    404: described_error("No such audience in the ad account", 4, "Sorry! We could not find your audience."),
}
PREFER = {
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": "The status of this create: `code=200` or `code=201`.",
            "schema": {"type": "string", **known_by(OURS)},
        }
    ]
}


SAME_ACCOUNT = {"ad_account_id": "$request.path.ad_account_id"}
"""The parameter of a link within an ad account."""


def link_to_next_page(operation: str, place: str, *filters: str) -> dict[str, Any]:
    """From a page to the one behind it; a bookmark is good for the same filters only."""
    same = {name: f"$request.query.{name}" for name in ("page_size", *filters)}
    at = {place: f"$request.path.{place}"} if place else {}
    return link(operation, bookmark="$response.body#/bookmark", **at, **same)


def create_status(request: MockRequest) -> int:
    """`Prefer: code=200` (or 201) for one request, else the setting."""
    if (prefer := request.header(b"prefer")) is not None:
        for code in _PREFER_CODE.findall(prefer):
            if code in ("200", "201"):
                return int(code)
    return int(request.options.create_status)
