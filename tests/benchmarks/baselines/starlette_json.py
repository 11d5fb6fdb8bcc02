"""Starlette that reads and writes JSON, and reads a form: no models, no validation, no database."""

import json

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.baselines.recorded import BODIES, STATUSES, has_form
from benchmarks.exchanges import AUDIENCES, CREATE, GET, LIST, LOOKALIKE_CREATE, MULTIPART_CREATE

_ONE, _PAGE, _CREATED, _LOOKALIKE, _FROM_FILE = (
    json.loads(BODIES[workload]) for workload in (GET, LIST, CREATE, LOOKALIKE_CREATE, MULTIPART_CREATE)
)


async def get(request: Request) -> JSONResponse:
    return JSONResponse(_ONE, STATUSES[GET])


async def list_page(request: Request) -> JSONResponse:
    return JSONResponse(_PAGE, STATUSES[LIST])


async def create(request: Request) -> JSONResponse:
    body = await request.json()
    return JSONResponse({**_CREATED, **body}, STATUSES[CREATE])


async def create_custom(request: Request) -> JSONResponse:
    if has_form(request.scope):
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            await file.read()
        return JSONResponse(_FROM_FILE, STATUSES[MULTIPART_CREATE])
    await request.json()
    return JSONResponse(_LOOKALIKE, STATUSES[LOOKALIKE_CREATE])


_ACCOUNT = AUDIENCES.replace(AUDIENCES.split("/")[3], "{ad_account_id}")
app = Starlette(
    routes=[
        Route(_ACCOUNT, list_page, methods=["GET"]),
        Route(_ACCOUNT, create, methods=["POST"]),
        Route(_ACCOUNT + "/{audience_id}", get, methods=["GET"]),
        Route("/custom_audiences", create_custom, methods=["POST"]),
    ]
)
