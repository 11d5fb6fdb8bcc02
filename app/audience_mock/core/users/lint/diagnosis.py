"""What one value really is: recognized exactly by its digest, or else by its shape."""

import base64
import binascii
import re

from audience_mock.core.users.lint.expected import (
    EMAIL,
    FBID,
    MAID,
    MD5,
    PHONE,
    SHA1,
    SHA256,
    SHA512,
    THIRD_PARTY_ID,
    Expected,
)
from audience_mock.core.users.lint.faults import Diagnosis
from audience_mock.core.users.lint.index import HEADERS, PLACEHOLDERS, ZERO_ID, Index

_ALGORITHM_OF_BYTES = {16: MD5, 20: SHA1, 32: SHA256, 64: SHA512}
_HEX_LENGTHS = frozenset(2 * size for size in _ALGORITHM_OF_BYTES)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INVISIBLE = re.compile(rb"\xc2\xa0|\xc2\xad|\xe2\x80[\x8b-\x8f\xa8\xa9\xaf]|\xe2\x81\xa0|\xe3\x80\x80")
"""No-break and ideographic spaces, soft hyphens, zero-width and directional marks, in UTF-8."""
_CURLY_QUOTES = (b"\xe2\x80\x98", b"\xe2\x80\x99", b"\xe2\x80\x9c", b"\xe2\x80\x9d")

_HEX = re.compile(rb"[0-9a-fA-F]+")
_PREFIXED_HEX = re.compile(
    rb"(?:0x|\\\\?x|\$?sha-?(?:1|256|512)[:$]|\$?md5[:$])([0-9a-fA-F]{32,128})", re.IGNORECASE
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE64_TEXT = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_EMAIL = re.compile(rb"[^@\s\x00-\x20\x7f\"<>()\[\]\\:;,`]+@[^@\s\x00-\x20\x7f\"<>()\[\]\\:;,`]+")
_DISPLAY_NAME = re.compile(rb"[^<>]*<([^<>\s]+@[^<>\s]+)>")
_UUID = re.compile(rb"\{?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\}?")
_BARE_UUID = re.compile(rb"[0-9a-fA-F]{32}")
_PHONE = re.compile(rb"(?:\+|00)?[(]?[0-9](?:[ ()./-]{0,2}[0-9]){6,16}")
_FBID = re.compile(rb"[0-9]{1,20}")
_FLOAT = re.compile(rb"[0-9]{5,}\.0+|[0-9]\.[0-9]+[eE]\+?[0-9]{1,2}")
_OPAQUE = re.compile(rb"[^\x00-\x1f\x7f]{1,1024}")
_SEPARATORS = re.compile(rb"[,;\t|]")
_SHORTEST_CUT_HASH = 16
"""Hex digits from which on they are a hash that was cut, rather than a word. Chosen."""

_SHORTEST_ENCODED = 12
"""Characters of the base64 of an address; seven bytes are the least, `a@b.com`."""

_PATTERN_OF_PLAIN = {
    EMAIL: _EMAIL,
    PHONE: _PHONE,
    MAID: _UUID,
    THIRD_PARTY_ID: _OPAQUE,
    FBID: _FBID,
}


def diagnose(raw: bytes, expected: Expected, index: Index) -> Diagnosis | None:
    """What is wrong with a value; None if nothing is. White space around it is no fault, as both APIs ignore
    that."""
    value, wrapping = _unwrapped(raw)
    if not value:
        return Diagnosis((*wrapping, "empty")) if wrapping else None
    inner = _inner(value, expected, index, set(wrapping))
    if inner is None:
        return Diagnosis(tuple(wrapping)) if wrapping else None
    return inner._replace(codes=tuple(dict.fromkeys((*wrapping, *inner.codes))))


def _unwrapped(raw: bytes) -> tuple[bytes, list[str]]:
    """The value without what is around it, and codes for that."""
    codes = []
    value = raw
    if len(value) <= 3 * value.count(0) <= 2 * len(value):
        codes.append("utf16")
        value = value.replace(b"\x00", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    value = value.strip()
    if not value.isascii():
        if _BYTE_ORDER_MARK in value:
            codes.append("bom")
            value = value.replace(_BYTE_ORDER_MARK, b"")
        if _INVISIBLE.search(value):
            codes.append("invisible")
            value = _INVISIBLE.sub(b"", value).strip()
        for quote in _CURLY_QUOTES:
            if value.startswith(quote) or value.endswith(quote):
                value = value.removeprefix(quote).removesuffix(quote)
                codes.append("quoted")
    if value[:2] in (b"b'", b'b"') and value[-1:] == value[1:2] and len(value) > 2:
        codes.append("bytes_repr")
        value = value[2:-1]
    if value[:1] in (b'"', b"'") or value[-1:] in (b'"', b"'"):
        codes.append("quoted")
        value = value.strip(b"\"' \t")
    if value[:7].lower() == b"mailto:":
        codes.append("mailto")
        value = value[7:]
    return value, list(dict.fromkeys(codes))


def _inner(value: bytes, expected: Expected, index: Index, wrapping: set[str]) -> Diagnosis | None:
    codes: list[str] = []
    if prefixed := _PREFIXED_HEX.fullmatch(value):
        codes.append("hex_prefix")
        value = prefixed[1]
    found = _hash(value, expected, index)
    if found is not None:
        if codes or found.codes:
            return found._replace(codes=(*codes, *found.codes))
        return None
    lower = value.lower()
    if lower.replace(b" ", b"_") in HEADERS:
        return Diagnosis(("header",), is_exact=True)
    if lower in PLACEHOLDERS:
        return Diagnosis(("placeholder",), is_exact=True)
    if lower.strip(b"{}") == ZERO_ID:
        return Diagnosis(("zero_id",), is_exact=True, kind=MAID)
    return _plain(value, expected, index)


def _hash(value: bytes, expected: Expected, index: Index) -> Diagnosis | None:
    """The diagnosis of a value that is a hash, without codes if it is a right one; None if it is none."""
    digest, encoding = _digest_of(value)
    if digest is None:
        return None
    algorithm = _ALGORITHM_OF_BYTES[len(digest)]
    known = index.digests.get(digest)
    if known is None and expected.kind == MAID and _hyphenated(value) in index.plain:
        return None
    if known is None and not _is_hash_by_shape(algorithm, encoding, expected):
        return None
    codes = [encoding] if encoding else []
    if not expected.is_hash:
        codes.append("hashed")
    elif algorithm not in expected.forms:
        codes.append(algorithm)
    if known is None:
        return Diagnosis(tuple(codes))
    kind = known.kind
    if (
        kind is not None
        and kind != expected.kind
        and kind not in expected.also
        and "zero_id" not in known.codes
    ):
        codes.append("wrong_column")
    else:
        kind = None
    return Diagnosis((*codes, *known.codes), is_exact=True, kind=kind)


def _hyphenated(value: bytes) -> bytes:
    """32 hex digits as a UUID."""
    value = value.lower()
    return b"-".join((value[:8], value[8:12], value[12:16], value[16:20], value[20:]))


def _digest_of(value: bytes) -> tuple[bytes | None, str]:
    """The bytes of a hash in hex or base64, and the code for an encoding that is none of lower-case hex."""
    if len(value) in _HEX_LENGTHS and _HEX.fullmatch(value):
        return binascii.unhexlify(value), "" if value == value.lower() else "upper_case_hex"
    if not 22 <= len(value) <= 172 or not _BASE64.fullmatch(value):
        return None, ""
    padded = value.rstrip(b"=").translate(_FROM_URL_SAFE)
    padded += b"=" * (-len(padded) % 4)
    try:
        decoded = base64.b64decode(padded, validate=True)
    except binascii.Error:
        return None, ""
    if len(decoded) in _HEX_LENGTHS and _HEX.fullmatch(decoded):
        return binascii.unhexlify(decoded), "base64"
    return (decoded, "base64") if len(decoded) in _ALGORITHM_OF_BYTES else (None, "")


_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _is_hash_by_shape(algorithm: str, encoding: str, expected: Expected) -> bool:
    """Whether a value that is not known is taken for a hash.

    An id of one's own may look like any of these. 32 hex digits may be an advertising id without hyphens.
    """
    if expected.is_hash:
        return True
    if expected.kind == THIRD_PARTY_ID:
        return False
    return expected.kind != MAID or algorithm != MD5 or encoding == "base64"


def _plain(value: bytes, expected: Expected, index: Index) -> Diagnosis | None:
    """The diagnosis of a value that is no hash."""
    decoded = _decoded_id(value, index)
    if decoded is not None:
        inner = _plain(decoded, expected, index)
        return (
            Diagnosis(("base64", *inner.codes), inner.is_exact, inner.kind)
            if inner
            else Diagnosis(("base64",))
        )
    accepted = {expected.kind, *expected.also} if expected.is_plain else set()
    kind, codes = _kind_of_plain(value, expected, index)
    is_exact = value.lower() in index.plain
    if kind is None:
        return _unknown(value, expected)
    if kind in accepted:
        return Diagnosis(codes, is_exact) if codes else None
    if kind != expected.kind and kind not in expected.also:
        codes = (*codes, "wrong_column")
    if not expected.is_plain:
        codes = (*codes, "plain")
    return Diagnosis(codes, is_exact, kind if "wrong_column" in codes else None)


def _kind_of_plain(value: bytes, expected: Expected, index: Index) -> tuple[str | None, tuple[str, ...]]:
    """The kind of id that a plain value is, and the faults of its spelling."""
    known = index.plain.get(value.lower())
    if known is not None:
        return known, ()
    if _EMAIL.fullmatch(value):
        return EMAIL, ()
    if _DISPLAY_NAME.fullmatch(value):
        return EMAIL, ("display_name",)
    if _UUID.fullmatch(value):
        # A customer database may use UUIDs for its own ids.
        return THIRD_PARTY_ID if expected.kind == THIRD_PARTY_ID else MAID, ()
    if expected.kind == MAID and _BARE_UUID.fullmatch(value):
        return MAID, ()
    if _FLOAT.fullmatch(value) and expected.kind in (PHONE, FBID):
        return expected.kind, ("float",)
    if expected.kind == FBID and _FBID.fullmatch(value):
        return FBID, ()
    if expected.kind == THIRD_PARTY_ID and (expected.is_plain or not _is_cut_hash(value)):
        return (
            (THIRD_PARTY_ID, ()) if _OPAQUE.fullmatch(value) and not _columns(value, expected) else (None, ())
        )
    if _PHONE.fullmatch(value) and 7 <= sum(map(_is_digit, value)) <= 15:
        return PHONE, ()
    return None, ()


def _is_digit(character: int) -> bool:
    return 48 <= character <= 57


def _is_cut_hash(value: bytes) -> bool:
    return len(value) >= _SHORTEST_CUT_HASH and _HEX.fullmatch(value) is not None


def _columns(value: bytes, expected: Expected) -> bool:
    """Whether the value is several: with a separator, and with an id or a hash among its parts."""
    parts = [part.strip(b" \"'") for part in _SEPARATORS.split(value)]
    if len(parts) < 2:
        return False
    if expected.kind != THIRD_PARTY_ID:
        return True
    return any(_digest_of(part)[0] or _EMAIL.fullmatch(part) for part in parts)


def _unknown(value: bytes, expected: Expected) -> Diagnosis | None:
    """The diagnosis of a value that is neither a hash nor an id of any kind."""
    if _columns(value, expected):
        return Diagnosis(("several_columns",))
    if _is_cut_hash(value) and expected.is_hash:
        return Diagnosis(("wrong_length",))
    if expected.is_plain and _PATTERN_OF_PLAIN[expected.kind].fullmatch(value):
        return None
    return Diagnosis(("malformed",))


def _decoded_id(value: bytes, index: Index) -> bytes | None:
    """The id that is encoded in base64, if one is: it is known, or its shape leaves no doubt."""
    if len(value) < _SHORTEST_ENCODED or not _BASE64_TEXT.fullmatch(value):
        return None
    try:
        decoded = base64.b64decode(value.translate(_FROM_URL_SAFE) + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return None
    if decoded.lower() in index.plain or _EMAIL.fullmatch(decoded) or _UUID.fullmatch(decoded):
        return decoded
    return None
