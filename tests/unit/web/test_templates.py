"""Response templates: the bytes are those of pydantic's writer, in the order of the model."""

from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_core import to_json

from audience_mock.web.templates import ResponseTemplate, json_string


class Row(BaseModel):
    size: int
    kind: str = Field(alias="type")
    name: str | None
    flag: bool


FORMATS = {"type": '"row"', "name": "%s", "size": "%d", "flag": "false"}
"""In another order than the model's keys."""


@pytest.mark.parametrize("name", [None, "plain", 'quoted "and" \\ escaped', "zwölf\n\x00\u2028😀"])
def test_a_template_writes_what_pydantic_writes(name: str | None) -> None:
    """A rendered row equals the model's compact JSON, key order and escapes included."""
    row = Row(size=31, type="row", name=name, flag=False)
    rendered = ResponseTemplate(Row, FORMATS).render((json_string(name), 31))
    assert rendered.encode() == to_json(row, by_alias=True)


@pytest.mark.parametrize(
    ("without", "expected"),
    [({"flag"}, '{"size":31,"type":"row","name":"a"}'), ({"flag", "type"}, '{"size":31,"name":"a"}')],
)
def test_a_template_leaves_keys_out(without: set[str], expected: str) -> None:
    """An API version that lacks a key has a template without it; the values stay the same."""
    values: tuple[Any, ...] = ('"a"', 31)
    assert ResponseTemplate(Row, FORMATS, without=without).render(values) == expected
