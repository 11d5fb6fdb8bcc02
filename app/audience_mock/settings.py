"""The settings, each with its unit, default and help text: here those of a server, and in `world_settings`
those that a world can override. Nothing else reads the environment."""

import logging
import os
import re
from collections.abc import Collection, Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from audience_mock.core import durations
from audience_mock.core.errors import InvalidSettingsError
from audience_mock.world_settings import (
    ACCESS,
    GROUPS,
    OBSERVING,
    SERVER,
    STORAGE,
    WORLDS,
    WorldSettings,
)

if TYPE_CHECKING:
    from audience_mock.core.validation_errors import Problem

__all__ = [
    "ENVIRONMENT_PREFIX",
    "GROUPS",
    "SECRET_SETTINGS",
    "Settings",
    "WorldSettings",
    "check_world_settings",
    "group_of",
    "metavar_of",
    "trace_exporter",
    "variable_of",
]

ENVIRONMENT_PREFIX = "AUDIENCE_MOCK_"

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://\S+:\d+", re.IGNORECASE)
"""What Kubernetes sets `AUDIENCE_MOCK_PORT` to, in pods beside a Service called `audience-mock`. No setting
has such a value."""

log = logging.getLogger("audience_mock")

SECRET_SETTINGS = frozenset({"admin_token"})
"""Settings whose values no message shows."""


def _split_at_commas(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(
                f"must be addresses or networks such as 127.0.0.1,10.0.0.0/8: not {network!r}"
            ) from None
    return networks


class Settings(WorldSettings):
    """How a server runs. Each setting is also a flag of `audience-mock serve` and the variable
    AUDIENCE_MOCK_<NAME>.

    What is not given is read from the environment, where an empty variable counts as unset. Raises
    InvalidSettingsError. (The package pydantic-settings does the same but takes 70 ms of each start.)
    """

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**(_from_environment(given) | given))
        except ValidationError as error:
            problem = _first_problem(error, Settings)
            name = str(problem.path[0])
            source = problem.field if name in given else variable_of(name)
            reason = problem.why if name in SECRET_SETTINGS else problem.reason
            raise InvalidSettingsError(name, reason, source) from None

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description=(
            "Address to listen on; localhost is both 127.0.0.1 and ::1, and :: includes IPv4 where the system"
            " can."
        ),
        json_schema_extra={"group": SERVER, "metavar": "ADDRESS"},
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        description="Port to listen on; 0 picks a free one.",
        json_schema_extra={"group": SERVER, "metavar": "PORT"},
    )
    public_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~!$&'()*+;=:@-]+)*/?$",
        description=(
            "Base URL under which clients reach the server behind a proxy, such as https://host/mock: for the"
            " URLs of upload parts and the API descriptions."
        ),
        json_schema_extra={"group": SERVER, "metavar": "URL"},
    )
    trusted_proxies: (
        Annotated[tuple[str, ...], BeforeValidator(_split_at_commas), AfterValidator(_check_networks)] | None
    ) = Field(
        default=None,
        description=(
            "Addresses or networks, separated by commas, of the proxies whose X-Forwarded headers count."
        ),
        json_schema_extra={"group": SERVER, "metavar": "NETWORKS"},
    )
    ready_file: Path | None = Field(
        default=None,
        description="File to write the base URL to once the server is ready.",
        json_schema_extra={"group": SERVER, "metavar": "FILE"},
    )
    keep_alive_s: float = Field(
        default=75.0,
        gt=0,
        le=1e6,
        description="Seconds that a connection may stay open without a request.",
        json_schema_extra={"group": SERVER, "metavar": "SECONDS"},
    )
    header_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=1e6,
        description="Seconds that a client may take to send the headers of a request; then it gets 408.",
        json_schema_extra={"group": SERVER, "metavar": "SECONDS"},
    )
    body_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=1e6,
        description=(
            "Seconds that a client may take to send the body of a request, plus one for each 500 bytes"
            " received; then it gets 408."
        ),
        json_schema_extra={"group": SERVER, "metavar": "SECONDS"},
    )
    max_connections: int = Field(
        default=4096,
        ge=1,
        description="Connections that may be open at one time; one more gets 503 and is closed.",
        json_schema_extra={"group": SERVER, "metavar": "COUNT"},
    )
    worlds: Literal["any", "known"] = Field(
        default="any",
        description=(
            "Which worlds a request may name: any, which makes the missing ones, or known, those that the"
            " control API made."
        ),
        json_schema_extra={"group": WORLDS},
    )
    world_ttl: str | None = Field(
        default=None,
        pattern=durations.PATTERN,
        description=(
            "Time after its last use that a world is deleted, such as 30m, 12h or 14d, the default world"
            " excepted; by default never."
        ),
        json_schema_extra={"group": WORLDS, "metavar": "DURATION"},
    )
    world_idle: str = Field(
        default="15m",
        pattern=durations.PATTERN_OR_NEVER,
        description=(
            "Time without a request after which the file of a world is closed until its next use, such as"
            " 15m, or never."
        ),
        json_schema_extra={"group": WORLDS, "metavar": "DURATION"},
    )
    drain_s: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description=(
            "Seconds from SIGTERM during which requests are still answered, while /__admin/ready answers 503:"
            " as long as a load balancer takes to notice. Ctrl-C, or a second signal, does not wait."
        ),
        json_schema_extra={"group": SERVER, "metavar": "SECONDS"},
    )
    ready_free_bytes: int = Field(
        # Eight times what is kept free when users are written (`store.space.LEFT_BYTES`), so that the
        # operator hears of it before a client does. Chosen.
        default=64 << 20,
        ge=0,
        description=(
            "Bytes of the database file's disk that have to be free; with fewer, /__admin/ready answers 503."
            " 0 does not look."
        ),
        json_schema_extra={"group": SERVER, "metavar": "BYTES"},
    )
    database: str = Field(
        default="sqlite://",
        description=(
            "URL of the database: sqlite:// is in memory, sqlite:///FILE survives a restart;"
            " postgresql://USER@HOST/NAME is shared by any number of servers (needs audience-mock[postgres])."
        ),
        json_schema_extra={"group": STORAGE, "metavar": "URL"},
    )
    database_lock: bool = Field(
        default=True,
        description=(
            "Whether to lock the database files, so that no second server uses them. Turn it off only on a"
            " network file system that cannot lock, and see to it yourself: two servers damage a file."
        ),
        json_schema_extra={"group": STORAGE},
    )
    seed: str | None = Field(
        default=None,
        description="Seed file to load into an empty database, or demo for the one that is included.",
        json_schema_extra={"group": STORAGE, "metavar": "FILE|demo"},
    )
    admin: bool = Field(
        default=True,
        description="Whether the control API (/__admin) is on; without it only its health page answers.",
        json_schema_extra={"group": ACCESS},
    )
    admin_token: str | None = Field(
        default=None,
        pattern=r"^[!-~]{8,}$",
        repr=False,
        description=(
            "Bearer token that calls of the control API must send, from any address; without a token, only"
            " this machine may call. Other users of the machine can see a flag, so prefer the variable or"
            " --admin-token-file."
        ),
        json_schema_extra={"group": ACCESS, "metavar": "TOKEN"},
    )
    admin_token_file: Path | None = Field(
        default=None,
        description=(
            "File with tokens that open the control API beside --admin-token, one a line, # before a comment;"
            " read again when it changes, so that a token can be replaced without a restart."
        ),
        json_schema_extra={"group": ACCESS, "metavar": "FILE"},
    )
    tenants: Path | None = Field(
        default=None,
        description=(
            "File in TOML with the tenants, their tokens and quotas; read again on SIGHUP. It needs an admin"
            " token for the operator."
        ),
        json_schema_extra={"group": ACCESS, "metavar": "FILE"},
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_split_at_commas)] = Field(
        default=("*",),
        description="Origins whose pages may call Pinterest's API, separated by commas; * allows any.",
        json_schema_extra={"group": ACCESS, "metavar": "ORIGINS"},
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Lowest level to log to stderr; info logs each rejected request.",
        json_schema_extra={"group": OBSERVING},
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="Form of a log line: text for people; json, an object with a key for each fact.",
        json_schema_extra={"group": OBSERVING},
    )
    access_log: bool = Field(
        default=False,
        description="Whether to log each request, not only rejected ones.",
        json_schema_extra={"group": OBSERVING},
    )
    audit_log: str | None = Field(
        default=None,
        min_length=1,
        description=(
            "File to append a line to for each call of the control API that changes something, or was"
            " rejected: who, from where, what; opened again on SIGHUP. - is the log."
        ),
        json_schema_extra={"group": OBSERVING, "metavar": "FILE|-"},
    )
    metrics: bool = Field(
        default=False,
        description="Whether /metrics answers, in Prometheus' text format; needs the extra operate.",
        json_schema_extra={"group": OBSERVING},
    )


def group_of(name: str) -> str:
    """The heading under which a setting is listed, one of GROUPS."""
    return str(_extra(name)["group"])


def metavar_of(name: str) -> str | None:
    """The placeholder for a setting's value in help texts; None for a switch or a choice."""
    metavar = _extra(name).get("metavar")
    return None if metavar is None else str(metavar)


def check_world_settings(given: Mapping[str, Any]) -> None:
    """Raises InvalidSettingsError for what a world cannot override, or a value that a setting cannot have."""
    try:
        WorldSettings.model_validate(given)
    except ValidationError as error:
        problem = _first_problem(error, WorldSettings)
        raise InvalidSettingsError(f"settings.{problem.field}", problem.reason) from None


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _first_problem(error: ValidationError, model: type[BaseModel]) -> "Problem":
    from audience_mock.core.validation_errors import problems

    return problems(error.errors(include_url=False), model, key="setting")[0]


def _extra(name: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], Settings.model_fields[name].json_schema_extra)


def trace_exporter() -> Literal["otlp", "console"] | None:
    """What OpenTelemetry's own variables ask for; None for no traces. Raises InvalidSettingsError."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    match os.environ.get("OTEL_TRACES_EXPORTER"):
        case None | "":
            endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            return "otlp" if any(os.environ.get(name) for name in endpoints) else None
        case "otlp" | "console" as exporter:
            return exporter
        case "none":
            return None
        case other:
            reason = f"must be one of 'otlp', 'console', 'none' (given: {other[:100]!r})"
            raise InvalidSettingsError("OTEL_TRACES_EXPORTER", reason)


def _from_environment(given: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        variable = variable_of(name)
        value = os.environ.get(variable)
        if not value or name in given:
            continue
        if _SERVICE_LINK.fullmatch(value):
            _ignore_service_link(variable, value)
        else:
            found[name] = value
    return found


@cache
def _ignore_service_link(variable: str, value: str) -> None:
    """Said once, though settings are read several times."""
    log.warning(
        "%s=%s is ignored: Kubernetes sets it for a Service of this name (enableServiceLinks: false)",
        variable,
        value,
    )
