"""/ad_accounts/{ad_account_id}/customer_lists/{customer_list_id}/uploads: create, get, run.

With Pinterest, the parts of a file go to Amazon's S3, to URLs in the response to the create. Here those URLs
lead back to this server (`parts.py`). Not reproduced: PAUSED, which no call brings about.
"""

from fastapi import APIRouter

from audience_mock.core.users import list_uploads
from audience_mock.providers.pinterest.customer_list_uploads import serializers
from audience_mock.providers.pinterest.customer_list_uploads.schemas import (
    CREATED_EXAMPLE,
    RUNNING_EXAMPLE,
    SUCCEEDED_EXAMPLE,
    CustomerListUpload,
    CustomerListUploadCreate,
    CustomerListUploadCreated,
)
from audience_mock.providers.pinterest.openapi_responses import (
    CUSTOMER_LIST_NOT_FOUND,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    Responses,
    error,
    success,
)
from audience_mock.providers.pinterest.responses import json_response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import LongPathId, PathId, audience_number
from audience_mock.providers.pinterest.security import ADS_READ_AS_USER, ADS_WRITE
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

router = APIRouter(route_class=PinterestRoute, tags=["customer_list_uploads"])
_UPLOADS = "/ad_accounts/{ad_account_id}/customer_lists/{customer_list_id}/uploads"
_UPLOAD = _UPLOADS + "/{customer_list_upload_id}"

_NOT_FOUND: Responses = {
    404: error(
        "No such upload to the customer list", 4, "Sorry! We could not find your customer list upload."
    )
}
_INVALID_STATE: Responses = {
    400: error(
        "An upload that cannot be run", 1, "Invalid request: customer list upload 2680059001 lacks parts: 2"
    )
}
_SAME_LIST = SAME_ACCOUNT | {"customer_list_id": "$request.path.customer_list_id"}
_NEW_ID = "$response.body#/customer_list_upload/id"
_SAME_ID = "$request.path.customer_list_upload_id"


@router.post(
    _UPLOADS,
    operation_id="customer_list_uploads/create",
    summary="Get URLs for the parts of a file of records",
    response_model=CustomerListUploadCreated,
    responses=success(
        CREATED_EXAMPLE,
        links={
            "Get": link("customer_list_uploads/get", **_SAME_LIST, customer_list_upload_id=_NEW_ID),
            "Run": link("customer_list_uploads/run", **_SAME_LIST, customer_list_upload_id=_NEW_ID),
        },
    )
    | WRITE_ERRORS
    | CUSTOMER_LIST_NOT_FOUND,
    openapi_extra=operation(DESCRIPTION, DESCRIPTION.says("success is 200"), security=ADS_WRITE),
)
async def create(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, body: CustomerListUploadCreate
) -> RawResponse:
    # Always 200: no description has a 201 here, and clients take one for an error.
    row = await request.world.transact(
        list_uploads.create,
        account=ad_account_id,
        customer_list=int(customer_list_id),
        action=body.operation,
        total_parts=body.total_parts,
    )
    return json_response(request, serializers.created_upload(request, row, ad_account_id, body.total_parts))


@router.get(
    _UPLOAD,
    operation_id="customer_list_uploads/get",
    summary="Get an upload to a customer list",
    response_model=CustomerListUpload,
    responses=success(SUCCEEDED_EXAMPLE) | READ_ERRORS | _NOT_FOUND,
    openapi_extra=operation(
        DESCRIPTION, OURS.says("goes through its states by the clock"), security=ADS_READ_AS_USER
    ),
)
async def get(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, customer_list_upload_id: LongPathId
) -> RawResponse:
    row = await request.world.read(
        list_uploads.find,
        account=ad_account_id,
        customer_list=int(customer_list_id),
        number=audience_number(customer_list_upload_id),
    )
    return json_response(request, serializers.upload(request, row, ad_account_id))


@router.post(
    _UPLOAD + "/run",
    operation_id="customer_list_uploads/run",
    summary="Read the records of an upload into its customer list",
    response_model=CustomerListUpload,
    responses=success(
        RUNNING_EXAMPLE,
        links={"Get": link("customer_list_uploads/get", **_SAME_LIST, customer_list_upload_id=_SAME_ID)},
    )
    | READ_ERRORS
    | _INVALID_STATE
    | _NOT_FOUND,
    openapi_extra=operation(DESCRIPTION, security=ADS_WRITE),
)
async def run(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, customer_list_upload_id: LongPathId
) -> RawResponse:
    row = await list_uploads.run(
        request.world,
        account=ad_account_id,
        customer_list=int(customer_list_id),
        number=audience_number(customer_list_upload_id),
    )
    return json_response(request, serializers.upload(request, row, ad_account_id))
