"""/oauth/authorize: a token for a user's name and password, as OAuth 2.0 draft 10 has it."""

import string
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict

from audience_mock.pitchtarget.answers import answer
from audience_mock.pitchtarget.custom_audiences_wire import Text
from audience_mock.pitchtarget.errors import INPUT_ERRORS
from audience_mock.pitchtarget.routes import PitchTargetRoute
from audience_mock.pitchtarget.sources import DOCUMENTATION, EXCHANGES, OURS
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.evidence import known_by
from audience_mock.transport.wire import WireModel

TOKEN_LENGTH = 31
"""Published tokens are 30 or 31 lower-case letters and digits."""


class _OpenRoute(PitchTargetRoute):
    """Who asks for a token has none yet."""

    def admit(self, call: Call) -> None:
        pass


router = APIRouter(route_class=_OpenRoute, tags=["oauth"])


class Authorize(WireModel):
    """Any name and password will do."""

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


class AccessToken(WireModel):
    access_token: Annotated[str, EXCHANGES.says("30 or 31 lower-case letters and digits")]


EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "oauth/authorize": {"200": {"access_token": "cpo7v1e0zbzdic90pc6txbj1cypb8yl"}}
}


@router.post(
    "/oauth/authorize",
    operation_id="oauth/authorize",
    summary="Get a token",
    response_model=AccessToken,
    responses=INPUT_ERRORS,
    openapi_extra={"security": []} | known_by(DOCUMENTATION, OURS.says("any name and password will do")),
)
async def authorize(call: Call, body: Authorize) -> Answer:
    token = "".join(call.world.random.choices(string.ascii_lowercase + string.digits, k=TOKEN_LENGTH))
    return answer(call, 200, {"access_token": token})
