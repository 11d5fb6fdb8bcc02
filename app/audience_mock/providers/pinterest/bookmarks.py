"""Bookmarks: where a list goes on, opaque to the client and bound to the query that it came from."""

import base64
import binascii
import hashlib
import struct

from audience_mock.providers.pinterest.errors import InvalidRequest

_FORM = struct.Struct(">8sq")


def make(last: int, *query: str) -> str:
    """A bookmark behind the item `last` of the list that `query` names; padded base64, as Pinterest's."""
    return base64.b64encode(_FORM.pack(_seal(query), last)).decode()


def read(bookmark: str, *query: str) -> int:
    """The item that the bookmark stands behind. ValueError if it is none, or another query's."""
    try:
        seal, last = _FORM.unpack(base64.b64decode(bookmark.encode(), validate=True))
    except (binascii.Error, struct.error, UnicodeError):
        raise ValueError("not a bookmark") from None
    if seal != _seal(query):
        raise ValueError("a bookmark of another query")
    return int(last)


def behind(bookmark: str | None, *query: str) -> int | None:
    """Where the page of a request begins: behind this item, or with the first one."""
    if bookmark is None:
        return None
    try:
        return read(bookmark, *query)
    except ValueError:
        # Chosen: no answer to a bad bookmark was ever published.
        raise InvalidRequest("'bookmark' is not one that this list gave") from None


def page(items: bytes, more: int | None, *query: str) -> bytes:
    """A page of items that are JSON text already; `more` is the last of them, if others follow."""
    bookmark = b"null" if more is None else b'"%b"' % make(more, *query).encode()
    return b'{"items":[%b],"bookmark":%b}' % (items, bookmark)


def _seal(query: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(query).encode()).digest()[:8]
