"""/oauth/authorize: a token for a user's name and password, as OAuth 2.0 draft 10 has it."""

import string

from fastapi import APIRouter

from audience_mock.providers.pitchtarget.oauth.schemas import AccessToken, Authorize
from audience_mock.providers.pitchtarget.openapi_responses import BODY_ERRORS, success
from audience_mock.providers.pitchtarget.responses import TOKEN_HEADER_EVIDENCE, token_response
from audience_mock.providers.pitchtarget.route import PitchTargetRoute
from audience_mock.providers.pitchtarget.sources import ANSWERS, OURS
from audience_mock.web.openapi import operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

TOKEN_LENGTH = 31
"""Published tokens are 30 or 31 lower-case letters and digits."""

router = APIRouter(route_class=PitchTargetRoute, tags=["oauth"])


@router.post(
    "/oauth/authorize",
    operation_id="oauth/authorize",
    summary="Get a token",
    response_model=AccessToken,
    responses=BODY_ERRORS | success({"access_token": "cpo7v1e0zbzdic90pc6txbj1cypb8yl"}),
    openapi_extra=operation(
        ANSWERS,
        OURS.says("any name and password are accepted"),
        security=(),
        headers=TOKEN_HEADER_EVIDENCE,
    ),
)
async def authorize(request: MockRequest, body: Authorize) -> RawResponse:
    token = "".join(request.world.random.choices(string.ascii_lowercase + string.digits, k=TOKEN_LENGTH))
    return token_response(request, {"access_token": token})
