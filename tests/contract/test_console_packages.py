"""What the console takes from npm is, byte for byte, what the packages of its lock have."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from audience_mock.console.files import FOLDER

PACKAGES = Path(sys.prefix) / "console/node_modules"
LOCK = FOLDER.parent / "package-lock.json"
COPIED = {
    "htm-preact.js": "htm/preact/standalone.module.js",
    "htm.LICENSE.txt": "htm/LICENSE",
    "preact.LICENSE.txt": "preact/LICENSE",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.LICENSE.txt": "swagger-ui-dist/LICENSE",
    "swagger-ui.NOTICE.txt": "swagger-ui-dist/NOTICE",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
}


def test_each_file_has_its_origin() -> None:
    """Nothing is in the folder that `make console` does not write."""
    assert {file.name for file in (FOLDER / "vendor").iterdir()} == set(COPIED)


@pytest.mark.skipif(
    shutil.which("npm") is None and not PACKAGES.is_dir(),
    reason="not installed: npm",
)
@pytest.mark.parametrize("name", COPIED)
def test_files_are_those_of_the_packages(name: str) -> None:
    """`make console` writes what is there; the installed version is that of the lock."""
    source = PACKAGES / COPIED[name]
    package = COPIED[name].partition("/")[0]
    installed = json.loads((PACKAGES / package / "package.json").read_text())["version"]
    locked = json.loads(LOCK.read_text())["packages"][f"node_modules/{package}"]
    assert locked["version"] == installed
    assert locked["integrity"].startswith("sha512-")
    assert (FOLDER / "vendor" / name).read_bytes() == source.read_bytes()
