"""The requests of a recorded world as a bundle has them: whole, in order, and with aliases for secrets.

An alias takes the place of a secret wherever it is: two requests with one token have one alias, and a token
that an answer gave has the alias that later requests send. So a replay can do without the secrets.
"""

import base64
import binascii
import json
import platform
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic_core import from_json

from audience_mock import __version__
from audience_mock.core.controls.journal import Entry
from audience_mock.core.tokens import digest
from audience_mock.core.worlds.recording import Change, Exchange, Recording
from audience_mock.core.worlds.world import World
from audience_mock.web.journal import recorded_request, split_headers
from audience_mock.web.journal_view import secrets_of
from audience_mock.web.masking import MIN_ECHO_CHARACTERS, mask_json, mask_text, masked_pairs
from audience_mock.web.provider_app import Provider
from audience_mock.web.secret_names import RESPONSE_SECRETS

FORMAT = 1
BASE = b"bundle.invalid"

ALIAS = r"(?:[A-Za-z0-9]{1,5}_)?secret-[0-9]+"
"""What stands for a secret."""

CHANGING_HEADERS = frozenset({b"host", b"content-length", b"connection", b"accept-encoding", b"traceparent"})
"""Headers of a request that the sender of the replay makes itself."""

LATER_ARE_MISSING = "later requests were not recorded: the recording had reached its limit"

_BASIC = re.compile(rb"basic +([A-Za-z0-9+/]+=*)", re.IGNORECASE)


class BundleError(Exception):
    """A bundle cannot be replayed; the text says why."""


def check_complete(bundle: Mapping[str, Any]) -> None:
    """Raises BundleError for one that begins too late."""
    if dropped := bundle["missing"]["dropped"]:
        raise BundleError(
            f"the journal had dropped its first {dropped} requests: record with more journal_entries and"
            " journal_bytes"
        )


def why_not_replayable(step: Mapping[str, Any]) -> str | None:
    """Why a replay ends before this request; None if it does not."""
    why = step["not_replayable"]
    return None if why is None else f"request {step['number']} cannot be sent again: {why}"


def entries_of(world: World, recording: Recording) -> list[Entry]:
    """The requests that are recorded; one that comes later has no part in a bundle of them."""
    return [entry for entry in world.journal if entry.number >= recording.first_number]


def bundle_of(
    name: str,
    entries: list[Entry],
    recording: Recording,
    state: Mapping[str, Any],
    providers: Mapping[str, Any],
) -> Any:
    """All of a bundle of the world `name`; `state` is what it held at first. May run in a thread."""
    aliases = _Aliases(providers)
    for entry in entries:
        aliases.add_from(entry, recording.exchanges.get(entry.number))
    # All, where the journal was emptied.
    dropped = entries[0].number - recording.first_number if entries else len(recording.exchanges)
    return {
        "format": FORMAT,
        "versions": {"audience_mock": __version__, "python": platform.python_version()},
        "world": name,
        "settings": recording.settings,
        "clock": {"now": recording.began_at_ms / 1000, "frozen": recording.was_frozen},
        "start": aliases.in_state(state),
        "steps": [aliases.in_step(step) for step in _steps(entries, recording)],
        "missing": {"dropped": dropped, "after_limit": recording.is_full},
    }


def _steps(entries: list[Entry], recording: Recording) -> Iterator[dict[str, Any]]:
    changes = [*recording.changes]
    for entry in entries:
        while changes and changes[0].after < entry.number:
            yield _change(changes.pop(0))
        exchange = recording.exchanges.get(entry.number)
        if exchange is None and recording.is_full:
            return
        yield _exchange(entry, exchange)
    yield from map(_change, changes)


def _change(change: Change) -> dict[str, Any]:
    body = from_json(change.body) if change.body else None
    return {"at": change.at_ms / 1000, "change": {"method": change.method, "path": change.path, "body": body}}


def _exchange(entry: Entry, exchange: Exchange | None) -> dict[str, Any]:
    recorded = recorded_request(entry)
    path, query = recorded.path.decode("latin-1"), recorded.query.decode("latin-1")
    before, prefix, after = path.partition("/worlds/")
    if prefix:
        path = before + "/" + after.partition("/")[2]
    host = next((value for name, value in split_headers(recorded.headers) if name.lower() == b"host"), b"")
    headers = [
        [name.decode("latin-1").lower(), value.decode("latin-1")]
        for name, value in split_headers(recorded.headers)
        if name.lower() not in CHANGING_HEADERS
    ]
    body = recorded.body if isinstance(recorded.body, bytes) else b""
    answer: bytes | None = recorded.answer_body
    reason = None
    if exchange is not None:
        body, answer = exchange.body or b"", exchange.answer
        if exchange.body is None:
            reason = "its body was too large to be kept"
    if recorded.redact_users and body:
        body, reason = b"", "its body is left out, by redact_users"
    shown = None if answer is None else _without_address(answer, host, recorded.path)
    return {
        "number": entry.number,
        "at": entry.at_ms / 1000,
        "operation": recorded.operation,
        "fault": recorded.fault,
        "not_replayable": reason,
        "request": {
            "method": recorded.method,
            "path": f"{path}?{query}" if query else path,
            "headers": headers,
            "body": text_of(body),
        },
        "answer": {
            "status": recorded.status,
            "headers": with_length_of(
                [
                    [name.decode("latin-1").lower(), value.decode("latin-1")]
                    for name, value in split_headers(recorded.answer_head)
                ],
                longer_by=len(shown or b"") - len(answer or b""),
            ),
            "body": None if shown is None else text_of(shown),
        },
    }


def with_length_of(headers: list[list[str]], *, longer_by: int) -> list[list[str]]:
    """The headers of an answer whose body became longer, or shorter, by some bytes."""
    if not longer_by:
        return headers
    return [
        [name, str(int(value) + longer_by) if name == "content-length" else value] for name, value in headers
    ]


def _without_address(answer: bytes, host: bytes, path: bytes) -> bytes:
    """An answer with BASE in the place of the address of the server and the world."""
    if not host:
        return answer
    before, prefix, after = path.partition(b"/worlds/")
    world = before + prefix + after.partition(b"/")[0] if prefix else b""
    return answer.replace(host + world, BASE).replace(host, BASE)


def text_of(raw: bytes) -> str | dict[str, str]:
    """Bytes as text, or in base64 where they are none."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def raw_of(text: str | Mapping[str, str]) -> bytes:
    """The bytes that `text_of` has written."""
    return text.encode() if isinstance(text, str) else base64.b64decode(text["base64"])


class _Aliases:
    """By secret, its alias."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._public = [one.is_public_token for one in providers.values() if one.is_public_token is not None]
        self._of: dict[str, str] = {}

    def add_from(self, entry: Entry, exchange: Exchange | None) -> None:
        recorded = recorded_request(entry)
        for secret in secrets_of(recorded):
            self._add(secret)
        body = recorded.answer_body if exchange is None or exchange.answer is None else exchange.answer
        try:
            value = from_json(body, allow_inf_nan=False)
        except ValueError:
            return
        for secret in _secrets_in(value, mask_json(value, RESPONSE_SECRETS)):
            self._add(secret)

    def _add(self, secret: str) -> None:
        if secret in self._of or any(is_public(secret) for is_public in self._public):
            return
        prefix, underscore, _ = secret[:6].partition("_")
        alias = f"{prefix + underscore if underscore else ''}secret-{len(self._of) + 1}"
        named = _credentials(secret)
        if named is not None:
            # The id of an app is no secret, and its form has to stay.
            alias = base64.b64encode(f"{named[0]}:{alias}".encode()).decode()
            if named[1] in self._of:
                alias = base64.b64encode(f"{named[0]}:{self._of[named[1]]}".encode()).decode()
            elif named[1]:
                self._of[named[1]] = base64.b64decode(alias).decode().partition(":")[2]
        self._of[secret] = alias

    @cached_property
    def _written(self) -> Mapping[str, str]:
        """By each form in which a text may have a secret, its alias. Made once: all are known by then."""
        return {
            form: alias
            for secret, alias in self._of.items()
            if len(secret) >= MIN_ECHO_CHARACTERS
            for form in _forms(secret)
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any of the secrets, a longer one before its beginning."""
        longest_first = sorted(self._written, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def in_text(self, text: str) -> str:
        return self._pattern.sub(lambda found: self._written[found[0]], text)

    def in_step(self, step: Any) -> Any:
        """The step without secrets, in every text of it."""
        if isinstance(step, str):
            return self.in_text(step)
        if isinstance(step, list):
            if len(step) == 2 and step[0] == "authorization":
                scheme, space, value = step[1].partition(" ")
                return [step[0], f"{scheme}{space}{self._of.get(value.strip(), value.strip())}"]
            return [self.in_step(each) for each in step]
        if isinstance(step, dict):
            if step.keys() == {"base64"}:
                raw = base64.b64decode(step["base64"]).decode("latin-1")
                return {"base64": base64.b64encode(self.in_text(raw).encode("latin-1")).decode()}
            return {name: self.in_step(each) for name, each in step.items()}
        return step

    def in_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A state whose tokens and apps are known by the aliases."""
        digests = {digest(secret).hex(): digest(alias).hex() for secret, alias in self._of.items()}
        return {
            **state,
            **{
                section: [
                    {**row, "digest": digests.get(row["digest"], row["digest"])} for row in state[section]
                ]
                for section in ("tokens", "apps")
                if section in state
            },
        }


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as writers of JSON escape it: all but ASCII, and some the slash."""
    for form in (secret, json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1]):
        yield form
        yield form.replace("/", r"\/")


def _credentials(secret: str) -> tuple[str, str] | None:
    """The name and the secret of Basic authentication, if it is that."""
    try:
        text = base64.b64decode(secret, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    name, colon, value = text.partition(":")
    return (name, value) if colon and name.isprintable() else None


def _secrets_in(value: Any, masked: Any) -> Iterator[str]:
    """The secrets in an answer; of a text that contains one, the secret alone."""
    for text, shown in masked_pairs(value, masked):
        if not isinstance(text, str):
            continue
        if mask_text(text, RESPONSE_SECRETS) != shown:
            yield text
            continue
        for found in RESPONSE_SECRETS.text.finditer(text):
            yield next(part for part in reversed(found.groups()) if part is not None)
