"""pydantic's errors in plain sentences."""

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from audience_mock.core.validation_errors import Problem, problems


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Size(Strict):
    least: int = Field(default=0, alias="from", ge=0)
    most: int = Field(default=0, alias="to", ge=0, le=10)


class Tag(Strict):
    name: str
    weight: float = 1


def _as_size(value: Any) -> Any:
    return {"from": value, "to": value} if isinstance(value, int) else value


def _never(value: Any) -> Any:
    raise (
        ValueError("no value is good enough") if value == "value" else PydanticCustomError("own", "own words")
    )


class Audience(Strict):
    """A field for each kind of error."""

    name: Annotated[str, Field(min_length=1, max_length=8)] = "a"
    code: Annotated[str, Field(min_length=2)] = "ab"
    id: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] = "1"
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    kind: Annotated[str, Field(pattern=r"^[A-Z_]+$")] = "A"
    token: Annotated[str, Field(pattern=r"^[!-~]{8,}$")] = "12345678"
    policy: Annotated[str, Field(pattern=r"^(at_once|after_reads:[1-9][0-9]{0,5})$")] = "at_once"
    other: Annotated[str, Field(pattern=r"^a+$")] = "a"
    status: Literal["READY", "TOO_SMALL"] | None = None
    create: Literal[201, 200] = 201
    garbage: Literal[True] | None = None
    port: int = Field(default=0, ge=0, le=65535)
    count: int = Field(default=1, ge=1)
    strict: int = Field(default=1, strict=True, ge=1)
    small: int = Field(default=1, le=5)
    below: int = Field(default=1, lt=5)
    half: int = Field(default=1, ge=1, lt=5)
    above: float = Field(default=1, gt=0)
    window: float = Field(default=1, gt=0, le=1e9)
    share: float = Field(default=1, ge=0, le=1)
    free: float = Field(default=1, allow_inf_nan=False)
    frozen: bool = False
    size: Annotated[Size, BeforeValidator(_as_size, json_schema_input_type=int | Size)] | None = None
    either: int | list[str] | None = None
    shape: Size | Tag | str | None = None
    tags: list[Tag] = Field(default=[], max_length=2)
    names: list[str] = Field(default=["a"], min_length=1)
    several: list[str] = Field(default=["a", "b"], min_length=2)
    counts: dict[Literal["shares", "grants"], Annotated[int, Field(ge=1)]] = {}
    own: Annotated[Any, BeforeValidator(_never)] = None

    @model_validator(mode="after")
    def _agrees(self) -> "Audience":
        if self.frozen and self.garbage:
            raise ValueError("give frozen or garbage, not both")
        return self


def found(text: str, model: type[BaseModel] | None = Audience, **more: Any) -> list[Problem]:
    with pytest.raises(ValidationError) as error:
        Audience.model_validate_json(text)
    return problems(error.value.errors(include_url=False), model, **more)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        # Keys
        ({"statuss": 1}, "statuss: unknown key 'statuss', did you mean 'status'?"),
        (
            {"tags": [{"name": "a", "wieght": 1}]},
            "tags.0.wieght: unknown key 'wieght', did you mean 'weight'?",
        ),
        ({"tags": [{"name": "a", "x": 1}]}, "tags.0.x: unknown key 'x' (known: name, weight)"),
        ({"size": {"form": 1}}, "size.form: unknown key 'form', did you mean 'from'?"),
        ({"counts": {"share": 1}}, "counts.share: unknown key 'share', did you mean 'shares'?"),
        ({"counts": {"x": 1}}, "counts.x: unknown key 'x' (known: shares, grants)"),
        ({"tags": [{"name": "a"}, {}]}, "tags.1.name: missing"),
        # Types
        ({"name": 1}, "name: must be a string (given: 1)"),
        ({"name": None}, "name: must be a string (given: null)"),
        ({"port": "eight"}, "port: must be a whole number from 0 to 65535 (given: 'eight')"),
        ({"port": 1.5}, "port: must be a whole number from 0 to 65535 (given: 1.5)"),
        ({"strict": "1"}, "strict: must be a whole number, 1 or more (given: '1')"),
        ({"free": "soon"}, "free: must be a number (given: 'soon')"),
        ({"free": "nan"}, "free: must be a number (given: 'nan')"),
        ({"share": []}, "share: must be a number from 0 to 1 (given: [])"),
        ({"frozen": "maybe"}, "frozen: must be true or false (given: 'maybe')"),
        ({"frozen": {}}, "frozen: must be true or false (given: {})"),
        ({"names": "a"}, "names: must be a list (given: 'a')"),
        ({"counts": []}, "counts: must be an object (given: [])"),
        ({"tags": ["a"]}, "tags.0: must be an object (given: 'a')"),
        ([], "must be an object (given: [])"),
        # Bounds
        ({"port": 70000}, "port: must be a whole number from 0 to 65535 (given: 70000)"),
        ({"port": -1}, "port: must be a whole number from 0 to 65535 (given: -1)"),
        ({"count": 0}, "count: must be a whole number, 1 or more (given: 0)"),
        ({"small": 6}, "small: must be a whole number, 5 or less (given: 6)"),
        ({"below": 5}, "below: must be a whole number less than 5 (given: 5)"),
        ({"half": 5}, "half: must be a whole number, at least 1 and less than 5 (given: 5)"),
        ({"above": 0}, "above: must be a number greater than 0 (given: 0)"),
        (
            {"window": 1e10},
            "window: must be a number, greater than 0 and at most 1000000000 (given: 10000000000.0)",
        ),
        ({"share": 1.5}, "share: must be a number from 0 to 1 (given: 1.5)"),
        ({"counts": {"shares": 0}}, "counts.shares: must be a whole number, 1 or more (given: 0)"),
        # Sizes
        ({"name": ""}, "name: must not be empty (given: '')"),
        ({"name": "a" * 9}, "name: must have at most 8 characters (given: 'aaaaaaaaa')"),
        ({"code": "a"}, "code: must have at least 2 characters (given: 'a')"),
        ({"names": []}, "names: must not be empty (given: [])"),
        ({"several": ["a"]}, 'several: must have at least 2 items (given: ["a"])'),
        (
            {"tags": [{"name": "a"}] * 3},
            'tags: must have at most 2 items (given: [{"name": "a"}, {"name": "a"}, {"name": "a"}])',
        ),
        # Allowed values
        ({"status": "ready"}, "status: must be one of 'READY', 'TOO_SMALL' (given: 'ready')"),
        ({"create": 204}, "create: must be one of 201, 200 (given: 204)"),
        ({"garbage": False}, "garbage: must be true (given: false)"),
        # Patterns
        ({"id": "x"}, "id: must be 1 to 18 digits (given: 'x')"),
        ({"digest": "x"}, "digest: must be 64 hex digits (given: 'x')"),
        ({"kind": "é"}, "kind: must consist of capital letters or underscores (given: 'é')"),
        ({"token": "short"}, "token: must be 8 or more ASCII characters without spaces (given: 'short')"),
        ({"policy": "x"}, "policy: must be one of 'at_once', 'after_reads:N' (given: 'x')"),
        ({"other": "b"}, "other: must match the pattern ^a+$ (given: 'b')"),
        # Unions
        ({"size": "x"}, "size: must be a whole number or an object (given: 'x')"),
        ({"size": -1}, "size.from: must be a whole number, 0 or more (given: -1)"),
        ({"either": {}}, "either: must be a whole number or a list (given: {})"),
        ({"either": [1]}, "either.0: must be a string (given: 1)"),
        ({"shape": 1}, "shape: must be an object or a string (given: 1)"),
        # Own sentences
        ({"own": "value"}, "own: no value is good enough (given: 'value')"),
        ({"own": ""}, "own: own words (given: '')"),
        (
            {"frozen": True, "garbage": True},
            'give frozen or garbage, not both (given: {"frozen": true, "garbage": true})',
        ),
    ],
)
def test_an_error_is_a_sentence(given: Any, says: str) -> None:
    """An error names the field, says all that the field takes, and shows the value."""
    assert str(found(json.dumps(given))[0]) == says


def test_all_problems_are_listed() -> None:
    """Several errors are several problems, in the order of the model, each with its path."""
    listed = found('{"tags": [{"name": 1}, {"name": "b", "weight": "x"}], "port": -1, "prt": 2}')
    assert [(problem.path, problem.field, problem.why) for problem in listed] == [
        (("port",), "port", "must be a whole number from 0 to 65535"),
        (("tags", 0, "name"), "tags.0.name", "must be a string"),
        (("tags", 1, "weight"), "tags.1.weight", "must be a number"),
        (("prt",), "prt", "unknown key 'prt', did you mean 'port'?"),
    ]


def test_a_union_reports_what_is_wrong_inside() -> None:
    """For an object that no member of a union takes, the problems are inside, at their paths in the JSON."""
    assert list(map(str, found('{"shape": {"name": 1}}'))) == ["shape.name: must be a string (given: 1)"]
    assert list(map(str, found('{"shape": {"nam": "a", "weight": 1}}'))) == [
        "shape.nam: unknown key 'nam', did you mean 'name'?"
    ]


def test_a_misspelled_key_is_not_missing() -> None:
    """A required key that is there under a misspelled name is one problem; another one stays missing."""
    assert list(map(str, found('{"tags": [{"nmae": "a"}, {"wieght": 1}]}'))) == [
        "tags.0.nmae: unknown key 'nmae', did you mean 'name'?",
        "tags.1.name: missing",
        "tags.1.wieght: unknown key 'wieght', did you mean 'weight'?",
    ]


def test_keys_have_the_readers_name() -> None:
    """What the caller calls its keys is what the sentence calls them."""
    assert found('{"prt": 1}', key="setting")[0].why == "unknown setting 'prt', did you mean 'port'?"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"port": "eight"}, "port: must be a whole number (given: 'eight')"),
        ({"port": -1}, "port: must be 0 or more (given: -1)"),
        ({"above": 0}, "above: must be greater than 0 (given: 0)"),
        ({"small": 6}, "small: must be 5 or less (given: 6)"),
        ({"below": 5}, "below: must be less than 5 (given: 5)"),
        ({"statuss": 1}, "statuss: unknown key 'statuss'"),
        ({"tags": ["a"]}, "tags.0: must be an object (given: 'a')"),
    ],
)
def test_without_the_model_the_sentence_is_shorter(given: Any, says: str) -> None:
    """Details of unknown origin make sentences too, without suggestions and with one bound."""
    assert str(found(json.dumps(given), None)[0]) == says


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a" * 300, f"'{'a' * 199}…"),
        (["a"] * 300, '["a", ' + '"a", ' * 38 + '"a",…'),
        (float("nan"), "NaN"),
        pytest.param(10**5000, "a value of type int", id="int"),
    ],
)
def test_a_long_value_is_cut(value: Any, shown: str) -> None:
    """A wrong value is shown up to 200 characters, and by its type where it cannot be written."""
    assert Problem((), "wrong", value).reason == f"wrong (given: {shown})"
