"""Customer segments: requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from audience_mock.providers.pinterest.schema_types import Digits, Name, PageQuery
from audience_mock.providers.pinterest.sources import (
    BOUNDED,
    MEMBERS,
    NEEDED,
    NEWEST,
    OURS,
    PRODUCTION,
    TEMPLATES,
)
from audience_mock.providers.pinterest.strictness import SchemaAllows
from audience_mock.web.schema import ApiModel

MAX_MEMBERS = 1_000
"""Audiences of one segment. Not documented; chosen, so that one statement finds them."""

_Members = Annotated[list[str], Field(max_length=MAX_MEMBERS), SchemaAllows(list[str])]
_FEW = BOUNDED.says(f"at most {MAX_MEMBERS}")
_ARE_THERE = MEMBERS.says("audiences that the ad account owns or received, in any status")
_SECONDS = PRODUCTION.says("whole Unix seconds")


class CustomerSegmentCreate(ApiModel):
    """Keys that are not named here are ignored, as Pinterest's descriptions allow."""

    name: Annotated[Name, NEWEST, NEEDED.says("not blank"), OURS.says("equal names are allowed")]
    audience_ids: Annotated[_Members, NEWEST, _FEW, _ARE_THERE]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Customers", "audience_ids": ["2542623499806"]}]}
    )


class CustomerSegmentUpdate(ApiModel):
    id: Annotated[Digits, NEWEST]
    operation_type: Annotated[Literal["UPDATE", "REMOVE"], NEWEST]
    audience_ids: Annotated[
        _Members | None,
        NEWEST,
        NEWEST.says("replaces the audiences, and counts for UPDATE only"),
        OURS.says("kept where it is not sent"),
        _FEW,
        _ARE_THERE,
    ] = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "5841155621967", "operation_type": "UPDATE", "audience_ids": []},
                {"id": "5841155621967", "operation_type": "REMOVE"},
            ]
        }
    )


class CustomerSegmentListQuery(PageQuery):
    include_sizing: Annotated[bool, NEWEST, OURS.says("adds nothing: no key for it is described")] = False
    search_query: Annotated[
        str, NEWEST, OURS.says("a part of the name, in capitals or not: what it matches is unknown")
    ] = ""


class CustomerSegment(ApiModel):
    """Recorded key order."""

    id: Annotated[Digits, PRODUCTION.says("13 digits, one rising sequence with targeting templates")]
    name: str
    ad_account_id: Digits
    audience_ids: Annotated[list[str], PRODUCTION.says("as they were sent")]
    created_time: Annotated[int, _SECONDS]
    updated_time: Annotated[int, _SECONDS]
    status: Annotated[
        Literal["ACTIVE", "DELETED"],
        PRODUCTION.says("ACTIVE at first"),
        TEMPLATES.says("a removed one is not listed"),
    ]


class CustomerSegmentPage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[CustomerSegment]
    bookmark: str | None


SEGMENT_EXAMPLE: dict[str, Any] = {
    "id": "5841155621967",
    "name": "Customers",
    "ad_account_id": "549755885175",
    "audience_ids": ["2542623499806"],
    "created_time": 1795305607,
    "updated_time": 1795305607,
    "status": "ACTIVE",
}
PAGE_EXAMPLE = {"items": [SEGMENT_EXAMPLE], "bookmark": None}
