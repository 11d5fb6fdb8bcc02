"""Where two answers to one call differ, but for their secrets."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from audience_mock.core.controls.json_changes import Change, changes
from audience_mock.web.api_versions import STATUS
from audience_mock.web.contract_diff.lockstep import Pair
from audience_mock.web.exchanges import Answer
from audience_mock.web.masking import mask_header, mask_json, mask_text
from audience_mock.web.secret_names import RESPONSE_SECRETS

FOLLOW_FROM_BODY = frozenset({"content-length", "etag", "date"})
"""Headers that say nothing that the body does not, or that the clock alone decides."""
TEXT_CHARACTERS = 200

_HIDDEN = re.compile(r"[^\s\"'=&:;,/]{0,6}…")
"""What is left of a secret that is masked: its first characters."""
_POSITION = re.compile(r"\[\d+\]")


class Difference(NamedTuple):
    """A difference of two answers. Its place is `status`, `header NAME` or `body PATH`, with `[*]` for an
    item of a list."""

    place: str
    change: Change


def is_otherwise(pair: Pair) -> bool:
    """Whether the replay was answered otherwise than the recorded call, but for new tokens. A connection that
    a fault breaks has no answer."""
    recorded, replayed = pair.call.answer, pair.before
    if replayed.status is None:
        return False
    if recorded.status != replayed.status:
        return True
    return recorded.body != replayed.body and _masked(recorded) != _masked(replayed)


def _masked(answer: Answer) -> Any:
    """A body without its secrets, which are new in each answer."""
    value = parsed(answer.body)
    return _without_secrets(value, mask_json(value, RESPONSE_SECRETS))


def _without_secrets(value: Any, masked: Any) -> Any:
    """Of a secret, nothing is left where `masked`, made from `value`, shows its first characters."""
    if isinstance(value, dict) and isinstance(masked, dict):
        return {name: _without_secrets(each, masked[name]) for name, each in value.items()}
    if isinstance(value, list) and isinstance(masked, list):
        return [_without_secrets(*pair) for pair in zip(value, masked, strict=True)]
    return masked if value == masked or not isinstance(masked, str) else _HIDDEN.sub("…", masked)


def differences(pair: Pair, varying_headers: Collection[str]) -> Iterator[Difference]:
    """The places where two answers differ. Where their statuses do, the answers are of two kinds, and
    differ as a whole."""
    before, after = pair.before, pair.after
    had, has = _masked(before), _masked(after)
    if before.status != after.status:
        yield Difference(STATUS, Change(STATUS, "value", before.status, after.status))
        if before.body != after.body:
            yield Difference("body $", Change("$", "value", had, has))
        return
    ignored = {*varying_headers, *FOLLOW_FROM_BODY}
    for change in changes(_headers(before, ignored), _headers(after, ignored)):
        name = change.path.removeprefix("$.")
        yield Difference(f"header {name}", change)
    if before.body == after.body:
        return
    found = False
    for change in changes(had, has):
        found = True
        yield Difference(f"body {_POSITION.sub('[*]', change.path)}", change)
    if not found:
        texts = [answer.body.decode(errors="replace") for answer in (before, after)]
        had, has = (_without_secrets(text, mask_text(text)) for text in texts)
        if had != has:
            yield Difference("body $ as text", Change("$", "value", _cut(had), _cut(has)))


def is_success(answer: Answer) -> bool:
    return answer.status is not None and answer.status < 400


def parsed(body: bytes) -> Any:
    """A body as JSON, or as text; None if there is none."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _cut(body.decode(errors="replace"))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS else f"{text[:TEXT_CHARACTERS]}…"


def _headers(answer: Answer, ignored: Collection[str]) -> dict[str, str]:
    """By name in lower case; one that was sent several times has its values joined by commas, as in HTTP."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name = raw_name.decode("latin-1").lower()
        if name not in ignored:
            given = raw_value.decode("latin-1")
            value = _without_secrets(given, mask_header(name, given))
            shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown
