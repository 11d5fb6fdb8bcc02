"""The tokens that open the control API: one of a setting, and those of a file, so that one can replace
another while both are valid.

Only digests are kept, and no text here shows a token.
"""

import logging
import re
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from audience_mock.core.errors import InvalidSettingsError

log = logging.getLogger("audience_mock")

SETTING = "admin_token_file"

MAX_FILE_BYTES = 1 << 16
"""Chosen: a thousand tokens; a log or a device given by mistake is not read to its end."""

_TOKEN = re.compile(r"[!-~]{8,}")
"""As the setting `admin_token` has it."""
_BEARER = re.compile(r"bearer +(\S+)\s*", re.IGNORECASE)

_Version = tuple[int, int, int]


def read_tokens(file: Path) -> list[str]:
    """The tokens of a file, one a line, between blank lines and lines that begin with #. Raises
    InvalidSettingsError, which names a line and never shows it."""
    try:
        with file.expanduser().open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidSettingsError(SETTING, f"{file} is not a text file in UTF-8") from None
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidSettingsError(SETTING, f"cannot read {file}: {why}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise InvalidSettingsError(SETTING, f"{file} is larger than {MAX_FILE_BYTES} bytes")
    tokens = []
    for number, line in enumerate(text.splitlines(), start=1):
        token = line.strip()
        if token and not token.startswith("#"):
            if not _TOKEN.fullmatch(token):
                raise InvalidSettingsError(
                    SETTING, f"line {number} of {file} must be 8 or more ASCII characters without spaces"
                )
            tokens.append(token)
    if not tokens:
        raise InvalidSettingsError(SETTING, f"{file} has no token: write one on a line of its own")
    return tokens


class AdminTokens:
    """The tokens of a server. The file is read again once it has changed. Raises InvalidSettingsError."""

    def __init__(self, token: str | None = None, file: Path | None = None) -> None:
        self._file = file
        self._version: _Version | None = self._current_version()
        self._own = _digests([] if token is None else [token])
        self._of_file = _digests([] if file is None else read_tokens(file))

    @property
    def are_required(self) -> bool:
        """Whether callers need a token. That never changes while a server runs."""
        return bool(self._own or self._of_file)

    def permit(self, authorization: str) -> bool:
        """Whether a header is `Bearer` and one of the tokens. It takes as long for any token of a length."""
        found = _BEARER.fullmatch(authorization)
        self._reread()
        given = sha256((found[1] if found else "").encode()).digest()
        # All are compared, whichever is equal.
        return sum(compare_digest(given, known) for known in (*self._own, *self._of_file)) > 0

    def _reread(self) -> None:
        version = self._current_version()
        if version == self._version:
            return
        self._version = version
        try:
            self._of_file = _digests(read_tokens(self._file)) if self._file is not None else []
            log.info("%s was read again", SETTING)
        except InvalidSettingsError as error:
            # A file may be seen half written; no tokens at all would lock everybody out.
            log.warning("%s; the tokens before stay valid", error)

    def _current_version(self) -> _Version | None:
        """What changes with the file; None while there is none."""
        if self._file is None:
            return None
        try:
            found = self._file.expanduser().stat()
        except (OSError, RuntimeError):
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _digests(tokens: Sequence[str]) -> list[bytes]:
    return [sha256(token.encode()).digest() for token in tokens]
