"""The spellings in which a job may hash a known id, each with the codes of its faults."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from urllib.parse import quote

from audience_mock.core.users.lint.expected import EMAIL, FBID, MAID, MD5, PHONE, SHA1, SHA256, SHA512

Codes = tuple[str, ...]

HASHES: dict[str, Callable[[bytes], "hashlib._Hash"]] = {
    MD5: lambda value: hashlib.md5(value, usedforsecurity=False),
    SHA1: lambda value: hashlib.sha1(value, usedforsecurity=False),
    SHA256: hashlib.sha256,
    SHA512: hashlib.sha512,
}


def canonical(kind: str, value: str) -> str:
    """The spelling that is to be hashed: trimmed and lower-cased, a phone number as digits with its country
    code."""
    value = value.strip().lower()
    return "".join(filter(str.isdigit, value)) if kind == PHONE else value


def spellings(kind: str, value: str) -> Iterator[tuple[Codes, bytes]]:
    """Each spelling of an id that may be hashed, the canonical one first, without faults."""
    right = canonical(kind, value)
    raw = [(codes, text) for codes, text in _raw(kind, value) if text != right]
    yield (), right.encode()
    yield from _wrapped((), right)
    for codes, text in raw:
        yield codes, text.encode()
    for codes, text in raw[:_RAW_WRAPPED]:
        yield from ((codes + more, some) for more, some in _wrapped(codes, text))


_RAW_WRAPPED = 3
"""Raw spellings that are looked for with white space, a line end or quotes around them, too: the first, which
are the most frequent. Chosen: each costs ten hashes of each person, and a tenth of a second in all."""


def _raw(kind: str, value: str) -> Iterator[tuple[Codes, str]]:
    value = value.strip()
    if kind == PHONE:
        yield from _phone_numbers(value)
    if kind in (PHONE, FBID):
        digits = canonical(kind, value)
        yield ("hashed_float",), f"{digits}.0"
        yield ("hashed_float",), f"{float(digits)!r}" if digits.isdecimal() else f"{digits}.0"
        return
    names = [value, value.title(), value.upper(), value.capitalize()]
    if kind == EMAIL:
        local, _, domain = value.partition("@")
        names += [f"{local.title()}@{domain.lower()}", f"{local.upper()}@{domain.lower()}"]
        names += [f"{local.capitalize()}@{domain.capitalize()}", f"{local.lower()}@{domain.capitalize()}"]
    for name in dict.fromkeys(names):
        yield ("hashed_upper_case",), name
    if kind == EMAIL:
        if local:
            yield ("hashed_local_part",), local.lower()
        yield ("hashed_mailto",), f"mailto:{value.lower()}"
        yield ("hashed_url_encoded",), quote(value.lower(), safe="")
    if kind == MAID:
        yield ("hashed_without_hyphens",), value.lower().replace("-", "")
        yield ("hashed_without_hyphens", "hashed_upper_case"), value.upper().replace("-", "")


def _phone_numbers(value: str) -> Iterator[tuple[Codes, str]]:
    """`value` is written +CC NNN NNNN; without the space, no national spelling is known."""
    country, *groups = value.lstrip("+").split()
    national = "".join(groups)
    digits = country + national
    yield ("hashed_plus",), f"+{digits}"
    for zeros in ("00", "0", "011"):
        yield ("hashed_zeros",), f"{zeros}{digits}"
    if not groups:
        return
    yield ("hashed_national",), national
    yield ("hashed_national", "hashed_zeros"), f"0{national}"
    yield ("hashed_zeros",), f"{country}0{national}"
    yield ("hashed_plus", "hashed_zeros"), f"+{country}0{national}"
    yield ("hashed_plus", "hashed_zeros", "hashed_punctuation"), f"+{country} (0){' '.join(groups)}"
    for mark in " -.":
        joined = mark.join(groups)
        yield ("hashed_punctuation",), f"{country}{mark}{joined}"
        yield ("hashed_plus", "hashed_punctuation"), f"+{country}{mark}{joined}"
        yield ("hashed_plus", "hashed_punctuation"), f"+{country} {joined}"
        yield ("hashed_zeros", "hashed_punctuation"), f"00{country}{mark}{joined}"
        yield ("hashed_national", "hashed_punctuation"), joined
        yield ("hashed_national", "hashed_zeros", "hashed_punctuation"), f"0{joined}"
    if len(groups) == 3:
        area, *rest = groups
        local = "-".join(rest)
        yield ("hashed_national", "hashed_punctuation"), f"({area}) {local}"
        yield ("hashed_plus", "hashed_punctuation"), f"+{country} ({area}) {local}"
        yield ("hashed_punctuation",), f"{country} ({area}) {local}"


def _wrapped(known: Codes, text: str) -> Iterator[tuple[Codes, bytes]]:
    """The text with what a reader of files left around it."""
    value = text.encode()
    for some in (b" " + value, value + b" ", b" " + value + b" ", value + b"\t", b"\t" + value):
        yield ("hashed_spaces",), some
    for end in (b"\n", b"\r\n", b"\r"):
        yield ("hashed_newline",), value + end
    for mark in (b'"', b"'"):
        yield ("hashed_quotes",), mark + value + mark
    if known:
        return
    yield ("hashed_bom",), b"\xef\xbb\xbf" + value
    for encoding in ("utf-16-le", "utf-16-be"):
        yield ("hashed_utf16",), text.encode(encoding)
        yield ("hashed_utf16",), f"\ufeff{text}".encode(encoding)
    yield ("hashed_quotes", "hashed_newline"), b'"' + value + b'"\n'
    yield ("hashed_quotes", "hashed_newline"), b'"' + value + b'"\r\n'
    yield ("hashed_bom", "hashed_newline"), b"\xef\xbb\xbf" + value + b"\n"
    yield ("hashed_utf16", "hashed_newline"), f"{text}\n".encode("utf-16-le")
    for separator in (b",", b";", b"\t", b"|"):
        if separator != b"\t":
            yield ("hashed_separator",), value + separator
        yield ("hashed_separator", "hashed_newline"), value + separator + b"\n"
    yield ("hashed_bytes_repr",), b"b'" + value + b"'"


def hashes_again(value: bytes) -> Iterator[bytes]:
    """The texts and bytes that a second hash may be of: the first one in each encoding."""
    for algorithm in (MD5, SHA1, SHA256):
        digest = HASHES[algorithm](value).digest()
        yield digest.hex().encode()
        yield digest.hex().upper().encode()
        yield digest
        yield base64.b64encode(digest)
