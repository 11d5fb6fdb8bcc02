"""Types that the schemas of several resources share: ids, names, pages."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.providers.pinterest.strictness import SchemaAllows
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
