"""A type checker, run on the tests of a user."""

import subprocess
import sys
from pathlib import Path

import pytest

CORRECT = """
from pathlib import Path

import pytest

from audience_mock.testing import InvalidSettingsError, MockServer, MockWorld, WorldSettings, connect

STRICT: WorldSettings = {"auth_mode": "strict"}


@pytest.mark.audience_mock(settings={"build_delay_s": 0})
def test_everything(audience_mock: MockWorld, tmp_path: Path) -> None:
    audience_mock.configure(build_delay_s=0, pinterest_contract=None)
    audience_mock.replace_settings(**STRICT)
    fault: str = audience_mock.faults.add("audiences/create", status=503, latency_ms={"from": 1, "to": 2})
    audience_mock.verify("audiences/create", count={"at_most": 1}, status="2xx", match={"body": {}})
    audience_mock.verify(order=[{"operation": "audiences/create"}], within_s=3)
    audience_mock.faults.remove(fault)
    with MockServer(seed="demo", match_rate=0.5, ready_file=tmp_path / "ready") as mock:
        paths: list[str] = [entry["request"]["path"] for entry in mock.journal.entries(status=404, limit=1)]
        assert connect(mock.url).name == "default" and not paths and mock.settings.port == 0
    with pytest.raises(InvalidSettingsError):
        MockServer(port=-1)
"""

WRONG = {
    "audience_mock.configure(build_delay=0)": "build_delay",
    'audience_mock.configure(auth_mode="strcit")': "auth_mode",
    'audience_mock.faults.add("audiences/create", statsu=503)': "statsu",
    'audience_mock.faults.add("audiences/create", status="503")': "status",
    "audience_mock.verify(counts=1)": "counts",
    "audience_mock.journal.entries(limit='all')": "limit",
    "MockServer(prot=1)": "prot",
}


def checked(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "test_it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.ci
def test_a_test_is_checked_strictly(tmp_path: Path) -> None:
    """mypy --strict accepts a test that uses the fixture and the server, and names each argument that no
    method takes."""
    accepted = checked(tmp_path, CORRECT)
    assert accepted.returncode == 0, accepted.stdout
    calls = "".join(f"    {call}\n" for call in WRONG)
    rejected = checked(
        tmp_path,
        "from audience_mock.testing import MockServer, MockWorld\n"
        f"def test_it(audience_mock: MockWorld) -> None:\n{calls}",
    )
    errors = [line for line in rejected.stdout.splitlines() if ": error: " in line]
    assert len(errors) == len(WRONG), rejected.stdout
    for error, name in zip(errors, WRONG.values(), strict=True):
        assert f'"{name}"' in error
