"""Planned faults as JSON: what is given, and what is shown."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from audience_mock.control.request_pattern import RequestSubset
from audience_mock.core.controls.faults import MAX_FAULTS, MAX_LATENCY_MS, MAX_STATUS, MIN_STATUS
from audience_mock.web.schema import ApiModel

_Milliseconds = Annotated[int, Field(strict=True, ge=0, le=MAX_LATENCY_MS)]


class LatencyRange(ApiModel):
    model_config = ConfigDict(extra="forbid")

    at_least: _Milliseconds = Field(alias="from")
    at_most: _Milliseconds = Field(alias="to")


def _as_range(given: Any) -> Any:
    return {"from": given, "to": given} if isinstance(given, int) else given


class FaultMatch(RequestSubset):
    """A JSON subset of the request, which may have more keys than these."""

    method: Annotated[str, StringConstraints(to_upper=True)] = ""
    path: str = Field(default="", description="Path of the operation, without /worlds/… and /v5.")
    path_params: dict[str, str] = Field(default={}, description="Such as `ad_account_id`.")
    query: dict[str, str] = Field(default={})
    headers: dict[Annotated[str, StringConstraints(to_lower=True)], str] = Field(default={})
    body: Any = Field(default=None, description="Compared with JSON and form bodies of up to 1 MiB.")


class PlannedFault(ApiModel):
    """The calls that it applies to, and its effect: one of the effects below, `latency_ms`, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"operation": "audiences/list", "first": 1, "status": 503}]},
    )

    operation: str = Field(
        description="Operation id, such as `audiences/create`, or * for all operations of both APIs."
    )
    match: FaultMatch = Field(default=FaultMatch(), description="Apply to matching calls only.")
    skip: int = Field(default=0, strict=True, ge=0, description="Number of calls to let pass first.")
    every: int = Field(default=1, strict=True, ge=1, description="Then apply to every n-th call.")
    chance: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Then apply to this share of calls; the same calls on every run.",
    )
    first: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        description="Number of times to fire at most. By default 1 for a limit window or a stale token,"
        " else unlimited.",
    )
    latency_ms: (
        Annotated[LatencyRange, BeforeValidator(_as_range, json_schema_input_type=int | LatencyRange)] | None
    ) = Field(default=None, description="Delay in real milliseconds, whatever the clock of the world shows.")
    status: int | None = Field(
        default=None,
        strict=True,
        ge=MIN_STATUS,
        le=MAX_STATUS,
        description="Answer with the API's own error of this status; the operation does not run.",
    )
    body: Any = Field(
        default=None,
        description="With `status`: the body to send in place of the API's error; a string is sent as it is.",
    )
    limit_window_s: float | None = Field(
        default=None,
        gt=0,
        le=1e9,
        allow_inf_nan=False,
        description="Answer 429 from the first matching call on, for so many seconds of the world's clock.",
    )
    reset: Literal["before", "in", "after"] | None = Field(
        default=None,
        description=(
            "Reset the connection: `before` the operation runs, `in` the middle of the response body, or"
            " `after` the response."
        ),
    )
    cut_after_bytes: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        description="Close the connection after these bytes of the body.",
    )
    stall: Literal["before", "in"] | None = Field(
        default=None,
        description=(
            "Send nothing (`before` the operation runs) or stop `in` the middle of the body, until the client"
            " leaves or the world is reset. After five minutes, the connection is reset."
        ),
    )
    content_type: str | None = Field(
        default=None,
        pattern=r"^[!-~][ -~]{0,199}$",
        description="Content type to claim.",
    )
    garbage: Literal[True] | None = Field(
        default=None,
        description="Send a body that is neither JSON nor UTF-8; a 204 becomes a 200 with that body.",
    )
    effect_lost: Literal[True] | None = Field(default=None, description="Answer as usual, but store nothing.")
    answer_lost: Literal[True] | None = Field(
        default=None, description="Run the operation, then close the connection without a response."
    )
    stale_token: Literal[True] | None = Field(
        default=None,
        description="Answer 401 to the call, and from then on to every call of any operation with the same"
        " `Authorization`: another token works.",
    )


class PlannedFaults(ApiModel):
    model_config = ConfigDict(extra="forbid")

    faults: list[PlannedFault] = Field(
        min_length=1, max_length=MAX_FAULTS, description="All are planned, or none."
    )


EXAMPLE: Any = {
    "id": "fault-1",
    "operation": "audiences/list",
    "first": 1,
    "status": 503,
    "seen": 0,
    "fired": 0,
    "left": 1,
    "used": False,
    "window_left_s": 0.0,
}


class FaultState(PlannedFault):
    """A planned fault, and how often it fired."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    id: str
    seen: int = Field(description="Number of matching calls, until the fault was used up.")
    fired: int = Field(description="Number of calls that it changed.")
    left: int | None = Field(description="Number of times that it can still fire; null if unlimited.")
    used: bool = Field(
        description="Whether it fired as often as planned; if unlimited, whether it fired at all."
    )
    window_left_s: float = Field(
        description="Seconds left of an open limit window, by the clock of the world."
    )


class FaultIds(ApiModel):
    ids: list[str]


class FaultList(ApiModel):
    faults: list[FaultState] = Field(description="In the order of planning.")
    unused: list[str] = Field(description="Ids of the faults that are not used.")
