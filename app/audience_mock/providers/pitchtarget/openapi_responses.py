"""What several operations describe alike: their errors."""

from typing import Any

from audience_mock.providers.pitchtarget.errors import BLANK
from audience_mock.web.openapi import Links, response
from audience_mock.web.schema import ApiModel

Responses = dict[int | str, dict[str, Any]]


class Errors(ApiModel):
    """Reasons by field; `base` is the request as a whole."""

    errors: dict[str, list[str]]


def success(example: Any, *, links: Links | None = None) -> Responses:
    return {200: response(example, links=links)}


def created(example: Any, *, links: Links) -> Responses:
    return {201: response(example, links=links)}


def _error(description: str, **errors: list[str]) -> dict[str, Any]:
    return response({"errors": errors}, description=description, model=Errors)


NO_TOKEN: Responses = {
    401: _error("No token", base=["Authorization is missing or not of the form: OAuth <token>"])
}
BODY_ERRORS: Responses = {
    413: _error("A file over the limit", file=["is too large (maximum is 1073741824 bytes)"]),
    415: _error("A content type that is not served", base=["The content type is not served"]),
    422: _error("A value that does not fit", name=[BLANK]),
}
WRITE_ERRORS = NO_TOKEN | BODY_ERRORS
"""Of an operation with a body."""
QUERY_ERRORS = NO_TOKEN | {422: _error("A value that does not fit", fb_ad_account_id=[BLANK])}
"""Of an operation with a query."""
NOT_FOUND: Responses = {404: _error("Not in this world", base=["Couldn't find the audience"])}
