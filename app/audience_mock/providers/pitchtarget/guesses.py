"""When the rules of PitchTarget's API make a response, by their text: see `web.strict_evidence`."""

from collections.abc import Mapping
from typing import Any

from audience_mock.web.strict_evidence import Condition, Exchange, never

FACEBOOK_DIGITS = 13
"""The least digits of Facebook's ids in the published exchanges; those of the server have few."""


def _has_the_other_id(exchange: Exchange) -> bool:
    """Published are reads by Facebook's id, and changes by the server's own."""
    id = exchange.request.path_params["id"]
    return (len(id) >= FACEBOOK_DIGITS) != (exchange.request.method == "GET")


def _has_fb_id(exchange: Exchange) -> bool:
    envelope = _dict(_dict(exchange.answer).get("fb_custom_audience"))
    return isinstance(envelope.get("fb_id"), int)


def _is_no_lookalike(exchange: Exchange) -> bool:
    return _dict(exchange.answer).get("subtype") not in (None, "LOOKALIKE")


def _has_text_as_origin(exchange: Exchange) -> bool:
    return isinstance(_dict(exchange.body).get("origin_audience_id"), str)


def _has_number_as_account(exchange: Exchange) -> bool:
    return isinstance(_dict(exchange.body).get("fb_ad_account_id"), int)


def _is_another_page(exchange: Exchange) -> bool:
    return "query page" in exchange.fields


def _is_not_modified(exchange: Exchange) -> bool:
    return exchange.status == 304


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


GUESSES: Mapping[str, Condition] = {
    "the server's own id, or Facebook's": _has_the_other_id,
    "at most 20 of them; a number too": _has_number_as_account,
    "its digits as text too": _has_text_as_origin,
    "2014-04: then a number": _has_fb_id,
    "2014-05: 10 a page, from 1": _is_another_page,
    "Facebook's object of another kind than a lookalike": _is_no_lookalike,
    "304 with no body to a GET by who has the ETag already": _is_not_modified,
    # Each of the three was published.
    "type makes it 2014-04, subtype 2014-05, a form without subtype 2014-04": never,
    # What is rejected for it is an error, with evidence of its own.
    "only to an audience that was made from a file": never,
    # Those that a test has may be right.
    "any name and password are accepted": never,
}
