"""The types of a seed's fields."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES

Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
LongText = Annotated[str, Field(max_length=10_000)]
Word = Annotated[str, Field(pattern=r"^[A-Z_]+$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
AccountDigits = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
Seconds = Annotated[
    # What a float represents to the millisecond, and later than any clock can be set.
    float,
    Field(ge=0, le=1 << 43, description="Unix seconds"),
]
Count = Annotated[int, Field(ge=0, le=1 << 40)]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="A SHA-256 in hex.")]


def object_text(value: Any) -> Any:
    """The text of a JSON object: unchanged if given as text, else compact with the keys in order."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if isinstance(value, str):
        try:
            parsed = json.loads(value, parse_constant=_reject_constant)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ValueError("not the text of a JSON object")
    return value


def _reject_constant(name: str) -> None:
    """Reject NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def _from_base64(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return binascii.a2b_base64(value, strict_mode=True)
        except binascii.Error:
            raise ValueError("not base64") from None
    return value


def _multiple_of(width: int) -> Callable[[bytes], bytes]:
    def check(value: bytes) -> bytes:
        if len(value) % width:
            raise ValueError(f"not a whole number of {width} bytes each")
        return value

    return check


_AS_BASE64 = (
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
)
Block = Annotated[bytes, BeforeValidator(_from_base64), *_AS_BASE64]
Users = Annotated[
    list[Annotated[Block, AfterValidator(_multiple_of(DIGEST_BYTES))]],
    Field(description="Digests of 32 bytes, one after the other, in blocks of base64 of any size."),
]
Links = Annotated[
    list[Annotated[Block, AfterValidator(_multiple_of(LINK_BYTES))]],
    Field(description="Pairs of digests, as `users`: of another hash of a person, and the one replacing it."),
]
ObjectText = Annotated[
    str,
    BeforeValidator(object_text, json_schema_input_type=dict[str, Any] | str),
    # A state has an object, unless the same object would be written otherwise than its text.
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]}, mode="serialization"),
    Field(max_length=1 << 16, description="A JSON object, or its text, which is kept unchanged."),
]
