"""The signatures of part URLs, in place of those of Amazon's S3: who has such a URL may send that part of
that upload, for an hour.

Named as in a presigned URL of S3 (Signature Version 4): `X-Amz-Date`, `X-Amz-Expires`, `X-Amz-Signature`. Not
reproduced: the other three parameters, and the host in what is signed, which a proxy may change. Errors have
S3's codes and texts.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from audience_mock.providers.pinterest.settings import PinterestOptions
from audience_mock.web.request import MockRequest

EXPIRES_S = 3600
"""How long a URL is valid, by the world's clock. Not documented; chosen, since Amazon's client for Python has
it by default."""

_KEYS = ("X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature")
_DATE = "%Y%m%dT%H%M%SZ"

_LENIENT_KEY = b"lenient mode gives the same answers in every run"
"""Anybody can sign with it, as anybody can send any token in lenient mode."""


class PartAccessError(Exception):
    """S3 would reject the URL: `code`, and the text, are S3's. `more` are further elements of its error."""

    def __init__(self, code: str, text: str, more: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.more = more or {}


def sign(request: MockRequest, upload: str, part: str) -> str:
    """The query of the URL of a part."""
    date, expires = f"{_at(request.world.clock.now_ms()):{_DATE}}", str(EXPIRES_S)
    signature = _signature(request, upload, part, date, expires)
    return urlencode(dict(zip(_KEYS, (date, expires, signature), strict=True)))


def check(request: MockRequest, upload: str, part: str) -> None:
    """Raises PartAccessError. A wrong signature is reported before one that has expired (chosen)."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = dict(pairs)
    if not given.keys() & set(_KEYS):
        raise PartAccessError("AccessDenied", "Access Denied")
    date, expires, signature = (given.get(key, "") for key in _KEYS)
    # S3 signs the whole query, so a parameter more is another signature.
    is_whole = len(pairs) == len(_KEYS) and given.keys() == set(_KEYS)
    wanted = _signature(request, upload, part, date, expires)
    if not hmac.compare_digest(signature.encode(), wanted.encode()) or not is_whole:
        raise PartAccessError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."
            " Check your key and signing method.",
        )
    now_s = request.world.clock.now_ms() // 1000
    end_s = round(datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp()) + int(expires)
    if now_s >= end_s:
        times = {"X-Amz-Expires": expires, "Expires": _iso(end_s), "ServerTime": _iso(now_s)}
        raise PartAccessError("AccessDenied", "Request has expired", times)


def _signature(request: MockRequest, upload: str, part: str, date: str, expires: str) -> str:
    options: PinterestOptions = request.options
    key = request.world.secret() if options.auth_mode == "strict" else _LENIENT_KEY
    text = "\n".join(("PUT", request.world.name, upload, part, date, expires))
    return hmac.digest(key, text.encode(), "sha256").hex()


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


def _iso(seconds: int) -> str:
    return f"{_at(seconds * 1000):%Y-%m-%dT%H:%M:%SZ}"
