"""Runs of the scripts in clients/collections/httpie, with HTTPie's own command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import collection_folders
import httpie_scripts
import pytest
from collection_request import APIS

from helpers.environment import environment_without

PROGRAMS = Path(sys.prefix) / "httpie/bin"
SCRIPTS = [f"{api.name}.sh" for api in APIS]
LIMIT_S = 600
"""A run starts HTTPie up to 80 times: 25 s on two cores."""

needs_httpie = pytest.mark.skipif(
    not (PROGRAMS / "http").exists(), reason=f"HTTPie is not installed in {PROGRAMS.parent} (make setup)"
)


def environment(**variables: str) -> dict[str, str]:
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    local = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    return environment_without("WORLD", "PINTEREST_", PATH=path, **local | variables)


def run(script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", script],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def titles(script: str) -> list[str]:
    return re.findall(r"^echo ['\"](# .*)['\"]$", script.replace("'\\''", "'"), flags=re.MULTILINE)


def first_folder(tmp_path: Path, name: str) -> Path:
    """A copy of the script that has the requests of its first folder alone, with all that they need."""
    folder = shutil.copytree(httpie_scripts.HTTPIE, tmp_path / "collections/httpie")
    shutil.copy(collection_folders.FOLDER / "users.csv", folder.parent)
    start, first, *_ = (folder / name).read_text().split("\n\n\n# ")
    (folder / name).write_text(f"{start}\n\n\n# {first}{httpie_scripts.TAIL}")
    return folder / name
