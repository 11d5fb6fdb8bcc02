"""POST /__admin/seed, and the seed of a server: what they add, what they reject, and the clock of a seed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.store import ids
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error
from helpers.states import APP, HELD, ONE_LIST, WRONG, audience, seed


def listed(mock: MockServer, world: str = "default") -> list[str]:
    url = f"{mock.url}/worlds/{world}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    return [one["id"] for one in httpx.get(url, headers=PINTEREST_TOKEN).json()["items"]]


@pytest.mark.both_engines
def test_a_seed_adds_to_what_is_there(mock: MockServer) -> None:
    """POST /__admin/seed leaves the rest as it is, answers counts and ids in the order sent."""
    first = str(ids.first_ids()["pinterest_audience"])
    assert seed(mock, {"audiences": [audience(int(first) + 1)]}).status_code == 200
    given = seed(
        mock,
        {
            "audiences": [{key: value for key, value in audience(1).items() if key != "id"}] * 2
            + [audience(7, api="pitchtarget", account="2", kind="APP")],
            "customer_lists": [{"account": AD_ACCOUNT, "name": "l", "records": ["ann@example.com"]}],
        },
    )
    assert given.json() == {
        "counts": {"audiences": 3, "customer_lists": 1},
        "ids": {
            "audiences": [str(int(first) + 2), str(int(first) + 3), "7"],
            "customer_lists": ["5497558"],
            "customer_list_uploads": [],
            "customer_segments": [],
        },
    }
    assert listed(mock) == [str(int(first) + number) for number in (1, 2, 3)]
    assert seed(mock, {}).json()["counts"] == {}


@pytest.mark.parametrize(
    ("section", "row", "field", "why"),
    [
        ("audiences", {}, "audiences.1.id", "pinterest audience 5"),
        ("customer_lists", {}, "customer_lists.1.id", "customer list 9"),
        ("customer_list_uploads", {}, "customer_list_uploads.1.id", "customer list upload 3"),
        ("pixels", {}, "pixels.1.facebook_id", "pixel 6"),
        ("pixels", {"facebook_id": "7"}, "pixels.1.name", "of this name"),
        ("tokens", {}, "tokens.1", "token whose SHA-256"),
        ("apps", {}, "apps.1.id", "app 1"),
        ("businesses", {}, "businesses.1.id", "business 2"),
        ("businesses", {"id": "4"}, "businesses.1.ad_accounts.0.id", "ad account 3"),
        ("ad_accounts", {}, "ad_accounts.1.id", "ad account 4"),
        ("ad_accounts", {"id": "3"}, "ad_accounts.1.id", "ad account 3"),
        ("customer_segments", {}, "customer_segments.1.id", "customer segment 9"),
        ("shares", {"position": 2}, "shares.1.recipient", "shared with account 8"),
        ("shares", {"recipient": "7"}, "shares.1.position", "position 1"),
    ],
)
def test_an_id_is_given_once(
    mock: MockServer, section: str, row: dict[str, Any], field: str, why: str
) -> None:
    """An id that the world has is rejected with 409, one that the seed has twice with 400; the error names
    the field, and nothing of the seed is inserted."""
    twice = HELD | {section: [*HELD[section], HELD[section][0] | row]}
    error = control_error(seed(mock, twice), 409 if field == "shares.1.position" else 400)
    assert error["field"] == field
    assert why in error["error"]
    assert listed(mock) == []
    assert seed(mock, HELD).status_code == 200
    alone = {section: [HELD[section][0] | row], "people": ["new@example.com"]}
    error = control_error(seed(mock, alone), 409)
    assert error["field"] == field.replace(".1", ".0", 1)
    assert why in error["error"]
    assert "people" not in httpx.get(f"{mock.url}/__admin/state").json()


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_a_wrong_seed_is_rejected_whole(mock: MockServer, body: dict[str, Any], field: str) -> None:
    """An invalid seed is rejected with the field that is wrong; nothing of it is inserted."""
    error = control_error(seed(mock, {"audiences": [audience(1)], "clock": {"now": 1}} | body), 400)
    assert error["field"] == field
    assert listed(mock) == []
    assert mock.world.clock.now_ms() > 10**12


def test_a_reset_goes_back_to_the_servers_seed(start: Callable[..., MockServer]) -> None:
    """A reset removes what was posted; a reset to empty followed by a seed replaces the data."""
    mock = start(seed="demo")

    def held() -> list[Any]:
        state = httpx.get(f"{mock.url}/__admin/state").json()
        return [{**one, "ready_at": 0} for one in state["audiences"]]

    before = held()
    seed(mock, {"audiences": [audience(5)]})
    assert len(held()) == len(before) + 1
    httpx.post(f"{mock.url}/__admin/reset")
    assert held() == before
    httpx.post(f"{mock.url}/__admin/reset", json={"to": "empty"})
    seed(mock, {"audiences": [audience(5)]})
    assert listed(mock) == ["5"]


def test_a_seeds_clock_is_the_worlds(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """A server that starts from a state begins each world at the time of that, and what is to be ready is so
    by it, or some seconds later."""
    later = {"ready_in_s": 60}
    body = {
        "clock": {"now": 1_700_000_000.5, "frozen": True},
        "audiences": [audience(1, ready_at=1_700_000_010), audience(2, **later), audience(3)],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(body))
    for mock in (start(seed=str(file)), start()):
        if mock.settings.seed is None:
            seed(mock, body, "other")
        world = mock.app.state.worlds.get_or_create("other")
        for after_ms, ready in ((0, ["3"]), (10_000, ["1", "3"]), (50_000, ["1", "2", "3"])):
            world.clock.advance(after_ms)
            url = f"{mock.url}/worlds/other/v5/ad_accounts/{AD_ACCOUNT}/audiences"
            items = httpx.get(url, headers=PINTEREST_TOKEN).json()["items"]
            assert [one["id"] for one in items if one["status"] != "INITIALIZING"] == ready


def test_a_time_of_its_own_is_not_put_off(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """In a seed without a clock, `ready_in_s` counts from the making of each world, `ready_at` does not."""
    far = 4_000_000_000
    lists = [ONE_LIST | {"ready_at": far}, ONE_LIST | {"id": "10", "ready_in_s": 10}]
    body = {"audiences": [audience(1, ready_at=far), audience(2, ready_in_s=60)], "customer_lists": lists}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(body))
    mock = start(seed=str(file))
    mock.world.clock.advance(1000)
    httpx.post(f"{mock.url}/__admin/reset")
    state = httpx.get(f"{mock.url}/worlds/late/__admin/state").json()
    for rows, now in ((state["audiences"], 60), (state["customer_lists"], 10)):
        assert rows[0]["ready_at"] == far
        assert 0 <= state["clock"]["now"] + now - rows[1]["ready_at"] < 60


def test_users_of_a_seed_are_matched(mock: MockServer) -> None:
    """A hand-written seed may give users in any order and twice; they are counted as an upload's are."""
    block = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    other = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    seed(mock, {"audiences": [audience(1, users=[other, block, block])]})
    state = httpx.get(f"{mock.url}/__admin/state").json()["audiences"][0]
    assert state["people"] == 2
    assert len(state["users"]) == 1


def test_a_tokens_family_is_its_own(mock: MockServer) -> None:
    """Tokens of a seed that came of one grant end together, and take none of the world's with them."""
    tokens: list[dict[str, Any]] = [
        {"token": text, "kind": kind, "family": 1, "scopes": ["ads:read"]}
        for text, kind in (("pina_1", "access"), ("pinr_1", "refresh"))
    ]
    assert seed(mock, {"tokens": tokens}).status_code == 200
    others = [{**one, "token": one["token"].replace("1", "2")} for one in tokens]
    assert seed(mock, {"tokens": others}).status_code == 200
    form = {"token": "pinr_2"}
    revoked = httpx.post(f"{mock.url}/v5/oauth/token/revoke", data=form, auth=APP)
    assert revoked.status_code == 200, revoked.text
    url = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    statuses = [
        httpx.get(url, headers={"Authorization": f"Bearer pina_{number}"}).status_code for number in (1, 2)
    ]
    assert statuses == [200, 401]
