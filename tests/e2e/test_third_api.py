"""A third API: a package that another distribution has, without a change here."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import samples

from audience_mock import providers
from audience_mock.providers import registry
from helpers.environment import environment_without
from helpers.waiting import PATIENT_HTTPX

EXAMPLE = Path(__file__).parents[2] / "docs/examples/acme-provider"

USE = """
from audience_mock.cli.exec import environment
from audience_mock.core.seeds.schemas import Seed
from audience_mock.settings import GROUPS, Settings
from audience_mock.testing import MockServer

assert "Acme" in GROUPS and "acme_region" in Settings.model_fields
with MockServer(acme_region="us") as mock:
    mock.clock.freeze()
    key = {"X-Acme-Key": "k"}
    audiences = f"{mock.url}/acme/audiences"
    assert httpx.post(audiences, json={"name": "a"}).status_code == 401
    made = httpx.post(audiences, json={"name": "a"}, headers=key)
    assert (made.status_code, made.json()) == (
        201, {"id": 7000, "name": "a", "status": "INITIALIZING", "region": "us"}
    )
    assert httpx.post(audiences, json={"nam": "a"}, headers=key).json() == {"acme_error": 400}
    assert httpx.get(f"{audiences}/1", headers=key).json() == {"acme_error": 404}
    mock.clock.advance(to="next-event", kinds=["audience"])
    assert httpx.get(f"{audiences}/7000", headers=key).json()["status"] == "READY"
    mock.faults.add("acme_audiences/get", status=503, first=1)
    assert httpx.get(f"{audiences}/7000", headers=key).json() == {"acme_error": 503}
    mock.verify("acme_audiences/get", count=3)
    mock.verify("acme_audiences/get", api="acme", count=3)
    assert mock.journal.entries(api="pinterest") == []
    created = mock.journal.entries(api="acme", operation="acme_audiences/create")
    assert [entry["api"] for entry in created] == ["acme"] * 3
    blue = mock.in_world("blue")
    blue.configure(acme_region="asia")
    audiences = f"{blue.url}/acme/audiences"
    assert httpx.post(audiences, json={"name": "b"}, headers=key).json()["region"] == "asia"
    blue.control("PUT", "/ids", {"acme_audience": 8000})
    assert httpx.post(audiences, json={"name": "b"}, headers=key).json()["id"] == 8000
    blue.control("PATCH", "/audiences/8000", {"status": "TOO_SMALL"})
    assert httpx.get(f"{blue.url}/acme/audiences/8000", headers=key).json()["status"] == "TOO_SMALL"
    blue.seed({"audiences": [{"api": "acme", "account": "77", "kind": "LIST", "name": "seeded"}]})
    assert blue.state()["audiences"][-1]["api"] == "acme"
    Seed.model_validate(blue.state())
    described = httpx.get(f"{mock.url}/openapi/acme.json").json()
    assert list(described["paths"]) == ["/audiences", "/audiences/{number}"]
    page = httpx.get(f"{mock.url}/__admin/operations?provider=acme").json()["operations"]
    assert [operation["name"] for operation in page] == ["acme_audiences/create", "acme_audiences/get"]
    assert httpx.get(mock.url).json()["acme"].startswith("/acme/audiences")
    near = httpx.get(f"{mock.url}/acme/audience/7", headers=key)
    assert near.status_code == 404
    assert "GET /acme/audiences/{number}" in mock.journal.entries()[-1]["suggestions"]
    variables = environment(mock)
    assert variables["AUDIENCE_MOCK_ACME_URL"] == variables["ACME_BASE_URL"] == f"{mock.url}/acme"
    sparse = mock.in_world("sparse")
    audiences = f"{sparse.url}/acme/audiences"
    made = httpx.post(audiences, json={"name": "a", "nmae": "b"}, headers=key).json()["id"]
    for _ in range(4):
        httpx.get(f"{audiences}/{made}", headers=key)
    request = httpx.Request("GET", f"{audiences}/{made}", headers=key)
    with httpx.Client() as client:
        client.send(request)
    found = sparse.conduct()
    assert [finding["rule"] for finding in found] == ["ACME101", "AM201", "AM401"], found
    assert "6 (acme_audiences/get) has no User-Agent" in found[0]["message"]
print("served")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process in which the example is installed."""
    target = tmp_path_factory.mktemp("installed")
    source = target / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return environment_without("PYTHONPATH", PYTHONPATH=str(target))


def python(code: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_an_installed_package_is_all_that_a_third_api_needs(installed: dict[str, str]) -> None:
    """Worlds, clock, faults, journal, seeds, ids, settings, descriptions and suggestions have it at once."""
    done = python(PATIENT_HTTPX + USE, installed)
    assert (done.stdout, done.returncode) == ("served\n", 0), done.stderr


MISTAKES = {
    "no module": ("settings.py", None, "", "the provider acme has no module acme_provider.settings"),
    "another name": (
        "api.py",
        'name="acme"',
        'name="acne"',
        "its API is named acne, and its entry point acme",
    ),
    "a sequence": (
        "api.py",
        '"acme_audience"',
        '"pinterest_audience"',
        "has the sequence pinterest_audience",
    ),
    "a setting": ("settings.py", "acme_region", "region", "the setting region has to begin with acme_"),
    "a path": ("provider.py", '{"acme": "/acme"}', '{"v5": "/v5"}', "pinterest has the path v5 already"),
    "an operation": (
        "provider.py",
        '"acme_aud',
        '"aud',
        "pinterest has the operation audiences/create already",
    ),
    "an import": ("provider.py", "from fastapi", "import absent\nfrom fastapi", "No module named 'absent'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_a_package_is_named(installed: dict[str, str], tmp_path: Path, mistake: str) -> None:
    """A package that would break another API, or lacks a module, is reported before anything is served."""
    name, old, new, said = MISTAKES[mistake]
    site = shutil.copytree(installed["PYTHONPATH"], tmp_path / "site")
    file = site / "acme_provider" / name
    if old is None:
        file.unlink()
    else:
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    done = python(
        "from audience_mock.providers import registry\n"
        "registry.register_apis(), registry.settings_models(), registry.providers()",
        {**installed, "PYTHONPATH": str(site)},
    )
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]


def test_the_guide_has_the_whole_package() -> None:
    """The guide alone is enough: its blocks, one behind the other, are the files of the example."""
    guide = samples.TOP / "docs/guides/providers.md"
    shown: dict[str, str] = {}
    for block in samples.blocks(guide.read_text()):
        if block.title is not None and block.title.startswith("docs/examples/acme-provider/"):
            shown[block.title] = shown.get(block.title, "") + block.code
    for file in ("pyproject.toml", *(f"acme_provider/{name}.py" for name in ("api", "settings", "provider"))):
        lines = shown[f"docs/examples/acme-provider/{file}"].split()
        assert lines == (EXAMPLE / file).read_text().split(), file


def test_its_settings_are_flags(installed: dict[str, str]) -> None:
    """`audience-mock serve --help` lists them under a heading of their own."""
    done = python("from audience_mock.cli.main import main; main(['serve', '--help'])", installed)
    assert "--acme-region REGION" in done.stdout, done.stderr
    assert "Acme:" in done.stdout


def test_the_example_is_small() -> None:
    """Two operations take less than 150 lines, without what the conduct report knows of them."""
    files = [file for file in EXAMPLE.rglob("*.py") if file.name != "conduct.py"]
    assert sum(len(file.read_text().splitlines()) for file in files) < 150


def test_an_included_provider_is_not_replaced(installed: dict[str, str], tmp_path: Path) -> None:
    """A package that takes the name of an included provider is ignored, with a warning that names it."""
    info = tmp_path / "impostor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: impostor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[audience_mock.providers]\npinterest = impostor\n")
    both = {**installed, "PYTHONPATH": f"{installed['PYTHONPATH']}{os.pathsep}{tmp_path}"}
    done = python(
        "from audience_mock.providers import registry; print(list(registry.packages().items()))", both
    )
    assert "impostor has a provider named pinterest, which is included: ignored" in done.stderr
    assert ast.literal_eval(done.stdout) == [
        ("pinterest", "audience_mock.providers.pinterest"),
        ("pitchtarget", "audience_mock.providers.pitchtarget"),
        ("acme", "acme_provider"),
    ]


def test_the_included_providers_are_the_folders() -> None:
    """The registry names none; it lists what lies beside it."""
    folders = {
        path.name for path in Path(providers.__path__[0]).iterdir() if (path / "provider.py").is_file()
    }
    assert set(registry.packages()) == folders
