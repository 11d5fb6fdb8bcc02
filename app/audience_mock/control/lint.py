"""/__admin/lint: what the values in the newest uploads really are."""

import asyncio

from fastapi import APIRouter
from pydantic import Field

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])


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
    world = request.world
    kept = [*reversed(world.upload_samples)]
    if not kept:
        return json_response({"reports": []})
    from audience_mock.core.users.lint.uploads import reports  # noqa: PLC0415 - few tests lint

    # Hashing the known people takes a tenth of a second at the first time: other requests run meanwhile.
    found = await asyncio.to_thread(reports, kept, show_values=not world.rules.redact_users)
    return json_response({"reports": found})
