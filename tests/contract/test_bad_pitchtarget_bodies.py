"""Bad fields and files for PitchTarget over real HTTP: each is rejected with its error, and nothing of it is
stored."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.bad_input import (
    ABSENT,
    DAYS,
    FORM,
    HASH,
    LONG,
    LOOKALIKE,
    NAMES,
    NOT_DIGITS,
    PINTEREST_TEXT,
    PITCHTARGET,
    WITHIN_S,
    check_no_orphans,
    each,
    fields,
    file,
    form,
    held,
    part,
    rejected,
    send,
    server,
    with_key,
)

__all__ = ["server"]

WEBSITE = {
    "subtype": "WEBSITE",
    "fb_ad_account_id": "28",
    "name": "Cart",
    "retention_days": 15,
    "rule": '{"url":{"i_contains":"cart"}}',
}


def _cases(**values: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Cases by id, from the values for each field."""
    return {f"{field}-{what}": (field, value) for field in values for what, value in values[field].items()}


@each(
    _cases(
        name={**NAMES, "absent": ABSENT},
        fb_ad_account_id={
            **NOT_DIGITS,
            "absent": ABSENT,
            "null": None,
            "40-digits": LONG,
            "number-minus": -1,
        },
        origin_audience_id={
            **NOT_DIGITS,
            "absent": ABSENT,
            "null": None,
            "40-digits": int(LONG),
            "half": 0.5,
        },
        lookalike_spec={"absent": ABSENT, "null": None, "text": "{}", "list": [], "number": 5, "empty": {}},
        subtype={
            "absent": ABSENT,
            "null": None,
            "number": 5,
            "list": ["LOOKALIKE"],
            "lower-case": "lookalike",
            "of-a-form": "CUSTOM",
            "blank": "",
        },
    )
)
def test_pitchtarget_lookalike(server: MockServer, case: tuple[str, Any]) -> None:
    """A lookalike create with a value that does not fit is rejected under the name of the field."""
    answer = rejected(server, PITCHTARGET, 422, with_key(LOOKALIKE, None, *case))
    for field in answer.json()["errors"]:
        # A NUL is told of the body as a whole; without a subtype, the 2014-04 name of it is asked for.
        assert field.split(".")[0] in (case[0], "base", "type")


@each(
    _cases(
        country={
            **PINTEREST_TEXT,
            "absent": ABSENT,
            "blank": "",
            "three-letters": "USA",
            "lower-case": "us",
            "newline": "US\n",
        },
        type={"absent": ABSENT, "null": None, "unknown": "same", "number": 5, "shouting": "SIMILARITY"},
        ratio={
            "zero": 0,
            "over": 0.21,
            "between-steps": 0.015,
            "text": "0.05",
            "true": True,
            "list": [0.05],
            "huge": 1e300,
        },
    )
)
def test_pitchtarget_lookalike_spec(server: MockServer, case: tuple[str, Any]) -> None:
    """A spec has a country of two capital letters, and says how alike by a known type or ratio."""
    rejected(server, PITCHTARGET, 422, with_key(LOOKALIKE, "lookalike_spec", *case))


@pytest.mark.parametrize("subtype", ["WEBSITE", "APP"])
@each(
    _cases(
        retention_days={**DAYS, "absent": ABSENT, "null": None, "181": 181},
        rule={
            "absent": ABSENT,
            "null": None,
            "object": {},
            "number": 5,
            "blank": "",
            "word": "cart",
            "array": "[]",
            "cut-off": '{"url":',
            "deep": '{"a":' + "[" * 10_000,
            "raw-NUL": '{"a":"\x00"}',
            "NaN": '{"a":NaN}',
            "Infinity": '{"a":-Infinity}',
            "5000-digits": f'{{"a":{"1" * 5000}}}',
        },
    )
)
def test_pitchtarget_website_and_app(server: MockServer, subtype: str, case: tuple[str, Any]) -> None:
    """Retention is 1 to 180 days, and a rule is a JSON object written as a text."""
    rejected(server, PITCHTARGET, 422, with_key({**WEBSITE, "subtype": subtype}, None, *case))


BAD_FORMS: dict[str, tuple[str, bytes]] = {
    "empty": (FORM, b""),
    "garbage": (FORM, bytes(range(256)) * 10),
    "only-the-end": (FORM, form()),
    "json": (FORM, json.dumps(LOOKALIKE).encode()),
    "no-boundary": ("multipart/form-data", form(*fields(), file())),
    "blank-boundary": ("multipart/form-data; boundary=", form(*fields(), file())),
    "another-boundary": ("multipart/form-data; boundary=other", form(*fields(), file())),
    "boundary-of-300": (
        f"multipart/form-data; boundary={'b' * 300}",
        form(*fields(), file(), boundary="b" * 300),
    ),
    "boundary-of-bytes": ("multipart/form-data; boundary=\xff\xfe", form(*fields(), file())),
    "cut-off-in-the-end": (FORM, form(*fields(), file(), end=b"-")),
    "cut-off-before-the-end": (FORM, form(*fields(), file(), end=b"")),
    "cut-off-in-the-file": (FORM, form(*fields(), file())[:-40]),
    "cut-off-in-a-head": (FORM, form(*fields(), file())[:60]),
    "two-files": (FORM, form(*fields(), file(), file())),
    "empty-file": (FORM, form(*fields(), file(b""))),
    "no-file": (FORM, form(*fields())),
    "file-of-another-name": (FORM, form(*fields(), file(name="users"))),
    "file-named-with-NUL": (FORM, form(*fields(), file(name="file\x00"))),
    "text-part-named-file": (FORM, form(*fields(), part("file", HASH))),
    "part-without-a-name": (FORM, form(*fields(), b"Content-Disposition: form-data\r\n\r\nx", file())),
    "part-without-a-head": (FORM, form(*fields(), b"\r\nx", file())),
    "part-that-is-an-attachment": (
        FORM,
        form(*fields(), b'Content-Disposition: attachment; name="a"\r\n\r\nx', file()),
    ),
    "head-without-a-colon": (FORM, form(b"Content-Disposition\r\n\r\nx", *fields(), file())),
    "100-head-lines": (FORM, form(b"A: b\r\n" * 100 + part("a", b"x"), *fields(), file())),
    "head-of-100-kB": (FORM, form(part("a" * 100_000, b"x"), *fields(), file())),
    "name-that-is-not-utf-8": (
        FORM,
        form(b'Content-Disposition: form-data; name="\xff"\r\n\r\nx', *fields(), file()),
    ),
    "value-that-is-not-utf-8": (FORM, form(part("description", b"\xff"), *fields(), file())),
    "value-that-is-a-surrogate": (FORM, form(part("description", b"\xed\xa0\x80"), *fields(), file())),
    "name-NUL": (FORM, form(*fields(name="a\x00"), file())),
    "description-NUL": (FORM, form(*fields(description="a\x00"), file())),
    "link-NUL": (FORM, form(*fields(opt_out_link="http://example.com/\x00"), file())),
    "account-NUL": (FORM, form(*fields(fb_ad_account_id="2\x00"), file())),
    "user_type-NUL": (FORM, form(*fields(user_type="email_hash\x00"), file())),
    "name-blank": (FORM, form(*fields(name=" \t "), file())),
    "name-empty": (FORM, form(*fields(name=""), file())),
    "account-of-letters": (FORM, form(*fields(fb_ad_account_id="abc"), file())),
    "account-of-40-digits": (FORM, form(*fields(fb_ad_account_id=LONG), file())),
    "account-unicode-digit": (FORM, form(*fields(fb_ad_account_id="٣"), file())),
    "account-newline": (FORM, form(*fields(fb_ad_account_id="2\n"), file())),
    "user_type-unknown": (FORM, form(*fields(user_type="shoe_size"), file())),
    "user_type-unknown-behind-the-file": (FORM, form(file(), *fields(user_type="shoe_size"))),
    "user_type-empty": (FORM, form(*fields(user_type=""), file())),
    "link-that-is-none": (FORM, form(*fields(opt_out_link="javascript:alert(1)"), file())),
    "subtype-of-json": (FORM, form(*fields(subtype="LOOKALIKE"), file())),
    "user_type-another-behind-the-file": (
        FORM,
        form(*fields(user_type="phone_hash"), file(), fields()[2]),
    ),
    "100,000-parts": (FORM, form(*(part("a", b"") for _ in range(100_000)), *fields(), file())),
}


@each(BAD_FORMS)
def test_pitchtarget_form(server: MockServer, case: tuple[str, bytes]) -> None:
    """A form that cannot be read, or that lacks what a create needs, is rejected; its file is not kept."""
    content_type, body = case
    rejected(server, PITCHTARGET, 422, body, headers={**PITCHTARGET_TOKEN, "Content-Type": content_type})
    check_no_orphans(server)


def test_form_whose_connection_breaks_leaves_nothing(server: MockServer) -> None:
    """A connection that breaks within the file leaves no audience, no users and no report."""
    before = held(server)
    body = form(*fields(), file(HASH * 100))
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as connection:
        token = PITCHTARGET_TOKEN["Authorization"]
        head = f"POST /custom_audiences HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        head += f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:2000])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "the server has nothing to say to a client that left"
    assert held(server) == before


def _valid(parts: list[bytes], valid: int = 1) -> tuple[bytes, int]:
    return form(*parts), valid


@each(
    {
        "file-first": _valid([file(), *fields()]),
        "field-behind-the-file": _valid(
            [*fields(), file(), part("opt_out_link", b"https://example.com/out")]
        ),
        "user_type-behind-the-file": _valid([*fields()[:2], file(), fields()[2]]),
        "two-files-of-other-names": _valid([file(name="a"), *fields(), file(), file(name="b")]),
        "text-part-named-file-beside-the-file": _valid([part("file", b"x"), *fields(), file()]),
        "thousands-of-fields": _valid([part(f"f{n}", b"") for n in range(3000)] + [*fields(), file()]),
        "name-twice": _valid([part("name", b"First"), *fields(), file()]),
        "file-of-wrong-lines": _valid([*fields(), file(b"anna@example.com\n\x00\xff\n")], valid=0),
        "file-of-a-blank-line": _valid([*fields(), file(b"\n")], valid=0),
        "file-of-a-byte-order-mark": _valid([*fields(), file(b"\xef\xbb\xbf")], valid=0),
        "user_type-phone-lines-unhashed": _valid(
            [*fields(user_type="phone_hash"), file(b"5551234")], valid=0
        ),
    }
)
def test_odd_form_that_works(mock: MockServer, case: tuple[bytes, int]) -> None:
    """A form may have any order and more than is asked for; every right line of its file counts."""
    body, valid = case
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    answer = send(mock, "POST", "/custom_audiences", headers, body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["fb_custom_audience"]["name"] == "Buyers"
    rows = mock.world.database.connection.exec_driver_sql("SELECT valid FROM uploads").all()
    assert [tuple(row) for row in rows] == [(valid,)]
    check_no_orphans(mock)


@pytest.fixture(scope="module")
def small() -> Iterator[MockServer]:
    """A server that takes files of 1,000 bytes at most."""
    with MockServer(max_upload_bytes=1000) as mock:
        yield mock


@pytest.mark.parametrize("order", ["fields-first", "file-first"])
@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("size", [1001, 300_000])
def test_file_over_the_limit(small: MockServer, size: int, chunked: bool, order: str) -> None:
    """A file over `max_upload_bytes` is rejected with 413, however it is sent, and nothing of it is kept."""
    content = (HASH + b"\n") * (size // 65) + b"x" * (size % 65)
    body = form(*fields(), file(content)) if order == "fields-first" else form(file(content), *fields())
    sent = [body[at : at + 700] for at in range(0, len(body), 700)] if chunked else body
    answer = rejected(small, PITCHTARGET, 413, sent, headers={**PITCHTARGET_TOKEN, "Content-Type": FORM})
    assert list(answer.json()["errors"]) == ["file"]
    check_no_orphans(small)


def test_length_over_the_limit_is_rejected_unread(small: MockServer) -> None:
    """A Content-Length that no file within the limit can have is rejected before a byte of it is sent."""
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM, "Content-Length": str(20 << 20)}
    rejected(small, PITCHTARGET, 413, headers=headers, cut_off=True)


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_file_at_the_limit(start: Callable[..., MockServer], chunked: bool) -> None:
    """A file of exactly `max_upload_bytes` is taken."""
    mock = start(max_upload_bytes=1000)
    body = form(*fields(), file((HASH + b"\n") * 15 + b"x" * 25))
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    answer = send(mock, "POST", "/custom_audiences", headers, [body[:500], body[500:]] if chunked else body)
    assert answer.status_code == 201, answer.text
