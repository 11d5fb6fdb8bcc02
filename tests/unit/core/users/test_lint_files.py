"""Whole files, linted in pieces: lines, columns, encodings; with numpy and without."""

import gzip
import hashlib
import lzma
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from audience_mock.core.users.lint import files, linter
from audience_mock.core.users.lint.expected import (
    DEFAULTS,
    EMAIL,
    FORMS,
    KINDS,
    MAID,
    PHONE,
    SHA256,
    Expected,
)
from audience_mock.core.users.lint.files import NoColumnError, lint_file
from audience_mock.core.users.lint.linter import Linter
from audience_mock.core.users.lint.people import known_people
from audience_mock.core.users.records import EMAIL as EMAIL_LIST
from audience_mock.core.users.samples import KeptSample, Sample
from helpers.users import hashed

RIGHT = hashed(*(f"{n}@example.org" for n in range(500)))
MD5 = hashlib.md5(b"eve@example.org").hexdigest()
(RAW,) = hashed("Anna@Example.com")


@pytest.fixture(params=["numpy", "Python"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What lints: both must find the same."""
    if request.param == "Python":
        for module in (files, linter):
            monkeypatch.setattr(module, "import_numpy", lambda: None)
    return str(request.param)


def lint(
    content: bytes,
    *,
    column: str | None = None,
    expected: Expected = DEFAULTS[EMAIL],
    piece_bytes: int = 1000,
) -> Linter:
    linter = Linter(expected)

    def pieces() -> Iterator[bytes]:
        yield from (content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes))

    lint_file(pieces(), linter, column=column)
    return linter


def found(linter: Linter) -> dict[tuple[str, ...], list[int]]:
    """The first lines by codes."""
    return {
        finding.diagnosis.codes: [example.line for example in finding.first] for finding in linter.findings
    }


@pytest.mark.usefixtures("by")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["newline", "Windows", "old Mac"])
@pytest.mark.parametrize("piece_bytes", [1, 64, 100_000])
def test_wrong_lines_are_counted_and_named(end: str, piece_bytes: int) -> None:
    """A file has its wrong values by finding, with the first three lines of each, however it arrives."""
    lines = [*RIGHT]
    lines[3], lines[70], lines[71], lines[99], lines[4], lines[5] = MD5, MD5, MD5, MD5, RAW, RIGHT[5].upper()
    lines[10] = ""
    linter = lint(end.join(lines).encode(), piece_bytes=piece_bytes)
    assert linter.values == 499
    assert found(linter) == {
        ("md5",): [4, 71, 72],
        ("hashed_upper_case",): [5],
        ("upper_case_hex",): [6],
    }
    assert [finding.count for finding in linter.findings] == [4, 1, 1]
    assert linter.wrong_values == 6


@pytest.mark.usefixtures("by")
@pytest.mark.parametrize("blocks", [200, 1 << 20], ids=["many blocks", "one block"])
def test_the_column_of_a_csv_file_is_linted(monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    """The column is found by its header, or named, or numbered; quoted fields may have separators, quotes
    and line ends in them, and lines may lack columns."""
    monkeypatch.setattr(files, "BLOCK_BYTES", blocks)
    rows = [
        "name,Email Address,phone",
        f"Eve,{RIGHT[0]},{MD5}",
        f'"E, ""v""\ne",{MD5},1',
        "Adam",
        f"A,{RAW},",
    ]
    content = "\n".join([*rows, *(f"n,{value}," for value in RIGHT)]).encode()
    for column in (None, "2", "email_address", "Email Address"):
        linter = lint(content, column=column)
        assert found(linter) == {("md5",): [3], ("hashed_upper_case",): [6]}
        assert linter.values == 3 + len(RIGHT)
    assert found(lint(content, column="3", expected=DEFAULTS[PHONE])) == {("md5",): [2], ("malformed",): [3]}


@pytest.mark.usefixtures("by")
def test_many_plain_columns() -> None:
    """A CSV file without quotes, with semicolons, has the findings of its column alone."""
    content = "id;email\r\n" + "".join(f"{n};user{n}@example.org\r\n" for n in range(300))
    linter = lint(content.encode())
    assert found(linter) == {("plain",): [2, 3, 4]}
    assert linter.findings[0].count == linter.values == 300


@pytest.mark.usefixtures("by")
@pytest.mark.parametrize(
    ("encoding", "fault"),
    [
        ("utf-8", False),
        ("utf-8-sig", False),
        ("utf-16", True),
        ("utf-16-le", True),
        ("utf-16-be", True),
    ],
)
def test_utf_16_is_found_once_and_read(encoding: str, fault: bool) -> None:
    """A file in UTF-16, with a byte order mark or without, is one finding; its values are linted as well."""
    linter = lint("\n".join([*RIGHT[:50], RAW]).encode(encoding), piece_bytes=7)
    assert linter.values == 51
    assert found(linter) == ({("utf16",): [1]} if fault else {}) | {("hashed_upper_case",): [51]}


@pytest.mark.usefixtures("by")
@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ('"last, first",email', 1),
        ('"a,b,c,d";email', 1),
        ('"the\nname",email', 2),
        ('"a ""b"",\n\n,c","E-Mail"', 3),
    ],
)
def test_names_of_columns_may_be_quoted(header: str, lines: int) -> None:
    """A separator or a line end in the quoted name of a column separates nothing."""
    separator = ";" if ";" in header else ","
    content = f"{header}\n" + "".join(f'"x, y"{separator}{value}\n' for value in (RIGHT[0], MD5))
    for column in (None, "2"):
        linter = lint(content.encode(), column=column)
        assert (linter.values, found(linter)) == (2, {("md5",): [lines + 2]})


@pytest.mark.usefixtures("by")
def test_a_quote_that_is_never_closed_ends_no_header() -> None:
    """A first line with one quote is a line like any other, in a file of one column."""
    linter = lint("\n".join(['5" screen', *RIGHT, MD5]).encode())
    assert found(linter) == {("malformed",): [1], ("md5",): [502]}


@pytest.mark.usefixtures("by")
def test_hex_of_both_cases_is_shown_as_it_is() -> None:
    """The excerpt of a value has the case of each digit."""
    mixed = MD5[:16].upper() + MD5[16:]
    linter = lint(f"{mixed}\n{MD5.upper()}\n".encode())
    assert {example.value for finding in linter.findings for example in finding.first} == {
        f"{mixed[:4]}…{mixed[-4:]}",
        f"{MD5[:4]}…{MD5[-4:]}".upper(),
    }


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (gzip.compress("\n".join(RIGHT).encode()), "gzip"),
        (b"PK\x03\x04" + bytes(26) + b"a.xlsx", "ZIP, or an Excel workbook"),
        (lzma.compress("\n".join(RIGHT).encode()), "xz"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 1000])
def test_a_file_that_is_no_text_is_one_finding(content: bytes, form: str, piece_bytes: int) -> None:
    """A compressed file or a workbook has no values, and one finding that names its form."""
    linter = lint(content, piece_bytes=piece_bytes)
    assert (linter.values, found(linter)) == (0, {("not_text",): [1]})
    assert linter.findings[0].first[0].value == f"{form}, from the first byte on"


def test_a_header_line_counts_as_a_person() -> None:
    """In a file of one column a header is a finding, unless the column is asked for by that name."""
    content = "\n".join(["Email", *RIGHT]).encode()
    assert found(lint(content)) == {("header",): [1]}
    assert lint(content).findings[0].first[0].value == "Email"
    assert found(lint(content, column="email")) == {}


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (b"name,email\na,b\n", "phone", "no column 'phone': the first line has name, email"),
        (b"name,email\na,b\n", "3", "no column '3': the first line has name, email"),
        (b"name,phone\na,b\n", None, "which column is it? the first line has name, phone"),
        (b"abc\n", "email", "the file has one column, and no 'email'"),
    ],
)
def test_a_column_that_is_not_there(content: bytes, column: str | None, message: str) -> None:
    """An unknown column is an error that names those there are."""
    with pytest.raises(NoColumnError) as error:
        lint(content, column=column)
    assert str(error.value) == message


@pytest.mark.usefixtures("by")
@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b'a,"\n' * 3]
)
def test_next_to_nothing(content: bytes) -> None:
    """A file with no whole value raises nothing."""
    assert lint(content).values <= 3


@pytest.mark.usefixtures("by")
def test_an_endless_line_is_cut() -> None:
    """A line of three megabytes is one value that is wrong, and those behind it are still linted."""
    linter = lint(b"x" * (3 << 20) + b"\n" + MD5.encode(), piece_bytes=1 << 18)
    assert {("malformed",), ("md5",)} <= found(linter).keys()


@pytest.mark.usefixtures("by")
def test_an_advertising_id_without_hyphens_hides_no_md5() -> None:
    """Known ids that look like MD5 hashes, and MD5 hashes, are told apart in one file."""
    (known, *_) = known_people()
    expected = Expected(MAID, frozenset({SHA256}))
    linter = lint(f"{known[MAID].replace('-', '')}\n{MD5}\n{MD5}\n".encode(), expected=expected)
    assert found(linter)[("md5",)] == [2, 3]


@pytest.mark.usefixtures("by")
def test_any_bytes_are_linted() -> None:
    """Nothing that a file may hold raises an error, and each line of ids behind it is still found."""
    rng = random.Random(17)
    alphabet = [
        b'"',
        b"'",
        b",",
        b"\n",
        b"\r",
        b"\x00",
        b"@",
        b"=",
        b"b'",
        b"\xc2\xa0",
        b"\xff",
        b"\x85",
        b"\x1c",
    ]
    for kind in KINDS:
        for expected in (DEFAULTS[kind], Expected(kind, frozenset(FORMS))):
            for _ in range(40):
                noise = [rng.choice([*alphabet, rng.randbytes(3), MD5.encode()]) for _ in range(60)]
                lint(b"".join(noise), expected=expected, piece_bytes=7)
                lint(b"a,email,b\n" + b"".join(noise), expected=expected, column="2")
    long_field = b'"' + b"x" * 200_000 + b'",1\n'
    linter = lint(b"email,n\n" + long_field + f"{MD5},1\n".encode())
    assert found(linter) == {("md5",): [3]}


def test_values_are_masked() -> None:
    """An example shows no whole address and no whole hash."""
    linter = lint(f"eve@example.org\n{MD5}\na@b\n".encode())
    shown = [example.value for finding in linter.findings for example in finding.first]
    assert sorted(shown) == sorted(["eve@….org", f"{MD5[:4]}…{MD5[-4:]}", "a…"])


def test_a_sample_ends_with_a_whole_value() -> None:
    """Of an upload that is larger than its sample, the value that is cut is not linted."""
    from audience_mock.core.users.lint.uploads import reports

    sample = Sample(100)
    sample.add_text(f"{RIGHT[0]}\n".encode())
    sample.add_text(f"{RIGHT[1]}\n".encode())
    sample.add_text(f"{RIGHT[2]}\n".encode())
    (report,) = reports([KeptSample(0, None, 7, EMAIL_LIST, sample)], show_values=True)
    assert (report["values"], report["whole"], report["findings"]) == (1, False, [])
    assert Counter(map(len, [sample.text])) == {100: 1}
