"""PitchTarget's creates over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.errors import pitchtarget_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE, USERS, WEBSITE, etag


@pytest.mark.both_engines
def test_the_two_documented_requests_give_the_documented_answers(mock: MockServer) -> None:
    """On a fresh server the upload and then the lookalike answer the published bytes."""
    headers = {"Accept": "application/json", **PITCHTARGET_TOKEN}
    upload = httpx.post(f"{mock.url}/custom_audiences", headers=headers, data=FILE_FIELDS, files=FILE)
    alike = httpx.post(f"{mock.url}/custom_audiences", headers=headers, json=LOOKALIKE)
    for response, length, tag, chrome in (
        (upload, "160", '"6d07c4c9ec294d765cb6c802bfa00eec"', "chrome=1"),
        (alike, "22", '"60669f217459b9091f02a9c0f24942a7"', None),
    ):
        assert response.status_code == 201
        assert response.headers["content-length"] == length
        assert response.headers["etag"] == tag == etag(response.content)
        assert response.headers.get("x-ua-compatible") == chrome
        assert response.headers["cache-control"] == "max-age=0, private, must-revalidate"
    assert upload.json()["fb_custom_audience"]["id"] == 54
    assert alike.json() == {"id": "6006183285954"}


def test_each_answer_has_the_published_headers(pitchtarget: httpx.Client) -> None:
    """Successes and errors have the fixed headers with the published values, and an own request id each."""
    made, rejected = pitchtarget.post("/custom_audiences", json=LOOKALIKE), pitchtarget.get("/nothing")
    for response in (made, rejected):
        headers = dict(response.headers)
        assert len(headers.pop("x-request-id")) == 36
        assert float(headers.pop("x-runtime")) >= 0
        assert headers.pop("etag") == etag(response.content)
        assert headers.pop("content-length") == str(len(response.content))
        assert headers == {
            "x-frame-options": "SAMEORIGIN",
            "x-xss-protection": "1; mode=block",
            "x-content-type-options": "nosniff",
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "POST, PUT, DELETE, GET, OPTIONS",
            "access-control-request-method": "*",
            "access-control-allow-headers": (
                "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition"
            ),
            "content-type": "application/json; charset=utf-8",
            "cache-control": "max-age=0, private, must-revalidate",
        }
    assert made.headers["x-request-id"] != rejected.headers["x-request-id"]


@pytest.mark.both_engines
def test_ids_count_on_in_both_sequences(pitchtarget: httpx.Client) -> None:
    """Each audience takes the next id, and those that Facebook has at once take the next of Facebook's."""
    first = pitchtarget.post("/custom_audiences", data=FILE_FIELDS, files=FILE).json()
    alike = pitchtarget.post("/custom_audiences", json=LOOKALIKE).json()
    website = pitchtarget.post("/custom_audiences", json=WEBSITE).json()
    last = pitchtarget.post("/custom_audiences", data=FILE_FIELDS, files=FILE).json()
    assert [made["fb_custom_audience"]["id"] for made in (first, last)] == [54, 57]
    assert [alike, website] == [{"id": "6006183285954"}, {"id": "6006183285955"}]


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (
            LOOKALIKE | {"subtype": "LOOKALIKE"},
            {
                "subtype": "LOOKALIKE",
                "origin_audience_id": 6006164557194,
                "lookalike_spec": {"type": "similarity", "country": "US"},
            },
        ),
        (
            LOOKALIKE
            | {
                "subtype": "LOOKALIKE",
                "origin_audience_id": "6006164557194",
                "lookalike_spec": {"ratio": 0.05, "country": "IT", "note": [1]},
            },
            {
                "subtype": "LOOKALIKE",
                "origin_audience_id": "6006164557194",
                "lookalike_spec": {"ratio": 0.05, "country": "IT", "note": [1]},
            },
        ),
        (
            WEBSITE | {"subtype": "WEBSITE"},
            {"subtype": "WEBSITE", "rule": '{"url":{"i_contains":"cart"}}', "retention_days": 15},
        ),
        (WEBSITE | {"subtype": "APP"}, {"subtype": "APP"}),
    ],
    ids=["lookalike", "lookalike by ratio", "website", "app"],
)
def test_subtype_answers_in_the_shape_of_may(
    pitchtarget: httpx.Client, body: dict[str, Any], shape: dict[str, Any]
) -> None:
    """A create with `subtype` answers the enveloped audience, with what was sent as it was sent."""
    body = {key: value for key, value in body.items() if key != "type"}
    response = pitchtarget.post("/custom_audiences", json=body)
    assert response.status_code == 201
    audience = {"id": 54, "name": body["name"], "fb_id": "6006183285954", **shape}
    expected = json.dumps({"fb_custom_audience": audience}, separators=(",", ":"))
    assert response.text == expected


def test_a_file_with_subtype_answers_in_the_shape_of_may(pitchtarget: httpx.Client) -> None:
    """An upload with `subtype` has its Facebook id at once and shows its description."""
    response = pitchtarget.post("/custom_audiences", data=FILE_FIELDS | {"subtype": "CUSTOM"}, files=FILE)
    assert response.status_code == 201
    assert "x-ua-compatible" not in response.headers
    assert response.json()["fb_custom_audience"] == {
        "id": 54,
        "name": "Spending users",
        "fb_id": "6006183285954",
        "subtype": "CUSTOM",
        "description": "Users who bought something on my site",
        "opt_out_link": "http://www.myshop.com/opt_out",
    }


def test_text_is_written_as_rails_writes_it(pitchtarget: httpx.Client) -> None:
    """<, > and & are escaped, other characters are UTF-8, and the ETag is of those bytes."""
    body = LOOKALIKE | {"subtype": "LOOKALIKE", "name": "Müller & Söhne <b>日本</b>"}
    response = pitchtarget.post("/custom_audiences", json=body)
    assert '"name":"Müller \\u0026 Söhne \\u003cb\\u003e日本\\u003c/b\\u003e"' in response.text
    assert response.json()["fb_custom_audience"]["name"] == body["name"]
    assert response.headers["etag"] == etag(response.content)


@pytest.mark.parametrize("last", ["file", "user_type", "name"])
def test_a_form_may_have_its_fields_in_any_order(mock: MockServer, last: str) -> None:
    """Wherever the file stands in the form, its users are the same."""
    parts = {name: (None, value.encode()) for name, value in FILE_FIELDS.items()} | {"file": ("u.csv", USERS)}
    ordered = [(name, parts[name]) for name in [*(key for key in parts if key != last), last]]
    response = httpx.post(f"{mock.url}/custom_audiences", headers=PITCHTARGET_TOKEN, files=ordered)
    assert response.status_code == 201, response.text
    kept = mock.world.database.connection.exec_driver_sql("SELECT lines, valid FROM uploads").one()
    assert tuple(kept) == (5, 5)


def test_a_file_of_other_lines_is_an_empty_audience(mock: MockServer, pitchtarget: httpx.Client) -> None:
    """A file whose lines are not of the stated type is accepted and has no people, as documented."""
    files = {"file": ("u.csv", b"ann\nbob\n")}
    response = pitchtarget.post("/custom_audiences", data=FILE_FIELDS, files=files)
    assert response.status_code == 201
    run = mock.world.database.connection.exec_driver_sql
    assert tuple(run("SELECT people, user_type FROM audiences").one()) == (0, "email_hash")
    assert tuple(run("SELECT lines, valid, invalid FROM uploads").one()) == (2, 0, 2)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"fb_ad_account_id": None}, {"fb_ad_account_id": ["can't be blank"]}),
        ({"fb_ad_account_id": "act_1"}, {"fb_ad_account_id": ["is invalid"]}),
        ({"name": "  "}, {"name": ["can't be blank"]}),
        ({"name": ["a"]}, {"name": ["is invalid"]}),
        ({"origin_audience_id": "abc"}, {"origin_audience_id": ["is not a number"]}),
        ({"origin_audience_id": True}, {"origin_audience_id": ["is not a number"]}),
        ({"lookalike_spec": "US"}, {"lookalike_spec": ["is invalid"]}),
        ({"lookalike_spec": {"type": "similarity"}}, {"lookalike_spec.country": ["can't be blank"]}),
        ({"lookalike_spec": {"country": "US"}}, {"lookalike_spec": ["is invalid"]}),
        (
            {"lookalike_spec": {"country": "usa", "type": "same"}},
            {
                "lookalike_spec.country": ["is invalid"],
                "lookalike_spec.type": ["is not included in the list"],
            },
        ),
        (
            {"lookalike_spec": {"country": "US", "ratio": 0.21}},
            {"lookalike_spec.ratio": ["must be less than or equal to 0.2"]},
        ),
        ({"lookalike_spec": {"country": "US", "ratio": 0.015}}, {"lookalike_spec.ratio": ["is invalid"]}),
        ({"type": "CUSTOM"}, {"type": ["is not included in the list"]}),
        ({"type": None}, {"type": ["can't be blank"]}),
        ({"subtype": "CUSTOM"}, {"subtype": ["is not included in the list"]}),
        (
            {"name": None, "origin_audience_id": None},
            {"name": ["can't be blank"], "origin_audience_id": ["can't be blank"]},
        ),
    ],
)
def test_a_wrong_lookalike_names_each_field(
    pitchtarget: httpx.Client, change: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    """A body that does not fit answers 422 with the reasons by field, and takes no id."""
    response = pitchtarget.post("/custom_audiences", json=LOOKALIKE | change)
    assert response.status_code == 422
    assert pitchtarget_error(response) == errors
    assert pitchtarget.post("/custom_audiences", json=LOOKALIKE).json() == {"id": "6006183285954"}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"retention_days": 0}, {"retention_days": ["must be greater than or equal to 1"]}),
        ({"retention_days": 181}, {"retention_days": ["must be less than or equal to 180"]}),
        ({"retention_days": "many"}, {"retention_days": ["is not a number"]}),
        ({"rule": "{"}, {"rule": ["is invalid"]}),
        ({"rule": "[]"}, {"rule": ["is invalid"]}),
        ({"rule": {"url": {}}}, {"rule": ["is invalid"]}),
        ({"rule": None}, {"rule": ["can't be blank"]}),
    ],
)
def test_a_wrong_website_audience_names_each_field(
    pitchtarget: httpx.Client, change: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    """Retention and rule of a website audience are checked."""
    response = pitchtarget.post("/custom_audiences", json=WEBSITE | change)
    assert response.status_code == 422
    assert pitchtarget_error(response) == errors


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"name": ""}, {"name": ["can't be blank"]}),
        ({"user_type": "email"}, {"user_type": ["is not included in the list"]}),
        ({"user_type": ""}, {"user_type": ["can't be blank"]}),
        ({"opt_out_link": "no link"}, {"opt_out_link": ["is invalid"]}),
        ({"subtype": "WEBSITE"}, {"subtype": ["is not included in the list"]}),
        ({"fb_ad_account_id": "x"}, {"fb_ad_account_id": ["is invalid"]}),
    ],
)
def test_a_wrong_form_names_each_field(
    pitchtarget: httpx.Client, change: dict[str, str], errors: dict[str, list[str]]
) -> None:
    """A form that does not fit answers 422 with the reasons by field."""
    response = pitchtarget.post("/custom_audiences", data=FILE_FIELDS | change, files=FILE)
    assert response.status_code == 422
    assert pitchtarget_error(response) == errors


def test_a_form_without_a_file_is_rejected(pitchtarget: httpx.Client) -> None:
    """No file, an empty one, a text field in its place and two files are rejected."""
    empty: dict[str, Any] = {"file": ("u.csv", b"")}
    text: dict[str, Any] = {"file": (None, b"users")}
    for files in (empty, text, {"other": ("u.csv", USERS)}):
        response = pitchtarget.post("/custom_audiences", data=FILE_FIELDS, files=files)
        assert response.status_code == 422
        assert pitchtarget_error(response) == {"file": ["can't be blank"]}
    twice = [("file", ("a.csv", USERS)), ("file", ("b.csv", USERS))]
    response = pitchtarget.post("/custom_audiences", data=FILE_FIELDS, files=twice)
    assert response.status_code == 422
    assert pitchtarget_error(response) == {"file": ["can't be sent twice"]}


def test_a_file_over_the_limit_is_rejected(start: Callable[..., MockServer]) -> None:
    """A file of one byte too many answers 413; one of just the limit is taken."""
    url = f"{start(max_upload_bytes=len(USERS)).url}/custom_audiences"
    whole = httpx.post(url, headers=PITCHTARGET_TOKEN, data=FILE_FIELDS, files=FILE)
    assert whole.status_code == 201
    larger = {"file": ("u.csv", USERS + b"\n")}
    rejected = httpx.post(url, headers=PITCHTARGET_TOKEN, data=FILE_FIELDS, files=larger)
    assert rejected.status_code == 413
    assert pitchtarget_error(rejected) == {"file": [f"is too large (maximum is {len(USERS)} bytes)"]}


@pytest.mark.parametrize("authorization", [None, "", "OAuth", "Bearer abc", "OAuth a b"])
def test_a_missing_or_malformed_token_is_rejected(mock: MockServer, authorization: str | None) -> None:
    """Without an OAuth token the answer is 401, whatever the body is."""
    headers = {} if authorization is None else {"Authorization": authorization}
    response = httpx.post(f"{mock.url}/custom_audiences", headers=headers, content=b"{")
    assert response.status_code == 401
    assert pitchtarget_error(response)


def test_other_content_types_are_rejected(pitchtarget: httpx.Client) -> None:
    """The create reads JSON and multipart; a body without a content type is JSON."""
    for content_type in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        response = pitchtarget.post(
            "/custom_audiences", content=b"a=b", headers={"Content-Type": content_type}
        )
        assert response.status_code == 415
        assert pitchtarget_error(response) == {
            "base": ["The content type is not served, only application/json and multipart/form-data"]
        }
    response = pitchtarget.post("/custom_audiences", content=json.dumps(LOOKALIKE).encode())
    assert response.status_code == 201


def test_unknown_routes_and_methods(pitchtarget: httpx.Client) -> None:
    """A path or a method that the API does not have answers in PitchTarget's shape."""
    for path in ("/nothing", "/custom_audiences/", "/audiences/54"):
        response = pitchtarget.get(path)
        assert response.status_code == 404
        assert pitchtarget_error(response) == {"base": ["No route matches the path"]}
    response = pitchtarget.patch("/custom_audiences")
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
    assert list(pitchtarget_error(response)) == ["base"]


def test_a_page_of_any_origin_may_call(mock: MockServer) -> None:
    """A preflight answers 204 with the fixed headers, before a token is asked for."""
    asks = {"Origin": "http://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(f"{mock.url}/custom_audiences", headers=asks)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["cache-control"] == "no-cache"
    assert "etag" not in preflight.headers
