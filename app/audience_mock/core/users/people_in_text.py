"""People in any text: addresses, device ids and hashes, as JSON, URLs, forms and base64 may have them."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

from audience_mock.core.users.records import trimmed

DIGEST_BYTES = 32
DIGEST_SIZES = (16, 20, DIGEST_BYTES, 64)

# What separates and encloses addresses in text, URLs and forms, also escaped; each run of other characters is
# looked at once, so that a long one costs no more than its length.
_CHARACTERS = r"""[^@%\x00-\x20\x7f"'<>()\[\]{}\\:;,`&=?#/|]"""
_ESCAPED_SEPARATOR = r"%(?:0[AaDd]|2[02678CcFf]|3[AaBbCcDdEeFf]|5[BbDd]|7[BbCcDd])"
_BEGINS = r"(?:(?<![^@\x00-\x20\x7f\"'<>()\[\]{}\\:;,`&=?#/|])|(?<=%[0-9A-Fa-f]{2}))"
_NO_DIGIT_BEFORE = r"(?:(?<![0-9A-Fa-f%])(?<!%[0-9A-Fa-f])|(?<=%[0-9A-Fa-f]{2}))"
_IDS = (
    rf"(?P<device>{_NO_DIGIT_BEFORE}[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}(?![0-9A-Fa-f]))"
    rf"|(?P<hash>{_NO_DIGIT_BEFORE}[0-9A-Fa-f]{{32,}}+)"
)
ID = re.compile(_IDS)
_NO_BASE64_BEFORE = r"(?:(?<![0-9A-Za-z+/_%-])(?<!%[0-9A-Fa-f])|(?<=%[0-9A-Fa-f]{2}))"
PERSON = re.compile(
    # A ' is in names, and around addresses.
    rf"(?P<address>{_BEGINS}(?!')(?:{_CHARACTERS}|'(?={_CHARACTERS})|(?!{_ESCAPED_SEPARATOR}|%(?:25)*40)%)++"
    rf"(?P<at>@|%(?:25)*40)(?:{_CHARACTERS}|@|(?!{_ESCAPED_SEPARATOR})%)++)"
    rf"|{_IDS}"
    rf"|(?P<base64>{_NO_BASE64_BEFORE}[0-9A-Za-z+/_-]{{11,}}+={{0,2}})"
)
JSON_TEXT = re.compile(r'("(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z))', re.DOTALL)
"""A text of JSON; one that does not end is one, too, so that the rest is looked at once."""
MAX_DEPTH = 8
"""How deeply JSON is looked into that is a text in JSON. Chosen."""

_STANDARD = str.maketrans("-_", "+/")


def from_base64(text: str) -> bytes | None:
    """What is in base64, where there is little doubt: a digest, as its padding tells or letters of both cases
    with digits, or a text with an address in it."""
    bare = text.rstrip("=")
    try:
        decoded = base64.b64decode(bare.translate(_STANDARD) + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None
    if len(decoded) in DIGEST_SIZES:
        is_long = len(decoded) >= DIGEST_BYTES
        if text != bare or (is_long and all(re.search(one, text) for one in ("[a-z]", "[A-Z]", "[0-9]"))):
            return decoded
    try:
        inner = decoded.decode()
    except UnicodeDecodeError:
        return None
    return decoded if "@" in inner and inner.isprintable() else None


def people_in(text: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The kind and text of each person in a text."""
    parts = JSON_TEXT.split(text) if "\\" in text and depth < MAX_DEPTH else [text]
    for number, part in enumerate(parts):
        if number % 2:
            try:
                inner = json.loads(part, strict=False)
            except ValueError:
                yield from people_in(part, MAX_DEPTH)
            else:
                yield from people_in(inner, depth + 1)
            continue
        for found in PERSON.finditer(part):
            if found["address"] is not None:
                yield "address", unescaped(found[0])
            elif found["base64"] is not None:
                decoded = from_base64(found[0])
                if decoded is None:
                    yield from ((each.lastgroup or "", each[0]) for each in ID.finditer(found[0]))
                    continue
                yield "base64", found[0]
                if len(decoded) not in DIGEST_SIZES:
                    yield from people_in(decoded.decode(), MAX_DEPTH)
            else:
                yield found.lastgroup or "", found[0]


def unescaped(text: str) -> str:
    """An address without the escapes of a URL."""
    if "@" in text:
        return text
    while "@" not in text:
        text = unquote(text, errors="surrogateescape")
    return text


def normal_address(address: str) -> str:
    """The address that is one person however it is spelled."""
    return trimmed(address.encode(errors="surrogateescape")).decode(errors="surrogateescape").lower()
