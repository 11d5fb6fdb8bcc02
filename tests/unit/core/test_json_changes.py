"""What is different between two JSON values."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audience_mock.core.controls.json_changes import Change, changes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "rule"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_each_kind() -> None:
    """A key that came, one that went, another type and another value are told apart, each by its path."""
    before = {"id": "1", "size": 0, "rule": {"event": "checkout", "days": 3}, "tags": ["a"], "old": None}
    after = {"id": "1", "size": "0", "rule": {"event": "signup", "days": 3}, "tags": ["a", "b"], "new": False}
    assert [*changes(before, after)] == [
        Change("$.size", "type", 0, "0"),
        Change("$.rule.event", "value", "checkout", "signup"),
        Change("$.tags[1]", "added", None, "b"),
        Change("$.old", "removed", None, None),
        Change("$.new", "added", None, False),
    ]


def test_items_with_ids_are_compared_by_id() -> None:
    """An item that is missing at the start of a list does not make all others different."""
    items = [{"id": id, "name": id} for id in "abc"]
    assert [*changes(items, items[1:])] == [Change("$[0]", "removed", items[0], None)]


def test_true_is_not_one() -> None:
    """JSON's types are compared, not Python's: true and 1 are of two types, 1 and 1.0 are the same."""
    assert [change.kind for change in changes([True, 1], [1, 1.0])] == ["type"]


@given(VALUES)
def test_a_value_equals_itself(value: Any) -> None:
    """Two equal values have no difference."""
    assert [*changes(value, deepcopy(value))] == []


@given(VALUES, VALUES)
def test_a_difference_is_found(before: Any, after: Any) -> None:
    """Two values that are written differently have a difference, but for the order of what has ids."""
    texts = [json.dumps(_sorted(value), sort_keys=True) for value in (before, after)]
    assert bool([*changes(before, after)]) == (texts[0] != texts[1])


def _sorted(value: Any) -> Any:
    """With lists of items that all have ids, each once, in the order of the ids."""
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    items = [_sorted(each) for each in value]
    ids = [*_ids(items)]
    return sorted(items, key=json.dumps) if len(set(ids)) == len(items) == len(ids) else items


def _ids(items: list[Any]) -> Iterator[str]:
    yield from (json.dumps(item["id"]) for item in items if isinstance(item, dict) and "id" in item)
