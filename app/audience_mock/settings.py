"""Every knob: its unit, its default and what it does. The only reader of the environment."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from audience_mock.core.readiness import AFTER_DELAY, POLICY_PATTERN

ENVIRONMENT_PREFIX = "AUDIENCE_MOCK_"


def _comma_separated(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _number(value: Any) -> Any:
    """A flag or a variable is text; a Literal of numbers takes none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class WorldSettings(BaseModel):
    """What each world may have in its own way, by control; for the others it is the server's."""

    model_config = ConfigDict(extra="forbid")

    build_delay_s: float = Field(
        default=5.0, ge=0, le=1e9, description="Seconds until a new audience is READY or TOO_SMALL."
    )
    audience_ready: str = Field(
        default=AFTER_DELAY,
        pattern=POLICY_PATTERN,
        description=(
            "What decides when an audience is built: after_delay, at_once, after_reads:N (the N-th GET of"
            " it), by_hand (a PATCH by control), or failed (TOO_SMALL after the delay)."
        ),
    )
    match_rate: float = Field(
        default=1.0, ge=0, le=1, description="Share of uploaded users whom the provider knows, 0 to 1."
    )
    max_upload_bytes: int = Field(
        default=1 << 30, ge=1, description="Bytes that one uploaded file may have; more is refused with 413."
    )
    pitchtarget_revision: Literal["2014-05", "2014-04", "2014-04-15"] = Field(
        default="2014-05",
        description=(
            "Revision in which PitchTarget's reads and deletes answer: 2014-05, 2014-04, or 2014-04-15, the"
            " last of April, which sends no X-UA-Compatible."
        ),
    )
    pinterest_create_status: Annotated[Literal[201, 200], BeforeValidator(_number)] = Field(
        default=201, description="HTTP status of Pinterest's creates, 201 or 200."
    )
    pinterest_contract: Literal["5.18", "5.23", "5.28"] | None = Field(
        default=None,
        description=(
            "Release of Pinterest's description that is answered, with what it has and lacks: 5.18, 5.23 or"
            " 5.28; without one 5.28, and audiences/custom, which that dropped."
        ),
    )
    pinterest_validation: Literal["documented", "schema"] = Field(
        default="documented",
        description=(
            "Rules that a request to Pinterest's API is held to: documented takes those of the description's"
            " prose too, schema those of its schemas only."
        ),
    )
    auth_mode: Literal["lenient", "strict"] = Field(
        default="lenient",
        description="Which tokens Pinterest's API takes: lenient any, strict only those it knows.",
    )
    rate_limits: Literal["count", "standard", "trial", "off"] = Field(
        default="count",
        description="Pinterest's rate limits: count tells and refuses nothing, standard and trial refuse.",
    )
    journal_entries: int = Field(
        default=1_000, ge=0, description="Requests that a world's journal keeps; 0 keeps none."
    )
    journal_bytes: int = Field(
        default=10 << 20,
        ge=0,
        description="Bytes that a world's journal holds; the oldest requests go first.",
    )
    request_faults: bool = Field(
        default=True,
        description="Whether Prefer: code=… and X-Audience-Mock-Fault force an outcome for one request.",
    )


class Settings(WorldSettings):
    """How to run. Each field is also a flag of `audience-mock serve` and a variable AUDIENCE_MOCK_<NAME>.

    What is not given comes from the environment, where an empty variable counts as none. (The package
    pydantic-settings does the same, for 70 ms of every start.)
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**(_from_environment() | given))

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    database: str = Field(
        default="sqlite://",
        description="SQLAlchemy URL of the store; sqlite:///FILE keeps its state over a restart.",
    )
    seed: str | None = Field(
        default=None,
        description="JSON file that a new store starts from, or 'demo' for the world that comes along.",
    )
    ready_file: Path | None = Field(
        default=None, description="File that gets the base URL once the server answers."
    )
    admin: bool = Field(
        default=True, description="Whether /__admin answers; --no-admin leaves its health page alone."
    )
    admin_token: str | None = Field(
        default=None,
        pattern=r"^[!-~]{8,}$",
        description="Opens /__admin to any address that sends it; without one, only this machine may call.",
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_comma_separated)] = Field(
        default=("*",),
        description="Origins whose pages may call Pinterest's API, separated by commas; * is any.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged to stderr: info has a line for each refused request."
    )


def _from_environment() -> dict[str, str]:
    variables = {name: f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    return {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}
