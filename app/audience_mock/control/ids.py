"""/__admin/ids: where the ids go on."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from audience_mock.control.errors import response
from audience_mock.control.route import ControlRoute
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


class NextIds(ApiModel):
    """The next id of each sequence, as text: some clients cannot hold a number of 17 digits."""

    pitchtarget_audience: str
    facebook: str
    pinterest_audience: str
    pinterest_customer_list: str
    pinterest_upload: str


class NextIdsSet(ApiModel):
    """Sequences that are left out continue as they are."""

    model_config = ConfigDict(extra="forbid")

    pitchtarget_audience: Number | None = None
    facebook: Number | None = Field(
        default=None, description="Also replaces the ids that a seed names (`facebook_ids`)."
    )
    pinterest_audience: Number | None = None
    pinterest_customer_list: Number | None = None
    pinterest_upload: Number | None = None


@router.get("", operation_id="ids/get", response_model=NextIds)
async def get(request: MockRequest) -> RawResponse:
    """Show the next id of each sequence of this world."""
    return response(200, await request.world.read(sequences.next_ids))


@router.put("", operation_id="ids/put", response_model=NextIds)
async def put(request: MockRequest, body: NextIdsSet) -> RawResponse:
    """Set the next ids, higher or lower. Ids that are in use are skipped."""
    numbers = body.model_dump(exclude_none=True)
    return response(200, await request.world.transact(sequences.set_next, numbers))
