"""The examination of a journal takes turns with other requests."""

import asyncio
import sys
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest

from audience_mock.core import steps
from audience_mock.core.controls.journal import Journal
from audience_mock.providers import registry
from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import MAX_REQUESTS, Check, Subject
from audience_mock.web.conduct.examination import Examined, examine, rule_book
from audience_mock.web.conduct.rules import Rule
from audience_mock.web.journal import RecordedRequest

GET = RecordedRequest(
    api="pinterest",
    operation="audiences/get",
    method="GET",
    path=b"/v5/ad_accounts/549755885175/audiences/2542623499806",
    query=b"",
    headers=b"authorization\0Bearer pina_test",
    path_params={"ad_account_id": "549755885175", "audience_id": "2542623499806"},
    body=None,
    body_bytes=None,
    status=200,
    answer_head=b"content-type\0application/json",
    answer_body=b'{"status":"INITIALIZING"}',
    answer_bytes=25,
    fault=None,
    suggestions=(),
    reason=None,
    redact_users=False,
    is_frozen=False,
)


def journal_of(count: int, request: RecordedRequest = GET) -> Journal:
    journal = Journal()
    for number in range(count):
        journal.add(tuple(request), 0, 1_700_000_000_000 + number, count, sys.maxsize)
    return journal


def examined(journal: Journal) -> Coroutine[Any, Any, Examined]:
    providers = {provider.name: provider for provider in registry.providers()}
    book = rule_book(providers, registry.conducts())
    subject = Subject(apis=book.apis, providers=book.providers, options=book.options({}))
    return examine(journal.snapshot(), subject, book.rules)


def test_other_requests_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its time is over, the examination waits for the event loop before it looks at the next request;
    what arrives meanwhile is not looked at."""
    monkeypatch.setattr(steps, "STEP_S", 0)
    journal, turns = journal_of(500), 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1
            journal.add(tuple(GET), 0, 0, sys.maxsize, sys.maxsize)

    async def both() -> Examined:
        other = asyncio.create_task(others())
        try:
            return await examined(journal)
        finally:
            other.cancel()

    (finding,), checked = asyncio.run(both())
    assert checked == 500
    assert turns >= 500
    assert finding.rule.id == "AM201"
    assert "requests 1 to 500 " in finding.message


def test_a_finding_names_some_of_many_requests() -> None:
    """Ten thousand requests that break a rule are one finding, with the first of them."""
    (finding,), checked = asyncio.run(examined(journal_of(10_000)))
    assert checked == 10_000
    assert finding.requests == list(range(1, MAX_REQUESTS + 1))


def test_an_entry_of_another_server_is_left_out() -> None:
    """A request to an API that this server does not have is judged by nothing."""
    journal = Journal()
    journal.add(tuple(GET._replace(api="elsewhere")), 0, 0, 1, sys.maxsize)
    assert asyncio.run(examined(journal)) == ([], 0)


_LIST = GET._replace(
    operation="audiences/list",
    path=b"/v5/ad_accounts/549755885175/audiences",
    answer_body=b'{"items":[{"id":"1"}],"bookmark":"b"}',
    answer_bytes=37,
)


@pytest.mark.parametrize(
    ("request_of_all", "rule"),
    [
        (GET, "AM201"),
        (GET._replace(status=503), "AM102"),
        (GET._replace(status=None), "AM102"),
        (_LIST, "AM206"),
        (_LIST, "AM203"),
        (GET._replace(query=b"misspelled=1"), "AM401"),
    ],
)
def test_the_work_grows_with_the_requests(
    request_of_all: RecordedRequest, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no faster: a rule that thousands of requests break reports each of them a few times at most."""
    count, reported, report = 3_000, 0, Check.report

    def counting(check: Check, of: Rule, message: str, calls: Iterable[Call], *, about: str = "") -> None:
        nonlocal reported
        involved = list(calls)
        reported += len(involved)
        report(check, of, message, involved, about=about)

    monkeypatch.setattr(Check, "report", counting)
    found = asyncio.run(examined(journal_of(count, request_of_all)))
    assert rule in [finding.rule.id for finding in found.findings]
    assert reported <= 10 * count


def test_others_get_their_turn_while_the_findings_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last request, too: thousands of walks through a list are judged then."""
    monkeypatch.setattr(steps, "STEP_S", 0)
    count, between, longest, report = 500, 0, 0, Check.report

    def counting(check: Check, of: Rule, message: str, calls: Iterable[Call], *, about: str = "") -> None:
        nonlocal between, longest
        between += 1
        longest = max(longest, between)
        report(check, of, message, calls, about=about)

    async def others() -> None:
        nonlocal between
        while True:
            between = 0
            await asyncio.sleep(0)

    async def served() -> Examined:
        running = asyncio.create_task(others())
        found = await examined(journal_of(count, _LIST))
        running.cancel()
        return found

    monkeypatch.setattr(Check, "report", counting)
    found = asyncio.run(served())
    assert ("AM203", count) in [(finding.rule.id, finding.count) for finding in found.findings]
    assert longest <= 3
