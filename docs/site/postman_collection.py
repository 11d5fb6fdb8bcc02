"""Writes `clients/collections/`: a request for each operation, as a Postman collection, and a file to upload.

    make collections

`tests/contract/test_postman_collection.py` sends all requests, and fails while the file differs from what
this would write.

The format is Postman's alone, because Bruno imports it: one file to generate and to test serves both.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from collection_folders import FOLDER, folders, users
from collection_request import APIS, Api, Auth, Parameter, Request
from collection_tables import VARIABLES

FILE = FOLDER / "audience-mock.postman_collection.json"
USERS = FOLDER / "users.csv"

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ABOUT = """Every operation of Audience Mock: both APIs, and the control API.

Set `base_url` to your server, and `world` to the name of a world to keep other data as it is.

Requests take ids from answers: send first what creates something, or run all from top to bottom."""


def text() -> str:
    collection = {
        "info": {"name": "Audience Mock", "description": ABOUT, "schema": SCHEMA},
        "item": [
            {
                "name": api.title,
                "auth": _api_auth(api),
                "item": [
                    {"name": folder.name, "item": [_item(request) for request in folder.requests]}
                    for folder in folders(api)
                ],
            }
            for api in APIS
        ],
        "variable": [{"key": name, "value": value} for name, value in VARIABLES.items()],
    }
    return json.dumps(collection, indent=2, ensure_ascii=False) + "\n"


def _item(request: Request) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "method": request.method,
        "header": [],
        "url": _url(request.url, request.query),
    }
    if request.description is not None:
        sent["description"] = request.description
    if request.auth is Auth.NONE:
        sent["auth"] = {"type": "noauth"}
    elif request.auth is Auth.BASIC:
        sent["auth"] = _pairs("basic", username="{{app_id}}", password="{{app_secret}}")
    if request.body is not None:
        sent |= _body(request.media_type, request.body)
    return {"name": request.name, "event": [_script(request.filled)], "request": sent, "response": []}


def _api_auth(api: Api) -> Mapping[str, Any]:
    if api.scheme == "Bearer":
        return _pairs("bearer", token=f"{{{{{api.token}}}}}")
    return _pairs("apikey", key="Authorization", value=f"{api.scheme} {{{{{api.token}}}}}")


def _pairs(kind: str, **values: str) -> Mapping[str, Any]:
    return {
        "type": kind,
        kind: [{"key": key, "value": value, "type": "string"} for key, value in values.items()],
    }


def _body(kind: str | None, content: Mapping[str, Any] | str) -> dict[str, Any]:
    if isinstance(content, str):
        return {"body": {"mode": "raw", "raw": content}}
    match kind:
        case "application/json":
            raw = json.dumps(content, indent=2, ensure_ascii=False)
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
                for key, value in content.items()
            ]
            return {"body": {"mode": "formdata", "formdata": parts}}
    pairs = [{"key": key, "value": value, "type": "text"} for key, value in content.items()]
    return {"body": {"mode": "urlencoded", "urlencoded": pairs}}


def _url(url: str, query: Sequence[Parameter]) -> dict[str, Any] | str:
    host, *words = url.split("/")
    if not words:
        return url
    sent = "&".join(f"{each.name}={each.value}" for each in query if each.is_sent)
    return {
        "raw": url + (f"?{sent}" if sent else ""),
        "host": [host],
        "path": words,
        "query": [_query(each) for each in query],
    }


def _query(parameter: Parameter) -> dict[str, Any]:
    about = {} if parameter.description is None else {"description": parameter.description}
    disabled = {} if parameter.is_sent else {"disabled": True}
    return {"key": parameter.name, "value": parameter.value} | about | disabled


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


if __name__ == "__main__":
    FILE.write_text(text())
    USERS.write_text(users())
