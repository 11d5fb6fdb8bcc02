"""Logging to stderr that outlives a full disk."""

import logging
import sys
from typing import TextIO


class LogHandler(logging.StreamHandler[TextIO]):
    """Lines that cannot be written are counted, and reported when writing works again.

    Python's own handler writes a traceback for each.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._interrupted = 0
        self._reason: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._interrupted:
            try:
                self.stream.write(self.format(self._notice()) + self.terminator)
                self.flush()
            except OSError as error:
                self._count(error)
                return
            self._interrupted = 0
        super().emit(record)

    def _notice(self) -> logging.LogRecord:
        lines = "1 line" if self._interrupted == 1 else f"{self._interrupted} lines"
        message = f"log interrupted for {lines}: {self._reason}"
        return logging.LogRecord("audience_mock", logging.ERROR, __file__, 0, message, None, None)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._count(error)
        else:
            super().handleError(record)

    def _count(self, error: OSError) -> None:
        self._interrupted += 1
        self._reason = error.strerror
