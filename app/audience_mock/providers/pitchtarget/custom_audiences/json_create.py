"""Lookalike, website and app audiences, created from JSON."""

from typing import Any

from pydantic import ConfigDict

from audience_mock.core.audiences import changes, facebook_ids
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.users.match_rate import estimate
from audience_mock.providers.pitchtarget.api import NAME
from audience_mock.providers.pitchtarget.custom_audiences.schemas import (
    AppCreate,
    JsonCreate,
    LookalikeCreate,
    WebsiteCreate,
)
from audience_mock.providers.pitchtarget.responses import rails_json
from audience_mock.web.body import read_whole
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.request import MockRequest
from audience_mock.web.schema import ApiModel
from audience_mock.web.validation import parse_json


class _Kind(ApiModel):
    """Which kind of audience a body creates: its `type` in 2014-04, its `subtype` in 2014-05."""

    model_config = ConfigDict(extra="allow")

    type: str | None = None
    subtype: str | None = None


_BY_TYPE: dict[str | None, type[JsonCreate]] = {"lookalike": LookalikeCreate, "website": WebsiteCreate}
_BY_SUBTYPE: dict[str | None, type[JsonCreate]] = {
    model.kind: model for model in (LookalikeCreate, WebsiteCreate, AppCreate)
}


async def read(request: MockRequest) -> JsonCreate:
    """The body of a create on /custom_audiences. Raises InvalidInputError, MalformedBodyError."""
    raw = await read_whole(request)
    body: _Kind = parse_json(raw, _Kind)
    field, given, models = "subtype", body.subtype, _BY_SUBTYPE
    if given is None:
        field, given, models = "type", body.type, _BY_TYPE
    if given not in models:
        raise InvalidInputError("body", [{"type": "literal_error", "loc": (field,), "input": given}])
    return parse_json(raw, models[given])


async def create_audience(request: MockRequest, body: JsonCreate) -> AudienceRow:
    """Create the audience; Facebook has it at once."""
    columns: dict[str, Any]
    if isinstance(body, LookalikeCreate):
        columns = {
            "definition": rails_json(body.lookalike_spec.as_sent()).decode(),
            "origin_id": rails_json(body.origin_audience_id).decode(),
        }
    else:
        columns = {"definition": body.rule, "retention_days": body.retention_days}
    return await request.world.transact(
        facebook_ids.assign_due_then,
        changes.create,
        api=NAME,
        account=body.fb_ad_account_id,
        kind=body.kind,
        name=body.name,
        # Chosen, and the same for the same definition.
        people=estimate(1_000, 2_000_000, columns["definition"]),
        facebook=True,
        columns=columns,
    )
