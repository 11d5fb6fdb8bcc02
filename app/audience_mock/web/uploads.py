"""Files that are under way: received, or stored, by a request that has not been answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audience_mock.web.request import MockRequest


class Uploads:
    """The requests with these files. Nothing is counted while a file arrives: its request knows its size."""

    def __init__(self) -> None:
        self._requests: set[MockRequest] = set()

    @contextmanager
    def holding(self, request: "MockRequest") -> Iterator[None]:
        self._requests.add(request)
        try:
            yield
        finally:
            self._requests.discard(request)

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def received_bytes(self) -> int:
        """Received of these files so far."""
        return sum(request.received_file_bytes for request in self._requests)
