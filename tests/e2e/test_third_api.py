"""A third API is a folder under `providers/` and nothing else."""

import subprocess
import sys
from pathlib import Path

from audience_mock import providers
from audience_mock.providers import registry

FOLDER = Path(__file__).parents[1] / "helpers/third_api"

# What a folder beside the others would do, for one in the tests.
ADD = f"from audience_mock import providers; providers.__path__.append({str(FOLDER)!r})\n"

USE = """
import httpx
from audience_mock.cli.exec import environment
from audience_mock.core.seeds.schemas import Seed
from audience_mock.settings import GROUPS, Settings
from audience_mock.testing import MockServer

assert "Toy" in GROUPS and "toy_greeting" in Settings.model_fields
with MockServer(toy_greeting="hi") as mock:
    mock.clock.freeze()
    key = {"X-Toy-Key": "k"}
    toys = f"{mock.url}/toy/audiences"
    assert httpx.post(toys, json={"name": "a"}).status_code == 401
    made = httpx.post(toys, json={"name": "a"}, headers=key)
    assert (made.status_code, made.json()) == (
        201, {"id": 7000, "name": "a", "status": "INITIALIZING", "greeting": "hi"}
    )
    assert httpx.post(toys, json={"nam": "a"}, headers=key).json() == {"toy_error": 400}
    assert httpx.get(f"{toys}/1", headers=key).json() == {"toy_error": 404}
    mock.clock.advance(to="next-event", kinds=["audience"])
    assert httpx.get(f"{toys}/7000", headers=key).json()["status"] == "READY"
    mock.faults.add("toy_audiences/get", status=503, first=1)
    assert httpx.get(f"{toys}/7000", headers=key).json() == {"toy_error": 503}
    mock.verify("toy_audiences/get", count=3)
    created = mock.journal.entries(operation="toy_audiences/create")
    assert [entry["api"] for entry in created] == ["toy"] * 3
    blue = mock.in_world("blue")
    blue.configure(toy_greeting="hey")
    toys = f"{blue.url}/toy/audiences"
    assert httpx.post(toys, json={"name": "b"}, headers=key).json()["greeting"] == "hey"
    blue.control("PUT", "/ids", {"toy_audience": 8000})
    assert httpx.post(toys, json={"name": "b"}, headers=key).json()["id"] == 8000
    blue.control("PATCH", "/audiences/8000", {"status": "TOO_SMALL"})
    assert httpx.get(f"{blue.url}/toy/audiences/8000", headers=key).json()["status"] == "TOO_SMALL"
    blue.seed({"audiences": [{"api": "toy", "account": "77", "kind": "TOY", "name": "seeded"}]})
    assert blue.state()["audiences"][-1]["api"] == "toy"
    Seed.model_validate(blue.state())
    described = httpx.get(f"{mock.url}/openapi/toy.json").json()
    assert list(described["paths"]) == ["/audiences", "/audiences/{number}"]
    page = httpx.get(f"{mock.url}/__admin/operations?provider=toy").json()["operations"]
    assert [operation["name"] for operation in page] == ["toy_audiences/create", "toy_audiences/get"]
    assert httpx.get(mock.url).json()["toy"].startswith("/toy/audiences")
    near = httpx.get(f"{mock.url}/toy/audience/7", headers=key)
    assert near.status_code == 404
    assert "GET /toy/audiences/{number}" in mock.journal.entries()[-1]["suggestions"]
    variables = environment(mock)
    assert variables["AUDIENCE_MOCK_TOY_URL"] == variables["TOY_BASE_URL"] == f"{mock.url}/toy"
print("served")
"""


def test_a_folder_is_all_that_a_third_api_needs() -> None:
    """Worlds, clock, faults, journal, seeds, ids, settings, descriptions and suggestions have it at once."""
    done = subprocess.run([sys.executable, "-c", ADD + USE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("served\n", 0), done.stderr


def test_its_settings_are_flags() -> None:
    """`audience-mock serve --help` lists them under a heading of their own."""
    code = ADD + "from audience_mock.cli.main import main; main(['serve', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "--toy-greeting TEXT" in done.stdout, done.stderr
    assert "Toy:" in done.stdout


def test_the_providers_are_the_folders() -> None:
    """The registry names none; it lists what lies beside it."""
    folders = {
        path.name for path in Path(providers.__path__[0]).iterdir() if (path / "provider.py").is_file()
    }
    assert set(registry.names()) == folders
