"""What is served and the evidence for it, read from the OpenAPI descriptions: as JSON and as a table.

Imported when it is first asked for.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

from audience_mock.web.evidence import ANSWERS, ERRORS, KEY

Schema = dict[str, Any]

GRADES = {
    "recorded": "seen on the wire: recordings of production, live answers that developers quoted, published "
    "exchanges",
    "documented": "in the provider's documentation, or in a release of its description",
    "inferred": "follows from other facts, or a client relies on it",
    "invented": "chosen, without evidence",
}
VALUES_SHOWN = 6
"""Of the allowed values of a field; the description has them all."""
OPERATIONS_SHOWN = 4
"""In the table, of the operations that have a rule; `GET /__admin/operations` has them all."""


def list_operations(descriptions: Mapping[str, Schema]) -> list[dict[str, Any]]:
    """Each operation of the described providers, with its rules and its errors, and their grades."""
    return [
        operation
        for provider, description in descriptions.items()
        for operation in _operations_of(provider, description)
    ]


def _operations_of(provider: str, description: Schema) -> Iterator[dict[str, Any]]:
    of_requests = models_of_requests(description)
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            own, *rules = operation[KEY]
            headers = description[ANSWERS] | operation.get(ANSWERS, {})
            of_responses = [
                *response_rules(operation, description, of_requests),
                *({"field": f"header {name}", **evidence} for name, evidence in headers.items()),
            ]
            servers = operation.get("servers", description["servers"])
            yield {
                "name": operation["operationId"],
                "provider": provider,
                "method": method.upper(),
                "paths": [server["url"].rstrip("/") + path for server in servers],
                **own,
                "rules": _unique(
                    [
                        *_request_rules(operation, description),
                        *({"field": "operation", **rule} for rule in rules),
                        *(_as_seen(rule, own["grade"]) for rule in of_responses),
                    ]
                ),
                "errors": _errors_of(operation, description),
            }


def models_of_requests(description: Schema) -> frozenset[str]:
    """The models that some request has."""
    bodies = [
        operation.get("requestBody")
        for methods in description["paths"].values()
        for operation in methods.values()
    ]
    return _models_in(bodies, description, frozenset())


def _as_seen(rule: dict[str, Any], grade_of_operation: str) -> dict[str, Any]:
    """A rule of responses that several operations share; recorded only where one of this operation's was."""
    if rule["grade"] != "recorded" or grade_of_operation == "recorded":
        return rule
    return {**rule, "grade": "inferred", "source": f"other operations: {rule['source']}"}


def _request_rules(operation: Schema, description: Schema) -> Iterator[dict[str, Any]]:
    for parameter in operation.get("parameters", ()):
        field = f"{parameter['in']} {parameter['name']}"
        yield from _field_rules(field, parameter["schema"], parameter.get("required", False), description)
    for field, schema, required in request_fields(operation, description):
        yield from _field_rules(f"body {field}", schema, required, description)


def request_fields(operation: Schema, description: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """The keys that a body may have, with their schemas, and whether they are required."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from _fields(media["schema"], description, frozenset())


def response_rules(
    operation: Schema, description: Schema, of_requests: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Rules of a response that its schema does not state. Models that some request has too are left out:
    their rules are listed with that request."""
    for status, response in operation["responses"].items():
        for media in response.get("content", {}).values() if status.startswith("2") else ():
            for field, schema, _ in _fields(media["schema"], description, of_requests):
                for evidence in schema.get(KEY, ()):
                    if "rule" in evidence:
                        yield {"field": f"answer {field}", **evidence}


def _models_in(part: Any, description: Schema, found: frozenset[str]) -> frozenset[str]:
    """The models that a part of the description refers to, and those that they refer to."""
    for name in re.findall(r"#/components/schemas/([\w.-]+)", str(part)):
        if name not in found:
            found = _models_in(description["components"]["schemas"][name], description, found | {name})
    return found


def _fields(
    schema: Schema, description: Schema, excluded: frozenset[str]
) -> Iterator[tuple[str, Schema, bool]]:
    """The properties of a schema and of the schemas in it, by dotted names; `[]` is an item of a list."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in excluded:
            yield from _fields(description["components"]["schemas"][name], description, excluded | {name})
        return
    for choice in schema.get("anyOf", ()):
        yield from _fields(choice, description, excluded)
    if "items" in schema:
        for inner, its, required in _fields(schema["items"], description, excluded):
            yield f"[].{inner}", its, required
    for name, of in schema.get("properties", {}).items():
        yield name, of, name in schema.get("required", ())
        for inner, its, required in _fields(of, description, excluded):
            yield f"{name}{'' if inner.startswith('[]') else '.'}{inner}", its, required


def _field_rules(field: str, schema: Schema, required: bool, description: Schema) -> Iterator[dict[str, Any]]:
    rule = "required, " * required + describe_schema(schema, description)
    for evidence in schema.get(KEY, ()):
        yield {"field": field, "rule": rule, **evidence}


def describe_schema(schema: Schema, description: Schema) -> str:
    """Type, format and range of a value as text. Lengths have rules of their own."""
    if "$ref" in schema:
        model = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return describe_schema(model, description)
    if "anyOf" in schema:
        choices = (describe_schema(choice, description) for choice in schema["anyOf"])
        return " or ".join(dict.fromkeys(choice for choice in choices if choice != "null"))
    if "enum" in schema or "const" in schema:
        values = [str(value) for value in schema.get("enum") or [schema["const"]]]
        more = f" and {len(values) - VALUES_SHOWN} more" if len(values) > VALUES_SHOWN else ""
        return ("one of " if len(values) > 1 else "") + ", ".join(values[:VALUES_SHOWN]) + more
    if schema.get("type") == "array":
        return f"list of {describe_schema(schema['items'], description)}"
    text = str(schema.get("type", "anything"))
    if "minimum" in schema:
        text += f", at least {schema['minimum']:g}"
    if "maximum" in schema:
        text += f", at most {schema['maximum']:g}"
    if "pattern" in schema:
        text += f" like {schema['pattern']}"
    return text


def _errors_of(operation: Schema, description: Schema) -> list[dict[str, Any]]:
    """The errors that an operation can have."""
    traits = {"everywhere", operation["operationId"], *operation["responses"]}
    security: Any = operation.get("security", description.get("security", ()))
    traits |= {scheme for requirement in security for scheme in requirement}
    traits |= {"parameters"} if operation.get("parameters") else set()
    traits |= {"body"} if "requestBody" in operation else set()
    return [
        {key: value for key, value in error.items() if key != "on"}
        for error in description[ERRORS]
        if any(fnmatch(trait, pattern) for trait in traits for pattern in error["on"])
    ]


def _unique(rules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(rule) for rule in dict.fromkeys(tuple(rule.items()) for rule in rules)]


def evidence_table(operations: Iterable[Mapping[str, Any]]) -> str:
    """`list_operations` as Markdown: the grades and how many rows have each; then, for each provider, its
    operations, rules and errors. A rule of several operations is one row."""
    by_provider: dict[str, list[Mapping[str, Any]]] = {}
    for operation in operations:
        by_provider.setdefault(operation["provider"], []).append(operation)
    lines: list[str] = []
    counts = Counter[str]()
    for provider, its_operations in by_provider.items():
        rows: list[tuple[str, ...]] = [
            (f"`{each['name']}`", f"`{each['method']} {each['paths'][0]}`", each["grade"], each["source"])
            for each in its_operations
        ]
        lines += [
            "",
            f"## {provider}",
            "",
            *_table(("operation", "method and path", "grade", "source"), rows),
        ]
        for title, kind in (("rule", "rules"), ("error", "errors")):
            details = list(_rows(its_operations, kind))
            lines += ["", *_table((title, "", "operations", "grade", "source"), details)]
            rows += details
        counts.update(row[-2] for row in rows)
    head = [
        *("# Evidence for each rule", ""),
        "Written by `make openapi`. The grades stand in the code, with the rules; `GET /__admin/operations`",
        *("answers the same, by operation.", ""),
        *_table(
            ("grade", "meaning", "rows"), [(grade, GRADES[grade], str(counts[grade])) for grade in GRADES]
        ),
    ]
    return "\n".join([*head, *lines]) + "\n"


def _rows(operations: list[Mapping[str, Any]], kind: str) -> Iterator[tuple[str, ...]]:
    names_by_row: dict[tuple[str, ...], list[str]] = {}
    for operation in operations:
        for each in operation[kind]:
            row = (*_first_cells(each), each["grade"], each["source"])
            names_by_row.setdefault(row, []).append(f"`{operation['name']}`")
    for (what, rule, grade, source), names in names_by_row.items():
        more = f" and {len(names) - OPERATIONS_SHOWN} more" if len(names) > OPERATIONS_SHOWN else ""
        shown = "all" if len(names) == len(operations) else ", ".join(names[:OPERATIONS_SHOWN]) + more
        yield what, rule, shown, grade, source


def _first_cells(each: Mapping[str, Any]) -> tuple[str, str]:
    if "field" in each:
        return f"`{each['field']}`", each["rule"]
    code = f" code {each['code']}" if "code" in each else ""
    return f"{each['status']}{code}: {each['when']}", f"`{each['message']}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) + " |"
