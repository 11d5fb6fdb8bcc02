"""Uploads to a customer list: requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from audience_mock.providers.pinterest.customer_lists.schemas import OperationType
from audience_mock.providers.pinterest.schema_types import Digits
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.schema import ApiModel


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
    """Until the upload has ended the error counts are null and the others 0 (chosen)."""

    ad_account_id: Digits
    creation_time: int
    customer_list_id: Digits
    error_counts: Annotated[list[ErrorDetail] | None, OURS.says("null until the upload has ended")]
    id: Digits
    operation: OperationType
    record_counts: Annotated[
        RecordCounts, OURS.says("0 until the upload has ended"), DESCRIPTION.says("null, before 5.28")
    ]
    state: Literal["NOT_STARTED", "RUNNING", "PAUSED", "SUCCEEDED", "FAILED"]
    updated_time: int


class S3FilePart(ApiModel):
    part_number: int
    presigned_url: Annotated[str, OURS.says("leads back to this server, signed as by S3, valid for an hour")]


class S3MultipartUploadData(ApiModel):
    file_parts: list[S3FilePart]


class CustomerListUploadCreated(ApiModel):
    customer_list_upload: CustomerListUpload
    s3_multipart_upload_data: S3MultipartUploadData


_NOT_STARTED: dict[str, Any] = {
    "ad_account_id": "549755885175",
    "creation_time": 1795305607,
    "customer_list_id": "5497558",
    "error_counts": None,
    "id": "2680059001",
    "operation": "ADD",
    "record_counts": {"processed": 0, "valid": 0, "invalid": 0},
    "state": "NOT_STARTED",
    "updated_time": 1795305607,
}
CREATED_EXAMPLE = {
    "customer_list_upload": _NOT_STARTED,
    "s3_multipart_upload_data": {
        "file_parts": [
            {
                "part_number": 1,
                "presigned_url": (
                    "http://127.0.0.1:8000/v5/__uploads/2680059001/1?X-Amz-Date=20261122T120007Z"
                    f"&X-Amz-Expires=3600&X-Amz-Signature={'0123456789abcdef' * 4}"
                ),
            }
        ]
    },
}
RUNNING_EXAMPLE = _NOT_STARTED | {"state": "RUNNING"}
SUCCEEDED_EXAMPLE = _NOT_STARTED | {
    "error_counts": [{"error_code": 42, "message": "Invalid email", "count": 20}],
    "record_counts": {"processed": 1000, "valid": 980, "invalid": 20},
    "state": "SUCCEEDED",
}
