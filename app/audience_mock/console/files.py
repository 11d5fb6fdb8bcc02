"""Serves the files of the console and of the API docs: each read when it is first asked for.

The pages hold no data and no secrets, so they are open to anyone; what they show comes from the control API,
under its access rules. They refer to each other by relative URLs, so that they work behind any prefix.
"""

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request

from audience_mock.web.response import Header, RawResponse

FOLDER = Path(__file__).with_name("static")

_NAME = re.compile(r"(?:[a-z0-9-]+/)*[a-z0-9-]+\.(css|html|js|svg)")
"""Of a file that may be served: no name leads out of the folder."""

_MEDIA_TYPES = {
    "css": b"text/css; charset=utf-8",
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Text that a request brought into the page can neither run nor send anything anywhere."""

_SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class _File(NamedTuple):
    media_type: bytes
    etag: str
    content: bytes
    compressed: bytes


async def serve(request: Request) -> RawResponse:
    """A file of the console; `index.html` is its page."""
    name = request.path_params.get("file")
    if name is None:
        # Without a slash at its end, the page's relative URLs would lead elsewhere.
        return _redirect(b"ui/")
    return _respond(request, name or "index.html")


async def serve_docs(request: Request) -> RawResponse:
    """The page of the API docs, or a file of it."""
    name = request.path_params.get("file", "docs.html")
    return _respond(request, name) if name else _redirect(b"../docs")


def _redirect(location: bytes) -> RawResponse:
    return RawResponse(307, b"", [(b"location", location), (b"content-length", b"0")])


def _respond(request: Request, name: str) -> RawResponse:
    file = _find(name)
    if file is None:
        raise HTTPException(404)
    is_compressed = "gzip" in request.headers.get("accept-encoding", "")
    content = file.compressed if is_compressed else file.content
    # Each form of a file has a tag of its own.
    etag = f'"{file.etag}{"-gzip" if is_compressed else ""}"'
    headers: list[Header] = [
        (b"etag", etag.encode()),
        (b"cache-control", b"no-cache"),
        (b"vary", b"Accept-Encoding"),
        *_SECURITY_HEADERS,
    ]
    if etag in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
        return RawResponse(304, b"", headers)
    if is_compressed:
        headers.append((b"content-encoding", b"gzip"))
    headers += [(b"content-type", file.media_type), (b"content-length", b"%d" % len(content))]
    return RawResponse(200, content, headers)


def _find(name: str) -> _File | None:
    matched = _NAME.fullmatch(name)
    path = FOLDER / name
    if matched is None or not path.is_file():
        return None
    # By its time, so that a developer sees a change at the next request.
    return _read(path, _MEDIA_TYPES[matched[1]], path.stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _read(path: Path, media_type: bytes, changed_at_ns: int) -> _File:
    content = path.read_bytes()
    etag = hashlib.sha256(content).hexdigest()[:16]
    return _File(media_type, etag, content, gzip.compress(content, mtime=0))
