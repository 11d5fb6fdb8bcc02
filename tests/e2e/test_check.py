"""`audience-mock check` and `audience-mock schema` in real processes."""

from pathlib import Path

import pytest

from helpers.environment import MEASURED
from helpers.serve_command import Runner, command, rejection

__all__ = ["command"]

# Checking


CHECKED = [
    (
        '{"audiences": [\n  {"api": "pinterest", "id": "5",}\n]}',
        ["2:34: not JSON: Illegal trailing comma before end of object"],
    ),
    ('{"people": ["a" ,\n  ]}', ["2:3: not JSON: Illegal trailing comma before end of array"]),
    ('{"people": }', ["1:12: not JSON: Expecting value"]),
    ('{\n "audience": []}', ["2:14: audience: unknown key 'audience', did you mean 'audiences'?"]),
    (
        '{"audiences": [\n  {"api": "pinterest", "account": "1", "kind": "é", "name": ""},\n  {}\n]}',
        [
            "2:48: audiences.0.kind: must consist of capital letters or underscores",
            "2:61: audiences.0.name: must not be empty",
            "3:3: audiences.1.api: missing",
            "3:3: audiences.1.account: missing",
            "3:3: audiences.1.kind: missing",
            "3:3: audiences.1.name: missing",
        ],
    ),
    (
        '{"pixels": [{"facebook_id": "1", "account": "1", "name": "a", "tag": "b", "creator": "c"},\n'
        ' {"account": "1", "name": "a", "tag": "b", "creator": "c", "facebook_id": "1"}]}',
        ["2:75: pixels.1.facebook_id: the seed has the pixel 1 twice"],
    ),
    (
        '{"audiences": [{"api": "pinterest", "account": "1", "kind": "V", "name": "a",\n'
        ' "customer_list": "4"}]}',
        ["2:19: audiences.0.customer_list: the ad account 1 has no customer list 4"],
    ),
    ('{"people": ["a", 1], "people": [\n2]}', ["2:1: people.0: must be a string"]),
    ('{"people": [NaN]}', ["1:13: people.0: must be a string"]),
]


@pytest.mark.parametrize(("text", "said"), CHECKED)
def test_check_names_the_place(command: Runner, text: str, said: list[str]) -> None:
    """`check` tells what is wrong with a seed by file, line, column and field, and ends with 1; a server that
    is to start from the file tells the first of it."""
    (command.folder / "a.json").write_text(text)
    run = command("check", "a.json")
    assert run.status() == 1
    assert run.err == ""
    assert len(run.out.splitlines()) == len(said), run.out
    for line, begins in zip(run.out.splitlines(), said, strict=True):
        assert line.startswith(f"a.json:{begins}"), line
    served = command("serve", "--port", "0", "--seed", "a.json")
    assert rejection(served).startswith(f"audience-mock: a.json:{said[0]}")


def test_check_of_several(command: Runner) -> None:
    """`check` says of each file that it is right or what is wrong, and ends with 0 if all are right."""
    (command.folder / "a.json").write_text('{"people": ["ann@example.com"]}')
    (command.folder / "one.json").write_text(
        '{"audiences": [{"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "a"}]}'
    )
    (command.folder / "latin").write_bytes('{"people":\n ["é"]}'.encode("latin-1"))
    right = command("check", "a.json", "one.json", **MEASURED)
    assert right.status() == 0
    assert right.out == "a.json: OK, 0 audiences\none.json: OK, 1 audience\n"
    run = command("check", "a.json", "latin", "missing")
    assert run.status() == 1
    assert run.out.splitlines() == [
        "a.json: OK, 0 audiences",
        "latin:2:4: not UTF-8: invalid continuation byte",
        "cannot read the seed missing: No such file or directory",
    ]


def test_schema(command: Runner) -> None:
    """`schema` prints the JSON Schema of seed files that lies in fixtures/."""
    run = command("schema", **MEASURED)
    assert run.status() == 0
    kept = Path(__file__).parents[2] / "fixtures/world.schema.json"
    assert run.out == kept.read_text()
