"""Lists in pages. A bookmark says where the next page begins; clients cannot read it, and it is valid for one
query."""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable

from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.web.templates import JsonText

_LAYOUT = struct.Struct(">8sq")
"""The query's hash, and the cursor."""


class PagedList:
    """One list, with the filters and the order that a request asks for."""

    def __init__(self, *query: str) -> None:
        self._query = query

    def cursor(self, bookmark: str | None) -> int | None:
        """The cursor in a request's bookmark; None for the first page. Raises InvalidRequestError for text
        that is no bookmark, or is one of another query."""
        if bookmark is None:
            return None
        try:
            query_hash, cursor = _LAYOUT.unpack(base64.b64decode(bookmark.encode(), validate=True))
        except (binascii.Error, struct.error, UnicodeError):
            query_hash, cursor = None, 0
        if query_hash != self._query_hash():
            # Chosen: no response to a bad bookmark was ever published.
            raise InvalidRequestError("'bookmark' is not one that this list gave")
        return int(cursor)

    def page(self, items: Iterable[JsonText], next_cursor: int | None) -> bytes:
        """A page of items, which are JSON already; `next_cursor` is None on the last page."""
        bookmark = "null" if next_cursor is None else f'"{self.bookmark(next_cursor)}"'
        return f'{{"items":[{",".join(items)}],"bookmark":{bookmark}}}'.encode()

    def bookmark(self, cursor: int) -> str:
        """Padded base64, as Pinterest's are."""
        return base64.b64encode(_LAYOUT.pack(self._query_hash(), cursor)).decode()

    def _query_hash(self) -> bytes:
        return hashlib.sha256("\x1f".join(self._query).encode()).digest()[:8]
