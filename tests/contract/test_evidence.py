"""The evidence for each rule: every rule has a grade, and the page and the table agree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from audience_mock.app import create_app
from audience_mock.core import errors
from audience_mock.core.errors import DomainError
from audience_mock.providers.pinterest import errors as pinterest_errors
from audience_mock.providers.pitchtarget import errors as pitchtarget_errors
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from audience_mock.web.errors import InjectedError, InvalidInputError, NoRouteError, RequestError
from audience_mock.web.evidence import KEY, Grade, chosen
from audience_mock.web.operations import GRADES, evidence_table, list_operations, request_fields

ROOT = Path(__file__).parents[2]
NAMES = ("pinterest", "pitchtarget")

NOT_OF_AN_API = {
    *(errors.ConfigurationError, errors.AlreadyExistsError, InjectedError, NoRouteError),
    # Answered as an InjectedError.
    errors.RejectedIdentityError,
    # Answered as an InvalidInputError; and a failure of the server's own, whose status alone is another.
    *(errors.InvalidTextError, errors.StoreUnavailableError),
}
"""Facts that no request to an API brings about by itself, and what others of them have in common."""
NOT_PINTERESTS = {errors.NameTakenError}
"""Pinterest has nothing whose name is unique: equal names were recorded."""
NOT_PITCHTARGETS = {
    "MissingScopesError, NotPermittedError, RateLimitError": "tokens of PitchTarget's may do everything",
    "InvalidGrantError, ScopesNotGrantedError, SelfShareError": "it has no such operations",
    "NotInAccountError, InvalidStateError": "it has no such operations",
}


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    made = create_app(Settings())
    yield made
    made.state.worlds.close()


@pytest.fixture(scope="module")
def descriptions(app: FastAPI) -> dict[str, dict[str, Any]]:
    return {name: app.state.providers[name].openapi() for name in NAMES}


@pytest.fixture(scope="module")
def served(descriptions: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return list_operations(descriptions)


def described(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in description["paths"].values():
        yield from methods.values()


def graded(served: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Whatever has a grade: operations, their rules, their errors."""
    for operation in served:
        yield operation
        yield from operation["rules"]
        yield from operation["errors"]


def ungraded(operation: dict[str, Any], description: dict[str, Any]) -> Iterator[str]:
    """The fields and parameters of a request that do not say what they rest on."""
    for parameter in operation.get("parameters", ()):
        if KEY not in parameter["schema"]:
            yield f"{operation['operationId']} {parameter['in']} {parameter['name']}"
    for field, schema, _ in request_fields(operation, description):
        if KEY not in schema:
            yield f"{operation['operationId']} body {field}"


@pytest.mark.parametrize("name", NAMES)
def test_each_operation_and_field_has_a_grade(name: str, descriptions: dict[str, dict[str, Any]]) -> None:
    """Each operation, and each parameter and key of its request, says in the description what it rests on."""
    description = descriptions[name]
    for operation in described(description):
        assert "rule" not in operation[KEY][0], "an operation's first grade is its own"
        assert list(ungraded(operation, description)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_length_has_a_grade_of_its_own(name: str, descriptions: dict[str, dict[str, Any]]) -> None:
    """Where a schema bounds a length, which is the mock's own choice more often than not, a rule says so."""
    description = descriptions[name]
    bare = [
        f"{operation['operationId']} {field}"
        for operation in described(description)
        for field, schema, _ in request_fields(operation, description)
        if {"minLength", "maxLength", "minItems", "maxItems"} & schema.keys()
        and not any("rule" in known for known in schema[KEY])
    ]
    assert bare == []


def test_a_field_without_a_grade_is_found() -> None:
    """The check above sees a key without a grade, however deep it lies."""
    inner = {"type": "object", "properties": {"new": {"type": "string"}}}
    model = {"type": "object", "properties": {"rule": {"items": {"$ref": "#/components/schemas/Inner"}}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Model"}}}}
    description = {"components": {"schemas": {"Model": model, "Inner": inner}}}
    operation = {"operationId": "x", "requestBody": body, "responses": {}}
    assert list(ungraded(operation, description)) == ["x body rule", "x body rule[].new"]


def test_each_grade_has_a_source(served: list[dict[str, Any]]) -> None:
    """A grade is one of the four and has a source; what is invented says that it was chosen, nothing else
    does."""
    assert set(GRADES) == set(get_args(Grade))
    for one in graded(served):
        assert one["grade"] in GRADES, one
        assert one["source"].strip(), one
        assert one["source"].startswith("chosen: ") == (one["grade"] == "invented"), one
        assert one["source"] != chosen("").source


def possible() -> set[type[Exception]]:
    """What a request can be rejected for."""
    rejections = {*RequestError.__subclasses__(), *NoRouteError.__subclasses__()}
    return {*rejections, *DomainError.__subclasses__()} - NOT_OF_AN_API


def test_each_error_that_pinterest_answers_has_a_grade() -> None:
    """Each error that a request can cause has a row in Pinterest's table of messages, and so a grade."""
    worded = {*pinterest_errors.ERRORS, InvalidInputError}
    assert {
        *RequestError.__subclasses__(),
        *NoRouteError.__subclasses__(),
        *DomainError.__subclasses__(),
    } - NOT_OF_AN_API - NOT_PINTERESTS <= worded


def test_each_error_that_pitchtarget_answers_has_a_grade() -> None:
    """Each error that a request can cause has a row in PitchTarget's table of errors, and so a grade."""
    worded = {*pitchtarget_errors.ERRORS, InvalidInputError}
    others = {name for names in NOT_PITCHTARGETS for name in names.split(", ")}
    possible = (
        {*RequestError.__subclasses__(), *NoRouteError.__subclasses__(), *DomainError.__subclasses__()}
        - NOT_OF_AN_API
        - worded
    )
    assert {fact.__name__ for fact in possible} == others


@pytest.mark.parametrize("name", NAMES)
def test_each_described_rejection_is_a_graded_error(name: str, app: FastAPI) -> None:
    """Each rejection that an operation describes has an error of its status among the operation's."""
    description = app.state.providers[name].openapi()
    errors = {
        one["name"]: {error["status"] for error in one["errors"]}
        for one in list_operations({name: description})
    }
    for operation in described(description):
        rejections = {int(status) for status in operation["responses"] if status >= "400"}
        assert rejections <= errors[operation["operationId"]], operation["operationId"]


def test_the_page_and_the_table_agree(mock: MockServer, served: list[dict[str, Any]]) -> None:
    """/__admin/operations answers what openapi/EVIDENCE.md is written from, all or of one provider."""
    page = httpx.get(f"{mock.url}/__admin/operations").json()["operations"]
    assert sorted(page, key=_name) == sorted(served, key=_name)
    for name in NAMES:
        of_one = httpx.get(f"{mock.url}/__admin/operations", params={"provider": name}).json()["operations"]
        assert of_one == [operation for operation in page if operation["provider"] == name]
    assert (ROOT / "openapi/EVIDENCE.md").read_text() == evidence_table(page), "run `make openapi`"


def _name(operation: dict[str, Any]) -> tuple[str, str]:
    return operation["provider"], operation["name"]


def test_an_unknown_provider_is_rejected(mock: MockServer) -> None:
    """?provider= of another name answers 400 and says which there are."""
    rejected = httpx.get(f"{mock.url}/__admin/operations", params={"provider": "facebook"})
    assert rejected.status_code == 400
    assert all(name in rejected.json()["error"] for name in NAMES)


def test_an_operation_lists_its_rules_and_errors(served: list[dict[str, Any]]) -> None:
    """A rule has its field and text, an error its status and message, and both a grade."""
    create = next(one for one in served if one["name"] == "audiences/create")
    assert create["method"] == "POST"
    assert create["paths"] == [f"{base}/ad_accounts/{{ad_account_id}}/audiences" for base in ("/v5", "")]
    prose = {"grade": "documented", "source": "the description's prose, not its schema"}
    assert {
        "field": "body rule.retention_days",
        "rule": "integer, at least 1, at most 540",
        **prose,
    } in create["rules"]
    errors = {(error["status"], error["code"], error["grade"]) for error in create["errors"]}
    assert {(401, 2, "recorded"), (429, 8, "inferred"), (413, 1, "invented")} <= errors
