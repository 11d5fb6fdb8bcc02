"""The difference of two worlds, by their ids."""

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error
from helpers.states import HELD, audience, seed


@pytest.mark.both_engines
def test_worlds_differ_by_rows_and_fields(mock: MockServer) -> None:
    """The difference has what is added, removed and changed, from and to, in the sections where that is."""
    for world in ("a", "b"):
        seed(mock, HELD | {"clock": {"now": 1_700_000_000, "frozen": True}}, world)
    diff = f"{mock.url}/__admin/worlds/a/diff/b"
    assert httpx.get(diff).json() == {}
    assert httpx.get(f"{mock.url}/__admin/worlds/a/diff/a").json() == {}
    seed(mock, {"audiences": [audience(6, users=["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])]}, "b")
    path = f"{mock.url}/worlds/b/v5/ad_accounts/{AD_ACCOUNT}/audiences/5"
    changed = httpx.patch(path, json={"name": "new", "operation_type": "UPDATE"}, headers=PINTEREST_TOKEN)
    assert changed.status_code == 200
    mock.app.state.worlds.get_or_create("b").clock.advance(500)
    found = httpx.get(diff).json()
    assert found["clock"]["changed"] == [{"fields": {"now": {"from": 1_700_000_000, "to": 1_700_000_000.5}}}]
    assert found["audiences"]["counts"] == {"added": 1, "changed": 1}
    one = {"api": "pinterest", "id": "5", "fields": {"name": {"from": "a", "to": "new"}}}
    assert found["audiences"]["changed"] == [one]
    (added,) = found["audiences"]["added"]
    assert (added["id"], added["users"]["count"]) == ("6", 1)
    assert found.keys() == {"clock", "audiences"}
    back = httpx.get(f"{mock.url}/__admin/worlds/b/diff/a").json()
    assert [row["id"] for row in back["audiences"]["removed"]] == ["6"]
    nowhere = httpx.get(f"{mock.url}/__admin/worlds/a/diff/nowhere")
    assert "no world 'nowhere'" in control_error(nowhere, 404)["error"]


def test_a_difference_counts_all_and_shows_a_hundred(mock: MockServer) -> None:
    """However far apart two worlds are, each kind of row is shown a hundred times at most."""
    seed(mock, {"audiences": [audience(number) for number in range(1, 251)]}, "b")
    found = httpx.get(f"{mock.url}/__admin/worlds/default/diff/b").json()["audiences"]
    assert found["counts"] == {"added": 250}
    assert len(found["added"]) == 100
