"""The OpenAPI descriptions that we serve: kept in openapi/, valid, and enough to work from."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import schemathesis

from audience_mock.app import describe

KEPT = Path(__file__).parents[2] / "openapi"
NAMES = ("control", "pinterest", "pitchtarget")
FILES = ("EVIDENCE.md", *(f"{name}.json" for name in NAMES))

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
ONLY_ITS_KEYWORDS = {
    "$schema": JSON_SCHEMA,
    "$id": "urn:only-its-keywords",
    # Takes the place of the meta-schema wherever that refers to itself.
    "$dynamicAnchor": "meta",
    "$ref": JSON_SCHEMA,
    "properties": {"x-evidence": {"type": "array"}},
    "unevaluatedProperties": False,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command writes now."""
    folder = tmp_path_factory.mktemp("openapi")
    assert sorted(describe(folder)) == [folder / kept for kept in FILES]
    return folder


@pytest.fixture(params=NAMES)
def document(written: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A description as it is served, read."""
    served: dict[str, Any] = json.loads((written / f"{request.param}.json").read_text())
    return served


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The described request ("request") and answers (their statuses) of an operation, in all media types."""
    described = {"request": operation.get("requestBody", {})} | operation["responses"]
    for what, body in described.items():
        for media in body.get("content", {}).values():
            yield what, media


def examples(media: dict[str, Any], document: dict[str, Any]) -> list[Any]:
    """Those of a media type, or else of its models."""
    if "example" in media:
        return [media["example"]]
    if "examples" in media:
        return [example["value"] for example in media["examples"].values()]
    found, schemas = [], [media["schema"]]
    while schemas:
        schema = schemas.pop()
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        found += schema.get("examples", ())
        schemas += schema.get("anyOf", ())
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_kept_description_is_the_served_one(name: str, written: Path) -> None:
    """openapi/ holds, to the byte, what the server describes, and what that rests on."""
    kept = KEPT / name
    assert kept.exists(), f"{kept} is missing: run `make openapi`"
    now = (written / name).read_bytes()
    assert kept.read_bytes() == now, f"{kept} is not what is served: run `make openapi`"


def test_a_description_is_valid_openapi(document: dict[str, Any]) -> None:
    """Each description fits the schema that the OpenAPI Initiative publishes for its version."""
    schemathesis.openapi.from_dict(document).validate()


def test_schemas_have_keywords_of_json_schema_only(document: dict[str, Any]) -> None:
    """Each schema is valid JSON Schema and has no keyword that a reader would pass over, but for what
    it rests on."""
    schemas = dict(document["components"]["schemas"])
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            schemas[f"{operation['operationId']} {parameter['name']}"] = parameter["schema"]
        for what, media in bodies(operation):
            schemas[f"{operation['operationId']} {what}"] = media["schema"]
    check = jsonschema_rs.Draft202012Validator(ONLY_ITS_KEYWORDS)
    deepest = {
        name: f"{error.instance_path}: {error.message}"
        for name, schema in schemas.items()
        for error in sorted(check.iter_errors(schema), key=lambda error: len(error.instance_path))
    }
    assert deepest == {}


def test_an_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """Each operation has an operationId, and no two have the same."""
    ids = [operation.get("operationId") for operation in operations(document)]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_an_operation_describes_its_errors(document: dict[str, Any]) -> None:
    """Each operation describes 400 or 422 for a wrong value, and 401 unless it needs no token."""
    for operation in operations(document):
        statuses = operation["responses"].keys()
        assert {"400", "404", "422"} & statuses, operation["operationId"]
        assert "401" in statuses or operation.get("security") == [], operation["operationId"]


def test_an_operation_shows_its_success(document: dict[str, Any]) -> None:
    """Each success that has a body has an example of it."""
    bare = {
        f"{operation['operationId']} {status}"
        for operation in operations(document)
        for status, media in bodies(operation)
        if status.startswith("2") and not examples(media, document)
    }
    assert bare == set()


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    """Each example in a description fits the schema that it stands for."""
    schemas = document["components"]["schemas"]
    shown = [(name, schema, schema.get("examples", ())) for name, schema in schemas.items()]
    for operation in operations(document):
        for what, media in bodies(operation):
            shown.append((f"{operation['operationId']} {what}", media["schema"], examples(media, document)))
    for name, schema, instances in shown:
        check = jsonschema.Draft202012Validator(schema | {"components": document["components"]})
        for instance in instances:
            assert [error.message for error in check.iter_errors(instance)] == [], name


def links(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]]:
    """Each link, behind the operation and the answer that it leads from, and its name."""
    for operation in operations(document):
        for answer in operation["responses"].values():
            for name, link in answer.get("links", {}).items():
                yield operation, answer, name, link


def expressions(link: dict[str, Any]) -> list[str]:
    return re.findall(r'"(\$[^"]+)"', json.dumps(link))


def test_links_lead_to_what_is_described(document: dict[str, Any]) -> None:
    """Each link names an operation, parameters that this has, and a part of a body that it takes."""
    by_id = {operation["operationId"]: operation for operation in operations(document)}
    for _, _, name, link in links(document):
        to = by_id[link["operationId"]]
        known = {parameter["name"] for parameter in to.get("parameters", ())}
        assert link.get("parameters", {}).keys() <= known, name
        if "requestBody" in link:
            schemas = [media["schema"] for what, media in bodies(to) if what == "request"]
            assert schemas, name
            for schema in schemas:
                model = (
                    document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                    if "$ref" in schema
                    else schema
                )
                assert link["requestBody"].keys() <= model["properties"].keys(), name


def test_links_take_what_is_there(document: dict[str, Any]) -> None:
    """Each expression of a link finds its value: in the example of the answer, or among the parameters."""
    seen = 0
    for operation, answer, name, link in links(document):
        for expression in expressions(link):
            source, where, place = re.split(r"(#|\.path\.|\.query\.)", expression)
            seen += 1
            if source == "$response.body":
                found: Any = examples(answer["content"]["application/json"], document)[0]
                for part in place.strip("/").split("/"):
                    found = found[int(part) if isinstance(found, list) else part]
            else:
                assert source == "$request", name
                assert (place, where.strip(".")) in {
                    (one["name"], one["in"]) for one in operation["parameters"]
                }, name
    assert seen or not any(links(document)), "only the control API has none"
