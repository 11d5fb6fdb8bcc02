"""Seed files: what is wrong with one, and where."""

import re
from pathlib import Path

import pytest

from audience_mock.core.errors import InvalidSeedError
from audience_mock.core.seeds import loader
from helpers.worlds import seed_file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r":1:2: not JSON: Expecting property name"),
        ('{"audience": []}', r":1:14: audience: unknown key 'audience', did you mean 'audiences'\?$"),
        ('{"audiences": [{"api": "pinterest"}]}', r":1:16: audiences\.0\.account: missing \(and 2 more"),
        ('{"audiences": [{"api": "meta", "account": "1", "kind": "x", "name": "y"}]}', r"audiences\.0\.api"),
    ],
)
def test_an_invalid_seed_names_file_and_field(tmp_path: Path, text: str, says: str) -> None:
    """What is wrong with a seed is reported in one line that names the file and the field."""
    file = seed_file(tmp_path, text)
    with pytest.raises(InvalidSeedError, match=says) as caught:
        loader.load(file)
    assert str(file) in str(caught.value)


AUDIENCE = '"api": "pitchtarget", "account": "1", "name": "a"'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"sequences": {"pinterest_audience": 9223372036854775807}}', "sequences.pinterest_audience"),
        (f'{{"audiences": [{{{AUDIENCE}, "kind": "x\\"y"}}]}}', "audiences.0.kind"),
        (f'{{"audiences": [{{{AUDIENCE}, "kind": "APP", "status": "\\u0000"}}]}}', "audiences.0.status"),
        (
            f'{{"audiences": [{{{AUDIENCE}, "kind": "APP", "retention_days": 9223372036854775808}}]}}',
            "audiences.0.retention_days",
        ),
        *(
            (f'{{"audiences": [{{{AUDIENCE}, "kind": "APP", "{key}": {value}}}]}}', f"audiences.0.{key}")
            for key in ("definition", "facebook_object")
            for value in ('"not json"', '"[]"', '"{\\"a\\": NaN}"', '{"a": Infinity}', "[]")
        ),
    ],
)
def test_a_seed_that_no_answer_could_carry_is_rejected(tmp_path: Path, text: str, where: str) -> None:
    """Numbers without end, text that breaks an answer and ids that cannot count on are rejected at start."""
    with pytest.raises(InvalidSeedError, match=re.escape(where)) as caught:
        loader.load(seed_file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_seed(tmp_path: Path) -> None:
    """A file with a mark in front is read, and a mistake in it has the place that an editor shows."""
    good = seed_file(tmp_path, '\ufeff{"audiences": []}')
    assert loader.load(good).audiences == []
    assert loader.check(good)[1] == []
    for text, where in (('\ufeff{"audience": []}', ":1:14: audience"), ('\ufeff{"a": }', ":1:7: not JSON")):
        file = seed_file(tmp_path, text)
        (problem,) = loader.check(file)[1]
        assert str(problem).startswith(f"{file}{where}")
    taken = '{"api": "pinterest", "id": "7", "account": "1", "kind": "APP", "name": "a"}'
    text = f'{{"audiences": [{taken}, {taken}]}}'
    (problem,) = loader.check(seed_file(tmp_path, f"\ufeff{text}"))[1]
    assert f":1:{text.rindex('7')}: audiences.1.id" in str(problem)


def test_a_missing_seed_file_is_named() -> None:
    """A missing file is named, with the system's reason."""
    with pytest.raises(InvalidSeedError, match=r"/nowhere\.json: No such file"):
        loader.load(Path("/nowhere.json"))
