"""Field types and models that several resources have."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, OURS
from audience_mock.web.schema import ApiModel


def _digits_as_text(value: Any) -> Any:
    """Documented as a string; a client may send the number."""
    return str(value) if type(value) is int and 0 <= value < 10**20 else value


def not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "blank")
    if "\x00" in value:
        raise PydanticCustomError("invalid", "invalid")
    return value


AccountId = Annotated[
    str,
    Field(min_length=1, pattern=r"^[0-9]{1,20}$"),
    BeforeValidator(_digits_as_text),
    DOCUMENTATION.says("digits"),
    OURS.says("at most 20 of them; a number too"),
]
MAX_NAME_CHARACTERS, MAX_DESCRIPTION_CHARACTERS, MAX_RULE_CHARACTERS = 1000, 10_000, 65_536
"""Not documented; chosen, so that a page of the largest audiences is a few megabytes."""

Text = Annotated[str, AfterValidator(not_blank)]
Name = Annotated[
    str,
    Field(max_length=MAX_NAME_CHARACTERS),
    AfterValidator(not_blank),
    OURS.says("at most 1,000 characters"),
]


class Parameters(ApiModel):
    """Parameters that are not named here are ignored, as Rails does."""

    model_config = ConfigDict(extra="ignore")


class AccountQuery(Parameters):
    model_config = ConfigDict(json_schema_extra={"examples": [{"fb_ad_account_id": "2"}]})

    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
