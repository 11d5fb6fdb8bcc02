"""/ad_accounts/{ad_account_id}/customer_lists/{customer_list_id}/uploads: create, get, run; and the parts.

Pinterest has the parts of a file sent to Amazon's S3, under URLs that the create answers. This server takes
them itself, without a token as S3 does: those URLs lead back to it.

Not reproduced: the 5 MiB that S3 asks of each part but the last; PAUSED, which no call brings about.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from pydantic_core import to_json

from audience_mock.core.audiences.lifecycle import FAILED, SUCCEEDED, upload_state_at
from audience_mock.core.store.rows import ListUploadRow
from audience_mock.core.users import list_uploads
from audience_mock.core.users.records import INVALID_DEVICE, INVALID_EMAIL, INVALID_ID
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.providers.pinterest.audiences.schemas import Digits, PathId
from audience_mock.providers.pinterest.customer_lists.routes import CUSTOMER_LIST, NOT_FOUND
from audience_mock.providers.pinterest.customer_lists.schemas import OperationType
from audience_mock.providers.pinterest.openapi_responses import (
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    Responses,
    described_error,
)
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.body import declared_bytes
from audience_mock.web.errors import BodyTooLargeError
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.templates import template
from audience_mock.web.world_selection import PREFIX

ERROR_CODES = {INVALID_EMAIL: 42, INVALID_DEVICE: 43, INVALID_ID: 44}
"""What a wrong record is counted under: 42 is in an example of Pinterest's, the others are chosen."""


class CustomerListUploadCreate(ApiModel):
    operation: Annotated[OperationType, DESCRIPTION]
    total_parts: Annotated[int, Field(strict=True, ge=1, le=10), DESCRIPTION]

    model_config = ConfigDict(json_schema_extra={"examples": [{"operation": "ADD", "total_parts": 2}]})


class ErrorDetail(ApiModel):
    error_code: Annotated[
        int, DESCRIPTION.says("42 for a wrong e-mail"), OURS.says("43 for a wrong device id, 44 for another")
    ]
    message: str
    count: int


class RecordCounts(ApiModel):
    processed: int
    valid: int
    invalid: int


class CustomerListUpload(ApiModel):
    """The counts are null until the upload has ended (chosen)."""

    ad_account_id: Digits
    creation_time: int
    customer_list_id: Digits
    error_counts: Annotated[list[ErrorDetail] | None, OURS.says("null until the upload has ended")]
    id: Digits
    operation: OperationType
    record_counts: Annotated[RecordCounts | None, OURS.says("null until the upload has ended")]
    state: Literal["NOT_STARTED", "RUNNING", "PAUSED", "SUCCEEDED", "FAILED"]
    updated_time: int


class S3FilePart(ApiModel):
    part_number: int
    presigned_url: Annotated[str, OURS.says("leads back to this server, and needs no token")]


class S3MultipartUploadData(ApiModel):
    file_parts: list[S3FilePart]


class CustomerListUploadCreated(ApiModel):
    customer_list_upload: CustomerListUpload
    s3_multipart_upload_data: S3MultipartUploadData


_ONE = template(CustomerListUpload)
_UPLOAD_NOT_FOUND: Responses = {
    404: described_error(
        "No such upload to the customer list", 4, "Sorry! We could not find your customer list upload."
    )
}
_NOT_NOW: Responses = {
    400: described_error(
        "An upload that cannot be run", 1, "Invalid request: customer list upload 2680059001 lacks parts: 2"
    )
}
_NEW = {
    "ad_account_id": "549755885175",
    "creation_time": 1795305607,
    "customer_list_id": "5497558",
    "error_counts": None,
    "id": "2680059001",
    "operation": "ADD",
    "record_counts": None,
    "state": "NOT_STARTED",
    "updated_time": 1795305607,
}
_CREATED = {
    "customer_list_upload": _NEW,
    "s3_multipart_upload_data": {
        "file_parts": [{"part_number": 1, "presigned_url": "http://127.0.0.1:8000/v5/__uploads/2680059001/1"}]
    },
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "customer_list_uploads/create": {"200": _CREATED},
    "customer_list_uploads/get": {
        "200": _NEW
        | {
            "error_counts": [{"error_code": 42, "message": "Invalid email", "count": 20}],
            "record_counts": {"processed": 1000, "valid": 980, "invalid": 20},
            "state": "SUCCEEDED",
        }
    },
    "customer_list_uploads/run": {"200": _NEW | {"state": "RUNNING"}},
}
"""Answers by operation and status, for the description."""

_OF_THE_LIST = SAME_ACCOUNT | {"customer_list_id": "$request.path.customer_list_id"}
_ID = "$response.body#/customer_list_upload/id"
LINKS: Mapping[str, Any] = {
    "customer_list_uploads/create": {
        "Get": link("customer_list_uploads/get", **_OF_THE_LIST, customer_list_upload_id=_ID),
        "Run": link("customer_list_uploads/run", **_OF_THE_LIST, customer_list_upload_id=_ID),
    },
    "customer_list_uploads/run": {
        "Get": link(
            "customer_list_uploads/get",
            **_OF_THE_LIST,
            customer_list_upload_id="$request.path.customer_list_upload_id",
        )
    },
}


class PartRoute(PinterestRoute):
    """The URL of a part says all that a caller needs to know."""

    def authorize(self, request: MockRequest) -> None:
        return


router = APIRouter(route_class=PinterestRoute, tags=["customer_list_uploads"])
part_router = APIRouter(route_class=PartRoute, include_in_schema=False)
_UPLOADS = CUSTOMER_LIST + "/uploads"
_UPLOAD = _UPLOADS + "/{customer_list_upload_id}"
PARTS = "__uploads"


def to_json_text(row: ListUploadRow, account: str, now_ms: int) -> bytes:
    """A row in Pinterest's words."""
    state = upload_state_at(row, now_ms)
    error_counts, record_counts = None, None
    # An upload that ended has its counts, and the time that it ended.
    updated_at_ms = row.started_at_ms or row.created_at_ms
    if state in (SUCCEEDED, FAILED):
        updated_at_ms = row.ready_at_ms or updated_at_ms
        valid, invalid = row.valid or 0, row.invalid or 0
        record_counts = {"processed": valid + invalid, "valid": valid, "invalid": invalid}
        error_counts = [
            {"error_code": ERROR_CODES[what], "message": f"Invalid {what}", "count": count}
            for what, count in json.loads(row.errors or "{}").items()
        ]
    return _ONE % {
        b"ad_account_id": b'"%b"' % account.encode(),
        b"creation_time": b"%d" % (row.created_at_ms // 1000),
        b"customer_list_id": b'"%d"' % row.customer_list,
        b"error_counts": to_json(error_counts),
        b"id": b'"%d"' % row.number,
        b"operation": b'"%b"' % row.operation.encode(),
        b"record_counts": to_json(record_counts),
        b"state": b'"%b"' % state.encode(),
        b"updated_time": b"%d" % (updated_at_ms // 1000),
    }


@router.post(
    _UPLOADS,
    operation_id="customer_list_uploads/create",
    summary="Get URLs for the parts of a file of records",
    response_model=CustomerListUploadCreated,
    responses=WRITE_ERRORS | NOT_FOUND,
    openapi_extra=known_by(DESCRIPTION, DESCRIPTION.says("success is 200")),
)
async def create(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, body: CustomerListUploadCreate
) -> RawResponse:
    # 200 whatever is set: no description has a 201 here, and clients take one for an error.
    row = await request.world.transact(
        list_uploads.create,
        account=ad_account_id,
        customer_list=int(customer_list_id),
        action=body.operation,
        total_parts=body.total_parts,
    )
    parts = [
        {"part_number": part, "presigned_url": _url(request, row.number, part)}
        for part in range(1, body.total_parts + 1)
    ]
    made = to_json_text(row, ad_account_id, request.world.clock.now_ms())
    return response(
        request,
        200,
        b'{"customer_list_upload":%b,"s3_multipart_upload_data":{"file_parts":%b}}' % (made, to_json(parts)),
    )


@router.get(
    _UPLOAD,
    operation_id="customer_list_uploads/get",
    summary="Get an upload to a customer list",
    response_model=CustomerListUpload,
    responses=READ_ERRORS | _UPLOAD_NOT_FOUND,
    openapi_extra=known_by(DESCRIPTION, OURS.says("goes through its states by the clock")),
)
async def get(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, customer_list_upload_id: PathId
) -> RawResponse:
    row = await request.world.read(
        list_uploads.find,
        account=ad_account_id,
        customer_list=int(customer_list_id),
        number=int(customer_list_upload_id),
    )
    return response(request, 200, to_json_text(row, ad_account_id, request.world.clock.now_ms()))


@router.post(
    _UPLOAD + "/run",
    operation_id="customer_list_uploads/run",
    summary="Read the records of an upload into its customer list",
    response_model=CustomerListUpload,
    responses=READ_ERRORS | _NOT_NOW | _UPLOAD_NOT_FOUND,
    openapi_extra=known_by(DESCRIPTION),
)
async def run(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, customer_list_upload_id: PathId
) -> RawResponse:
    row = await list_uploads.run(
        request.world,
        account=ad_account_id,
        customer_list=int(customer_list_id),
        number=int(customer_list_upload_id),
    )
    return response(request, 200, to_json_text(row, ad_account_id, request.world.clock.now_ms()))


@part_router.put(
    f"/{PARTS}/{{upload_id}}/{{part_number}}",
    operation_id="customer_list_uploads/put_part",
    openapi_extra=known_by(OURS),
)
async def put_part(request: MockRequest, upload_id: PathId, part_number: PathId) -> RawResponse:
    """Take a part as S3 would: 200, no body, and the MD5 of what came as its ETag."""
    this = {"upload": int(upload_id), "part": int(part_number)}
    others_bytes = await request.world.read(list_uploads.bytes_of_other_parts, **this)
    part = _Part(request, request.world.rules.max_upload_bytes - others_bytes)
    await list_uploads.store_part(request.world, **this, content=part.pieces())
    etag = b'"%b"' % part.md5.hexdigest().encode()
    return RawResponse(200, b"", [(b"etag", etag), (b"content-length", b"0")])


class _Part:
    """The body of a request, hashed as it is read. `room_bytes` are left of the file's limit."""

    def __init__(self, request: MockRequest, room_bytes: int) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._call = request
        self._room_bytes = room_bytes

    async def pieces(self) -> AsyncIterator[bytes]:
        limit_bytes = self._call.world.rules.max_upload_bytes
        if declared_bytes(self._call) > self._room_bytes:
            raise BodyTooLargeError(limit_bytes, "file")
        async for piece in self._call.stream():
            self._room_bytes -= len(piece)
            self._call.streamed_bytes = (self._call.streamed_bytes or 0) + len(piece)
            if self._room_bytes < 0:
                raise BodyTooLargeError(limit_bytes, "file")
            self.md5.update(piece)
            yield piece


def _url(request: MockRequest, upload: int, part: int) -> str:
    """Where this server takes a part, by the name that the caller has for it. It names the world: who sends
    the part sends it without the header or the token that named it."""
    host = request.header(b"host") or "{}:{}".format(*request.scope["server"])
    root, world = request.scope["root_path"], request.world.name
    if world != DEFAULT and not root.startswith(PREFIX):
        root = f"{PREFIX}{world}{root}"
    return f"{request.scope['scheme']}://{host}{root}/{PARTS}/{upload}/{part}"
