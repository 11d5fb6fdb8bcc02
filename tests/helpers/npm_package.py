"""The npm package in clients/typescript, built, in a project that has installed it and the test runners."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from helpers.environment import environment_without

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "clients/typescript"
MODULES = Path(sys.prefix) / "typescript/node_modules"
"""Where `make test` installs what the package's lock names."""
LIMIT_S = 120
"""Seconds that one command may take; reached only where something is broken."""

missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
needs_node = pytest.mark.skipif(
    # Where both are there, `make test` has installed the packages, and one that is not there is a failure.
    shutil.which("node") is None or ("npm" in missing and not MODULES.is_dir()),
    reason=f"not installed: {' and '.join(missing)}",
)


class Project:
    """A project in a folder, with the package, the runners and the package's examples."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "node_modules/audience-mock"
        ignored = shutil.ignore_patterns("node_modules", "dist", "examples")
        shutil.copytree(PACKAGE, self.package, ignore=ignored)
        for installed in MODULES.iterdir():
            (self.package.parent / installed.name).symlink_to(installed)
        shutil.copytree(
            PACKAGE / "examples", folder / "examples", ignore=shutil.ignore_patterns("node_modules")
        )
        self.compile(self.package)

    def compile(self, *arguments: str | Path) -> None:
        """Run the TypeScript compiler on a project, with flags."""
        self.run("node", MODULES / "typescript/bin/tsc", "-p", *arguments)

    def run(
        self,
        *command: str | Path,
        folder: Path | None = None,
        variables: Mapping[str, str] = {},
        fails: bool = False,
    ) -> str:
        """Run a command that succeeds, or fails; returns what it wrote."""
        done = subprocess.run(
            command,
            cwd=folder or self.folder,
            env=environment_without("PYTEST_", "PYTHONPATH", "NODE_", NO_COLOR="1", CI="1", **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert (done.returncode != 0) is fails, f"{command}\n{done.stdout}"
        return re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
