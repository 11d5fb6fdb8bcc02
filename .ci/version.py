"""The version of all that a release publishes.

    python .ci/version.py 0.2.0            (make version V=0.2.0)

writes it into the Python package, the npm package where there is one, and the changelog, whose unreleased
changes become those of the version.

    python .ci/version.py --check v0.2.0

ends with an error unless the tag is the version of all of these.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from changelog import released, section

TOP = Path(__file__).parents[1]
PYTHON = "app/audience_mock/__init__.py"
NPM = "clients/*/package*.json"
"""The npm package and its lock."""
EXAMPLE = "docs/reference/control-api.md"
"""Shows the answer of the health page."""

VERSION = re.compile(r"(\d+\.\d+\.\d+)(?:(a|b|rc)(\d+))?")
"""Of the versions of Python packages, those that have a form in npm."""
_ASSIGNMENT = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def npm_version(version: str) -> str:
    """As npm writes it: 1.0.0rc1 is 1.0.0-rc.1. Raises ValueError for what is no version."""
    found = VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"a version is such as 0.2.0 or 0.2.0rc1, not {version!r}")
    return found[1] + (f"-{found[2]}.{found[3]}" if found[2] else "")


def current(top: Path) -> str:
    """The version of the Python package."""
    found = _ASSIGNMENT.search((top / PYTHON).read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def set_version(top: Path, version: str, day: str) -> list[Path]:
    """Write the version everywhere; returns the files. Raises ValueError, and then nothing is written."""
    old, of_npm = current(top), npm_version(version)
    log = top / "CHANGELOG.md"
    texts = {log: released(log.read_text(encoding="utf-8"), version, day)}
    package = top / PYTHON
    texts[package] = _ASSIGNMENT.sub(f'__version__ = "{version}"', package.read_text(encoding="utf-8"))
    example = top / EXAMPLE
    texts[example] = example.read_text(encoding="utf-8").replace(
        f'"version":"{old}"', f'"version":"{version}"'
    )
    for file, package_json in _npm(top):
        package_json["version"] = of_npm
        if "" in package_json.get("packages", {}):
            package_json["packages"][""]["version"] = of_npm
        texts[file] = json.dumps(package_json, indent=2, ensure_ascii=False) + "\n"
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    return [*texts]


def check(top: Path, tag: str) -> None:
    """Raises ValueError unless a tag is that of the version everywhere, and the changelog tells of it."""
    version = current(top)
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but {PYTHON} has {version}: the tag is to be v{version}")
    section((top / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    for file, package_json in _npm(top):
        if package_json["version"] != npm_version(version):
            raise ValueError(
                f"{file.relative_to(top)} has {package_json['version']}, not {npm_version(version)}"
            )


def _npm(top: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(top.glob(NPM)):
        yield file, json.loads(file.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> None:
    try:
        match arguments:
            case ["--check", tag]:
                check(TOP, tag)
            case [version] if not version.startswith("-"):
                for file in set_version(TOP, version, datetime.now(UTC).date().isoformat()):
                    print(file.relative_to(TOP))
            case _:
                sys.exit(__doc__)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
