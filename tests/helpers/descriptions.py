"""Pinterest's descriptions, and a strict check of responses against them.

Pinterest's own descriptions are optional files beside the checkout, in ../shared/reference; ours is always
available. Each is read strictly: a key that it does not name is a misfit, since a client generated from it
may reject the key. Exceptions are listed in KNOWN_BETTER, with the reason.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from operator import getitem
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

Schema = dict[str, Any]

CHECKOUT = Path(__file__).parents[2]
REFERENCE = CHECKOUT.parent / "shared/reference"
OURS = "ours"
OFFICIAL = ("5.28", "5.23", "5.18")
"""Pinterest's releases that an answer fits, where they have its operation; 5.18 is for audiences/custom."""

FILES = {
    "5.18": REFERENCE / "pinterest-5.18-audiences-custom.openapi.json",
    "5.23": REFERENCE / "pinterest-5.23-audience-family.openapi.json",
    "5.28": REFERENCE / "pinterest-5.28-models.json",
    OURS: CHECKOUT / "openapi/pinterest.json",
}

BOOLEAN, NULL = {"type": "boolean"}, {"type": "null"}
OBJECTIVES = {
    "type": "array",
    "items": {
        "enum": [
            *("AWARENESS", "CONSIDERATION", "WEB_CONVERSION", "CATALOG_SALES", "VIDEO_COMPLETION"),
            *("SALES", "VIDEO_VIEW", "WEB_SESSIONS"),
        ]
    },
}
"""Those of 5.23, the one of 5.28, and two that are deprecated, in use, and come back as they were sent."""

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
WITHOUT_PATTERN: dict[str, Schema] = {
    **dict.fromkeys(("ad_id", "campaign_id", "pin_id"), TEXTS),
    "visitor_source_id": {"anyOf": [{"type": "string"}, TEXTS]},
}


@dataclass(frozen=True)
class KnownBetter:
    """An exception: a field, or a value of it, that a description's model does not allow."""

    releases: Sequence[str]
    model: str
    field: str
    also: Schema
    why: str


KNOWN_BETTER = (
    KnownBetter(("5.18", "5.23"), "Audience", "is_nca", BOOLEAN, "newer: in 5.28"),
    *(
        KnownBetter(releases, model, "objective_type", OBJECTIVES, "newer ones, and deprecated ones")
        for releases, model in ((OFFICIAL, "AudienceRule"), (("5.28",), "AdAccountsAudienceRule"))
    ),
    KnownBetter(("5.23",), "CustomerList", "is_nca", BOOLEAN, "newer: in 5.28"),
    KnownBetter(("5.23",), "Audience", "is_ctv_enabled", BOOLEAN, "recorded in July 2026"),
    KnownBetter(("5.28",), "AdAccountsAudience", "is_ctv_enabled", BOOLEAN, "recorded in July 2026"),
    KnownBetter(("5.28",), "Audience", "is_ctv_enabled", BOOLEAN, "recorded in July 2026"),
    *(
        KnownBetter(("5.18", "5.23"), "AudienceRule", field, also, "5.28 dropped the pattern")
        for field, also in WITHOUT_PATTERN.items()
    ),
    KnownBetter(("5.28",), "AdAccountsAudienceRule", "visitor_source_id", TEXTS, "the client keeps one type"),
    KnownBetter(("5.28",), "AdAccountsAudienceRule", "percentage", TEXT, "the client keeps one type"),
    KnownBetter(("5.18", "5.23"), "AudienceRule", "percentage", TEXT, "5.28 has any text"),
    *(
        KnownBetter((release,), model, field, also, "met by developers: codes 2 and 11")
        for release, model in (
            ("5.18", "Error"),
            ("5.23", "Error"),
            ("5.28", "PinterestLibError"),
            (OURS, "Error"),
        )
        for field, also in (("status", {"const": "failure"}), ("data", NULL), ("endpoint_name", NULL))
    ),
)

ECHOES = ("AudienceRule", "AdAccountsAudienceRule", "EventData", "LineItem")
"""A rule and what is in it: whatever was sent comes back (recorded), other keys too."""

CREATED = "201"
"""Newer than 5.23, which has 200 alone; the status of a create unless it is told otherwise."""


class Description:
    """The responses that a release describes."""

    def __init__(
        self, release: str, document: dict[str, Any], known_better: Sequence[KnownBetter] = KNOWN_BETTER
    ) -> None:
        self.release = release
        self._document = document
        self._known_better = {
            (better.model, better.field): better for better in known_better if release in better.releases
        }
        self._validators: dict[tuple[str, str, str], Draft202012Validator | None] = {}
        self._answers = dict(self._read())

    def _read(self) -> Iterator[tuple[tuple[str, str], Mapping[str, Schema | None]]]:
        """The schemas of an operation's answers by status, None for no body; by method and path."""
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                yield (
                    (method.upper(), blank(path)),
                    {
                        status: answer.get("content", {}).get("application/json", {}).get("schema")
                        for status, answer in operation["responses"].items()
                    },
                )

    @cached_property
    def operations(self) -> frozenset[tuple[str, str]]:
        return frozenset(self._answers)

    def misfits(self, operation: tuple[str, str], status: int, body: Any) -> Iterator[str]:
        """The misfits of a body (None: no body), each with its place and value."""
        described = self._answers[operation]
        key = str(status) if str(status) in described else "default"
        if status == int(CREATED) and CREATED not in described and self.release != OURS:
            key = "200"
        if key not in described:
            yield f"status {status} is not described"
            return
        validator = self._validator(*operation, key)
        if validator is not None:
            yield from _describe_errors(validator, body)
        elif body is not None:
            yield f"a body where none is described: {shortened(body)}"

    def misfits_of_error(self, body: Any) -> Iterator[str]:
        """The misfits of a body as the error that all operations share: for requests that match no
        operation."""
        yield from _describe_errors(self._error, body)

    @cached_property
    def _error(self) -> Draft202012Validator:
        """The one of a status that every description has."""
        return next(
            validator
            for operation in self._answers
            if (validator := self._validator(*operation, "401" if self.release == OURS else "default"))
        )

    def _validator(self, method: str, path: str, status: str) -> Draft202012Validator | None:
        key = (method, path, status)
        if key not in self._validators:
            schema = self._answers[method, path][status]
            self._validators[key] = None if schema is None else Draft202012Validator(self._strict(schema))
        return self._validators[key]

    def of_model(self, model: str) -> Draft202012Validator:
        """A validator for a model."""
        where = "$defs" if "$defs" in self._document else "components/schemas"
        return Draft202012Validator(self._strict({"$ref": f"#/{where}/{model}"}))

    def _strict(self, schema: Schema) -> Schema:
        """The schema as JSON Schema, with references resolved and no other keys allowed."""
        model, schema = self._plain(schema)
        kinds = [self._strict(kind) for kind in schema.get("anyOf", ())]
        if kinds:
            if {"type": "null"} in kinds and len(kinds) == 2:
                kinds.remove(NULL)
                return nullable(kinds[0])
            return {"anyOf": kinds}
        strict = {key: schema[key] for key in KEYWORDS if key in schema}
        for key in ("items", "propertyNames", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                strict[key] = self._strict(schema[key])
        if "properties" in schema:
            properties = {name: self._strict(value) for name, value in schema["properties"].items()}
            for (of, field), better in self._known_better.items():
                if of == model:
                    known = properties.get(field)
                    properties[field] = {"anyOf": [known, better.also]} if known else better.also
            # The models that a discriminator refers to are not available.
            is_open = model in ECHOES or "discriminator" in schema
            strict |= {"properties": properties, "additionalProperties": is_open}
        return nullable(strict) if schema.get("nullable") else strict

    def _plain(self, schema: Schema) -> tuple[str | None, Schema]:
        """The name of the model that a schema is, if any, and the schema with what $ref and allOf bring."""
        model = None
        if "$ref" in schema:
            model = schema["$ref"].rpartition("/")[2]
            _, schema = self._plain(self._look_up(schema["$ref"]))
        for part in schema.get("allOf", ()):
            _, more = self._plain(part)
            properties = schema.get("properties", {}) | more.get("properties", {})
            required = [*schema.get("required", ()), *more.get("required", ())]
            schema = schema | more | ({"properties": properties, "required": required} if properties else {})
        return model, schema

    def _look_up(self, reference: str) -> Schema:
        found: Schema = reduce(getitem, reference[2:].split("/"), self._document)
        return found


KEYWORDS = (
    *("type", "enum", "const", "required", "pattern", "minimum", "maximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "additionalProperties"),
)


def _describe_errors(validator: Draft202012Validator, body: Any) -> Iterator[str]:
    for error in validator.iter_errors(body):
        at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
        yield f"${at}: {shortened(error.message)}; value {shortened(error.instance)}"


def nullable(schema: Schema) -> Schema:
    """The schema, or null; as a list of types where possible, which gives better messages."""
    if isinstance(schema.get("type"), str) and "const" not in schema:
        more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return schema | {"type": [schema["type"], "null"]} | more
    return {"anyOf": [*schema.get("anyOf", [schema]), NULL]} if schema else schema


def blank(path: str) -> str:
    """A path without the names of its parameters, which differ between releases."""
    return re.sub(r"\{\w+\}", "{}", path)


def shortened(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"


def from_models(listed: Mapping[str, Any], older: Mapping[str, Any]) -> dict[str, Any]:
    """The operations and models of a client, as a description.

    Where the list lacks a model, the older release's of this name stands for it; any value, if there is none.
    """
    models = {name: older["components"]["schemas"].get(name, {}) for name in named(listed["models"])}
    models |= listed["models"]
    paths: dict[str, Any] = {}
    for operation in listed["operations"].values():
        answers = {
            status: {}
            if model == "None"
            else {"content": {"application/json": {"schema": {"$ref": f"#/$defs/{model}"}}}}
            for status, model in operation["responses"].items()
        }
        for model in operation["responses"].values():
            models.setdefault(model, {})
        paths.setdefault(operation["path"], {})[operation["method"]] = {"responses": answers}
    return {"paths": paths, "$defs": models, "components": older["components"]}


def named(models: Any) -> set[str]:
    return set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(models)))


def document_of(release: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILES[release].read_text())
    if release == "5.28":
        document = from_models(document, document_of("5.23"))
    return document


@cache
def description(release: str) -> Description | None:
    """A release's description, if available; read and compiled once in a process."""
    return Description(release, document_of(release)) if FILES[release].is_file() else None


@cache
def routes() -> list[tuple[re.Pattern[str], str, str]]:
    """Which paths are an operation's, the ones without parameters first: pattern, method, blank path."""
    known = (description(release) for release in FILES)
    operations = {operation for one in known if one is not None for operation in one.operations}
    return [
        (re.compile(path.replace("{}", "[^/]+")), method, path)
        for method, path in sorted(operations, key=lambda operation: operation[1].count("{}"))
    ]


def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """Method and blank path of the operation that a request is for, if there is one."""
    for pattern, its_method, its_path in routes():
        if method == its_method and pattern.fullmatch(path):
            return its_method, its_path
    return None
