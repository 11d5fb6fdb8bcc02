"""The examination of a journal takes turns with other requests."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from audience_mock.core.controls.journal import Journal
from audience_mock.providers import registry
from audience_mock.web.conduct import examination
from audience_mock.web.conduct.checks import MAX_REQUESTS, Subject
from audience_mock.web.conduct.examination import Examined, examine, rule_book
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


def journal_of(count: int) -> Journal:
    journal = Journal()
    for number in range(count):
        journal.add(tuple(GET), 0, 1_700_000_000_000 + number, count, sys.maxsize)
    return journal


def examined(journal: Journal) -> Coroutine[Any, Any, Examined]:
    providers = {provider.name: provider for provider in registry.providers()}
    book = rule_book(providers, registry.conducts())
    subject = Subject(apis=book.apis, providers=book.providers, options=book.options({}))
    return examine(journal.snapshot(), subject, book.rules)


def test_other_requests_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its time is over, the examination waits for the event loop before it looks at the next request;
    what arrives meanwhile is not looked at."""
    monkeypatch.setattr(examination, "TURN_S", 0)
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
