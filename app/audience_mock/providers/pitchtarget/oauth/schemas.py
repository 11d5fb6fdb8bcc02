"""What /oauth/authorize takes and returns."""

from typing import Annotated, Literal

from pydantic import ConfigDict

from audience_mock.providers.pitchtarget.schema_types import Text
from audience_mock.providers.pitchtarget.sources import ANSWERS, DOCUMENTATION
from audience_mock.web.schema import ApiModel


class Authorize(ApiModel):
    """Any name and password are accepted."""

    username: Annotated[Text, DOCUMENTATION]
    password: Annotated[Text, DOCUMENTATION]
    grant_type: Annotated[Literal["password"], DOCUMENTATION]
    client_id: Annotated[Text, DOCUMENTATION]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "ann", "password": "secret", "grant_type": "password", "client_id": "shop"}
            ]
        }
    )


class AccessToken(ApiModel):
    access_token: Annotated[str, ANSWERS.says("30 or 31 lower-case letters and digits")]
