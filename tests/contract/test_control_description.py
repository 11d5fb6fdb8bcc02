"""/openapi/control.json against what the control API answers: each operation is run, each status it describes
is brought about, and both the request and the answer are validated against the description."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jsonschema
import pytest

from audience_mock.app import describe
from audience_mock.control.state import SeedRoute
from audience_mock.testing import MockServer
from audience_mock.web.body import MAX_BODY_BYTES
from helpers.control_calls import CALLS, OF_ONE_ENGINE, VARIES, Call, skip_on_other_engine
from helpers.tenants import write_tenants


@pytest.fixture(scope="session")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("openapi")
    describe(folder)
    described: dict[str, Any] = json.loads((folder / "control.json").read_text())
    return described


class Described(NamedTuple):
    """An operation: its method, its path, and the rest."""

    method: str
    path: str
    facts: Mapping[str, Any]


def operations(description: Mapping[str, Any]) -> dict[str, Described]:
    return {
        facts["operationId"]: Described(method.upper(), path, facts)
        for path, methods in description["paths"].items()
        for method, facts in methods.items()
    }


def validate(instance: Any, media: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    schema = {**media["schema"], "components": description["components"]}
    jsonschema.Draft202012Validator(schema).validate(instance)


def send(mock: MockServer, operation: Described, call: Call, **headers: str) -> httpx.Response:
    """The answer to a call."""
    path = re.sub(r"\{(\w+)\}", lambda found: call.path.get(found[1], "x"), operation.path)
    body = {} if call.body is None else {"json": call.body}
    query = dict(call.query)
    return httpx.request(operation.method, mock.url + path, params=query, headers=headers, **body)


def check(answer: httpx.Response, operation: Described, description: Mapping[str, Any]) -> Any:
    """The body of an answer, validated against the description of its status."""
    described = operation.facts["responses"].get(str(answer.status_code))
    assert described is not None, f"{answer.status_code} is not described: {answer.text}"
    if "content" not in described:
        assert answer.content == b""
        return None
    media_type = answer.headers["content-type"].partition(";")[0]
    assert [*described["content"]] == [media_type]
    if media_type == "text/event-stream":
        assert answer.text.startswith("id: ")
    if media_type != "application/json":
        return answer.content
    validate(answer.json(), described["content"]["application/json"], description)
    return answer.json()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operation} {call.status}")
def test_a_request_and_its_answer_are_described(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch, description: dict[str, Any], engine: str, call: Call
) -> None:
    """The request is one that the description allows, and its answer is described; without a body, the
    description says that there need be none."""
    skip_on_other_engine(call, engine)
    operation = operations(description)[call.operation]
    parameters = {parameter["name"] for parameter in operation.facts.get("parameters", ())}
    assert {*call.path, *call.query} <= parameters
    if call.body is not None:
        validate(call.body, operation.facts["requestBody"]["content"]["application/json"], description)
    else:
        assert not operation.facts.get("requestBody", {}).get("required", False)
    call.before(mock, monkeypatch)
    answer = send(mock, operation, call)
    assert answer.status_code == call.status, answer.text
    body = check(answer, operation, description)
    example = operation.facts["responses"][str(call.status)].get("content", {}).get("application/json", {})
    if call.status in (404, 409):
        assert _shape(example["example"]["error"]) == _shape(body["error"])


def _shape(message: str) -> str:
    """A message without its numbers, which a test lowers, and the API that it names."""
    return re.sub(r"\d+|[Pp]interest |pitchtarget ", "#", message)


def wrong(operation: Described) -> list[tuple[int, dict[str, str], bytes | None]]:
    """What is wrong with a request: the status, the headers, the body."""
    json_type = {"Content-Type": "application/json"}
    requests: list[tuple[int, dict[str, str], bytes | None]] = [(400, {"X-Audience-Mock-World": ""}, None)]
    if operation.facts.get("security") != []:
        beyond = {"X-Audience-Mock-World": "one-more", "Authorization": "Bearer open-sesame"}
        requests += [(401, {}, None), (403, {"Origin": "https://a.example"}, None), (429, beyond, None)]
    if "requestBody" in operation.facts:
        requests += [
            (400, json_type, b"{"),
            (400, json_type, b"[]"),
            (413, json_type, b" " * (MAX_BODY_BYTES + 1)),
            (415, {**json_type, "Content-Encoding": "gzip"}, b"x"),
        ]
    return requests


ON_A_FULL_DISK = {
    (operation, "507")
    for operation in ("snapshots/put", "snapshots/restore", "worlds/fork", "worlds/put", "worlds/update")
}
"""`tests/e2e/test_full_disk.py` brings these about."""


def test_what_no_operation_takes_is_described(
    start: Callable[..., MockServer],
    monkeypatch: pytest.MonkeyPatch,
    description: dict[str, Any],
    tmp_path: Path,
) -> None:
    """Every operation describes what it answers to a blank world, a stranger, a world beyond a quota, a wrong
    body, one that is too large and one that is compressed; and no operation describes a status that none of
    these tests brings about."""
    monkeypatch.setattr(SeedRoute, "max_body_bytes", MAX_BODY_BYTES)
    plain, closed = start(), start(admin_token="open-sesame")
    file = write_tenants(tmp_path / "tenants.toml", server={"quotas": {"worlds": 1}})
    full = start(admin_token="open-sesame", tenants=file)
    reached = {(call.operation, str(call.status)) for call in CALLS} | ON_A_FULL_DISK
    for name, operation in operations(description).items():
        for status, headers, content in wrong(operation):
            mock = {401: closed, 429: full}.get(status, plain)
            url = mock.url + re.sub(r"\{\w+\}", "x", operation.path)
            answer = httpx.request(operation.method, url, headers=headers, content=content)
            assert answer.status_code == status, (name, answer.text)
            assert "error" in check(answer, operation, description)
            reached.add((name, str(status)))
    described = {
        (name, status)
        for name, operation in operations(description).items()
        for status in operation.facts["responses"]
    }
    assert described == reached


def test_an_operation_without_a_body_says_so(mock: MockServer, description: dict[str, Any]) -> None:
    """A body that need not be sent may be left out, and one that must is missed."""
    for name, operation in operations(description).items():
        body = operation.facts.get("requestBody")
        if body is None:
            continue
        answer = send(mock, operation, Call(name, 0))
        assert (answer.status_code == 400) == body["required"], (name, answer.text)


def test_examples_are_true(mock: MockServer, description: dict[str, Any], engine: str) -> None:
    """Each example of a request is accepted as it is, and each answer's example has the keys that the answer
    has."""
    for name, operation in operations(description).items():
        assert re.fullmatch(r"[A-Z][^.]+", operation.facts["summary"]), name
        assert operation.facts["description"].endswith("."), name
    for call in CALLS:
        if call.status not in (200, 201) or call.operation in VARIES:
            continue
        if OF_ONE_ENGINE.get((call.operation, call.status), engine) != engine:
            continue
        operation = operations(description)[call.operation]
        with MockServer() as server, pytest.MonkeyPatch.context() as patch:
            call.before(server, patch)
            answer = send(server, operation, call).json()
        media = operation.facts["responses"][str(call.status)]["content"]["application/json"]
        assert media["example"].keys() == answer.keys(), call.operation
    for name, operation in operations(description).items():
        media = operation.facts.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in _examples(media, description):
            with MockServer(seed="demo") as server:
                path = {"world": "default", "id": "2542623499806"}
                answered = send(server, operation, Call(name, 0, path, copy.deepcopy(example)))
                assert answered.status_code not in (400, 415), (name, example, answered.text)


def _examples(media: Mapping[str, Any], description: Mapping[str, Any]) -> list[Any]:
    """Those of a media type and of the models that it refers to."""
    found, schemas = [], [media.get("schema", {})]
    while schemas:
        schema = schemas.pop()
        if "$ref" in schema:
            schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        found += schema.get("examples", ())
        schemas += schema.get("anyOf", ())
    return found
