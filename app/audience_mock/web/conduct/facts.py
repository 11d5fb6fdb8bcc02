"""What the rules have to know of an API: `CONDUCT` in `conduct.py` of its package."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check
from audience_mock.web.evidence import Evidence


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a list, as a request asked for it and the response has it.

    `asked` is what leads to this page, None for the first one; `following` what leads to the next one, None
    on the last. `ids` are those of its `items`, which may have several each. `max_items` is how many a page
    could have; None where the client cannot choose.
    """

    asked: str | None
    following: str | None
    items: int
    ids: Sequence[str]
    max_items: int | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A list in pages. `page` is a page of it, None where the response has none; `parameters` are those of
    the query that name the page, the bookmark first: all others choose what the list has."""

    page: Callable[[Call], Page | None]
    parameters: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """`access` is the token, `lifetime_s` None if it does not end. `refresh` gets the next one, `refreshed`
    is the refresh token that got this one. `is_user` is whether a person had to log in for it."""

    access: str
    lifetime_s: float | None
    refresh: str | None = None
    refreshed: str | None = None
    is_user: bool = False


@dataclass(frozen=True, kw_only=True)
class Upload:
    """People who were sent: to an audience or a customer list, by its number; `records` is how many, None
    where that is not known."""

    target: str
    is_removal: bool = False
    records: int | None = None


def no_token(call: Call) -> IssuedToken | None:
    return None


def retry_after(call: Call) -> tuple[str, float] | None:
    """The header that says how long to wait, and its seconds."""
    value = call.answer_headers.get("retry-after", "")
    return ("Retry-After", float(value)) if value.isascii() and value.isdigit() else None


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """By operation: `creates` are those that make something new at each call, with the operations that would
    show a duplicate; `listings` the lists in pages; `builds` tell whether a response shows something that is
    not finished, by its state; `uploads` the people that were sent.

    `reads` are the operations that count against the limits of reads though they are no GET. `reset` is the
    header of a 429 that tells the seconds to wait. `issued` is the token in a response, and
    `is_expired` whether a call was rejected for one that had ended. `more_fields` are what operations may be
    sent that no model here has, since it changes nothing. `evidence` is what this API has for rules, by id;
    `checks` are the API's own.
    """

    creates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    listings: Mapping[str, Listing] = field(default_factory=dict)
    builds: Mapping[str, Callable[[Any], str | None]] = field(default_factory=dict)
    uploads: Mapping[str, Callable[[Call], Upload | None]] = field(default_factory=dict)
    reads: Collection[str] = ()
    reset: Callable[[Call], tuple[str, float] | None] = retry_after
    issued: Callable[[Call], IssuedToken | None] = no_token
    is_expired: Callable[[Call], bool] = lambda call: False
    more_fields: Mapping[str, Collection[str]] = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    checks: Sequence[type[Check]] = ()
