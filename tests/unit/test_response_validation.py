"""Responses are validated in every test: one that does not fit the description fails the test that caused
it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.providers.pinterest.audiences.schemas import AUDIENCE_EXAMPLE
from audience_mock.testing import MockServer
from audience_mock.web.templates import ResponseTemplate
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.descriptions import FILES, KNOWN_BETTER, OFFICIAL, OURS, Description, description, document_of
from helpers.response_validation import HEADERS, Headers, found_misfits, misfits, take_misfits

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
AUDIENCE = f"{AUDIENCES}/2542623499806"
LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"
RIGHT = AUDIENCE_EXAMPLE
FITTING: Headers = {
    "content-type": "application/json",
    "pinterest-version": "5e9bd2a",
    "x-pinterest-rid": "1234567890123456",
    "x-pinterest-rid-128bit": "0123456789abcdef" * 2,
    "x-envoy-upstream-service-time": "3",
    **{name: HEADERS[name] for name in ("cache-control", "x-content-type-options", "x-frame-options")},
    "vary": "Accept-Encoding",
    "access-control-allow-credentials": "true",
    "p3p": 'CP="This is not a P3P policy."',
    "pinterest-generated-by": "audience-mock",
    "date": "Wed, 01 Jul 2026 12:00:00 GMT",
    "x-ratelimit-limit": '100, 100;w=1;name="safety_net_app_id_user_id"',
    "x-ratelimit-remaining": "99",
    "x-ratelimit-reset": "1",
}
NOT_BESIDE = [release for release in OFFICIAL if not FILES[release].is_file()]
official = pytest.mark.skipif(
    bool(NOT_BESIDE), reason="Pinterest's descriptions are not beside this checkout"
)


def misfits_of(
    body: Any, status: int = 200, method: str = "GET", path: str = AUDIENCE, headers: Headers = FITTING
) -> list[str]:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(misfits(method, path, status, headers, sent))


def test_a_correct_response_has_no_misfit() -> None:
    """Neither a success nor an error that fits is reported."""
    assert misfits_of(RIGHT) == []
    assert misfits_of({"code": 4, "message": "Sorry! We could not find your audience."}, 404) == []
    assert misfits_of({"code": 5, "message": "Method not allowed"}, 405, "PUT") == []


WRONG: dict[str, tuple[Any, str]] = {
    "another type": (RIGHT | {"size": "31416"}, "$.size: "),
    "an unknown key": (RIGHT | {"colour": "red"}, "('colour' was unexpected)"),
    "a missing key": ({key: value for key, value in RIGHT.items() if key != "id"}, '$: "id" is a required'),
    "an unknown value": (RIGHT | {"status": "LOST"}, "$.status: "),
    "a wrong id": (RIGHT | {"id": "x1"}, "$.id: "),
    "a null inside": (RIGHT | {"rule": {"url": [None]}}, "$.rule.url[0]: "),
    "a list for an object": ([RIGHT], "$: "),
    "no JSON": (b"{", "is not JSON"),
    "no number": (b'{"size": NaN}', "NaN is no value of JSON"),
    "nothing": (b"", "$: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_body_is_reported(case: str) -> None:
    """A line names the operation, the status, the place in the body and the value."""
    body, place = WRONG[case]
    lines = misfits_of(body)
    assert lines
    assert all(line.startswith(f"GET {AUDIENCE} 200") for line in lines), lines
    assert any(place in line for line in lines), lines


def test_the_value_is_reported() -> None:
    """A line ends with the wrong value, truncated if it is long."""
    assert misfits_of(RIGHT | {"size": "many"})[0].endswith("; value many")
    assert len(misfits_of(RIGHT | {"size": "many" * 1000})[0]) < 1000


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        (204, "GET", AUDIENCE, None),
        (201, "GET", AUDIENCE, RIGHT),
        (200, "DELETE", AUDIENCE, RIGHT),
        (200, "GET", "/pins", {"items": []}),
        (404, "GET", "/pins", {"error": "not found"}),
        (400, "GET", AUDIENCE, {"code": "1", "message": "Invalid request"}),
        (400, "GET", AUDIENCE, {"code": 1}),
        (418, "GET", AUDIENCE, {"code": 1, "message": "a teapot"}),
        (200, "POST", "/oauth/token/revoke", {"revoked": True}),
        (200, "PUT", "/__uploads/2680059001/1", {"etag": "1"}),
        (200, "PUT", "/__uploads/2680059001/x", b""),
    ],
)
def test_a_wrong_status_or_path_is_reported(status: int, method: str, path: str, body: Any) -> None:
    """A response where none is described, or an error of another shape, is reported."""
    assert misfits_of(body, status, method, path)


@pytest.mark.parametrize("header", FITTING)
def test_a_missing_header_is_reported(header: str) -> None:
    """Each recorded header is required in each response."""
    rest = {name: value for name, value in FITTING.items() if name != header}
    (line,) = misfits_of(RIGHT, headers=rest)
    assert f"header {header}: 'missing'" in line
    (line,) = misfits_of(RIGHT, headers=FITTING | {header: "?"})
    assert f"header {header}: '?'" in line


@official
@pytest.mark.parametrize("release", OFFICIAL)
def test_a_response_is_validated_against_each_release(release: str) -> None:
    """Each available description reports what it does not allow; 5.18 on audiences/custom."""
    method, path = ("POST", f"{AUDIENCES}/custom") if release == "5.18" else ("GET", AUDIENCE)
    lines = misfits_of(RIGHT | {"size": "many"}, 200, method, path)
    assert any(f" 200 against {release}: $.size: " in line for line in lines), lines


@official
def test_each_listed_exception_is_needed() -> None:
    """Each field in KNOWN_BETTER is rejected by its description, and allowed by the exception."""
    values = {"boolean": True, "null": None, "array": ["WEB_SESSIONS"], "string": "a"}
    for better in KNOWN_BETTER:
        value = better.also["const"] if "const" in better.also else values[better.also.get("type", "array")]
        for release in better.releases:
            document = document_of(release)
            for known_better, rejected in (((), True), ((better,), False)):
                model = Description(release, document, known_better).of_model(better.model)
                errors = list(model.iter_errors({better.field: value}))
                assert (
                    any(better.field in (*error.instance_path, *names(error)) for error in errors) is rejected
                )


def names(error: Any) -> list[str]:
    """The keys that an error calls unexpected."""
    return list(getattr(error.kind, "unexpected", ()))


def test_our_own_description_is_always_available() -> None:
    """Our own description is available wherever the checkout is."""
    assert description(OURS) is not None
    assert {release for release in FILES if description(release) is None} == set(NOT_BESIDE)


def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes responses have a text as their time."""
    right = ResponseTemplate.render

    def wrong(template: ResponseTemplate, values: tuple[Any, ...]) -> str:
        return re.sub(r'("created_timestamp":)\d+', r'\1"yesterday"', right(template, values))

    monkeypatch.setattr(ResponseTemplate, "render", wrong)


@pytest.mark.parametrize("base", ["/v5", ""])
def test_a_response_is_validated_when_it_is_sent(
    start: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    """A misfit is known by the time that the client has the response, under both base paths."""
    spoil(monkeypatch)
    body = {"name": "Engaged", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    sent = httpx.post(f"{start().url}{base}{AUDIENCES}", json=body, headers=PINTEREST_TOKEN)
    lines = take_misfits()
    assert sent.status_code == 201, "the client gets it all the same"
    assert lines[0] == (
        f"POST {AUDIENCES} 201 against ours: $.created_timestamp: "
        '"yesterday" is not of type "integer"; value yesterday'
    )
    assert len(lines) == 1 + 2 * (not NOT_BESIDE)
    assert take_misfits() == []


def test_only_pinterests_responses_are_validated(mock: MockServer) -> None:
    """PitchTarget's responses, this server's pages and preflights are not validated."""
    for path in ("/custom_audiences", "/__admin/health", "/"):
        httpx.get(mock.url + path)
    asks = {"Origin": "http://shop.example", "Access-Control-Request-Method": "GET"}
    assert httpx.options(f"{mock.pinterest_url}{AUDIENCES}", headers=asks).status_code == 200
    assert httpx.head(f"{mock.pinterest_url}{AUDIENCES}", headers=PINTEREST_TOKEN).status_code == 200
    assert found_misfits == []


SUITE = """
import httpx, pytest
from audience_mock.testing import MockServer
from audience_mock.web.templates import ResponseTemplate
from test_response_validation import AUDIENCES, PINTEREST_TOKEN, spoil

@pytest.fixture(scope="module")
def url():
    with MockServer() as mock:
        yield mock.pinterest_url + AUDIENCES

def ask(url):
    body = {"name": "Engaged", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    httpx.post(url, json=body, headers=PINTEREST_TOKEN)

def test_right(url):
    ask(url)

def test_wrong(url, monkeypatch):
    spoil(monkeypatch)
    ask(url)

def test_wrong_anyway(url, monkeypatch):
    spoil(monkeypatch)
    ask(url)
    raise AssertionError("for another reason")

def test_right_again(url):
    ask(url)
"""


def test_the_test_that_caused_the_response_fails(tmp_path: Path) -> None:
    """A wrong response fails the test that received it, even if that asserts nothing, and no other."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["helpers.response_validation"]\n')
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {Path(__file__).parents[1]} {Path(__file__).parent}\n"
    )
    app = Path(__file__).parents[2] / "app"
    not_needed = ("cacheprovider", "schemathesis", "hypothesispytest", "pytest_cov", "xdist", "audience_mock")
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rA",
            *(f"-pno:{name}" for name in not_needed),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=unmeasured | {"PYTHONPATH": f"{app}{os.pathsep}{Path(__file__).parents[1]}"},
    )
    outcomes = {name: outcome for outcome, name in re.findall(OUTCOME, ran.stdout, re.MULTILINE)}
    assert outcomes == {
        "test_right": "PASSED",
        "test_wrong": "FAILED",
        "test_wrong_anyway": "FAILED",
        "test_right_again": "PASSED",
    }, ran.stdout
    assert ran.stdout.count("against ours: $.created_timestamp: ") >= 2, ran.stdout
    assert "for another reason" in ran.stdout


OUTCOME = r"^(PASSED|FAILED|ERROR) test_suite.py::(\w+)"
