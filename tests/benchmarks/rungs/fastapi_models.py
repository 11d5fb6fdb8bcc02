"""FastAPI as its documentation has it, with this server's models and no store."""

from typing import Annotated

from fastapi import FastAPI, Query

from audience_mock.providers.pinterest.audiences.schemas import (
    Audience,
    AudienceCreate,
    AudienceListQuery,
    AudiencePage,
    CreatedAudience,
    PathId,
)
from audience_mock.providers.pitchtarget.custom_audiences.schemas import Created, LookalikeCreate
from benchmarks.exchanges import CREATE, GET, LIST, LOOKALIKE_CREATE
from benchmarks.rungs.recorded import BODIES, STATUSES

app = FastAPI()
_COLLECTION = "/v5/ad_accounts/{ad_account_id}/audiences"
_ONE = Audience.model_validate_json(BODIES[GET])
_PAGE = AudiencePage.model_validate_json(BODIES[LIST])
_CREATED = CreatedAudience.model_validate_json(BODIES[CREATE])
_LOOKALIKE = Created.model_validate_json(BODIES[LOOKALIKE_CREATE])


@app.get(_COLLECTION + "/{audience_id}", response_model_exclude_unset=True)
async def get(ad_account_id: PathId, audience_id: PathId) -> Audience:
    return _ONE


@app.get(_COLLECTION, response_model_exclude_unset=True)
async def list_page(ad_account_id: PathId, query: Annotated[AudienceListQuery, Query()]) -> AudiencePage:
    return _PAGE


@app.post(_COLLECTION, status_code=STATUSES[CREATE], response_model_exclude_unset=True)
async def create(ad_account_id: PathId, body: AudienceCreate) -> CreatedAudience:
    return CreatedAudience(
        ad_account_id=ad_account_id,
        id=_CREATED.id,
        name=body.name,
        audience_type=body.audience_type,
        description=body.description,
        rule=body.rule,
        size=_CREATED.size,
        status=_CREATED.status,
        type="audience",
        created_timestamp=_CREATED.created_timestamp,
        updated_timestamp=_CREATED.updated_timestamp,
        created_by_company_name=None,
        is_nca=False,
    )


@app.post("/custom_audiences", status_code=STATUSES[LOOKALIKE_CREATE])
async def create_lookalike(body: LookalikeCreate) -> Created:
    return Created(id=_LOOKALIKE.id)
