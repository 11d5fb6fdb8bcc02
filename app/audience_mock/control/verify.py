"""/__admin/verify: whether this world was asked what a test expects."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from audience_mock.control.criteria import RequestPattern, check_operation, told, weight
from audience_mock.control.errors import VERIFICATION_FAILED, Error, VerificationFailedError, response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.journal import Entry, Journal
from audience_mock.core.controls.json_match import Difference
from audience_mock.core.errors import InvalidStateError
from audience_mock.web.journal import RecordedRequest, path_as_sent, time
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["journal"])


class Range(ApiModel):
    model_config = ConfigDict(extra="forbid")

    at_least: int = Field(default=0, ge=0)
    at_most: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at_least, at_most or both")
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most is less than at_least")
        return self


def _just_so_often(count: Any) -> Any:
    if isinstance(count, int) and not isinstance(count, bool):
        return {"at_least": count, "at_most": count}
    return count


class Expectation(RequestPattern):
    """The expected requests. Without `count`, `never` and `order`, at least one is expected."""

    count: Annotated[
        Range | None, BeforeValidator(_just_so_often, json_schema_input_type=int | Range | None)
    ] = Field(default=None, description="Exact number of requests, or a range.")
    never: bool = Field(default=False, description="No request at all, like `count` 0.")
    order: list[RequestPattern] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Requests that came in this order; others may come between.",
    )
    within_s: float | None = Field(
        default=None,
        ge=0,
        description="Seconds of the world's clock, back from now, or from first to last of an `order`.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.count is not None) + self.never + (self.order is not None) > 1:
            raise ValueError("give one of count, never and order")
        single = set(RequestPattern.model_fields) & self.model_fields_set
        if self.order is not None and single:
            raise ValueError(f"with order, {', '.join(sorted(single))} belongs into its items")
        return self


class Verified(ApiModel):
    verified: bool
    matched: list[int] = Field(description="Numbers of the requests.")
    dropped: int = Field(description="Number of older requests that the journal no longer holds.")


class Nearest(ApiModel):
    number: int
    at: str
    api: str
    operation: str | None
    method: str
    path: str
    status: int | None


class DifferenceFound(ApiModel):
    path: str = Field(description="Such as `operation` or `match.body.rule.retention_days`.")
    wanted: Any
    found: Any = Field(
        default=None, description="Absent if the request has no such value; secrets are masked."
    )


class NotVerifiedError(Error):
    verified: bool = Field(description="Always false.")
    matched: list[int]
    dropped: int
    nearest: Nearest | None = Field(
        description="The newest request with the fewest differences, or the request that was one too many."
    )
    differences: list[DifferenceFound]


@router.post(
    "/verify",
    operation_id="journal/verify",
    response_model=Verified,
    responses={
        409: {"model": Error, "description": "The journal of this world is turned off"},
        VERIFICATION_FAILED: {"model": NotVerifiedError, "description": "The check failed"},
    },
)
async def verify(request: MockRequest, body: Expectation) -> RawResponse:
    """Check which requests this world received: how often, never, or in which order."""
    check_operation(request, body)
    for place, each in enumerate(body.order or ()):
        check_operation(request, each, ("order", str(place)))
    world = request.world
    if not world.rules.journal_entries:
        raise InvalidStateError(f"world {world.name} keeps no journal: give it the setting journal_entries")
    world.journal.trim(world.rules.journal_entries, world.rules.journal_bytes)
    if body.order is not None:
        matched = _in_order(world.journal, body.order, body.within_s)
    else:
        matched = _so_often(world.journal, body, world.clock.now_ms())
    numbers = [entry.number for entry in matched]
    return response(200, {"verified": True, "matched": numbers, "dropped": world.journal.dropped})


def _so_often(journal: Journal, wanted: Expectation, now_ms: int) -> list[Entry]:
    """The requests that are meant, if there are as many as expected. Raises VerificationFailedError."""
    matched, older = [], 0
    for entry in journal:
        if wanted.means(entry):
            if wanted.within_s is None or entry.at_ms >= now_ms - wanted.within_s * 1000:
                matched.append(entry)
            else:
                older += 1
    expected = Range(at_most=0) if wanted.never else wanted.count or Range(at_least=1)
    least, most = expected.at_least, expected.at_most
    if len(matched) >= least and (most is None or len(matched) <= most):
        return matched
    within = "" if wanted.within_s is None else f" in the last {wanted.within_s:g} s"
    error = f"expected {_expected(least, most)} {_words(wanted)}{within}, found {len(matched)}"
    if len(matched) > least:
        raise _failure(error, journal, matched=matched, nearest=matched[-1], differences=[])
    if older:
        error += f" (and {older} before that)"
    nearest, differences = _nearest(journal, wanted, leaving_out={entry.number for entry in matched})
    raise _failure(error, journal, matched=matched, nearest=nearest, differences=differences)


def _in_order(journal: Journal, order: Sequence[RequestPattern], within_s: float | None) -> list[Entry]:
    """The first requests that keep an order, and the time it has. Raises VerificationFailedError."""
    meant = [[entry for entry in journal if wanted.means(entry)] for wanted in order]
    best: list[Entry] = []
    for first in meant[0]:
        row = [first]
        for entries in meant[1:]:
            following = next((entry for entry in entries if entry.number > row[-1].number), None)
            if following is None:
                break
            row.append(following)
        whole = len(row) == len(order)
        if whole and (within_s is None or _took_s(row) <= within_s):
            return row
        if len(row) > len(best) or (whole and _took_s(row) < _took_s(best)):
            best = row
        if not whole:
            break  # a later start finds no more
    if len(best) == len(order):
        error = (
            f"the order took {_took_s(best):g} s at best, from request {best[0].number} to {best[-1].number}"
        )
        latest = {"wanted": time(best[0].at_ms + int((within_s or 0) * 1000)), "found": time(best[-1].at_ms)}
        raise _failure(
            f"{error}, not {within_s:g} s",
            journal,
            matched=best,
            nearest=best[-1],
            differences=[{"path": "at", **latest}],
            field="within_s",
        )
    place, wanted = len(best), order[len(best)]
    after = best[-1].number if best else 0
    error = f"order.{place}: no request{f' after number {after}' if best else ''} {_words(wanted)}"
    early = [entry for entry in meant[place] if entry.number < after]
    nearest: Entry | None
    if early:
        nearest = early[-1]
        error += f", number {nearest.number} came before"
        differences = [{"path": "number", "wanted": f"after {after}", "found": nearest.number}]
    else:
        nearest, differences = _nearest(journal, wanted, leaving_out={entry.number for entry in best})
    raise _failure(
        error, journal, matched=best, nearest=nearest, differences=differences, field=f"order.{place}"
    )


def _nearest(
    journal: Journal, wanted: RequestPattern, leaving_out: set[int]
) -> tuple[Entry | None, list[dict[str, Any]]]:
    """The request with the fewest values that differ, the newest of such, and the differences."""
    nearest: tuple[int, bool, Entry, list[Difference]] | None = None
    for entry in reversed(journal):
        if entry.number not in leaving_out and (differences := list(wanted.differences(entry))):
            far = sum(map(weight, differences))
            another = any(difference.path == "operation" for difference in differences)
            if nearest is None or (far, another) < nearest[:2]:
                nearest = far, another, entry, differences
    if nearest is None:
        return None, []
    _, _, entry, differences = nearest
    return entry, [told(difference, entry) for difference in differences]


def _failure(
    error: str,
    journal: Journal,
    *,
    matched: Sequence[Entry],
    nearest: Entry | None,
    differences: list[dict[str, Any]],
    field: str | None = None,
) -> VerificationFailedError:
    if nearest is not None and differences:
        where = ", ".join(each["path"] for each in differences)
        error += f"; request {nearest.number} is the nearest and differs in {where}"
    elif nearest is None:
        error += "; the journal has no other request"
    if journal.dropped:
        error += f" ({journal.dropped} older ones were dropped: raise journal_entries or journal_bytes)"
    told_: dict[str, Any] = {"error": error}
    if field is not None:
        told_["field"] = field
    return VerificationFailedError(
        told_
        | {
            "verified": False,
            "matched": [entry.number for entry in matched],
            "dropped": journal.dropped,
            "nearest": None if nearest is None else _summary(nearest),
            "differences": differences,
        }
    )


def _summary(entry: Entry) -> dict[str, Any]:
    noted = RecordedRequest._make(entry.record)
    return {
        "number": entry.number,
        "at": time(entry.at_ms),
        "api": noted.api,
        "operation": noted.operation,
        "method": noted.method,
        "path": path_as_sent(noted),
        "status": noted.status,
    }


def _took_s(row: Sequence[Entry]) -> float:
    return (row[-1].at_ms - row[0].at_ms) / 1000


def _expected(least: int, most: int | None) -> str:
    if most == 0:
        return "no request"
    if most is None or most != least:
        often = f"at least {least}" if most is None else f"{least} to {most}" if least else f"at most {most}"
    else:
        often = f"exactly {least}"
    return f"{often} {'request' if (most or least) == 1 else 'requests'}"


def _words(wanted: RequestPattern) -> str:
    """What is wanted, in one line."""
    given = wanted.model_dump(include=set(RequestPattern.model_fields), exclude_unset=True)
    parts = [f"{name} {value}" for name, value in given.items() if name != "match" and value is not None]
    if wanted.match is not None:
        parts.append(f"match {json.dumps(wanted.match.wanted(), ensure_ascii=False)}")
    return f"with {', '.join(parts)}" if parts else "of any kind"
