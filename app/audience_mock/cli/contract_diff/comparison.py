"""The answers of two versions compared: by operation, what differs, how often, and what is known about it."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from audience_mock.cli.contract_diff.alignment import shown_call
from audience_mock.cli.contract_diff.runs import Pair
from audience_mock.core.controls.json_changes import Change, changes
from audience_mock.web.api_versions import DEFAULT, STATUS, ApiVersions
from audience_mock.web.evidence import KEY
from audience_mock.web.exchanges import Answer, Exchange
from audience_mock.web.masking import mask_header, mask_json, mask_text
from audience_mock.web.openapi import API_VERSIONS
from audience_mock.web.provider_app import ProviderApp
from audience_mock.web.secret_names import RESPONSE_SECRETS

FOLLOW_FROM_BODY = frozenset({"content-length", "etag", "date"})
"""Headers that say nothing that the body does not, or that the clock alone decides."""
TEXT_CHARACTERS = 200
KEYS_BYTES = 1 << 20
UNROUTED = "no operation"

_POSITION = re.compile(r"\[\d+\]")
_WORD = re.compile(r"[A-Za-z0-9_-]{5,}")


class Difference(NamedTuple):
    """A difference of two answers. Its place is `status`, `header NAME` or `body PATH`, with `[*]` for an
    item of a list."""

    place: str
    change: Change


class Comparison:
    """What differs between the answers to the calls of a run.

    `api` names the API that has the two versions; an answer of another API differs only by what follows.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        apis: Mapping[str, ProviderApp],
        versions: ApiVersions,
        one: str,
        other: str,
    ) -> None:
        self._apis = apis
        self._versions, self._one, self._other = versions, one, other
        self._changes = versions.between(one, other)
        self._missing: dict[str, int] = {}
        """Ids that only one of the versions gave, each with the number of the call that made it."""
        self.different: list[int] = []
        self.operations = self._compare(pairs)

    def _compare(self, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        operations: dict[str, dict[str, Any]] = {}
        for number, pair in enumerate(pairs, 1):
            name = pair.call.operation or UNROUTED
            shown = operations.setdefault(
                name, {"operation": name, "calls": 0, "different": 0, "differences": {}}
            )
            shown["calls"] += 1
            found = [*differences(pair, self._apis[pair.call.api].provider.varying_headers)]
            if found:
                self.different.append(number)
                shown["different"] += 1
                self._note(shown["differences"], number, pair.call, found)
                self._learn(number, pair)
        return [{**shown, "differences": [*shown["differences"].values()]} for shown in operations.values()]

    def _note(self, noted: dict[str, Any], number: int, call: Exchange, found: Sequence[Difference]) -> None:
        """Differences at one place for one reason are shown once, with their calls."""
        keys = request_keys(call)
        for difference in found:
            place, change = difference
            group = {
                "place": place,
                "change": change.kind,
                "facts": self._facts(call, place, keys),
                "follows_from": self._follows_from(call, change),
            }
            first = {**shown_call(number, call), "before": change.before, "after": change.after}
            shown = noted.setdefault(json.dumps(group), {**group, "calls": [], "first": first})
            if number not in shown["calls"]:
                shown["calls"].append(number)

    def _facts(self, call: Exchange, place: str, keys: Collection[str]) -> list[dict[str, Any]]:
        """What the provider knows to have changed there."""
        operation = call.operation or ""
        if call.api and self._apis[call.api].provider.versions is None:
            return []
        served = self._served(call)
        if served is not None:
            return [served]
        return [
            {"since": change.since, "fact": change.what, **change.evidence.as_dict()}
            for change in self._changes
            if change.explains(operation, place, keys)
        ]

    def _served(self, call: Exchange) -> dict[str, Any] | None:
        """That one version alone has the operation."""
        for methods in self._apis[call.api].openapi()["paths"].values():
            for described in methods.values():
                if described["operationId"] != call.operation or API_VERSIONS not in described:
                    continue
                only = described[API_VERSIONS]
                if all(version in (DEFAULT, *only) for version in (self._one, self._other)):
                    return None
                evidence = {name: value for name, value in described[KEY][0].items() if name != "rule"}
                named = " and ".join(only)
                return {"since": only[0], "fact": f"only {named} has this operation", **evidence}
        return None

    def _learn(self, number: int, pair: Pair) -> None:
        """The ids of what one version made and the other did not."""
        if is_success(pair.before) != is_success(pair.after):
            made = pair.before if is_success(pair.before) else pair.after
            for id in _ids(parsed(made.body)):
                self._missing.setdefault(id, number)

    def _follows_from(self, call: Exchange, change: Change) -> int | None:
        """The call whose different answer is the reason: this one names what only one version has."""
        if not self._missing:
            return None
        sent = " ".join(
            (
                call.raw_path.decode("latin-1"),
                call.query.decode("latin-1"),
                _beginning(call).decode("latin-1"),
            )
        )
        named = chain(_WORD.findall(sent), _ids(change.before), _ids(change.after))
        return next((self._missing[word] for word in named if word in self._missing), None)


def differences(pair: Pair, varying_headers: Collection[str]) -> Iterator[Difference]:
    """The places where two answers differ. Where their statuses do, the answers are of two kinds, and
    differ as a whole."""
    before, after = pair.before, pair.after
    had, has = (mask_json(parsed(answer.body), RESPONSE_SECRETS) for answer in (before, after))
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
        had, has = (mask_text(answer.body.decode(errors="replace")) for answer in (before, after))
        # Tokens are new in each answer.
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


def request_keys(call: Exchange) -> frozenset[str]:
    """The names of all that a request sends, in its query and its body."""
    keys = {name for name, _ in parse_qsl(call.query.decode("latin-1"), keep_blank_values=True)}
    body = _beginning(call)
    try:
        return frozenset(keys | {*_keys(json.loads(body))}) if body else frozenset(keys)
    except (ValueError, RecursionError):
        return frozenset(keys | {name for name, _ in parse_qsl(body.decode("latin-1"))})


def _beginning(call: Exchange) -> bytes:
    call.body.seek(0)
    return call.body.read(KEYS_BYTES)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in _inner(value):
        yield from _keys(each)


def _ids(value: Any) -> Iterator[str]:
    """What stands under the name `id`, at any depth."""
    if isinstance(value, dict) and isinstance(value.get("id"), str | int):
        yield str(value["id"])
    for each in _inner(value):
        yield from _ids(each)


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _headers(answer: Answer, ignored: Collection[str]) -> dict[str, str]:
    """By name in lower case; one that was sent several times has its values joined by commas, as in HTTP."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name = raw_name.decode("latin-1").lower()
        if name not in ignored:
            value = mask_header(name, raw_value.decode("latin-1"))
            shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown
