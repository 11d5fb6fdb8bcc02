"""The scripts in clients/collections/httpie, run by a shell with HTTPie's own command against a server."""

import json
import re
import subprocess
from pathlib import Path

import collection_folders
import httpie_scripts
import pytest
from collection_request import APIS

from audience_mock.testing import MockServer
from helpers.collection_runs import REJECTED
from helpers.httpie_runs import LIMIT_S, SCRIPTS, environment, first_folder, needs_httpie, run, titles
from helpers.ports import free_port

TOP = collection_folders.TOP

pytestmark = needs_httpie


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("pitchtarget.sh", marks=pytest.mark.ci),
        pytest.param("pinterest.sh", marks=pytest.mark.ci),
        pytest.param("control.sh", marks=pytest.mark.ci),
    ],
)
def test_every_request_is_accepted(name: str, engine: str) -> None:
    """Run against a server, no request of a script is rejected but those that its engine does not have."""
    script = httpie_scripts.HTTPIE / name
    rejected = len(REJECTED[engine]) if name == "control.sh" else 0
    with MockServer(record=True) as server:
        ran = run(script, AUDIENCE_MOCK_URL=server.url)
    assert (ran.returncode, ran.stderr.count("HTTP 409")) == (1 if rejected else 0, rejected), ran.stderr
    announced = [line for line in ran.stdout.splitlines() if line.startswith("# ")]
    assert announced == titles(script.read_text())
    assert httpie_scripts.texts() == {path.name: path.read_text() for path in script.parent.iterdir()}


def test_the_commands_of_the_guide() -> None:
    """The guide names the scripts, and its commands with a session file are accepted in its folder."""
    guide = (TOP / "docs/guides/postman.md").read_text()
    scripts, by_hand = re.findall(
        r'^```sh title="In a checkout"\n((?!npx).*?)^```$', guide, flags=re.DOTALL | re.MULTILINE
    )
    assert {Path(line).name for line in scripts.splitlines()} == {*SCRIPTS}
    assert all((TOP / line).is_file() for line in scripts.splitlines())
    with MockServer() as server:
        port = server.url.rpartition(":")[2]
        commands = by_hand.replace("http ", "http --ignore-stdin --check-status ").replace(
            ":8000", f":{port}"
        )
        ran = subprocess.run(
            ["sh", "-euc", commands],
            cwd=TOP,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert '"items":[]' in ran.stdout


def test_a_world_and_tokens(tmp_path: Path, engine: str) -> None:
    """With a world and tokens in the environment, a server that accepts only these rejects nothing that its
    engine has, and other worlds stay as they are."""
    script = first_folder(tmp_path, "control.sh")
    rejected = sum(f"# {name}" in titles(script.read_text()) for name in REJECTED[engine])
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"tokens": [{"token": "pina_team", "scopes": ["ads:read", "ads:write"]}]}))
    with MockServer(seed=str(seed), admin_token="open-sesame", auth_mode="strict") as server:
        server.clock.freeze()
        before = server.state()
        variables = {"AUDIENCE_MOCK_URL": f"{server.url}/", "WORLD": "team"}
        tokens = {"PINTEREST_TOKEN": "pina_team", "AUDIENCE_MOCK_ADMIN_TOKEN": "open-sesame"}
        accepted = run(script, **variables, **tokens)
        assert (accepted.returncode, accepted.stderr.count("HTTP")) == (1 if rejected else 0, rejected)
        assert server.state() == before
        assert len(server.in_world("team").state()["audiences"]) == 1


def test_rejected_requests_fail_the_run(tmp_path: Path) -> None:
    """A script goes on after a request that is rejected, shows the answer and ends with 1."""
    script = first_folder(tmp_path, "pinterest.sh")
    with MockServer(auth_mode="strict") as server:
        ran = run(script, AUDIENCE_MOCK_URL=server.url)
    names = [request.name for request in collection_folders.folders(APIS[0])[0].requests]
    assert [line for line in ran.stdout.splitlines() if line.startswith("# ")] == [
        f"# {each}" for each in names
    ]
    assert '"message": "Authentication failed."' in ran.stdout
    assert ran.returncode == 1
    assert ran.stderr.endswith(f"Rejected requests: {len(names)}\n")


def test_no_server(tmp_path: Path) -> None:
    """Where nothing answers, a script ends at its first request."""
    ran = run(first_folder(tmp_path, "pinterest.sh"), AUDIENCE_MOCK_URL=f"http://127.0.0.1:{free_port()}")
    assert (ran.returncode, ran.stdout.count("# ")) == (1, 1)
    assert "Connection refused" in ran.stderr
