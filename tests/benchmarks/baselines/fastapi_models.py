"""FastAPI as documented, with this server's models and no database."""

import json
from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, UploadFile

from audience_mock.providers.pinterest.audiences.schemas import (
    Audience,
    AudienceCreate,
    AudienceListQuery,
    AudiencePage,
    CreatedAudience,
)
from audience_mock.providers.pinterest.schema_types import PathId
from audience_mock.providers.pitchtarget.custom_audiences.schemas import Created, LookalikeCreate
from benchmarks.baselines.recorded import BODIES, STATUSES, has_form
from benchmarks.exchanges import CREATE, GET, LIST, LOOKALIKE_CREATE, MULTIPART_CREATE

_FROM_FILE_PATH = "/custom_audiences/from_file"


class _App(FastAPI):
    """FastAPI allows one kind of body for each path and method: forms get a path of their own."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and has_form(scope):
            scope = {**scope, "path": _FROM_FILE_PATH}
        await super().__call__(scope, receive, send)


app = _App()
_COLLECTION = "/v5/ad_accounts/{ad_account_id}/audiences"
_ONE = Audience.model_validate_json(BODIES[GET])
_PAGE = AudiencePage.model_validate_json(BODIES[LIST])
_CREATED = CreatedAudience.model_validate_json(BODIES[CREATE])
_FROM_FILE: dict[str, Any] = json.loads(BODIES[MULTIPART_CREATE])
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


@app.post(_FROM_FILE_PATH, status_code=STATUSES[MULTIPART_CREATE])
async def create_from_file(
    *,
    fb_ad_account_id: Annotated[str, Form()],
    name: Annotated[str, Form()],
    description: Annotated[str, Form()],
    opt_out_link: Annotated[str, Form()],
    user_type: Annotated[str, Form()],
    file: UploadFile,
) -> dict[str, Any]:  # the model has another order of keys
    await file.read()
    return _FROM_FILE
