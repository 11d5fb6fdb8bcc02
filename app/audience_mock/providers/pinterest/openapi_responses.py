"""Parts of the description that several resources share: errors, creates, links."""

from typing import Any

from audience_mock.providers.pinterest.errors import Error
from audience_mock.providers.pinterest.sources import OURS
from audience_mock.web.body import MAX_BODY_BYTES
from audience_mock.web.openapi import Links, link, operation, response

Responses = dict[int | str, dict[str, Any]]


def error(description: str, code: int, message: str, **fields: Any) -> dict[str, Any]:
    """An error response, with its example."""
    return response({"code": code, "message": message, **fields}, description=description, model=Error)


def success(example: Any, *, links: Links | None = None) -> Responses:
    return {200: response(example, links=links)}


def created(model: type[Any], example: Any, links: Links) -> Responses:
    """The two statuses that a create may have."""
    return {
        201: response(example, links=links),
        200: response(example, links=links, model=model, description="Created, if 200 is set or preferred"),
    }


READ_ERRORS: Responses = {
    400: error("An invalid parameter", 1, "Parameter 'page_size' was not numeric (was 3e)"),
    401: error("No token", 2, "Authentication failed.", status="failure"),
}
WRITE_ERRORS = READ_ERRORS | {
    400: error("An invalid value", 1, "Invalid request: 'name' is a required property"),
    413: error("A body over 1 MiB", 1, f"Invalid request: body is larger than {MAX_BODY_BYTES} bytes"),
    415: error(
        "A body that is not JSON", 1, "Invalid request: text/plain is not served, only application/json"
    ),
}
AUDIENCE_NOT_FOUND: Responses = {
    404: error("No such audience in the ad account", 4, "Sorry! We could not find your audience."),
}
CUSTOMER_LIST_NOT_FOUND: Responses = {
    404: error("No such customer list in the ad account", 4, "Sorry! We could not find your customer list."),
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "The status of this create: `code=200` or `code=201`.",
    "schema": {"type": "string", **operation(OURS)},
}
"""A parameter that every operation with `status_of_create` has."""

SAME_ACCOUNT = {"ad_account_id": "$request.path.ad_account_id"}
"""A link's parameters within an ad account."""


def link_to_next_page(operation_id: str, *filters: str, path: str | None = None) -> dict[str, Any]:
    """From a page to the next one. `path` is the path parameter, `filters` the query parameters that a
    bookmark is valid for."""
    same = {name: f"$request.query.{name}" for name in ("page_size", *filters)}
    parent = {path: f"$request.path.{path}"} if path else {}
    return link(operation_id, bookmark="$response.body#/bookmark", **parent, **same)
