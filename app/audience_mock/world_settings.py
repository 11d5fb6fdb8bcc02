"""The settings that a world can override, and the headings of all settings."""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from audience_mock.core.readiness import AFTER_DELAY, POLICY_PATTERN
from audience_mock.providers import registry

registry.register_apis()

SERVER = "Server"
STORAGE = "Storage and seed"
WORLDS = "Worlds and timing"
JOURNAL = "Journal and faults"
ACCESS = "Access control"
OBSERVING = "Logs and metrics"
GROUPS = (SERVER, STORAGE, WORLDS, *registry.setting_groups(), JOURNAL, ACCESS, OBSERVING)
"""The headings under which `--help` and the reference list the settings, in this order. A setting's group and
the placeholder for its value are in the `json_schema_extra` of its field."""


if TYPE_CHECKING:

    class _ProviderSettings(BaseModel): ...

else:
    _ProviderSettings = create_model("_ProviderSettings", __base__=registry.settings_models())


class _WorldSettings(BaseModel):
    model_config = ConfigDict(defer_build=True)

    build_delay_s: float = Field(
        default=5.0,
        ge=0,
        le=1e9,
        description="Seconds until a new audience becomes READY or TOO_SMALL.",
        json_schema_extra={"group": WORLDS, "metavar": "SECONDS"},
    )
    audience_ready: str = Field(
        default=AFTER_DELAY,
        pattern=POLICY_PATTERN,
        description=(
            "When an audience becomes ready: after_delay, at_once, after_reads:N (at the Nth GET of it),"
            " by_hand (a PATCH through the control API), failed (TOO_SMALL after the delay)."
        ),
        json_schema_extra={"group": WORLDS, "metavar": "POLICY"},
    )
    match_rate: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of uploaded users that match a person, from 0 to 1.",
        json_schema_extra={"group": WORLDS, "metavar": "SHARE"},
    )
    magic_identities: bool = Field(
        default=True,
        description=(
            "Whether addresses such as never-match@audience-mock.example, in plain or hashed, decide how an"
            " upload ends; audience-mock identities lists them."
        ),
        json_schema_extra={"group": WORLDS},
    )
    max_upload_bytes: int = Field(
        default=1 << 30,
        ge=1,
        description="Bytes that an uploaded file may have; a larger file gets 413.",
        json_schema_extra={"group": WORLDS, "metavar": "BYTES"},
    )
    journal_entries: int = Field(
        default=1_000,
        ge=0,
        description="Requests that the request journal of a world keeps; 0 turns it off.",
        json_schema_extra={"group": JOURNAL, "metavar": "COUNT"},
    )
    journal_bytes: int = Field(
        default=10 << 20,
        ge=0,
        description="Bytes that the request journal of a world may take; the oldest requests go first.",
        json_schema_extra={"group": JOURNAL, "metavar": "BYTES"},
    )
    lint_sample_bytes: int = Field(
        default=64 << 10,
        ge=0,
        le=16 << 20,
        description=(
            "Bytes from the start of each upload that a world keeps in memory, of its newest 20, for"
            " GET /__admin/lint; 0 keeps none."
        ),
        json_schema_extra={"group": JOURNAL, "metavar": "BYTES"},
    )
    redact_users: bool = Field(
        default=False,
        description=(
            "Whether the request journal and the log leave out the people in requests: records, and whatever"
            " looks like an e-mail address."
        ),
        json_schema_extra={"group": JOURNAL},
    )
    record: bool = Field(
        default=False,
        description="Whether a world keeps what `audience-mock bundle` needs: what it held at first, what the"
        " control API changed, and whole bodies; up to 64 MiB, besides a copy of its data.",
        json_schema_extra={"group": JOURNAL},
    )
    strict_evidence: Literal["inferred", "documented", "recorded"] | None = Field(
        default=None,
        description=(
            "The evidence that a response has to rest on: where it is less, the answer is 501 and names the"
            " rule. X-Audience-Mock-Evidence says so for one request."
        ),
        json_schema_extra={"group": JOURNAL},
    )
    request_faults: bool = Field(
        default=True,
        description="Whether Prefer: code=… and X-Audience-Mock-Fault force the outcome of one request.",
        json_schema_extra={"group": JOURNAL},
    )


class WorldSettings(_ProviderSettings, _WorldSettings):
    """Settings that a world can override through the control API, those of each provider among them. Worlds
    that do not, use the server's."""

    model_config = ConfigDict(extra="forbid")
