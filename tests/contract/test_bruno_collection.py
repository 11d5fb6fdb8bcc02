"""The Postman collection as Bruno has it once imported, run by Bruno's own command."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import postman_collection
import pytest
from collection_folders import TOP, folders
from collection_request import APIS

from audience_mock.testing import MockServer
from helpers.collection_runs import REJECTED
from helpers.environment import environment_without

IMPORT = TOP / "tests/e2e/bruno/import.cjs"
MODULES = Path(sys.prefix) / "bruno/node_modules"
BRU = MODULES / "@usebruno/cli/bin/bru.js"
LIMIT_S = 300

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.skipif(not BRU.exists(), reason="Bruno's command is not installed (make bruno)"),
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A native collection of Bruno, with the file to upload where the guide puts it."""
    folder = tmp_path_factory.mktemp("bruno") / "collection"
    subprocess.run(
        ["node", IMPORT, MODULES, postman_collection.FILE, folder],
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
    )
    shutil.copy(postman_collection.USERS, folder)
    return folder


def send(imported: Path, tmp_path: Path, *paths: str, **variables: str) -> tuple[int, Mapping[str, Any]]:
    """The exit status of a run, and its report."""
    report = tmp_path / "report.json"
    values = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    done = subprocess.run(
        ["node", BRU, "run", *paths, "-r", "--noproxy", "--reporter-json", report, *values],
        cwd=imported,
        env=environment_without("NODE_"),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    (run,) = json.loads(report.read_text())
    return done.returncode, run


def test_every_request_is_accepted(imported: Path, tmp_path: Path, engine: str) -> None:
    """Bruno's command sends all requests of the collection, in its order; none is rejected but those that the
    engine does not have."""
    with MockServer(record=True) as server:
        status, run = send(imported, tmp_path, base_url=server.url)
    results = run["results"]
    names = [request.name for api in APIS for folder in folders(api) for request in folder.requests]
    assert [each["name"] for each in results] == names
    assert [each["name"] for each in results if each["response"]["status"] >= 400] == REJECTED[engine]
    assert status == (1 if REJECTED[engine] else 0)


def test_a_rejected_request_fails_the_run(imported: Path, tmp_path: Path) -> None:
    """A request that is rejected fails a run, so the test above can."""
    with MockServer(admin_token="open-sesame") as server:
        status, run = send(imported, tmp_path, "Control API/Overview", base_url=server.url)
    assert [each["response"]["status"] for each in run["results"]] == [401]
    assert status == 1
