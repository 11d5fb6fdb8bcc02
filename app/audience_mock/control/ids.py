"""/__admin/ids: the ids that come next."""

from typing import Annotated, Any, cast

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.apis import public_sequences
from audience_mock.core.store import sequences
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/ids", tags=["ids"])

_DIGITS = len(str(sequences.ALLOWED_NUMBERS[-1]))


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in sequences.ALLOWED_NUMBERS:
        raise PydanticCustomError(
            "number", "give a whole number from 1, of 17 digits at most, as a number or as text"
        )
    return value


Number = Annotated[
    int,
    BeforeValidator(_number),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": sequences.ALLOWED_NUMBERS[-1]},
                {"type": "string", "pattern": f"^[0-9]{{1,{_DIGITS}}}$"},
            ]
        }
    ),
]


NextIds: Any = create_model(
    "NextIds",
    __base__=ApiModel,
    __doc__="The next id of each sequence, as text: some clients cannot hold a number of 17 digits.",
    **cast(Any, dict.fromkeys(public_sequences(), (str, ...))),
)


class _Next(ApiModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"pinterest_audience": "2542623500000"}]}
    )


NextIdsSet: Any = create_model(
    "NextIdsSet",
    __base__=_Next,
    __doc__="Sequences that are left out continue as they are.",
    **cast(Any, dict.fromkeys(public_sequences(), (Number | None, None))),
)
_EXAMPLE = {name: str(first) for name, first in public_sequences().items()}


@router.get(
    "",
    operation_id="ids/get",
    summary="Get the next ids",
    response_model=NextIds,
    responses=success(_EXAMPLE),
)
async def get(request: MockRequest) -> RawResponse:
    """Show the next id of each sequence of this world."""
    return json_response(await request.world.read(sequences.next_ids))


@router.put(
    "",
    operation_id="ids/put",
    summary="Set the next ids",
    response_model=NextIds,
    responses=success(_EXAMPLE),
)
async def put(request: MockRequest, body: NextIdsSet) -> RawResponse:
    """Set the next ids, higher or lower. Ids that are in use are skipped. `facebook` also replaces the ids
    that a seed names (`facebook_ids`)."""
    numbers = body.model_dump(exclude_none=True)
    return json_response(await request.world.transact(sequences.set_next, numbers))
