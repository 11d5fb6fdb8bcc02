"""What the evidence says of PitchTarget's published exchanges, compared with those at hand."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from audience_mock.app import create_app
from audience_mock.settings import Settings
from audience_mock.web.operations import list_operations

ROOT = Path(__file__).parents[2]
AT_HAND = json.loads((ROOT / "fixtures/exchanges/pitchtarget-published.json").read_text())
PUBLISHED = ROOT.parent / "shared/reference/pitchtarget-exchanges.json"

Exchange = dict[str, Any]

NO_CONTENT = 204
LAST_WITH_CHROME_FRAME = "2014-04-08"


def by_status(header: str, with_body: str | None, without: str | None) -> Callable[[Exchange], bool]:
    return lambda exchange: (
        exchange["headers"].get(header) == (without if exchange["status"] == NO_CONTENT else with_body)
    )


CLAIMS: dict[str, Callable[[Exchange], bool]] = {
    "Content-Type": by_status("Content-Type", "application/json; charset=utf-8", None),
    "ETag": lambda exchange: ("ETag" in exchange["headers"]) == (exchange["status"] != NO_CONTENT),
    "Cache-Control": by_status("Cache-Control", "max-age=0, private, must-revalidate", "no-cache"),
    "X-UA-Compatible": lambda exchange: (
        exchange["headers"].get("X-UA-Compatible")
        == ("chrome=1" if exchange["published"] <= LAST_WITH_CHROME_FRAME else None)
    ),
    "X-Frame-Options, X-XSS-Protection, X-Content-Type-Options": lambda exchange: (
        {"X-Frame-Options", "X-XSS-Protection", "X-Content-Type-Options"} <= AT_HAND["headers"].keys()
        and AT_HAND["headers"].keys().isdisjoint(exchange["headers"])
    ),
    "Access-Control-*": lambda exchange: (
        AT_HAND["headers"]["Access-Control-Allow-Origin"] == "*"
        and not any(name.startswith("Access-Control-") for name in exchange["headers"])
    ),
    "X-Request-Id": lambda exchange: (
        str(UUID(exchange["headers"]["X-Request-Id"])) == exchange["headers"]["X-Request-Id"]
    ),
    "X-Runtime": lambda exchange: bool(re.fullmatch(r"\d+\.\d{6}", exchange["headers"]["X-Runtime"])),
}
"""By header, whether an exchange is as the evidence says. The fixture has the headers that all exchanges
share once, apart from each one's own."""


@pytest.fixture(scope="module")
def operations() -> Iterator[list[dict[str, Any]]]:
    app = create_app(Settings())
    yield list_operations({"pitchtarget": app.state.providers["pitchtarget"].openapi()})
    app.state.worlds.close()


def exchanges_of(operation: dict[str, Any], operations: Iterable[dict[str, Any]]) -> list[Exchange]:
    """Those of an operation; one whose path has no parameter comes before one that has."""

    def is_of(one: dict[str, Any], exchange: Exchange) -> bool:
        path = re.sub(r"{[^/]+}", "[^/]+", one["paths"][0])
        sent = exchange["path"].partition("?")[0]
        return bool(one["method"] == exchange["method"] and re.fullmatch(path, sent))

    found = []
    for exchange in AT_HAND["exchanges"]:
        takers = [one for one in operations if is_of(one, exchange)]
        if min(takers, key=lambda one: "{" in one["paths"][0]) is operation:
            found.append(exchange)
    return found


def dates(exchanges: Iterable[Exchange]) -> set[str]:
    return {exchange["published"] for exchange in exchanges}


def claimed_dates(claim: dict[str, Any]) -> set[str]:
    return set(re.findall(r"\d{4}-\d{2}-\d{2}", claim["source"]))


def test_every_exchange_is_of_an_operation(operations: list[dict[str, Any]]) -> None:
    """Each exchange belongs to exactly one operation, so that the checks below see all 22."""
    assert sum(len(exchanges_of(one, operations)) for one in operations) == len(AT_HAND["exchanges"]) == 22


def test_an_operation_is_recorded_at_the_dates_of_its_exchanges(operations: list[dict[str, Any]]) -> None:
    """An operation says "recorded" if, and only if, an exchange of it is at hand, and names their dates."""
    for one in operations:
        seen = dates(exchanges_of(one, operations))
        assert (one["grade"] == "recorded") == bool(seen), one["name"]
        if seen:
            assert claimed_dates(one) == seen, one["name"]


def test_a_header_is_recorded_where_it_was_seen(operations: list[dict[str, Any]]) -> None:
    """A header's rule is recorded for operations with exchanges alone, holds in each of them, and names the
    dates of all of them."""
    seen: dict[str, set[str]] = {}
    claimed: dict[str, set[str]] = {}
    for one in operations:
        exchanges = exchanges_of(one, operations)
        for rule in one["rules"]:
            name = rule["field"].removeprefix("header ")
            if rule["field"] == name or rule["grade"] != "recorded":
                continue
            assert exchanges, f"{one['name']}: {name}"
            assert all(CLAIMS[name](exchange) for exchange in exchanges), f"{one['name']}: {name}"
            seen.setdefault(name, set()).update(dates(exchanges))
            claimed.setdefault(name, set()).update(claimed_dates(rule))
    assert seen == claimed
    assert seen.keys() == CLAIMS.keys()


def test_a_recorded_rule_names_dates_at_which_it_was_seen(operations: list[dict[str, Any]]) -> None:
    """Every other recorded rule names dates, and for each date an operation that has it has an exchange."""
    of_rule: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in operations:
        for rule in one["rules"]:
            if rule["grade"] == "recorded":
                of_rule.setdefault((rule["rule"], rule["source"]), []).append(one)
    assert of_rule
    for (rule, source), having in of_rule.items():
        seen = {date for one in having for date in dates(exchanges_of(one, operations))}
        claimed = claimed_dates({"source": source})
        assert claimed, rule
        assert claimed <= seen, rule


def test_a_response_nobody_has_is_not_recorded(operations: list[dict[str, Any]]) -> None:
    """The token's headers rest on the documentation; what April's pixels share with others is inferred."""
    by_name = {one["name"]: one for one in operations}
    grades = {
        name: {rule["grade"] for rule in by_name[name]["rules"] if rule["field"].startswith("header ")}
        for name in ("oauth/authorize", "offsitepixels/create", "offsitepixels/get", "offsitepixels/list")
    }
    assert not any("recorded" in found for found in grades.values())
    rules = {rule["field"]: rule for rule in by_name["oauth/authorize"]["rules"]}
    assert rules["header Cache-Control"]["rule"] == "no-store, before Content-Type"
    assert rules["header Cache-Control"]["grade"] == "documented"


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published exchanges lie beside some checkouts only")
def test_the_fixture_is_what_was_published() -> None:
    """The dates, statuses and headers that the checks above rely on are those of the published exchanges."""
    published = json.loads(PUBLISHED.read_text())["exchanges"]
    for ours, theirs in zip(AT_HAND["exchanges"], published, strict=True):
        request, response = theirs["request"], theirs["response"]
        assert ours["published"].replace("-", "") == theirs["published"]
        assert (ours["method"], ours["path"]) == (request["method"], request["path"])
        assert ours["status"] == response["status"]
        assert AT_HAND["headers"] | ours["headers"] == response["headers"]
