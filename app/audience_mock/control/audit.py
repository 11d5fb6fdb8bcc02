"""The audit log: a line for each call of the control API that changes something, or was to.

It says who called, by which token, from where, and what came of it. A line is written before its response is
sent, so a client that has a response finds the line. Imported only if it is on.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.types import Scope

from audience_mock.control.access import OPERATOR, Access, Caller
from audience_mock.control.admin_tokens import bearer_of
from audience_mock.control.route import ControlRoute
from audience_mock.control.world_admission import is_control
from audience_mock.core.errors import InvalidSettingsError
from audience_mock.web.error_log import one_line
from audience_mock.web.observation import Observation, Observer
from audience_mock.web.redaction import redact_users_in_text

SETTING = "audit_log"
LOG = "-"
"""The value of the setting that stands for the log."""

TOKEN_DIGITS = 8
"""Hexadecimal digits of a token's SHA-256 that are shown: enough to tell tokens apart, and too few to be a
digest that opens anything. Chosen."""

MAX_CHARACTERS = 200
"""Of each thing that a caller wrote. Chosen: twice the longest name."""

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_WORLD = "world"
_PLAIN = re.compile(r"[!#-<>-~]+")
"""What needs no quotes in a line of text."""

_log = logging.getLogger("audience_mock")
_audit = logging.getLogger("audience_mock.audit")

Facts = Mapping[str, Any]


class AuditLog(Observer):
    """An observer that writes a line for each changing call, rejected ones among them. `routed` is the scope
    of a call that was rejected before it was routed, as its route would have it."""

    def __init__(
        self, access: Access, routed: Callable[[Scope], Scope], write: Callable[[Facts], None]
    ) -> None:
        self._access = access
        self._routed = routed
        self._write = write

    def responding(self, observation: Observation) -> None:
        self._note(observation)

    def finished(self, observation: Observation) -> None:
        if observation.status is None:  # the client left, or the server ended
            self._note(observation)

    def _note(self, observation: Observation) -> None:
        scope = observation.scope
        if scope["method"] in _READING_METHODS or not is_control(scope):
            return
        route = scope.get("route")
        if not isinstance(route, ControlRoute):
            scope = self._routed(scope)
            route = scope.get("route")
        if not isinstance(route, ControlRoute):
            self._write(self._facts(observation, scope, None))
        elif not route.reads:
            self._write(self._facts(observation, scope, route.operation_id))

    def _facts(self, observation: Observation, scope: Scope, operation: str | None) -> Facts:
        context = observation.context
        token = bearer_of(_authorization(scope))
        named = dict(scope["path_params"]) if operation else {}
        world = named.pop(_WORLD, context.named if context else None)
        target = (context.target if context else None) or next(iter(named.values()), None)
        hides_users = context is not None and context.world.rules.redact_users
        facts = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "caller": self._caller(scope, context.caller if context else None),
            "token": sha256(token.encode()).hexdigest()[:TOKEN_DIGITS] if token else None,
            "client": observation.client,
            "operation": operation,
            "request": None if operation else _written(f"{scope['method']} {scope['path']}", hides_users),
            "world": None if world is None else _written(world, hides_users),
            "target": None if target is None else _written(str(target), hides_users),
            "request_id": _written(observation.request_id, hides_users),
            "status": observation.status,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _caller(self, scope: Scope, known: Caller | None) -> str:
        """Who it is: for the route, or, where none was reached, by the token."""
        if known is None and self._access.tokens.are_required:
            known = self._access.holder_of(_authorization(scope))
        if known is None:
            return "unknown"
        if known == OPERATOR:
            return "operator" if self._access.tokens.are_required else "loopback"
        return f"tenant:{known.tenant}"


def write_to_log(facts: Facts) -> None:
    """Write a line to the log, whatever else its level leaves out."""
    _audit.setLevel(logging.INFO)
    _audit.info("audit %s", _as_text(facts), extra={"facts": facts})


class AuditFile:
    """A file that lines are appended to. Those that cannot be written are lost: the log says so once, and
    the file how many they were, as soon as it can be written again. Raises InvalidSettingsError."""

    def __init__(self, path: Path, *, as_json: bool) -> None:
        self._path = path
        self._format: Callable[[Facts], str] = json.dumps if as_json else _as_text
        self._lost = 0
        self._reason: str | None = None
        self._is_torn = False
        """Whether the last line has no end."""
        try:
            self._descriptor = self._open()
        except (OSError, RuntimeError) as error:
            raise InvalidSettingsError(
                SETTING, f"cannot write {path}: {getattr(error, 'strerror', None) or error}"
            ) from None

    def write(self, facts: Facts) -> None:
        try:
            if self._lost:
                self._append({"time": facts["time"], "lost": self._lost, "reason": self._reason})
                _log.warning("audit log %s is written again; lines lost: %d", self._path, self._lost)
                self._lost = 0
            self._append(facts)
        except OSError as error:
            self._reason = error.strerror
            if not self._lost:
                _log.error("audit log %s: %s; lines are lost meanwhile", self._path, self._reason)
            self._lost += 1

    def reopen(self) -> None:
        """Go on in a new file, since this one was renamed."""
        try:
            opened = self._open()
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            _log.error("audit log %s cannot be opened: %s; the file before is kept", self._path, reason)
            return
        os.close(self._descriptor)
        self._descriptor, self._is_torn = opened, False
        _log.info("audit log %s was opened again", self._path)

    def close(self) -> None:
        if self._lost:
            _log.error("audit log %s: lines lost at the end: %d", self._path, self._lost)
        os.close(self._descriptor)

    def _open(self) -> int:
        # A pipe without a reader is an error at once, and a full one loses lines: the server never waits.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        return os.open(self._path.expanduser(), flags, 0o600)

    def _append(self, facts: Facts) -> None:
        line = f"{self._format(facts)}\n".encode()
        left = memoryview(b"\n" + line if self._is_torn else line)
        while left:
            written = os.write(self._descriptor, left)
            left = left[written:]
            self._is_torn = bool(left)


def _as_text(facts: Facts) -> str:
    """In logfmt."""
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in facts.items())


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)


def _written(text: str, hides_users: bool) -> str:
    """What a caller wrote, for a line of the log."""
    line = one_line(redact_users_in_text(text) if hides_users else text)
    return line if len(line) <= MAX_CHARACTERS else line[:MAX_CHARACTERS] + "…"


def _authorization(scope: Scope) -> str:
    return next((value for key, value in scope["headers"] if key == b"authorization"), b"").decode("latin-1")
