"""The Postman collection in clients/collections, sent by Postman's own runtime, newman."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import postman_collection
import pytest
from collection_folders import TOP, users
from collection_request import APIS
from collection_tables import FILLED

from audience_mock.testing import MockServer
from helpers.collection_runs import REJECTED
from helpers.engines import SQLITE
from helpers.environment import environment_without
from helpers.npm_package import LIMIT_S

TOOLS = Path(sys.prefix) / "npm_tools/node_modules"
NEWMAN, CONVERTERS = TOOLS / "newman/bin/newman.js", TOOLS / "@usebruno/converters"

(COMMAND,) = re.findall(r"^npx newman .+$", (TOP / "docs/guides/postman.md").read_text(), flags=re.MULTILINE)
"""As the guide has it."""

needs_newman = pytest.mark.skipif(
    # Where both are there, `make test` has installed it, and it is a failure if it is not there.
    shutil.which("node") is None or (shutil.which("npm") is None and not NEWMAN.exists()),
    reason="Node.js and npm are not installed",
)


@pytest.fixture(scope="module")
def collection() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(postman_collection.FILE.read_text())
    return found


def requests(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those of a folder and its folders."""
    for each in item["item"]:
        if "request" in each:
            yield each
        else:
            yield from requests(each)


def send(tmp_path: Path, *flags: str, engine: str = SQLITE, **variables: str) -> list[str]:
    """The names of the requests of a run of the collection, none of which is rejected that its engine has."""
    report = tmp_path / "report.json"
    npx, newman, *words = COMMAND.split()
    assert (npx, newman) == ("npx", "newman")
    done = subprocess.run(
        [
            *("node", NEWMAN, *words),
            *("--reporters", "json", "--reporter-json-export", report),
            *flags,
            *(word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")),
        ],
        cwd=TOP,
        env=environment_without("NODE_", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    run = json.loads(report.read_text())["run"]
    answered = [(each["item"]["name"], each["response"]["code"]) for each in run["executions"]]
    rejected = [(name, status) for name, status in answered if status >= 400]
    assert rejected == [(name, 409) for name in REJECTED[engine]]
    assert [each["source"]["name"] for each in run["failures"]] == REJECTED[engine]
    assert done.returncode == (1 if rejected else 0)
    return [name for name, _ in answered]


def test_it_is_what_the_descriptions_say() -> None:
    """The files are what would be written now; `make openapi` writes them."""
    assert postman_collection.FILE.read_text() == postman_collection.text()
    assert postman_collection.USERS.read_text() == users()


def test_it_has_every_operation(collection: Mapping[str, Any]) -> None:
    """Each operation of the descriptions is a request, with all of its parameters, and for each kind of body
    that it takes one with an example."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for request in (each["request"] for each in requests(collection)):
        if request["url"] != "{{part_url}}":
            path = re.sub(r"\{\{\w+\}\}", "{}", "/".join(request["url"]["path"]))
            found.setdefault((request["method"], path), []).append(request)
    wanted = []
    for api in APIS:
        description = json.loads((TOP / f"openapi/{api.name}.json").read_text())
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                place = (method.upper(), re.sub(r"\{\w+\}", "{}", f"worlds/{{}}{api.base_path}{path}"))
                wanted.append(place)
                query = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
                for request in found[place]:
                    assert [each["key"] for each in request["url"]["query"]] == query
                content = operation.get("requestBody", {}).get("content", {})
                kinds = sum(len(media["schema"].get("anyOf", "_")) for media in content.values())
                # Of a choice between one fault and several, one has the example.
                kinds -= operation["operationId"] == "faults/add"
                assert sum("body" in request for request in found[place]) == kinds, place
    assert sorted(found) == sorted(wanted)


def test_names_tell_requests_apart(collection: Mapping[str, Any]) -> None:
    """Within a folder no two requests have the same name."""
    for api in collection["item"]:
        for folder in api["item"]:
            names = [each["name"] for each in folder["item"]]
            assert len(names) == len(set(names)), names


def test_each_variable_is_known(collection: Mapping[str, Any]) -> None:
    """A request takes variables of the collection, or of Postman itself; each has a value or is filled by an
    answer."""
    text = json.dumps(collection)
    known = {each["key"]: each["value"] for each in collection["variable"]}
    assert set(re.findall(r"\{\{(\w+)\}\}", text)) == known.keys()
    filled = set(re.findall(r'collectionVariables\.set\(\\"(\w+)\\"', text))
    assert {name for name, value in known.items() if not value} - {"admin_token"} <= filled


@needs_newman
@pytest.mark.parametrize("runs", [1, pytest.param(2, marks=pytest.mark.ci)])
def test_every_request_is_accepted(
    collection: Mapping[str, Any], tmp_path: Path, engine: str, runs: int
) -> None:
    """Sent from top to bottom to a server, no request is rejected but those that its engine does not have,
    and the same in a second run."""
    names = [each["name"] for each in requests(collection)]
    with MockServer(record=True) as server:
        for _ in range(runs):
            assert send(tmp_path, engine=engine, base_url=server.url) == names
        assert server.control("GET", "/worlds") == {"worlds": ["default"]}


@needs_newman
@pytest.mark.ci
def test_another_world_and_a_token(tmp_path: Path, engine: str) -> None:
    """With the variables for a world and a token, the run leaves other worlds as they are."""
    with MockServer(seed="demo", admin_token="open-sesame", record=True) as server:
        server.clock.freeze()
        before = server.state()
        send(tmp_path, engine=engine, base_url=server.url, world="postman", admin_token="open-sesame")
        assert server.state() == before
        assert server.control("GET", "/worlds")["worlds"] == ["default", "postman"]


@needs_newman
def test_a_rejected_request_fails_the_run(tmp_path: Path) -> None:
    """A request that is rejected fails a run, so these tests can."""
    with MockServer(admin_token="open-sesame") as server:
        with pytest.raises(AssertionError, match="401"):
            send(tmp_path, "--folder", "Overview", base_url=server.url)


IMPORT = """
const { readFileSync } = require("node:fs");
const { postmanToBruno } = require(process.argv[2]);
postmanToBruno(JSON.parse(readFileSync(process.argv[3]))).then((found) => console.log(JSON.stringify(found)));
"""


@needs_newman
def test_bruno_imports_it(collection: Mapping[str, Any], tmp_path: Path) -> None:
    """Bruno's own import has nothing to say of it, keeps each request in its folder, and translates the
    scripts that fill variables."""
    (tmp_path / "import.cjs").write_text(IMPORT)
    done = subprocess.run(
        ["node", tmp_path / "import.cjs", CONVERTERS, postman_collection.FILE],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["issues"] == []
    folders = {api["name"]: [each["name"] for each in api["items"]] for api in found["collection"]["items"]}
    assert folders == {api["name"]: [each["name"] for each in api["item"]] for api in collection["item"]}
    imported = [
        request
        for api in found["collection"]["items"]
        for folder in api["items"]
        for request in folder["items"]
    ]
    assert [each["name"] for each in imported] == [each["name"] for each in requests(collection)]
    scripts = "".join(each["request"]["script"].get("res") or "" for each in imported)
    assert "pm." not in scripts
    filled = set(re.findall(r'bru\.setCollectionVar\("(\w+)"', scripts))
    assert filled == {name for names in FILLED.values() for name in names}
