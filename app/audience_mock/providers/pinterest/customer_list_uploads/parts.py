"""/__uploads/{upload_id}/{part_number}: the parts of an upload's file, in place of Amazon's S3.

Takes them without a token, by the signature in their URL, as S3 does. Not reproduced: the 5 MiB that S3 asks
of each part but the last.
"""

import base64
import hashlib
from collections.abc import AsyncIterator

from fastapi import APIRouter

from audience_mock.core.users import list_uploads
from audience_mock.providers.pinterest.customer_list_uploads import signatures
from audience_mock.providers.pinterest.customer_list_uploads.serializers import PARTS_PATH
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import PathId
from audience_mock.providers.pinterest.sources import OURS
from audience_mock.web.body import declared_bytes
from audience_mock.web.error_log import report
from audience_mock.web.errors import BodyTooLargeError
from audience_mock.web.openapi import operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse


class PartRoute(PinterestRoute):
    """Its URL is all that a caller needs. What is wrong with the URL is answered as by S3, all else as by
    Pinterest (chosen)."""

    def authorize(self, request: MockRequest) -> None:
        signatures.check(request, request.path_params["upload_id"], request.path_params["part_number"])

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        if not isinstance(error, signatures.PartAccessError):
            return super().error_response(request, error)
        report(request, error, 403, f"{error.code}: {error}", failed=False)
        request_id, host_id = request.world.random.getrandbits(64), request.world.random.getrandbits(256)
        elements = {
            "Code": error.code,
            "Message": str(error),
            **error.more,
            "RequestId": f"{request_id:016X}",
            "HostId": base64.b64encode(host_id.to_bytes(32, "big")).decode(),
        }
        inside = "".join(f"<{name}>{text}</{name}>" for name, text in elements.items())
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()
        headers = [
            (b"x-amz-request-id", elements["RequestId"].encode()),
            (b"x-amz-id-2", elements["HostId"].encode()),
            (b"content-type", b"application/xml"),
            (b"content-length", b"%d" % len(body)),
        ]
        return RawResponse(403, body, headers)


router = APIRouter(route_class=PartRoute, include_in_schema=False)


@router.put(
    f"/{PARTS_PATH}/{{upload_id}}/{{part_number}}",
    operation_id="customer_list_uploads/put_part",
    openapi_extra=operation(OURS),
)
async def put_part(request: MockRequest, upload_id: PathId, part_number: PathId) -> RawResponse:
    """Respond as S3 does: 200, no body, and the MD5 of the content as its ETag."""
    key = {"upload": int(upload_id), "part": int(part_number)}
    others_bytes = await request.world.read(list_uploads.bytes_of_other_parts, **key)
    content = _Content(request, request.world.rules.max_upload_bytes - others_bytes)
    with request.context.served.uploads.holding(request):
        await list_uploads.store_part(request.world, **key, content=content.chunks())
    etag = b'"%b"' % content.md5.hexdigest().encode()
    return RawResponse(200, b"", [(b"etag", etag), (b"content-length", b"0")])


class _Content:
    """The body of a request, hashed as it is read. `left_bytes` are what the file may still grow by."""

    def __init__(self, request: MockRequest, left_bytes: int) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._request = request
        self._left_bytes = left_bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        limit_bytes = self._request.world.rules.max_upload_bytes
        if declared_bytes(self._request) > self._left_bytes:
            raise BodyTooLargeError(limit_bytes, "file")
        async for chunk in self._request.stream():
            self._left_bytes -= len(chunk)
            self._request.streamed_bytes = (self._request.streamed_bytes or 0) + len(chunk)
            if self._left_bytes < 0:
                raise BodyTooLargeError(limit_bytes, "file")
            self.md5.update(chunk)
            yield chunk
