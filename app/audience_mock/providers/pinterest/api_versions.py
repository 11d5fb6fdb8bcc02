"""Versions of Pinterest's API: which a world emulates, and what each lacks.

Validators get the world's settings as pydantic's context; without a context they do what the defaults do.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import AfterValidator, ValidationInfo, WrapValidator

from audience_mock.providers.pinterest.settings import ApiVersion, PinterestOptions

ADDED_TO_RESPONSES_IN_5_28 = frozenset({"is_nca", "is_ctv_enabled"})
"""Keys of audiences and customer lists that no response of 5.23 has (5.28's models; recorded, July 2026)."""

LEGACY_ENUM_VALUES: Mapping[str, str] = {
    "ELIGIBLE": "READY",
    "PERSONAS_INITIALIZING": "INITIALIZING",
    "PERSONAS_INELIGIBLE_SIZE": "TOO_SMALL",
}
"""What an older version says for a status that it does not have. The new values are described; which old one
stands for each is chosen."""

WITHOUT_LOOKALIKE: Mapping[str, str] = {"LOOKALIKE": "ACTALIKE"}
"""The type LOOKALIKE is in what a business received alone, from 5.28 on (described), and strict clients
reject a page of an ad account with it. Chosen: an ad account reads such an audience as the nearest type. Left
out of the list, it would be hidden from its owner, and a GET would find what no list has."""

_BEFORE_5_28: tuple[ApiVersion, ...] = ("5.18", "5.23")

Kind = TypeVar("Kind")


def by_api_version(*, latest: Kind, before_5_28: Kind) -> Mapping[ApiVersion, Kind]:
    """What goes with each API version."""
    return {"5.18": before_5_28, "5.23": before_5_28, "5.28": latest, None: latest}


def is_before_5_28(settings: PinterestOptions | None) -> bool:
    return settings is not None and settings.api_version in _BEFORE_5_28


def before_5_28(check: Callable[[Any], Any]) -> AfterValidator:
    """Marks a type with a check that 5.28 dropped."""

    def validate(value: Any, info: ValidationInfo) -> Any:
        return check(value) if is_before_5_28(info.context) else value

    return AfterValidator(validate)


def since_5_28(default: Any) -> WrapValidator:
    """Marks a key or a parameter that was added after 5.23. An older version ignores it, whatever its value,
    like any that it does not know."""

    def validate(value: Any, validate_latest: Callable[[Any], Any], info: ValidationInfo) -> Any:
        return default if is_before_5_28(info.context) else validate_latest(value)

    return WrapValidator(validate)
