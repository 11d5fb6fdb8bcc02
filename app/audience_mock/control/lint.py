"""/__admin/lint: what the values in the newest uploads really are."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])

MAX_PEOPLE = 1_000
"""In a request. Chosen: hashing all their spellings takes a third of a second."""


class LintPerson(ApiModel):
    """The ids of a person in plain, as far as they are known."""

    model_config = ConfigDict(extra="forbid")

    email: str | None = None
    phone: str | None = Field(
        default=None,
        description="As +46 70 1740605: with the country code apart, its other spellings are known.",
    )
    maid: str | None = Field(default=None, description="Mobile advertising id.")
    third_party_id: str | None = None
    fbid: str | None = None


class LintPeople(ApiModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"people": [{"email": "ann@example.com"}]}]}
    )

    people: list[LintPerson] = Field(max_length=MAX_PEOPLE)


class LintExample(ApiModel):
    line: int = Field(description="Of a file, the line; of records, the number of the record; from 1.")
    value: str | None = Field(default=None, description="Masked; left out with `redact_users`.")


class LintFinding(ApiModel):
    codes: list[str] = Field(description="What is wrong, from the outermost to the innermost.")
    what: str = Field(description="What the values are.")
    change: str = Field(description="What the sender should change.")
    count: int = Field(description="Number of such values.")
    recognized: int = Field(
        description="How many of them are recognized exactly, as those of known people or texts."
    )
    first: list[LintExample]


class LintReport(ApiModel):
    received_at: float = Field(description="Unix seconds.")
    audience: int | None = Field(description="The audience that got a file of users.")
    customer_list: str | None = Field(description="The customer list that got records.")
    type: str = Field(description="Type of the users or of the list; of rows, the name of the identifier.")
    values: int = Field(description="Number of values that were looked at.")
    whole: bool = Field(description="Whether these are all that was sent: see `lint_sample_bytes`.")
    findings: list[LintFinding] = Field(description="The most frequent first.")


class LintReports(ApiModel):
    reports: list[LintReport]


_EXAMPLE = {
    "received_at": 1795348800.0,
    "audience": None,
    "customer_list": "643",
    "type": "EMAIL",
    "values": 1000,
    "whole": False,
    "findings": [
        {
            "codes": ["double_hash"],
            "what": "a hash of a hash",
            "change": "hash once: the values were hashed already",
            "count": 1,
            "recognized": 1,
            "first": [{"line": 17, "value": "9f86…0a08"}],
        }
    ],
}


@router.get(
    "/lint",
    operation_id="uploads/lint",
    summary="Lint the newest uploads",
    response_model=LintReports,
    responses=success({"reports": [_EXAMPLE]}),
)
async def lint(request: MockRequest) -> RawResponse:
    """Say what the values in the newest twenty uploads of this world really are, the newest upload first.

    Values of the fictional people that are included are recognized exactly, in any hash and spelling; others
    by their shape. A world keeps the start of each upload for it (`lint_sample_bytes`), in memory.
    """
    return await _reports(request, ())


@router.post(
    "/lint",
    operation_id="uploads/lint_for",
    summary="Lint the newest uploads, and recognize these people",
    response_model=LintReports,
    responses=success({"reports": [_EXAMPLE]}),
)
async def lint_for(request: MockRequest, body: LintPeople) -> RawResponse:
    """As GET, and recognize these people, too: those of a seed, say, of whom the world knows hashes alone."""
    return await _reports(request, [person.model_dump(exclude_none=True) for person in body.people])


async def _reports(request: MockRequest, people: Sequence[Mapping[str, str]]) -> RawResponse:
    world = request.world
    kept = [*reversed(world.upload_samples)]
    if not kept:
        return json_response({"reports": []})
    from audience_mock.core.users.lint.uploads import reports  # noqa: PLC0415 - few tests lint

    # Hashing the known people takes a tenth of a second at the first time: other requests run meanwhile.
    found = await request.context.served.report(
        lambda: reports(kept, show_values=not world.rules.redact_users, people=people)
    )
    return json_response({"reports": found})
