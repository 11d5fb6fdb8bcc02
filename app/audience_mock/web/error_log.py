"""What the log, and the request journal, say of a request that was rejected or failed."""

import logging
import re
import traceback

from audience_mock.web.request import MockRequest

log = logging.getLogger("audience_mock")

_QUOTING = (400, 422)
"""Statuses whose messages quote what was sent."""
_LINE_ENDS = re.compile(r"[\t ]*[\r\n]+[\t ]*")


def report(request: MockRequest, error: Exception, status: int, message: str, *, failed: bool) -> None:
    """One line, whatever the texts hold: an error of the server (`failed`) with its cause, any other with the
    message that is answered. What the response does not say, as why a token is not valid, follows in
    parentheses, and is kept for the journal."""
    path = one_line(request.scope["path"])
    if failed:
        cause = one_line(f"{type(error).__name__}: {error}")
        log.error("%s %s %d: %s", request.method, path, status, cause)
        if log.isEnabledFor(logging.DEBUG):
            lines = "".join(traceback.format_exception(error)).split("\n")
            log.debug("%s", "\n".join(map(one_line, lines)).rstrip())
        return
    reason: str | None = getattr(error, "reason", None)
    request.context.reason = reason
    if log.isEnabledFor(logging.INFO):
        if status in _QUOTING:
            message = _without_secrets(request, message)
        note = f" ({one_line(reason)})" if reason else ""
        log.info("%s %s %d %s%s", request.method, path, status, one_line(message), note)


def _without_secrets(request: MockRequest, message: str) -> str:
    from audience_mock.web.journal import record_of
    from audience_mock.web.journal_view import secrets_of
    from audience_mock.web.masking import mask_echoes
    from audience_mock.web.redaction import redact_users_in_text

    masked: str = mask_echoes(message, secrets_of(record_of(request)))
    return redact_users_in_text(masked) if request.world.rules.redact_users else masked


def one_line(text: str) -> str:
    """A text for one line of the log, its secrets masked. What a terminal or a viewer may take for more than
    text is escaped: control characters, other line ends, marks that turn the direction of writing."""
    from audience_mock.web.masking import mask_text

    line = mask_text(_LINE_ENDS.sub(" ", text))
    if line.isprintable():
        return line
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line
    )
