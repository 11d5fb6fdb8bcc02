"""Rules of audiences that no request created: Pinterest's are answered as those of created ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error
from helpers.worlds import seed_file

RULE = {
    "visitor_source_id": "2612523499806",
    "retention_days": 30,
    "url": None,
    "event_data": {"order_id": "5", "currency": "USD", "line_items": {"product_name": "é", "product_id": 7}},
    "event": "checkout",
}
IN_ORDER = (
    '"rule":{"event":"checkout","event_data":{"currency":"USD","line_items":{"product_id":7,"product_name":"é"},'
    '"order_id":"5"},"retention_days":30,"visitor_source_id":"2612523499806"}'
)
FORMS = [
    pytest.param(RULE, id="object"),
    pytest.param(json.dumps(RULE), id="text"),
    pytest.param(json.dumps(RULE, indent=1), id="text with blanks"),
]
COLLECTION = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"


def seed_of(definition: Any, **more: Any) -> dict[str, Any]:
    audience = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": "a"}
    return {"audiences": [audience | {"definition": definition} | more]}


def answers(url: str) -> list[str]:
    """The bodies of the reads that show the only audience of a world."""
    page = httpx.get(url + COLLECTION, headers=PINTEREST_TOKEN)
    id = page.json()["items"][0]["id"]
    return [page.text, httpx.get(f"{url}{COLLECTION}/{id}", headers=PINTEREST_TOKEN).text]


def test_a_created_rule_is_in_this_order(mock: MockServer) -> None:
    """The rule below is what a created audience answers with: sorted by name, without nulls."""
    body = {"name": "a", "audience_type": "VISITOR", "rule": RULE}
    created = httpx.post(mock.url + COLLECTION, json=body, headers=PINTEREST_TOKEN)
    assert all(IN_ORDER in text for text in (created.text, *answers(mock.url)))


@pytest.mark.parametrize("definition", FORMS)
def test_an_imported_rule_is_answered_as_a_created_one(mock: MockServer, definition: Any) -> None:
    """POST /__admin/seed leads to the recorded order of keys, and so do its state, a snapshot and a fork."""
    httpx.post(f"{mock.url}/__admin/seed", json=seed_of(definition)).raise_for_status()
    assert all(IN_ORDER in text for text in answers(mock.url))

    state = httpx.get(f"{mock.url}/__admin/state").content
    other = f"{mock.url}/worlds/other"
    httpx.post(f"{other}/__admin/seed", content=state).raise_for_status()
    httpx.post(f"{mock.url}/__admin/worlds/default/fork", json={"name": "fork"}).raise_for_status()
    httpx.put(f"{mock.url}/__admin/snapshots/one").raise_for_status()
    httpx.post(f"{mock.url}/__admin/reset", json={"to": "empty"}).raise_for_status()
    httpx.post(f"{mock.url}/__admin/snapshots/one/restore").raise_for_status()
    for url in (other, f"{mock.url}/worlds/fork", mock.url):
        assert all(IN_ORDER in text for text in answers(url)), url
    assert httpx.get(f"{other}/__admin/state").content == state


@pytest.mark.parametrize("definition", FORMS)
def test_a_rule_of_a_seed_file_is_answered_as_a_created_one(
    start: Callable[..., MockServer], tmp_path: Path, definition: Any
) -> None:
    """A server that starts from a file answers in the recorded order of keys, in its other worlds too."""
    server = start(seed=str(seed_file(tmp_path, json.dumps(seed_of(definition)))))
    for url in (server.url, f"{server.url}/worlds/another"):
        assert all(IN_ORDER in text for text in answers(url)), url


def test_pitchtargets_definition_is_kept_to_the_character(mock: MockServer) -> None:
    """A website rule of a seed comes back as it was written, as one that a create sends does."""
    rule = '{"url": {"i_contains":"cart"},  "a": null}'
    audience = {"api": "pitchtarget", "account": "2", "kind": "WEBSITE", "retention_days": 5, "id": "7"}
    httpx.post(f"{mock.url}/__admin/seed", json=seed_of(rule, **audience)).raise_for_status()
    read = httpx.get(f"{mock.url}/custom_audiences/7", headers=PITCHTARGET_TOKEN)
    assert read.json()["fb_custom_audience"]["rule"] == rule


@pytest.mark.parametrize("definition", [r'{"a":"\ud800"}', '{"a":' * 900 + "1" + "}" * 900])
def test_a_rule_that_cannot_be_answered_is_rejected(mock: MockServer, definition: str) -> None:
    """Text that is no Unicode, or nested too deeply to be written again, is an error of its field."""
    error = control_error(httpx.post(f"{mock.url}/__admin/seed", json=seed_of(definition)), 400)
    assert error["field"] == "audiences.0.definition"
    assert httpx.get(mock.url + COLLECTION, headers=PINTEREST_TOKEN).json()["items"] == []
