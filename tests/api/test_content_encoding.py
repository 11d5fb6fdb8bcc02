"""Bodies with a content encoding: no emulated API documents one, so none is guessed at."""

import gzip
import json
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error, pinterest_error, pitchtarget_error
from helpers.pinterest_resources import create_customer_list
from helpers.pitchtarget_requests import FILE_FIELDS, LOOKALIKE, USERS

AUDIENCE = {"name": "v", "audience_type": "ENGAGEMENT", "rule": {}}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def squeezed(value: Any) -> dict[str, Any]:
    return {
        "content": gzip.compress(json.dumps(value).encode()),
        "headers": {"Content-Type": "application/json"},
    }


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, identity", "x" * 50])
@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("POST", f"/v5/ad_accounts/{AD_ACCOUNT}/audiences", squeezed(AUDIENCE)),
        ("PATCH", f"/v5/ad_accounts/{AD_ACCOUNT}/audiences/2542623499806", squeezed({"name": "x"})),
        ("POST", "/v5/oauth/token", {"content": b"x", "headers": FORM | {"Authorization": "Basic YTpi"}}),
        ("POST", "/custom_audiences", squeezed(LOOKALIKE)),
        ("POST", "/custom_audiences", {"data": FILE_FIELDS, "files": {"file": ("u", USERS)}}),
        ("POST", "/oauth/authorize", {"content": b"x", "headers": FORM}),
        ("POST", "/offsite_pixels", {"content": b"x", "headers": FORM}),
        ("POST", "/__admin/reset", squeezed({"to": "empty"})),
        ("POST", "/__admin/seed", squeezed({})),
        ("POST", "/__admin/faults", squeezed({"operation": "*", "status": 500})),
        ("PUT", "/__admin/clock", squeezed({"now": 0})),
    ],
)
def test_it_is_415_and_named(
    mock: MockServer, encoding: str, method: str, path: str, request_: dict[str, Any]
) -> None:
    """Each API says so in the shape of its errors, and nothing is done."""
    token = PINTEREST_TOKEN if path.startswith("/v5") else PITCHTARGET_TOKEN
    headers = {**token, **request_.get("headers", {}), "Content-Encoding": encoding}
    before = mock.state()
    rejected = httpx.request(method, mock.url + path, **{**request_, "headers": headers})
    assert rejected.status_code == 415, rejected.text
    if path.startswith("/v5"):
        said = pinterest_error(rejected)["message"]
    elif path.startswith("/__admin"):
        said = control_error(rejected, 415)["error"]
    else:
        said = str(pitchtarget_error(rejected)["base"])
    assert f"content encoding {encoding} is not served" in said
    assert mock.state() == before


@pytest.mark.parametrize("encoding", ["identity", "IDENTITY", ""])
def test_a_body_as_it_is_may_say_so(mock: MockServer, encoding: str) -> None:
    """`identity`, or nothing, is a body without an encoding; a request without one may say anything."""
    headers = {**PINTEREST_TOKEN, "Content-Encoding": encoding}
    url = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    assert httpx.post(url, json=AUDIENCE, headers=headers).status_code == 201
    assert httpx.get(url, headers={**headers, "Content-Encoding": "gzip"}).status_code == 200


def test_a_part_of_an_upload_has_none_either(mock: MockServer, pinterest: httpx.Client) -> None:
    """A compressed part is rejected when it is sent, not read as records that are all invalid."""
    uploads = f"/ad_accounts/{AD_ACCOUNT}/customer_lists/{create_customer_list(pinterest)}/uploads"
    made = pinterest.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
    (part,) = made["s3_multipart_upload_data"]["file_parts"]
    content, encoded = gzip.compress(b"ann@example.com\n"), {"Content-Encoding": "gzip"}
    rejected = httpx.put(part["presigned_url"], content=content, headers=encoded)
    assert (rejected.status_code, "gzip" in pinterest_error(rejected)["message"]) == (415, True)
    assert httpx.put(part["presigned_url"], content=b"ann@example.com\rbob@example.com\r").status_code == 200
    upload = f"{uploads}/{made['customer_list_upload']['id']}"
    assert pinterest.post(f"{upload}/run").status_code == 200
    mock.clock.advance(to="idle")
    counts = pinterest.get(upload).json()["record_counts"]
    assert counts == {"processed": 2, "valid": 2, "invalid": 0}
