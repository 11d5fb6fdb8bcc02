"""What a bundle has to be before anything of it is sent: it may come from anyone."""

import binascii
import re
from base64 import b64decode
from typing import Annotated, Any, Self
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from audience_mock.web.bundling import BundleError, check_complete

FORMATS = (1,)
ADMIN = "__admin"

CHANGES = re.compile(
    r"/(?:settings|seed|clock(?:/advance)?|limits|ids|(?:faults|audiences|customer-lists)(?:/.+)?)"
)
"""Paths of the operations of the control API that a recording notes."""


def _within_its_world(path: str) -> str:
    """A path that no proxy can resolve to another world, or to an operation of the control API."""
    segments = unquote(path.partition("?")[0]).replace("\\", "/").split("/")
    if segments[0] or ".." in segments or ADMIN in segments:
        raise ValueError("leaves the world of the replay")
    return path


def _of_a_change(path: str) -> str:
    if not CHANGES.fullmatch(path.partition("?")[0]) or ".." in unquote(path).split("/"):
        raise ValueError("is of no change that is recorded")
    return path


def _lower_case(name: str) -> str:
    if name != name.lower():
        raise ValueError("is not in lower case")
    return name


def _base64(text: str) -> str:
    try:
        b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None
    return text


class _Encoded(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base64: Annotated[str, AfterValidator(_base64)]


Body = str | _Encoded
Time = Annotated[float, Field(ge=-1e11, le=1e12)]
"""Unix seconds, as far as a clock goes in either direction and beyond: what is no time at all is rejected."""
Header = tuple[Annotated[str, AfterValidator(_lower_case)], str]


class _Request(BaseModel):
    method: str
    path: Annotated[str, AfterValidator(_within_its_world)]
    headers: list[Header]
    body: Body


class _Answer(BaseModel):
    status: int | None
    headers: list[Header]
    body: Body | None


class _Change(BaseModel):
    method: str
    path: Annotated[str, AfterValidator(_of_a_change)]
    body: Any

    @model_validator(mode="after")
    def _has_settings(self) -> Self:
        has = isinstance(self.body, dict) and isinstance(self.body.get("settings"), dict)
        if self.path == "/settings" and not has:
            raise ValueError("has no settings")
        return self


class _Changed(BaseModel):
    at: Time
    change: _Change


class _Exchange(BaseModel):
    number: int
    at: Time
    operation: str | None
    fault: Any
    not_replayable: str | None
    request: _Request
    answer: _Answer


def _kind(step: Any) -> str:
    return "_change" if isinstance(step, dict) and "change" in step else "_request"


_Step = Annotated[
    Annotated[_Changed, Tag("_change")] | Annotated[_Exchange, Tag("_request")], Discriminator(_kind)
]


class _Clock(BaseModel):
    now: Time
    frozen: bool


class _Missing(BaseModel):
    dropped: int
    after_limit: bool


class _Bundle(BaseModel):
    versions: dict[str, str]
    settings: dict[str, Any]
    clock: _Clock
    start: dict[str, Any]
    steps: list[_Step]
    missing: _Missing


def check(bundle: Any) -> None:
    """Raises BundleError for what is no bundle, or one that begins too late."""
    if not isinstance(bundle, dict) or bundle.get("format") not in FORMATS:
        raise BundleError("it is no bundle of this version")
    try:
        _Bundle.model_validate(bundle)
    except ValidationError as error:
        raise BundleError(f"it is no bundle: {_in_words(error)}") from None
    check_complete(bundle)


def _in_words(error: ValidationError) -> str:
    """The first fault; the names of the kinds of steps are no part of its place."""
    found = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in found["loc"] if not str(part).startswith("_"))
    return f"{place}: {found['msg']}"
