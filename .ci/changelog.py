"""The sections of CHANGELOG.md, in the form of Keep a Changelog.

python .ci/changelog.py 0.2.0

prints what the release of that version changes, for the page of the release.
"""

import re
import sys
from pathlib import Path

FILE = Path(__file__).parents[1] / "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"
NOT_YET = " Nothing has been released yet."


def section(text: str, version: str) -> str:
    """What stands under the heading of a version. Raises ValueError if there is none, or nothing under it."""
    heading = re.compile(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$\n", re.MULTILINE)
    found = heading.search(text)
    if found is None:
        raise ValueError(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'")
    following = re.compile(r"^## |^\[[^\]]+\]: ", re.MULTILINE).search(text, found.end())
    body = text[found.end() : following.start() if following else None].strip()
    if not body:
        raise ValueError(f"CHANGELOG.md says nothing of {version}")
    return body + "\n"


def released(text: str, version: str, day: str) -> str:
    """The text with what is unreleased under the heading of a version, and nothing unreleased. Raises
    ValueError if the version is there already, or nothing is unreleased."""
    if f"## [{version}]" in text:
        raise ValueError(f"CHANGELOG.md has a section for {version} already")
    if text.count(UNRELEASED) != 1:
        raise ValueError("CHANGELOG.md has no section '## [Unreleased]'")
    renamed = text.replace(UNRELEASED, f"{UNRELEASED}\n## [{version}] - {day}\n").replace(NOT_YET, "")
    section(renamed, version)
    return renamed


def main() -> None:
    try:
        sys.stdout.write(section(FILE.read_text(encoding="utf-8"), sys.argv[1]))
    except (IndexError, ValueError) as error:
        sys.exit(str(error) if isinstance(error, ValueError) else __doc__)


if __name__ == "__main__":
    main()
