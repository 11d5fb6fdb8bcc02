"""What we serve against the facts of Pinterest's own descriptions, in fixtures/descriptions."""

import json
from collections import defaultdict
from collections.abc import Container, Iterator
from functools import reduce
from operator import eq, getitem
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer

Facts = dict[str, Any]

CHECKOUT = Path(__file__).parents[2]
FACTS = json.loads((CHECKOUT / "fixtures/descriptions/pinterest-audiences.json").read_text())
REFERENCE = CHECKOUT.parent / "shared/reference"

REQUESTS_DIFFER = {
    "name minLength": "chosen: a name is needed, so an empty one is rejected",
    "rule.country minLength": "chosen: as with the name",
    "rule.event minLength": "chosen: as with the name",
    "rule.engagement_type enum": "the prose names the values",
    "rule.engager_type minimum": "the prose: 1 to 2",
    "rule.engager_type maximum": "the prose: 1 to 2",
    "rule.percentage minimum": "the prose: 1 to 10",
    "rule.percentage maximum": "the prose: 1 to 10",
    "rule.retention_days minimum": "the prose: 1 to 540",
    "rule.retention_days maximum": "the prose: 1 to 540",
    "rule.event_source keys": "the prose: {'=': [values]}",
    "rule.event_source values": "the prose: {'=': [values]}",
    "rule.ingestion_source keys": "the prose: {'=': [values]}",
    "rule.ingestion_source values": "the prose: {'=': [values]}",
}
"""Where a body that the descriptions allow is rejected, and why."""

ANSWERS_DIFFER = {
    "rule.ad_id[] pattern": "5.28 dropped it",
    "rule.campaign_id[] pattern": "5.28 dropped it",
    "rule.pin_id[] pattern": "5.28 dropped it",
    "rule.visitor_source_id pattern": "5.28 dropped it",
    "rule.visitor_source_id type": "5.28 has a list of texts too, which its client leaves out",
    "is_ctv_enabled unknown": "recorded from production in July 2026",
    "rule.objective_type[] enum": "deprecated values that are still in use come back as they were sent",
}
"""Where an answer may hold what the descriptions do not allow, and why."""

NAMES_IN_5_28 = {
    "Audience": "AdAccountsAudience",
    "AudienceCreateRequest": "AdAccountsAudienceCreate",
    "AudienceRule": "AdAccountsAudienceRule",
    "AudienceUpdateRequest": "AdAccountsAudienceUpdate",
    "EventData": "EventData",
    "LineItem": "LineItem",
}


def spelled_out(fact: Any, objects: Facts) -> Any:
    """The fact with each object in the place of its name."""
    if isinstance(fact, dict):
        fact = objects[fact["object"]] if "object" in fact else fact
        return {key: spelled_out(value, objects) for key, value in fact.items()}
    return [spelled_out(part, objects) for part in fact] if isinstance(fact, list) else fact


OFFICIAL: Facts = spelled_out(FACTS["operations"], FACTS["objects"])


@pytest.fixture(scope="module")
def served() -> Facts:
    """The operations that a running server describes, by name, in the form of the facts."""
    with MockServer() as mock:
        document = httpx.get(f"{mock.url}/openapi/pinterest.json").json()
    objects: Facts = {}
    operations: Facts = spelled_out(read_operations(document, objects), objects)
    return operations


@pytest.mark.parametrize("operation", OFFICIAL)
def test_an_operation_has_its_official_name_and_place(served: Facts, operation: str) -> None:
    """Each official operation is described under its operationId, with its method and path."""
    for part in ("method", "path"):
        assert served[operation][part] == OFFICIAL[operation][part]


@pytest.mark.parametrize("operation", OFFICIAL)
def test_parameters_take_what_the_official_ones_take(served: Facts, operation: str) -> None:
    """Each official parameter is described in its place, as much required, and for all official values."""
    ours = served[operation]["parameters"]
    for name, official in OFFICIAL[operation]["parameters"].items():
        assert (ours[name]["in"], ours[name]["required"]) == (official["in"], official["required"])
        assert list(misfits(official, ours[name])) == []


def test_bodies_take_what_the_official_ones_take(served: Facts) -> None:
    """Each official body fits ours in every field, type and limit, but for the differences listed above."""
    found = {
        difference
        for name, operation in OFFICIAL.items()
        if operation["request"]
        for difference in misfits(operation["request"], served[name]["request"])
    }
    assert found == REQUESTS_DIFFER.keys()


def test_answers_are_what_the_official_ones_are(served: Facts) -> None:
    """Each of our successes has all fields of the official one, in its types, but for those listed above."""
    found = {
        difference.removeprefix("items[].")
        for name, operation in OFFICIAL.items()
        for status, ours in served[name]["responses"].items()
        if status.startswith("2")
        for difference in misfits(ours, operation["responses"]["200"])
    }
    assert found == ANSWERS_DIFFER.keys()


@pytest.mark.parametrize("operation", OFFICIAL)
def test_statuses_are_official(served: Facts, operation: str) -> None:
    """Each official success has its status described, and each of our errors the official error's shape."""
    ours, official = served[operation]["responses"], OFFICIAL[operation]["responses"]
    assert {status for status in official if status.startswith("2")} <= ours.keys()
    errors = {status: error for status, error in ours.items() if not status.startswith("2")}
    assert {"400", "401"} <= errors.keys()
    assert [list(misfits(error, official["default"])) for error in errors.values()] == [[]] * len(errors)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="Pinterest's descriptions are not beside this checkout")
def test_the_facts_are_those_of_the_descriptions() -> None:
    """The facts in the file equal those that can be read off Pinterest's descriptions."""
    operations, objects = read_reference()
    assert FACTS["operations"] == operations
    assert FACTS["objects"] == objects


def at_least(narrow: Any, wide: Any) -> bool:
    return narrow is not None and bool(narrow >= wide)


def at_most(narrow: Any, wide: Any) -> bool:
    return narrow is not None and bool(narrow <= wide)


LIMITS = {
    "minimum": at_least,
    "minLength": at_least,
    "maximum": at_most,
    "maxLength": at_most,
    "pattern": eq,
    "enum": lambda narrow, wide: set(narrow or [None]) <= set(wide),
    "keys": eq,
    "values": eq,
}
"""How a limit of the narrower fits one of the wider."""


def misfits(narrow: Facts, wide: Facts, at: str = "") -> Iterator[str]:
    """Where `narrow` allows what `wide` does not, and objects that differ in their fields."""
    if narrow.get("nullable") and not wide.get("nullable"):
        yield f"{at} null"
    if "anyOf" in narrow:
        for kind in narrow["anyOf"]:
            yield from misfits(kind, wide, at)
        return
    if "anyOf" in wide:
        yield from min((list(misfits(narrow, kind, at)) for kind in wide["anyOf"]), key=len)
        return
    if narrow["type"] != wide["type"]:
        yield f"{at} type"
        return
    for limit, fits in LIMITS.items():
        if limit in wide and not fits(narrow.get(limit), wide[limit]):
            yield f"{at} {limit}"
    if "default" in narrow and narrow["default"] != wide.get("default"):
        yield f"{at} default"
    if "items" in wide:
        yield from misfits(narrow["items"], wide["items"], f"{at}[]")
    if "fields" in wide:
        yield from misfits_of_fields(narrow, wide, f"{at}." if at else "")


def misfits_of_fields(narrow: Facts, wide: Facts, at: str) -> Iterator[str]:
    for name in set(wide["required"]) - set(narrow["required"]):
        yield f"{at}{name} required"
    for name in narrow["fields"].keys() | wide["fields"].keys():
        if name not in wide["fields"]:
            yield f"{at}{name} unknown"
        elif name not in narrow["fields"]:
            yield f"{at}{name} missing"
        else:
            fact = narrow["fields"][name]
            if name not in narrow["required"]:
                # pydantic describes a key that may be left out as one that may be null.
                fact = fact | {"nullable": False}
            yield from misfits(fact, wide["fields"][name], f"{at}{name}")


def read_reference() -> tuple[Facts, Facts]:
    """The operations and objects of 5.23.0 and 5.18.0, with what 5.28.0 adds to them."""
    family, custom, newest = (
        json.loads((REFERENCE / f"pinterest-{name}.json").read_text())
        for name in ("5.23-audience-family.openapi", "5.18-audiences-custom.openapi", "5.28-models")
    )
    older: Facts = {}
    objects: Facts = {}
    operations = read_operations(custom, older) | read_operations(family, objects)
    for name in older.keys() & objects.keys():
        assert spelled_out(older[name], older) == spelled_out(objects[name], objects), name
    objects = older | objects
    add_5_28(newest, operations, objects)
    return operations, objects


def add_5_28(newest: Facts, operations: Facts, objects: Facts) -> None:
    """The release is known by a client made from it, whose models are sure of names, types and enums only."""
    models = {
        name: {"type": "string", **model} if "enum" in model else model
        for name, model in newest["models"].items()
    }
    document = {"$defs": defaultdict(dict, models)}
    for name, model in NAMES_IN_5_28.items():
        fields, newer = objects[name]["fields"], read(models[model], document, {})
        objects[name]["required"] = sorted({*objects[name]["required"], *newer["required"]})
        for field, fact in newer["fields"].items():
            fact.pop("nullable", None)
            widen(fields.setdefault(field, fact | {"since": "5.28.0"}), fact)
    for name in ("audiences/create", "audiences/get", "audiences/list", "audiences/update"):
        operation, newer = operations[name], newest["operations"][name.replace("/", "_")]
        for status in newer["responses"]:
            if status.startswith("2"):
                operation["responses"].setdefault(status, operation["responses"]["200"])
        for parameter, _, hint in (written.partition(": ") for written in newer["parameters"]):
            if "StrictBool" in hint:
                fact = {"in": "query", "required": False, "type": "boolean", "since": "5.28.0"}
                operation["parameters"][parameter] = fact


def widen(fact: Facts, newer: Facts) -> None:
    """Add the values that the newer enum has."""
    if "enum" in newer:
        fact["enum"] = list(dict.fromkeys([*fact.get("enum", ()), *newer["enum"]]))
    if "items" in newer:
        widen(fact["items"], newer["items"])


def read_operations(document: Facts, objects: Facts, wanted: Container[str] | None = None) -> Facts:
    """The `wanted` operations of a description by operationId, or those on audiences; their objects are put
    into `objects`."""

    def body(of: Facts) -> Facts:
        return read(of["content"]["application/json"]["schema"], document, objects)

    return {
        operation["operationId"]: {
            "method": method.upper(),
            "path": path,
            "parameters": {
                parameter["name"]: {"in": parameter["in"], "required": parameter["required"]}
                | read(parameter["schema"], document, objects)
                for parameter in (plain(written, document) for written in operation["parameters"])
            },
            "request": body(operation["requestBody"]) if "requestBody" in operation else None,
            "responses": {status: body(answer) for status, answer in operation["responses"].items()},
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if (
            operation["operationId"].startswith("audiences/")
            if wanted is None
            else operation["operationId"] in wanted
        )
    }


def read(schema: Facts, document: Facts, objects: Facts) -> Facts:
    """The facts of a schema of OpenAPI 3.0 or 3.1; an object with a name is put into `objects`."""
    whole = plain(schema, document)
    kinds = [kind for kind in whole.get("anyOf", [whole]) if kind.get("type") != "null"]
    if len(kinds) > 1:
        fact: Facts = {"anyOf": [read(kind, document, objects) for kind in kinds]}
    elif "anyOf" in whole:
        fact = read(kinds[0], document, objects)
    else:
        fact = read_plain(whole, document, objects)
    if whole.get("nullable") or len(kinds) < len(whole.get("anyOf", kinds)):
        fact = fact | {"nullable": True}
    named = [part["$ref"] for part in schema.get("allOf", [schema]) if "$ref" in part]
    if "fields" in fact and len(named) == len(schema.get("allOf", [schema])):
        name = named[0].rpartition("/")[2]
        objects[name] = fact
        return {"object": name}
    return fact


def read_plain(schema: Facts, document: Facts, objects: Facts) -> Facts:
    limits = ("minimum", "maximum", "minLength", "maxLength", "pattern", "enum", "default")
    fact = {key: schema[key] for key in ("type", *limits) if schema.get(key) is not None}
    if "const" in schema:
        fact["enum"] = [schema["const"]]
    elif "enum" in fact:
        # Here and there the official description leaves the type of an enum to its values.
        fact.setdefault("type", "string")
    if "items" in schema:
        fact["items"] = read(schema["items"], document, objects)
    if "propertyNames" in schema:
        fact["keys"] = read(schema["propertyNames"], document, objects)
    if isinstance(schema.get("additionalProperties"), dict):
        fact["values"] = read(schema["additionalProperties"], document, objects)
    if "properties" in schema:
        fact["required"] = sorted(schema.get("required", ()))
        fact["fields"] = {
            name: read(value, document, objects) for name, value in schema["properties"].items()
        }
    return fact


def plain(schema: Facts, document: Facts) -> Facts:
    """The schema with what its $ref and its allOf bring."""
    if "$ref" in schema:
        return plain(reduce(getitem, schema["$ref"][2:].split("/"), document), document)
    for part in schema.get("allOf", ()):
        more = plain(part, document)
        properties = schema.get("properties", {}) | more.get("properties", {})
        required = [*schema.get("required", ()), *more.get("required", ())]
        schema = schema | more | ({"properties": properties, "required": required} if properties else {})
    return schema
