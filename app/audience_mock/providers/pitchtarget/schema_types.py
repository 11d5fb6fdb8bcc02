"""Field types and models that several resources have."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, OURS
from audience_mock.web.schema import ApiModel


def _digits_as_text(value: Any) -> Any:
    """Documented as a string; a client may send the number."""
    return str(value) if type(value) is int and 0 <= value < 10**20 else value


def _not_blank(value: str) -> str:
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
Text = Annotated[str, AfterValidator(_not_blank)]


class Parameters(ApiModel):
    """Parameters that are not named here are ignored, as Rails does."""

    model_config = ConfigDict(extra="ignore")


class AccountQuery(Parameters):
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
