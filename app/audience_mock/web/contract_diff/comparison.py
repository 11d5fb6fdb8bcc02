"""The answers of two versions compared: by operation, what differs, how often, and what is known about it."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

from audience_mock.core.controls.json_changes import Change
from audience_mock.web.api_versions import DEFAULT, ApiVersions
from audience_mock.web.contract_diff.answers import Difference, differences, is_otherwise, is_success, parsed
from audience_mock.web.contract_diff.lockstep import Pair
from audience_mock.web.evidence import KEY
from audience_mock.web.exchanges import Exchange
from audience_mock.web.masking import mask_query, mask_text
from audience_mock.web.provider_app import ProviderApp

KEYS_BYTES = 1 << 20
UNROUTED = "no operation"

_WORD = re.compile(r"[A-Za-z0-9_-]{5,}")


class Comparison:
    """What differs between the answers of two versions of `api`, one of `apis`, to the calls that it sees; an
    answer of another API differs only by what follows."""

    def __init__(self, api: str, apis: Mapping[str, ProviderApp], one: str, other: str) -> None:
        provider = apis[api].provider
        assert provider.versions is not None, "an API without versions has no two of them"
        self._api, self._apis = api, apis
        self._versions: ApiVersions = provider.versions()
        self._one, self._other = one, other
        self._changes = self._versions.between(one, other)
        self._only_in = {
            route.operation_id: (route.api_versions, route)
            for _, _, route in apis[api].operations
            if route.api_versions is not None
        }
        """By operation that not all versions have, those that do, and its route."""
        self._missing: dict[str, int] = {}
        """Ids that only one of the versions gave, each with the number of the call that made it."""
        self._calls = 0
        self._operations: dict[str, dict[str, Any]] = {}
        self._different: list[int] = []
        self._replayed_otherwise: list[int] = []

    def see(self, number: int, pair: Pair) -> None:
        """The next call, which the report names by this number."""
        name = pair.call.operation or UNROUTED
        shown = self._operations.setdefault(
            name, {"operation": name, "calls": 0, "different": 0, "differences": {}}
        )
        self._calls += 1
        shown["calls"] += 1
        if is_otherwise(pair):
            self._replayed_otherwise.append(number)
        app = self._apis.get(pair.before.api)
        found = [*differences(pair, app.provider.varying_headers if app else ())]
        if found:
            self._different.append(number)
            shown["different"] += 1
            self._note(shown["differences"], number, pair, found)
            self._learn(number, pair)

    def report(self) -> dict[str, Any]:
        return {
            "api": self._api,
            "setting": self._versions.setting,
            "from": self._one,
            "to": self._other,
            "calls": self._calls,
            "different": self._different,
            "operations": [
                {**shown, "differences": [*shown["differences"].values()]}
                for shown in self._operations.values()
            ],
            "replayed_otherwise": self._replayed_otherwise,
        }

    def _note(self, noted: dict[str, Any], number: int, pair: Pair, found: Sequence[Difference]) -> None:
        """Differences at one place for one reason are shown once, with their calls."""
        call = pair.call
        keys = request_keys(call)
        sent = self._sent(call)
        # A list has the same difference in each of its items.
        seen: set[tuple[str, str, int | None]] = set()
        for difference in found:
            place, change = difference
            follows_from = self._follows_from(sent, change)
            if (place, change.kind, follows_from) in seen:
                continue
            seen.add((place, change.kind, follows_from))
            group = {
                "place": place,
                "change": change.kind,
                "facts": self._facts(pair, place, keys),
                "follows_from": follows_from,
            }
            first = {**shown_call(number, call), "before": change.before, "after": change.after}
            noted.setdefault(json.dumps(group), {**group, "calls": [], "first": first})["calls"].append(
                number
            )

    def _facts(self, pair: Pair, place: str, keys: Collection[str]) -> list[dict[str, Any]]:
        """What the provider knows to have changed there."""
        if pair.before.api != self._api:
            return []
        operation = pair.call.operation or ""
        served = self._served(operation)
        if served is not None:
            return [served]
        return [
            {"since": change.since, "fact": change.what, **change.evidence.as_dict()}
            for change in self._changes
            if change.explains(operation, place, keys)
        ]

    def _served(self, operation: str) -> dict[str, Any] | None:
        """That one version alone has the operation."""
        if operation not in self._only_in:
            return None
        only, route = self._only_in[operation]
        if all(version in (DEFAULT, *only) for version in (self._one, self._other)):
            return None
        evidence = {
            name: value for name, value in (route.openapi_extra or {})[KEY][0].items() if name != "rule"
        }
        return {"since": only[0], "fact": f"only {' and '.join(only)} has this operation", **evidence}

    def _learn(self, number: int, pair: Pair) -> None:
        """The ids of what one version made and the other did not."""
        if is_success(pair.before) != is_success(pair.after):
            made = pair.before if is_success(pair.before) else pair.after
            for id in _ids(parsed(made.body)):
                self._missing.setdefault(id, number)

    def _sent(self, call: Exchange) -> list[str]:
        """What a request may have that only one version gave: ids."""
        if not self._missing:
            return []
        sent = (call.raw_path, call.query, _beginning(call))
        return _WORD.findall(" ".join(part.decode("latin-1") for part in sent))

    def _follows_from(self, sent: Iterable[str], change: Change) -> int | None:
        """The call whose different answer is the reason: this one names what only one version has."""
        if not self._missing:
            return None
        named = chain(sent, _ids(change.before), _ids(change.after))
        return next((self._missing[word] for word in named if word in self._missing), None)


def shown_call(number: int, call: Exchange) -> dict[str, Any]:
    """A call in short, without its secrets."""
    query = mask_query(call.query.decode("latin-1"))
    path = mask_text(path_in_world(call).decode("latin-1"))
    return {
        "number": number,
        "world": call.world,
        "operation": call.operation,
        "method": call.method,
        "path": f"{path}?{query}" if query else path,
    }


def path_in_world(call: Exchange) -> bytes:
    return re.sub(rb"^/worlds/[^/]+", b"", call.raw_path)


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
