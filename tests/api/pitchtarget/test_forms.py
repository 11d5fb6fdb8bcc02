"""Forms as clients write them: what stands around the parts, names of files, charsets."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.errors import pitchtarget_error
from helpers.pitchtarget_requests import FILE_FIELDS, USERS

FILE_PART = b'Content-Disposition: form-data; name="file"; filename="u.csv"\r\n\r\n' + USERS
CREATE = "/custom_audiences"


def field(name: str, value: bytes, *headers: str) -> bytes:
    head = [f'Content-Disposition: form-data; name="{name}"', *headers]
    return "\r\n".join([*head, "", ""]).encode() + value


def form(*parts: bytes, preamble: bytes = b"", epilogue: bytes = b"", boundary: bytes = b"B42") -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return preamble + body + b"--%b--" % boundary + epilogue


FIELDS = tuple(field(name, value.encode()) for name, value in FILE_FIELDS.items())


def post(mock: MockServer, body: bytes | Iterator[bytes], boundary: str = "B42") -> httpx.Response:
    headers = {**PITCHTARGET_TOKEN, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    return httpx.post(mock.url + CREATE, content=body, headers=headers)


def created(mock: MockServer, response: httpx.Response) -> dict[str, Any]:
    """The report on the file of an audience that was created."""
    assert response.status_code == 201, response.text
    report: dict[str, Any] = mock.control("GET", "/uploads")["uploads"][0]
    assert (report["lines"], report["invalid"]) == (5, 0)
    return report


@pytest.mark.parametrize(
    "preamble",
    [
        b"This is a message with multiple parts in MIME format.\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"lines that end in newlines\nalone\n",
        b"--B4\r\n",
        b"--B42x\r\nno boundary, but begins like one\r\n",
        b"x--B42\r\ninside a line\r\n",
        b"x" * 60_000 + b"\r\n",
    ],
)
@pytest.mark.parametrize("epilogue", [b"", b"\r\n", b"\r\nThe end.\r\n--B42\r\n", b"\r\n" + b"x" * 100_000])
def test_what_stands_around_the_parts_is_ignored(mock: MockServer, preamble: bytes, epilogue: bytes) -> None:
    """Text before the first boundary and after the last one belongs to no part, wherever it is cut."""
    body = form(*FIELDS, FILE_PART, preamble=preamble, epilogue=epilogue)
    created(mock, post(mock, body))
    created(mock, post(mock, (body[at : at + 1009] for at in range(0, len(body), 1009))))


def test_a_preamble_is_found_in_pieces_of_any_size(mock: MockServer) -> None:
    """A body that comes byte by byte reads the same."""
    body = form(*FIELDS, FILE_PART, preamble=b"Ignored.\r\n--B4\r\n", epilogue=b"\r\n--B42--\r\n")
    created(mock, post(mock, (body[at : at + 1] for at in range(len(body)))))


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all",
        b"",
        b"x" * 100_000,
        form(FIELDS[0], boundary=b"other"),
        b"\r\n--B4",
        b"x--B42\r\n",
    ],
)
def test_a_body_without_the_boundary_is_rejected(mock: MockServer, body: bytes) -> None:
    """A form none of whose lines is the boundary is malformed."""
    assert "base" in pitchtarget_error(post(mock, body))
    assert post(mock, body).status_code == 422


def test_a_form_whose_lines_end_in_newlines_alone_is_rejected(mock: MockServer) -> None:
    """Multipart has CRLF (RFC 2046), and Rails of 2014 reads nothing else; the answer is no server error."""
    body = form(*FIELDS, FILE_PART).replace(b"\r\n", b"\n")
    rejected = post(mock, body)
    assert (rejected.status_code, list(pitchtarget_error(rejected))) == (422, ["base"])


@pytest.mark.parametrize("where", ["preamble", "epilogue"])
def test_text_around_the_parts_is_bounded(start: Callable[..., MockServer], where: str) -> None:
    """Without a Content-Length neither text goes on for ever."""
    mock = start(max_upload_bytes=1 << 20)

    def endless() -> Iterator[bytes]:
        if where == "epilogue":
            yield form(*FIELDS, FILE_PART)
        for _ in range(1000):
            yield b"x" * 65_536

    try:
        status = post(mock, endless()).status_code
    except httpx.WriteError:
        return  # the connection ended while the rest was sent
    assert status in (413, 422)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ("filename*=utf-8''spending%20users.csv", "spending users.csv"),
        ("filename*=UTF-8'en'k%C3%A4ufer.csv", "käufer.csv"),
        ("FileName*=iso-8859-1''u.csv", "u.csv"),
        ("filename*=x-none''u.csv", "u.csv"),
        ("filename*=u.csv", "u.csv"),
        ("filename*=", ""),
        ("filename*0=u; filename*1=.csv", "u"),
        ("filename=plain.csv; filename*=utf-8''other.csv", "plain.csv"),
    ],
)
def test_a_file_may_have_an_extended_name_alone(mock: MockServer, parameters: str, name: str) -> None:
    """`filename*` makes a part a file, as `filename` does."""
    part = f'Content-Disposition: form-data; name="file"; {parameters}\r\n\r\n'.encode() + USERS
    created(mock, post(mock, form(*FIELDS, part)))
    sent = mock.journal.entries()[-1]["request"]["body"]
    assert sent["files"]["file"]["filename"] == name


def test_a_name_that_says_filename_is_no_file(mock: MockServer) -> None:
    """What stands in a quoted name is no parameter."""
    part = field("a; filename*=utf-8''x", b"text")
    created(mock, post(mock, form(*FIELDS, part, FILE_PART)))


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        ("Käufer".encode(), "text/plain; charset=utf-8"),
        ("Käufer".encode(), 'text/plain; charset="UTF-8"'),
        ("Käufer".encode(), "text/plain"),
        (b"Buyers", "text/plain; charset=ISO-8859-1"),
        (b"Buyers", "text/plain; charset=us-ascii"),
        (b"Buyers", "text/plain; charset=windows-1252"),
        (b"Buyers", "text/plain; charset=Shift_JIS"),
        (b"Buyers", "text/plain; charset="),
        (b"Buyers", "application/octet-stream"),
    ],
)
def test_a_field_in_utf_8_is_read(mock: MockServer, value: bytes, content_type: str) -> None:
    """So is one in ASCII, which is the same in the charset that it declares."""
    part = field("name", value, f"Content-Type: {content_type}")
    post(mock, form(*FIELDS, FILE_PART, part))
    assert [row["name"] for row in mock.state()["audiences"]] == [value.decode()]


@pytest.mark.parametrize(
    ("value", "content_type", "reason"),
    [
        ("Käufer".encode("latin-1"), "", "is not in UTF-8"),
        ("Käufer".encode("latin-1"), "text/plain", "is not in UTF-8"),
        ("Käufer".encode("latin-1"), "text/plain; charset=utf-8", "is not in UTF-8"),
        ("Käufer".encode("latin-1"), "text/plain; charset=iso-8859-1", "is not in UTF-8"),
        ("Käufer".encode(), "text/plain; charset=iso-8859-1", "is not in UTF-8"),
        ("Käufer".encode("utf-16"), "text/plain; charset=utf-16", "is not in UTF-8"),
        (b"Buyers", "text/plain; charset=utf-16", "is not in UTF-8"),
        (b"Buyers", "text/plain; charset=cp037", "is not in UTF-8"),
        (b"Buyers", "text/plain; charset=utf-7", "is not in UTF-8"),
        (b"\xff", "", "is not in UTF-8"),
        (b"Buyers", "text/plain; charset=klingon", "has an unknown charset: klingon"),
        (b"Buyers", "text/plain; charset=zlib", "has an unknown charset: zlib"),
        (b"Buyers", "text/plain; charset=../x", "has an unknown charset: ../x"),
        (b"", "text/plain; charset=klingon", "has an unknown charset: klingon"),
    ],
)
def test_a_field_in_another_charset_is_named(
    mock: MockServer, value: bytes, content_type: str, reason: str
) -> None:
    """The answer says which field it is, and nothing is created."""
    headers = (f"Content-Type: {content_type}",) if content_type else ()
    rejected = post(mock, form(*FIELDS, FILE_PART, field("description", value, *headers)))
    assert (rejected.status_code, pitchtarget_error(rejected)) == (422, {"description": [reason]})
    assert "audiences" not in mock.state()


def test_a_name_in_another_charset_is_shown(mock: MockServer) -> None:
    """A field whose name is not UTF-8 is rejected, the name as far as it can be read."""
    part = field("name", b"x").replace(b'"name"', b'"Stra\xdfe"')
    rejected = pitchtarget_error(post(mock, form(*FIELDS, FILE_PART, part)))
    assert "Stra\N{REPLACEMENT CHARACTER}e" in rejected["base"][0]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"], ids=["CR", "CRLF", "LF"])
@pytest.mark.parametrize("last", [True, False])
def test_a_file_is_read_with_any_line_ends(mock: MockServer, end: str, last: bool) -> None:
    """A file whose lines end in CR alone has as many users as one with any other ends."""
    file = USERS.replace(b"\n", end.encode()) if last else USERS.rstrip().replace(b"\n", end.encode())
    part = b'Content-Disposition: form-data; name="file"; filename="u.csv"\r\n\r\n' + file
    for fields in (FIELDS, FIELDS[::-1]):
        assert created(mock, post(mock, form(*fields, part)))["distinct"] == 5
    for fields in ((part, *FIELDS), (*FIELDS[:2], part, *FIELDS[2:])):
        assert created(mock, post(mock, form(*fields)))["distinct"] == 5
