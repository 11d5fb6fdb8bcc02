"""The hash linter: what a value really is, by table; and no alarm at right ones."""

import base64
import hashlib
import random
from collections.abc import Callable

import pytest

from audience_mock.core.users.lint.diagnosis import diagnose
from audience_mock.core.users.lint.expected import (
    DEFAULTS,
    EMAIL,
    FBID,
    FORMS,
    KINDS,
    MAID,
    OF_LIST_TYPE,
    OF_ROW_KEY,
    OF_USER_TYPE,
    PHONE,
    PLAIN,
    SHA256,
    THIRD_PARTY_ID,
    Expected,
)
from audience_mock.core.users.lint.faults import FAULTS, Diagnosis
from audience_mock.core.users.lint.index import included, index_for
from audience_mock.core.users.lint.linter import Linter
from audience_mock.core.users.lint.people import known_people
from audience_mock.core.users.lint.spellings import canonical

PERSON = known_people()[211]
STRANGE_UUID = "9f1b6f3e-5a6d-4d5e-9e0b-0a5b2f1c7d11"
OTHER = {EMAIL: PHONE, PHONE: EMAIL, MAID: EMAIL, THIRD_PARTY_ID: EMAIL, FBID: EMAIL}
"""A kind whose values are put into the column of another by mistake."""
HEADER = {EMAIL: "Email", PHONE: "phone", MAID: "IDFA", THIRD_PARTY_ID: "external_id", FBID: "fbid"}
RAW = {
    EMAIL: (str.title, ("hashed_upper_case",)),
    PHONE: (lambda value: f"+{value}", ("hashed_plus",)),
    MAID: (str.upper, ("hashed_upper_case",)),
    THIRD_PARTY_ID: (str.upper, ("hashed_upper_case",)),
    FBID: (lambda value: f"{value}.0", ("hashed_float",)),
}
"""The spelling of a kind that is usual before it is normalized."""


def sha256(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def _other(kind: str) -> str:
    return canonical(OTHER[kind], PERSON[OTHER[kind]])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


Mistake = tuple[str, Callable[[str, str], str | bytes], tuple[str, ...]]
MISTAKES: list[Mistake] = [
    # The name, what is sent for the right value of a kind where its SHA-256 is expected, the codes.
    ("MD5", lambda v, k: hashlib.md5(v.encode()).hexdigest(), ("md5",)),
    (
        "MD5 in upper case",
        lambda v, k: hashlib.md5(v.encode()).hexdigest().upper(),
        ("upper_case_hex", "md5"),
    ),
    ("SHA-1", lambda v, k: hashlib.sha1(v.encode()).hexdigest(), ("sha1",)),
    ("SHA-512", lambda v, k: hashlib.sha512(v.encode()).hexdigest(), ("sha512",)),
    ("upper case", lambda v, k: sha256(v).upper(), ("upper_case_hex",)),
    ("base64", lambda v, k: _base64(hashlib.sha256(v.encode()).digest()), ("base64",)),
    (
        "base64 for URLs, without padding",
        lambda v, k: base64.urlsafe_b64encode(hashlib.sha256(v.encode()).digest()).decode().rstrip("="),
        ("base64",),
    ),
    ("base64 of hex", lambda v, k: _base64(sha256(v).encode()), ("base64",)),
    ("base64 of MD5", lambda v, k: _base64(hashlib.md5(v.encode()).digest()), ("base64", "md5")),
    ("prefix 0x", lambda v, k: f"0x{sha256(v)}", ("hex_prefix",)),
    ("prefix \\x", lambda v, k: f"\\x{sha256(v)}", ("hex_prefix",)),
    ("prefix sha256:", lambda v, k: f"sha256:{sha256(v)}", ("hex_prefix",)),
    ("cut hash", lambda v, k: sha256(v)[:50], ("wrong_length",)),
    ("double hash", lambda v, k: sha256(sha256(v)), ("double_hash",)),
    ("hash of the digest", lambda v, k: sha256(hashlib.sha256(v.encode()).digest()), ("double_hash",)),
    ("SHA-256 of MD5", lambda v, k: sha256(hashlib.md5(v.encode()).hexdigest()), ("double_hash",)),
    ("SHA-256 of upper-case hex", lambda v, k: sha256(sha256(v).upper()), ("double_hash",)),
    ("hash of nothing", lambda v, k: sha256(""), ("empty_hash",)),
    ("newline", lambda v, k: sha256(v + "\n"), ("hashed_newline",)),
    ("Windows line end", lambda v, k: sha256(v + "\r\n"), ("hashed_newline",)),
    ("space before", lambda v, k: sha256(" " + v), ("hashed_spaces",)),
    ("space behind", lambda v, k: sha256(v + " "), ("hashed_spaces",)),
    ("quotes", lambda v, k: sha256(f'"{v}"'), ("hashed_quotes",)),
    ("single quotes", lambda v, k: sha256(f"'{v}'"), ("hashed_quotes",)),
    ("byte order mark", lambda v, k: sha256(f"\ufeff{v}"), ("hashed_bom",)),
    ("UTF-16", lambda v, k: sha256(v.encode("utf-16-le")), ("hashed_utf16",)),
    ("UTF-16 with its mark", lambda v, k: sha256(b"\xff\xfe" + v.encode("utf-16-le")), ("hashed_utf16",)),
    ("big-endian UTF-16", lambda v, k: sha256(v.encode("utf-16-be")), ("hashed_utf16",)),
    ("comma behind", lambda v, k: sha256(v + ","), ("hashed_separator",)),
    ("Python bytes", lambda v, k: sha256(repr(v.encode())), ("hashed_bytes_repr",)),
    ("header", lambda v, k: HEADER[k], ("header",)),
    ("hash of the header", lambda v, k: sha256(HEADER[k]), ("header_hash",)),
    ("hash of the header with its line end", lambda v, k: sha256(HEADER[k] + "\n"), ("header_hash",)),
    ("null", lambda v, k: "null", ("placeholder",)),
    ("hash of None", lambda v, k: sha256("None"), ("placeholder_hash",)),
    ("plain", lambda v, k: v, ("plain",)),
    ("plain in base64", lambda v, k: _base64(v.encode()), ("base64", "plain")),
    ("plain in quotes", lambda v, k: f'"{v}"', ("quoted", "plain")),
    ("another column, plain", lambda v, k: _other(k), ("wrong_column", "plain")),
    ("another column, hashed", lambda v, k: sha256(_other(k)), ("wrong_column",)),
    ("two columns", lambda v, k: f"{sha256(v)},{sha256(v)}", ("several_columns",)),
    ("hash in quotes", lambda v, k: f'"{sha256(v)}"', ("quoted",)),
    ("hash behind a byte order mark", lambda v, k: f"\ufeff{sha256(v)}".encode(), ("bom",)),
    ("hash behind a no-break space", lambda v, k: f"\xa0{sha256(v)}".encode(), ("invisible",)),
    ("hash in UTF-16", lambda v, k: sha256(v).encode("utf-16-le"), ("utf16",)),
    ("raw", lambda v, k: sha256(RAW[k][0](v)), ()),
    ("MD5 of the raw one", lambda v, k: hashlib.md5(RAW[k][0](v).encode()).hexdigest(), ("md5",)),
    (
        "base64 of the raw one",
        lambda v, k: _base64(hashlib.sha256(RAW[k][0](v).encode()).digest()),
        ("base64",),
    ),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "send", "codes"), MISTAKES, ids=[name for name, _, _ in MISTAKES])
def test_each_mistake_is_diagnosed_in_each_kind_of_id(
    name: str, send: Callable[[str, str], str | bytes], codes: tuple[str, ...], kind: str
) -> None:
    """Where SHA-256 in hex is expected, a value sent by one mistake has the codes of exactly that one."""
    sent = send(canonical(kind, PERSON[kind]), kind)
    found = diagnose(
        sent.encode() if isinstance(sent, str) else sent, Expected(kind, _SHA256), included(kind)
    )
    if "raw" in name:
        codes += RAW[kind][1]
    assert found is not None
    assert found.codes == codes
    assert all(found.change(DEFAULTS[kind]) for _ in found.codes)


_SHA256 = frozenset({SHA256})


def test_at_least_25_mistakes_are_tried() -> None:
    """The table has more than 25 different mistakes."""
    assert len({name for name, _, _ in MISTAKES}) == len(MISTAKES) >= 25


@pytest.mark.parametrize(
    ("spelling", "codes"),
    [
        ("+447700900058", ("hashed_plus",)),
        ("00447700900058", ("hashed_zeros",)),
        ("07700900058", ("hashed_national", "hashed_zeros")),
        ("4407700900058", ("hashed_zeros",)),
        ("7700900058", ("hashed_national",)),
        ("+44 7700 900058", ("hashed_plus", "hashed_punctuation")),
        ("44 7700 900058", ("hashed_punctuation",)),
        ("44-7700-900058", ("hashed_punctuation",)),
        ("07700 900058", ("hashed_national", "hashed_zeros", "hashed_punctuation")),
        ("+44 (0)7700 900058", ("hashed_plus", "hashed_zeros", "hashed_punctuation")),
        ("447700900058.0", ("hashed_float",)),
        ("+447700900058\n", ("hashed_plus", "hashed_newline")),
    ],
)
def test_spellings_of_a_phone_number(spelling: str, codes: tuple[str, ...]) -> None:
    """The hash of a number that is not its digits from the country code on tells how it was written."""
    assert any(person["phone"] == "+44 7700 900058" for person in known_people())
    found = diagnose(sha256(spelling).encode(), DEFAULTS[PHONE], included(PHONE))
    assert found == Diagnosis(codes, is_exact=True)


@pytest.mark.parametrize(
    ("kind", "value", "codes"),
    [
        (EMAIL, "mailto:eve@example.org", ("mailto", "plain")),
        (EMAIL, "Eve <eve@example.org>", ("display_name", "plain")),
        (EMAIL, "eve@example.org;eva@example.org", ("several_columns",)),
        (EMAIL, "+4930123456", ("wrong_column", "plain")),
        (EMAIL, "9f1b6f3e-5a6d-4d5e-9e0b-0a5b2f1c7d11", ("wrong_column", "plain")),
        (EMAIL, "Eve", ("malformed",)),
        (EMAIL, "\0\0\0\0", ("malformed",)),
        (EMAIL, "eve\0", ("malformed",)),
        (EMAIL, hashlib.sha224(b"eve").hexdigest(), ("wrong_length",)),
        (EMAIL, hashlib.sha384(b"eve").hexdigest(), ("wrong_length",)),
        (EMAIL, "b'eve@example.org'", ("bytes_repr", "plain")),
        (PHONE, "+49 30 123456", ("plain",)),
        (PHONE, "030/123456", ("plain",)),
        (PHONE, "49301234567.0", ("float", "plain")),
        (PHONE, "4.9301234567E+10", ("float", "plain")),
        (PHONE, "eve@example.org", ("wrong_column", "plain")),
        (MAID, "eve@example.org", ("wrong_column",)),
        (MAID, "00000000-0000-0000-0000-000000000000", ("zero_id",)),
        (MAID, sha256("eve"), ("hashed",)),
        (THIRD_PARTY_ID, "eve@example.org", ("wrong_column",)),
        (THIRD_PARTY_ID, sha256(PERSON[EMAIL]), ("hashed", "wrong_column")),
        (FBID, sha256("eve"), ("hashed",)),
        (FBID, "1.0E+14", ("float",)),
        (FBID, "eve@example.org", ("wrong_column",)),
        (FBID, "Eve", ("malformed",)),
    ],
)
def test_values_of_strangers_are_diagnosed_by_shape(kind: str, value: str, codes: tuple[str, ...]) -> None:
    """Of people that the linter does not know, the shape of what was sent tells the mistake."""
    found = diagnose(value.encode(), DEFAULTS[kind], included(kind))
    assert found is not None
    assert found.codes == codes


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        *((DEFAULTS[MAID], value) for value in (PERSON[MAID], PERSON[MAID].upper(), "a1" * 16)),
        *((DEFAULTS[THIRD_PARTY_ID], value) for value in ("17", "crm-000017", "A,1", "a1" * 16, "a1" * 32)),
        *((DEFAULTS[THIRD_PARTY_ID], value) for value in ("Müller 3", "d2VsbA==", STRANGE_UUID)),
        *((DEFAULTS[FBID], value) for value in ("1", "100000000000017")),
        *((OF_LIST_TYPE["EMAIL"], value) for value in ("eve@example.org", "EVE@example.org", "b1" * 16)),
        *(
            (OF_LIST_TYPE["EMAIL"], value)
            for value in ("b1" * 20, "b1" * 32, PERSON[MAID], " eve@a.example ")
        ),
        *((OF_LIST_TYPE["MAID"], value) for value in (PERSON[MAID], sha256(PERSON[MAID]), PERSON[EMAIL])),
        (OF_LIST_TYPE["HASHED_PINNER_ID"], sha256(PERSON[PHONE])),
        (OF_ROW_KEY["hashed_phone_number"], sha256(canonical(PHONE, PERSON[PHONE]))),
    ],
)
def test_what_an_api_accepts_is_no_finding(expected: Expected, value: str) -> None:
    """Plain values and hashes are right where they are accepted, of known people and of strangers."""
    assert diagnose(value.encode(), expected, included(expected.kind)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_no_false_alarm_on_100_000_right_hashes(kind: str) -> None:
    """A hundred thousand hashes of strangers and all hashes of known people raise no finding in any kind."""
    by_chance = random.Random(17).randbytes(100_000 * 32).hex()
    lines = [by_chance[at : at + 64] for at in range(0, len(by_chance), 64)]
    lines += [sha256(canonical(kind, person[kind])) for person in known_people()]
    linter = Linter(Expected(kind, _SHA256))
    assert linter.add_hashes("".join(f"{line}\n" for line in lines).encode(), 1) == len(lines)
    linter.add_each([line.encode() for line in lines[-2_000:]], range(1, 2_001))
    assert linter.values == len(lines) + 2_000
    assert not linter.findings


def test_every_type_of_both_apis_is_expected() -> None:
    """Each type of either API has its kind of id and its forms; no fault lacks an advice."""
    for expected in (*OF_USER_TYPE.values(), *OF_LIST_TYPE.values(), *OF_ROW_KEY.values()):
        assert expected.kind in KINDS
        assert expected.forms <= set(FORMS)
        assert expected.is_plain == (PLAIN in expected.forms)
    assert all(fault.what and fault.change for fault in FAULTS.values())


def test_known_people_are_fictional() -> None:
    """The people that are included have addresses and numbers that belong to nobody."""
    people = known_people()
    assert len(people) == 300
    assert {person["email"].rpartition("@")[2] for person in people} <= {
        "example.com",
        "example.net",
        "example.org",
    }
    assert all(" 555 01" in p or " 555 02" in p or "+44 7700 900" in p for p in (q["phone"] for q in people))
    for kind in KINDS:
        assert len({person[kind] for person in people}) == 300


@pytest.mark.parametrize(
    ("kind", "value"), [(PHONE, "+"), (PHONE, " "), (PHONE, "+ x"), (EMAIL, ""), (EMAIL, "@example.org")]
)
def test_an_id_of_nothing_is_nobodys(kind: str, value: str) -> None:
    """People may lack ids, or have a + for a number: the hash of an empty value stays a mistake."""
    for linted in (kind, MAID):
        index = index_for(linted, [{kind: value}])
        found = diagnose(sha256("").encode(), Expected(linted, frozenset({SHA256})), index)
        assert found is not None
        assert found.codes == ("empty_hash",)
