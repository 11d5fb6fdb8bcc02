"""The requests of a collection: one for each operation, and for each kind of body that it takes.

Paths, parameters and bodies are those of `openapi/`, with the first example of each body. What else it takes
is in `collection_tables.py`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collection_request import Api, Auth, Folder, Parameter, Request
from collection_tables import AFTER, FIELDS, FILLED, FIRST, LAST, OWN_FIELDS, PATH_VARIABLES, QUERY, TAGS

TOP = Path(__file__).parents[2]
FOLDER = TOP / "clients/collections"

FORMATS = {"application/x-www-form-urlencoded": "form", "application/json": "JSON"}


def folders(api: Api) -> Sequence[Folder]:
    """Its operations by tag, those first that make what others take."""
    description = json.loads((TOP / f"openapi/{api.name}.json").read_text())
    found: dict[str, list[Any]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            (tag,) = operation["tags"]
            found.setdefault(tag, []).append((method.upper(), path, operation))
    return [
        Folder(
            tag.replace("_", " ").capitalize(),
            [
                request
                for method, path, operation in sorted(
                    operations, key=lambda each: _rank(each[2]["operationId"])
                )
                for request in _requests(api, description, method, path, operation)
            ],
        )
        for tag, operations in sorted(found.items(), key=lambda each: TAGS.get(each[0], 0))
    ]


def users() -> str:
    """A file of users for uploads: SHA-256 of five addresses, one a line."""
    return "".join(hashlib.sha256(f"{n}@example.com".encode()).hexdigest() + "\n" for n in range(5))


def _requests(
    api: Api, description: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> Iterator[Request]:
    """A request for each kind of body."""
    name = operation["operationId"]
    parameters = operation.get("parameters", ())
    for label, media_type, example in _bodies(description, operation):
        yield Request(
            operation=name,
            name=operation["summary"] + label,
            description=operation.get("description"),
            method=method,
            url=_url(api, name, path, parameters),
            query=[_query(parameter) for parameter in parameters if parameter["in"] == "query"],
            auth=_auth(operation.get("security")),
            media_type=media_type,
            body=None if media_type is None else _linked(example) | OWN_FIELDS.get(name, {}),
            filled=FILLED.get(name + label) or FILLED.get(name, {}),
        )
        if name in AFTER:
            yield AFTER[name]


def _auth(security: Sequence[Mapping[str, Any]] | None) -> Auth:
    if security == []:
        return Auth.NONE
    return Auth.BASIC if {"basic": []} in (security or ()) else Auth.API


def _bodies(
    description: Mapping[str, Any], operation: Mapping[str, Any]
) -> list[tuple[str, str | None, Mapping[str, Any]]]:
    """A label that tells it from the operation's others, the media type and an example of each body."""
    found = [
        (media_type, *example)
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items()
        for example in _examples(media["schema"], description)
    ]
    if len(found) < 2:
        return [("", media_type, example) for media_type, _, example in found] or [("", None, {})]
    if len({model for _, model, _ in found}) == len(found):
        labels = [re.sub(r"Create(Form)?$", "", model).lower() for _, model, _ in found]
    else:
        labels = [FORMATS[media_type] for media_type, _, _ in found]
    return [
        (f": {label}", media_type, example)
        for label, (media_type, _, example) in zip(labels, found, strict=True)
    ]


def _examples(
    schema: Mapping[str, Any], description: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The name and the first example of a model; of a choice of models, those of each."""
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "examples" in schema:
        yield schema["title"], schema["examples"][0]
    else:
        for choice in schema.get("anyOf", ()):
            yield from _examples(choice, description)


def _linked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: FIELDS.get(key) or _linked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_linked(item) for item in value]
    return value


def _url(api: Api, name: str, path: str, parameters: Any) -> str:
    variables = PATH_VARIABLES.get((api.name, name.partition("/")[0]), {})
    for parameter in parameters:
        if parameter["in"] == "path":
            key = parameter["name"]
            path = path.replace(f"{{{key}}}", f"{{{{{variables.get(key, key)}}}}}")
    return "{{base_url}}/worlds/{{world}}" + api.base_path + path


def _query(parameter: Mapping[str, Any]) -> Parameter:
    name, description = parameter["name"], parameter.get("description")
    if parameter.get("required") or name == "for_s":
        return Parameter(name, QUERY[name], description, is_sent=True)
    default = parameter["schema"].get("default")
    value = default if isinstance(default, str) else "" if default in (None, []) else json.dumps(default)
    return Parameter(name, value, description, is_sent=False)


def _rank(name: str) -> int:
    last = name.rpartition("/")[2]
    return -1 if name in FIRST else LAST.index(last) + 1 if last in LAST else 0
