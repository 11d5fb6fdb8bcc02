"""Every knob: its unit, its default and what it does. The only reader of the environment."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENVIRONMENT_PREFIX = "AUDIENCE_MOCK_"


def _comma_separated(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _number(value: Any) -> Any:
    """A flag or a variable is text; a Literal of numbers takes none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class Settings(BaseSettings):
    """How to run. Each field is also a flag of `audience-mock serve` and a variable AUDIENCE_MOCK_<NAME>."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
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
    build_delay_s: float = Field(
        default=5.0, ge=0, le=1e9, description="Seconds until a new audience is READY or TOO_SMALL."
    )
    max_upload_bytes: int = Field(
        default=1 << 30, ge=1, description="Bytes that one uploaded file may have; more is refused with 413."
    )
    pinterest_create_status: Annotated[Literal[201, 200], BeforeValidator(_number)] = Field(
        default=201, description="HTTP status of Pinterest's creates, 201 or 200."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)] = Field(
        default=("*",),
        description="Origins whose pages may call Pinterest's API, separated by commas; * is any.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged to stderr: info has a line for each refused request."
    )
