"""What is served and what each part of it rests on, read from the descriptions: for the page and the table.

Imported when somebody asks.
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
WORDS_SHOWN = 6
"""Of a list of words; the description has them all."""
OPERATIONS_SHOWN = 4
"""Of those that have a rule; the page has them all."""


def operations(descriptions: Mapping[str, Schema]) -> list[dict[str, Any]]:
    """Each operation of the described providers, with its rules and its errors, and their grades."""
    return [one for name, description in descriptions.items() for one in _of_provider(name, description)]


def _of_provider(provider: str, description: Schema) -> Iterator[dict[str, Any]]:
    of_all = [{"field": f"header {name}", **known} for name, known in description[ANSWERS].items()]
    requests = [
        one.get("requestBody") for methods in description["paths"].values() for one in methods.values()
    ]
    asked = _named(requests, description, frozenset())
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            own, *rules = operation[KEY]
            servers = operation.get("servers", description["servers"])
            yield {
                "name": operation["operationId"],
                "provider": provider,
                "method": method.upper(),
                "paths": [server["url"].rstrip("/") + path for server in servers],
                **own,
                "rules": _unique(
                    [
                        *_of_request(operation, description),
                        *({"field": "operation", **rule} for rule in rules),
                        *_of_answer(operation, description, asked),
                        *of_all,
                    ]
                ),
                "errors": _of_errors(operation, description),
            }


def _of_request(operation: Schema, description: Schema) -> Iterator[dict[str, Any]]:
    for parameter in operation.get("parameters", ()):
        field = f"{parameter['in']} {parameter['name']}"
        yield from _graded(field, parameter["schema"], parameter.get("required", False), description)
    for field, schema, required in request_fields(operation, description):
        yield from _graded(f"body {field}", schema, required, description)


def request_fields(operation: Schema, description: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """The keys that a body may hold, with their schemas, and whether they are required."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from _fields(media["schema"], description, frozenset())


def _of_answer(operation: Schema, description: Schema, asked: frozenset[str]) -> Iterator[dict[str, Any]]:
    """What is known of an answer beyond its schema. What it echoes, in the models that some request has, is
    told of the request."""
    for status, response in operation["responses"].items():
        for media in response.get("content", {}).values() if status.startswith("2") else ():
            for field, schema, _ in _fields(media["schema"], description, asked):
                for known in schema.get(KEY, ()):
                    if "rule" in known:
                        yield {"field": f"answer {field}", **known}


def _named(part: Any, description: Schema, found: frozenset[str]) -> frozenset[str]:
    """The models that a part of the description names, and those that they name."""
    for name in re.findall(r"#/components/schemas/([\w.-]+)", str(part)):
        if name not in found:
            found = _named(description["components"]["schemas"][name], description, found | {name})
    return found


def _fields(schema: Schema, description: Schema, seen: frozenset[str]) -> Iterator[tuple[str, Schema, bool]]:
    """The properties of a schema and of what it is made of, by dotted names; `[]` is an item of a list."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from _fields(description["components"]["schemas"][name], description, seen | {name})
        return
    for choice in schema.get("anyOf", ()):
        yield from _fields(choice, description, seen)
    if "items" in schema:
        for inner, of, required in _fields(schema["items"], description, seen):
            yield f"[].{inner}", of, required
    for name, of in schema.get("properties", {}).items():
        yield name, of, name in schema.get("required", ())
        for inner, its, required in _fields(of, description, seen):
            yield f"{name}{'' if inner.startswith('[]') else '.'}{inner}", its, required


def _graded(field: str, schema: Schema, required: bool, description: Schema) -> Iterator[dict[str, Any]]:
    plain = "required, " * required + in_words(schema, description)
    for known in schema.get(KEY, ()):
        yield {"field": field, "rule": plain, **known}


def in_words(schema: Schema, description: Schema) -> str:
    """What a schema says of a value's type, form and range. Lengths have rules of their own."""
    if "$ref" in schema:
        return in_words(description["components"]["schemas"][schema["$ref"].rpartition("/")[2]], description)
    if "anyOf" in schema:
        choices = (in_words(choice, description) for choice in schema["anyOf"])
        return " or ".join(dict.fromkeys(choice for choice in choices if choice != "null"))
    if "enum" in schema or "const" in schema:
        words = [str(word) for word in schema.get("enum") or [schema["const"]]]
        more = f" and {len(words) - WORDS_SHOWN} more" if len(words) > WORDS_SHOWN else ""
        return ("one of " if len(words) > 1 else "") + ", ".join(words[:WORDS_SHOWN]) + more
    if schema.get("type") == "array":
        return f"list of {in_words(schema['items'], description)}"
    said = str(schema.get("type", "anything"))
    if "minimum" in schema:
        said += f", at least {schema['minimum']:g}"
    if "maximum" in schema:
        said += f", at most {schema['maximum']:g}"
    if "pattern" in schema:
        said += f" like {schema['pattern']}"
    return said


def _of_errors(operation: Schema, description: Schema) -> list[dict[str, Any]]:
    """The errors that an operation of this kind meets."""
    met = {"everywhere", operation["operationId"], *operation["responses"]}
    demands: Any = operation.get("security", description.get("security", ()))
    met |= {scheme for demand in demands for scheme in demand}
    met |= {"parameters"} if operation.get("parameters") else set()
    met |= {"body"} if "requestBody" in operation else set()
    return [
        {key: fact for key, fact in error.items() if key != "on"}
        for error in description[ERRORS]
        if any(fnmatch(trait, pattern) for trait in met for pattern in error["on"])
    ]


def _unique(rules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(rule) for rule in dict.fromkeys(tuple(rule.items()) for rule in rules)]


def table(served: Iterable[Mapping[str, Any]]) -> str:
    """The same as Markdown: for each provider its operations, rules and errors; a rule of several operations
    is one row. In front, the grades and how many rows have each."""
    by_provider: dict[str, list[Mapping[str, Any]]] = {}
    for operation in served:
        by_provider.setdefault(operation["provider"], []).append(operation)
    lines: list[str] = []
    counts = Counter[str]()
    for provider, of in by_provider.items():
        rows: list[tuple[str, ...]] = [
            (f"`{one['name']}`", f"`{one['method']} {one['paths'][0]}`", *_known(one)) for one in of
        ]
        lines += [
            "",
            f"## {provider}",
            "",
            *_lines(("operation", "method and path", "grade", "source"), rows),
        ]
        for title, kind in (("rule", "rules"), ("error", "errors")):
            more = list(_rows(of, kind))
            lines += ["", *_lines((title, "", "operations", "grade", "source"), more)]
            rows += more
        counts.update(row[-2] for row in rows)
    head = [
        *("# What each rule rests on", ""),
        "Written by `make openapi`. The grades stand in the code, with the rules; `GET /__admin/operations`",
        *("answers the same, by operation.", ""),
        *_lines(
            ("grade", "meaning", "rows"), [(grade, GRADES[grade], str(counts[grade])) for grade in GRADES]
        ),
    ]
    return "\n".join([*head, *lines]) + "\n"


def _rows(of: list[Mapping[str, Any]], kind: str) -> Iterator[tuple[str, ...]]:
    named: dict[tuple[str, ...], list[str]] = {}
    for operation in of:
        for each in operation[kind]:
            named.setdefault((*_shown(each), *_known(each)), []).append(f"`{operation['name']}`")
    for (what, rule, grade, source), names in named.items():
        more = f" and {len(names) - OPERATIONS_SHOWN} more" if len(names) > OPERATIONS_SHOWN else ""
        told = "all" if len(names) == len(of) else ", ".join(names[:OPERATIONS_SHOWN]) + more
        yield what, rule, told, grade, source


def _known(each: Mapping[str, Any]) -> tuple[str, str]:
    return each["grade"], each["source"]


def _shown(each: Mapping[str, Any]) -> tuple[str, str]:
    if "field" in each:
        return f"`{each['field']}`", each["rule"]
    code = f" code {each['code']}" if "code" in each else ""
    return f"{each['status']}{code}: {each['when']}", f"`{each['message']}`"


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) + " |"
