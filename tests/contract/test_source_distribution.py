"""The source distribution holds what the checkout holds."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hatchling.build import build_sdist

TOP = Path(__file__).parents[2]


@pytest.mark.skipif(not (TOP / ".git").exists(), reason="this is no checkout")
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_all_tracked_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tracked file is in it, the tests and what they read included."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True)
    tracked = {path for path in listed.stdout.split("\0") if (TOP / path).is_file()}
    monkeypatch.chdir(TOP)
    with tarfile.open(tmp_path / build_sdist(str(tmp_path))) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert tracked - names == set()
