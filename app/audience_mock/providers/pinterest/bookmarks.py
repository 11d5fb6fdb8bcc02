"""Lists in pages. A bookmark says where the next page begins; clients cannot read it, and it is valid for one
query."""

import base64
import hashlib
import struct
from collections.abc import Iterable

from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.web.templates import JsonText

_LAYOUT = struct.Struct(">10sq")
"""The query's hash, and the cursor: a multiple of three bytes, so that base64 needs no padding."""


class PagedList:
    """One list, with the filters and the order that a request asks for."""

    def __init__(self, *query: str) -> None:
        self._query = query

    def cursor(self, bookmark: str | None) -> int | None:
        """The cursor in a request's bookmark; None for the first page, also where the bookmark is empty, as
        clients send it that always send one. Raises InvalidRequestError for text that is no bookmark, or is
        one of another query."""
        if not bookmark:
            return None
        try:
            _, cursor = _LAYOUT.unpack(base64.urlsafe_b64decode(bookmark))
        except (ValueError, struct.error):
            cursor = 0
        if bookmark != self.bookmark(cursor):
            # Chosen: no response to a bad bookmark was ever published.
            raise InvalidRequestError("'bookmark' is not one that this list gave")
        return int(cursor)

    def page(self, items: Iterable[JsonText], next_cursor: int | None) -> bytes:
        """A page of items, which are JSON already; `next_cursor` is None on the last page."""
        bookmark = "null" if next_cursor is None else f'"{self.bookmark(next_cursor)}"'
        return f'{{"items":[{",".join(items)}],"bookmark":{bookmark}}}'.encode()

    def bookmark(self, cursor: int) -> str:
        """Base64 of unreserved characters alone: clients put bookmarks into URLs as they are, Pinterest's
        own quickstart among them, where `+`, `/` and `=` would become something else."""
        query_hash = hashlib.sha256("\x1f".join(self._query).encode()).digest()[:10]
        return base64.urlsafe_b64encode(_LAYOUT.pack(query_hash, cursor)).decode()
