"""Types that the schemas of several resources share: ids, names, pages."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WrapValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.providers.pinterest.api_versions import before_5_28, is_before_5_28
from audience_mock.providers.pinterest.sources import CHANGES, DESCRIPTION, OURS
from audience_mock.providers.pinterest.strictness import SchemaAllows, is_schema_only
from audience_mock.web.schema import ApiModel

DIGITS = r"^\d+$"
"""The description has `\\d`, as Pinterest's does; only ASCII digits are meant."""

MAX_PAGE_SIZE = 250
DEFAULT_PAGE_SIZE = 25

Digits = Annotated[str, Field(pattern=r"^[0-9]+$", json_schema_extra={"pattern": DIGITS})]

PathId = Annotated[
    str,
    Field(pattern=r"^[0-9]+$", max_length=18, json_schema_extra={"pattern": DIGITS}),
    DESCRIPTION,
    DESCRIPTION.says("at most 18 digits"),
]


def _at_most_18_digits(id: str) -> str:
    if len(id) > 18:
        raise PydanticKnownError("string_too_long", {"max_length": 18})
    return id


LongPathId = Annotated[
    Digits,
    before_5_28(_at_most_18_digits),
    DESCRIPTION,
    DESCRIPTION.says("at most 18 digits"),
    CHANGES.says("of any length"),
]
"""An id in a path whose length 5.28 no longer limits; `audience_number` makes a number of it."""


class _Missing:
    """A key that was not sent."""


_MISSING = _Missing()


def required_but_by_schema(default: Callable[[], Any]) -> WrapValidator:
    """Marks a key that is required, except by the schema of 5.28 alone: then a request without it has
    `default`. The field is declared as `= NOT_SENT`."""

    def validate(value: Any, validate_sent: Callable[[Any], Any], info: ValidationInfo) -> Any:
        if value is not _MISSING:
            return validate_sent(value)
        if is_schema_only(info.context) and not is_before_5_28(info.context):
            return default()
        raise PydanticKnownError("missing")

    return WrapValidator(validate)


NOT_SENT: Any = Field(default_factory=lambda: _MISSING, validate_default=True)
MAX_NAME_CHARACTERS, MAX_DESCRIPTION_CHARACTERS = 1000, 10_000
"""Not documented; chosen, so that a page of the largest audiences is a few megabytes. They hold with
schema-only validation too. Our description, which is to accept what Pinterest's does, has them as evidence
only."""

# Chosen: a name, and so a country or an event, is not blank.
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        pattern=r"\S",
        json_schema_extra={"maxLength": None, "pattern": None},
    ),
    SchemaAllows(Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]),
    OURS.says("at most 1,000 characters"),
]
Description = Annotated[
    str, Field(max_length=MAX_DESCRIPTION_CHARACTERS, json_schema_extra={"maxLength": None})
]


def _numeric(value: Any) -> Any:
    """A number in a query: digits only."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise PydanticCustomError("int_parsing", "not numeric")
    return value


def audience_number(id: str) -> int:
    """An id of any length as a number; one that is too long is a number that no audience has."""
    return int(id) if len(id) <= 18 else MAX_NUMBER + 1


PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), BeforeValidator(_numeric)]


class PageQuery(ApiModel):
    """A page of a list that has an order."""

    bookmark: Annotated[str | None, DESCRIPTION] = None
    order: Annotated[Literal["ASCENDING", "DESCENDING"], DESCRIPTION] = "ASCENDING"
    page_size: Annotated[PageSize, DESCRIPTION] = DEFAULT_PAGE_SIZE

    @property
    def descending(self) -> bool:
        return self.order == "DESCENDING"
