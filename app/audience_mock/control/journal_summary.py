"""A request of the journal in one line, without headers and bodies."""

from typing import Any

from pydantic import Field

from audience_mock.core.controls.journal import Entry
from audience_mock.web.journal import recorded_request
from audience_mock.web.journal_view import sent_path
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import iso_8601


class RequestSummary(ApiModel):
    number: int
    at: str = Field(description="Time of the world at the response, in ISO 8601.")
    api: str
    operation: str | None = Field(description="Null if no route matched the request.")
    method: str
    path: str = Field(description="Path as sent, with the query; secrets are masked.")
    status: int | None = Field(description="Null if the client left before the response.")
    fault: str | None = Field(description="Id of the planned fault that fired.")


SUMMARY_EXAMPLE = {
    "number": 1,
    "at": "2026-11-22T12:00:00.000Z",
    "api": "pinterest",
    "operation": "audiences/get",
    "method": "GET",
    "path": "/v5/ad_accounts/549755885175/audiences/2542623499806",
    "status": 401,
    "fault": None,
}


def entry_summary(entry: Entry) -> dict[str, Any]:
    """A RequestSummary."""
    recorded = recorded_request(entry)
    return {
        "number": entry.number,
        "at": iso_8601(entry.at_ms),
        "api": recorded.api,
        "operation": recorded.operation,
        "method": recorded.method,
        "path": sent_path(recorded),
        "status": recorded.status,
        "fault": recorded.fault,
    }
