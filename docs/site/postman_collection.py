"""Writes `clients/collections/`: a request for each operation, as a Postman collection, and a file to upload.

    make collections

Paths, parameters and bodies are those of `openapi/`, with the first example of each body. What else it takes
is in `postman_tables.py`. `tests/contract/test_postman_collection.py` sends all requests, and fails while the
file differs from what this would write.

The format is Postman's alone, because Bruno imports it: one file to generate and to test serves both.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from postman_tables import (
    AFTER,
    FIELDS,
    FILLED,
    FIRST,
    LAST,
    OWN_FIELDS,
    PATH_VARIABLES,
    QUERY,
    TAGS,
    VARIABLES,
)

TOP = Path(__file__).parents[2]
FOLDER = TOP / "clients/collections"
FILE = FOLDER / "audience-mock.postman_collection.json"
USERS = FOLDER / "users.csv"

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ABOUT = """Every operation of Audience Mock: both APIs, and the control API.

Set `base_url` to your server, and `world` to the name of a world to keep other data as it is.

Requests take ids from answers: send first what creates something, or run all from top to bottom."""

FORMATS = {"application/x-www-form-urlencoded": "form", "application/json": "JSON"}


class Api(NamedTuple):
    """A description, its folder and how its callers say who they are."""

    name: str
    title: str
    base_path: str
    auth: Mapping[str, Any]


def _bearer(variable: str) -> Mapping[str, Any]:
    return {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{variable}}}}}", "type": "string"}]}


def _pairs(kind: str, **values: str) -> Mapping[str, Any]:
    return {
        "type": kind,
        kind: [{"key": key, "value": value, "type": "string"} for key, value in values.items()],
    }


APIS = (
    Api("pinterest", "Pinterest REST API v5", "/v5", _bearer("pinterest_token")),
    Api(
        "pitchtarget",
        "PitchTarget Audience API",
        "",
        _pairs("apikey", key="Authorization", value="OAuth {{pitchtarget_token}}"),
    ),
    Api("control", "Control API", "", _bearer("admin_token")),
)
BASIC = _pairs("basic", username="{{app_id}}", password="{{app_secret}}")


def text() -> str:
    collection = {
        "info": {"name": "Audience Mock", "description": ABOUT, "schema": SCHEMA},
        "item": [_folder(api) for api in APIS],
        "variable": [{"key": name, "value": value} for name, value in VARIABLES.items()],
    }
    return json.dumps(collection, indent=2, ensure_ascii=False) + "\n"


def users() -> str:
    """A file of users for uploads: SHA-256 of five addresses, one a line."""
    return "".join(hashlib.sha256(f"{n}@example.com".encode()).hexdigest() + "\n" for n in range(5))


def _folder(api: Api) -> dict[str, Any]:
    description = json.loads((TOP / f"openapi/{api.name}.json").read_text())
    folders: dict[str, list[Any]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            (tag,) = operation["tags"]
            folders.setdefault(tag, []).append((method.upper(), path, operation))
    return {
        "name": api.title,
        "auth": api.auth,
        "item": [
            {
                "name": tag.replace("_", " ").capitalize(),
                "item": [
                    item
                    for method, path, operation in sorted(
                        found, key=lambda each: _rank(each[2]["operationId"])
                    )
                    for item in _requests(api, description, method, path, operation)
                ],
            }
            for tag, found in sorted(folders.items(), key=lambda each: TAGS.get(each[0], 0))
        ],
    }


def _requests(
    api: Api, description: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """A request for each kind of body."""
    name = operation["operationId"]
    for label, media_type, example in _bodies(description, operation):
        request: dict[str, Any] = {
            "method": method,
            "header": [],
            "url": _url(api, name, path, operation.get("parameters", ())),
        }
        if "description" in operation:
            request["description"] = operation["description"]
        if operation.get("security") == []:
            request["auth"] = {"type": "noauth"}
        elif {"basic": []} in operation.get("security", ()):
            request["auth"] = BASIC
        if media_type is not None:
            request |= _body(media_type, _linked(example) | OWN_FIELDS.get(name, {}))
        yield {
            "name": operation["summary"] + label,
            "event": [_script(FILLED.get(name + label) or FILLED.get(name, {}))],
            "request": request,
            "response": [],
        }
        if name in AFTER:
            yield AFTER[name] | {"event": [_script({})]}


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


def _body(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    match kind:
        case "application/json":
            raw = json.dumps(fields, indent=2, ensure_ascii=False)
            header = [{"key": "Content-Type", "value": kind}]
            return {
                "header": header,
                "body": {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}},
            }
        case "multipart/form-data":
            parts = [
                {"key": key, "type": "file", "src": value}
                if key == "file"
                else {"key": key, "type": "text", "value": value}
                for key, value in fields.items()
            ]
            return {"body": {"mode": "formdata", "formdata": parts}}
    pairs = [{"key": key, "value": value, "type": "text"} for key, value in fields.items()]
    return {"body": {"mode": "urlencoded", "urlencoded": pairs}}


def _url(api: Api, name: str, path: str, parameters: Any) -> dict[str, Any]:
    variables = PATH_VARIABLES.get((api.name, name.partition("/")[0]), {})
    for parameter in parameters:
        if parameter["in"] == "path":
            key = parameter["name"]
            path = path.replace(f"{{{key}}}", f"{{{{{variables.get(key, key)}}}}}")
    words = ["worlds", "{{world}}", *(f"{api.base_path}{path}".strip("/").split("/"))]
    query = [_query(parameter) for parameter in parameters if parameter["in"] == "query"]
    sent = "&".join(f"{each['key']}={each['value']}" for each in query if not each.get("disabled"))
    return {
        "raw": "/".join(["{{base_url}}", *words]) + (f"?{sent}" if sent else ""),
        "host": ["{{base_url}}"],
        "path": words,
        "query": query,
    }


def _query(parameter: Mapping[str, Any]) -> dict[str, Any]:
    name = parameter["name"]
    about = {"description": parameter["description"]} if "description" in parameter else {}
    if parameter.get("required") or name == "for_s":
        return {"key": name, "value": QUERY[name]} | about
    default = parameter["schema"].get("default")
    value = default if isinstance(default, str) else "" if default in (None, []) else json.dumps(default)
    return {"key": name, "value": value} | about | {"disabled": True}


def _script(filled: Mapping[str, str]) -> dict[str, Any]:
    """The script that runs after the answer."""
    lines = ['pm.test("accepted", () => pm.expect(pm.response.code).to.be.below(400));']
    if filled:
        lines += [
            "if (pm.response.code < 400) {",
            "  const answer = pm.response.json();",
            *(f'  pm.collectionVariables.set("{key}", answer.{place});' for key, place in filled.items()),
            "}",
        ]
    return {"listen": "test", "script": {"type": "text/javascript", "exec": lines}}


def _rank(name: str) -> int:
    last = name.rpartition("/")[2]
    return -1 if name in FIRST else LAST.index(last) + 1 if last in LAST else 0


if __name__ == "__main__":
    FILE.write_text(text())
    USERS.write_text(users())
