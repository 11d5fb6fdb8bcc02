"""The control API and the seed schema: OpenAPI and JSON Schema as tables in Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[2]
FOR_ALL = ("401", "403", "429")
"""Statuses of every control operation, which the page mentions once."""


def control_api() -> str:
    description = described("openapi/control.json")
    schemas = description["components"]["schemas"]
    tags: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            tags.setdefault(tag, []).append(_endpoint(method.upper(), path, operation, schemas))
    parts = [part for tag in sorted(tags) for part in (f"## {tag.capitalize()}", *tags[tag])]
    named = {name: schema for name, schema in schemas.items() if schema.get("properties")}
    parts += ["## Objects", *(_object(name, schema) for name, schema in sorted(named.items()))]
    return "\n\n".join(parts)


def _endpoint(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parts = [f"### {method} {path}", prose(operation.get("description") or operation["summary"])]
    parameters = [
        (f"`{each['name']}`", each["in"], _type(each["schema"]), prose(each.get("description", "")))
        for each in operation.get("parameters", ())
        if each["in"] != "header"
    ]
    if parameters:
        parts.append(table(("parameter", "in", "type", "meaning"), parameters))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        optional = "" if operation["requestBody"].get("required") else " (optional)"
        parts.append(f"Request body{optional}: {_type(body)}.")
    rows = []
    for status, response in sorted(operation["responses"].items()):
        if status in FOR_ALL:
            continue
        content = response.get("content", {}).get("application/json", {})
        rows.append(
            (status, _type(content["schema"]) if "schema" in content else "", prose(response["description"]))
        )
    parts.append(table(("status", "body", "meaning"), rows))
    example = _example(operation)
    if example is not None:
        parts.append("Example response:\n\n```json\n" + json.dumps(example, ensure_ascii=False) + "\n```")
    return "\n\n".join(parts)


def _example(operation: Mapping[str, Any]) -> Any:
    for status, response in sorted(operation["responses"].items()):
        if status.startswith("2"):
            return response.get("content", {}).get("application/json", {}).get("example")
    return None


def seed_schema() -> str:
    schema = described("fixtures/world.schema.json")
    parts = [_object("Seed", schema, heading="## The document")]
    parts += [_object(name, each) for name, each in sorted(schema["$defs"].items()) if each.get("properties")]
    return "\n\n".join(parts)


def _object(name: str, schema: Mapping[str, Any], heading: str | None = None) -> str:
    required = schema.get("required", ())
    rows = []
    for key, field in schema["properties"].items():
        default = field.get("default")
        shown = (
            "required"
            if key in required
            else ""
            if default in (None, "", [], {})
            else f"`{json.dumps(default)}`"
        )
        rows.append((f"`{key}`", _type(field), shown, prose(_description(field))))
    text = prose(schema.get("description", ""), paragraphs=True)
    parts = [
        heading or f"### {name}",
        *([text] if text else ()),
        table(("key", "type", "default", "meaning"), rows),
    ]
    return "\n\n".join(parts)


def _description(field: Mapping[str, Any]) -> str:
    """A field's own text, else that of the one type that it can have besides null."""
    inner = [each.get("description", "") for each in field.get("anyOf", ()) if each.get("type") != "null"]
    return field.get("description") or (inner[0] if len(inner) == 1 else "")


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            kinds = [_type(each) for each in schema[key] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case None:
            return "any JSON"
        case kind:
            return f"{kind}{_limits(schema)}"


def _limits(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is None and high is None:
        return ""
    if high is None:
        return f", {'at least' if 'minimum' in schema else 'above'} {low:g}"
    return f", at most {high:g}" if low is None else f", {low:g} to {high:g}"


def prose(text: str, *, paragraphs: bool = False) -> str:
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return ("\n\n" if paragraphs else " ").join(parts)


def described(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TOP / file).read_text())
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
