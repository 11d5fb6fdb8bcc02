"""/__admin/identities: the magic identities, in each form that an upload may have."""

from fastapi import APIRouter
from pydantic import Field

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["uploads"])


class IdentityForms(ApiModel):
    """A value and its hashes, in hex."""

    plain: str
    md5: str
    sha1: str
    sha256: str


class MagicIdentity(ApiModel):
    name: str
    effect: str = Field(description="What it does to an upload.")
    email: IdentityForms = Field(description="The address.")
    device: IdentityForms = Field(description="The mobile advertising id, which has the same effect.")


class MagicIdentities(ApiModel):
    enabled: bool = Field(description="Whether they have an effect in this world: `magic_identities`.")
    identities: list[MagicIdentity]


_EXAMPLE = {
    "enabled": True,
    "identities": [
        {
            "name": "never-match",
            "effect": "is not matched, whatever the match rate is",
            "email": {
                "plain": "never-match@audience-mock.example",
                "md5": "568e6942ae53daacb32a4c4730ac0403",
                "sha1": "3f84e6e453004e150135d2d71bd33d89c4a993b0",
                "sha256": "0894ec0ad95ad4024517344abcba13ee68d9c893072e71af015b7efbba7c3fd0",
            },
            "device": {
                "plain": "00000000-0000-4000-8000-a0d1e0ce0002",
                "md5": "1e021fa4abab3056c39efbee23d04218",
                "sha1": "37cb643e76d05a98b6ce7c6ac659a76cefe8cab0",
                "sha256": "96b4033899b4a5237418d4d2cd80de7d0bbb3587d919241ca1d52521e26bd258",
            },
        }
    ],
}


@router.get(
    "/identities",
    operation_id="identities/list",
    summary="List the magic identities",
    response_model=MagicIdentities,
    responses=success(_EXAMPLE),
)
async def list_all(request: MockRequest) -> RawResponse:
    """List the addresses that decide how an upload ends, in plain and as each hash that the APIs read."""
    from audience_mock.core.users.magic import identities_as_json  # noqa: PLC0415 - few tests list them

    return json_response(
        {"enabled": request.world.rules.magic_identities, "identities": identities_as_json()}
    )
