"""Audiences are found and listed in their own account, by an index."""

import pytest

from audience_mock.core.audiences import changes, facebook_ids, queries
from audience_mock.core.errors import NotFoundError
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME as PINTEREST
from helpers.worlds import make


def test_pages_hold_each_audience_once_in_order(world: World) -> None:
    """Page after page, ascending or descending, the list of an account has each of its audiences once."""
    numbers = [make(world).number for _ in range(7)]
    make(world, account="2")
    for descending in (False, True):
        seen: list[int] = []
        after = None
        while True:
            page, after = world.transact_now(
                queries.list_page, api=PINTEREST, account="1", cursor=after, limit=3, descending=descending
            )
            seen += [audience.number for audience in page]
            if after is None:
                break
        assert seen == sorted(numbers, reverse=descending)


def test_another_accounts_audience_is_not_found(world: World) -> None:
    """An audience is found, updated and deleted in its own account only."""
    number = make(world).number
    for action in (queries.find, changes.delete):
        with pytest.raises(NotFoundError):
            world.transact_now(action, api=PINTEREST, account="2", number=number)
    with pytest.raises(NotFoundError):
        world.transact_now(changes.update, api=PINTEREST, account="2", number=number, values={"name": "b"})
    with pytest.raises(NotFoundError):
        world.transact_now(queries.find, api=PINTEREST, account="1", number=10**40)
    assert world.transact_now(queries.find, api=PINTEREST, account="1", number=number).name == "a"


def test_no_hot_statement_reads_a_whole_table(world: World) -> None:
    """Finding, paging and what is due to Facebook use an index."""
    for statement in (queries.FIND, queries.PAGE_ASCENDING, queries.PAGE_DESCENDING, facebook_ids.DUE):
        sql = statement.text
        marks = [1] * sql.count("?")
        plan = world.database.driver.execute(f"EXPLAIN QUERY PLAN {sql}", marks).fetchall()
        for *_, step in plan:
            if "SUBQUERY" not in step:  # whose own steps follow
                assert " USING INDEX " in step or " USING COVERING INDEX " in step, (sql, plan)


def test_looking_for_what_is_due_reads_what_waits_only(world: World) -> None:
    """PitchTarget's calls use the index of what waits, however many audiences there are."""
    due = facebook_ids.DUE
    plan = world.database.driver.execute(f"EXPLAIN QUERY PLAN {due.text}", due.values({"now_ms": 0}))
    assert "INDEX audiences_waiting (api=? AND ready_at_ms<?)" in plan.fetchone()[3]
