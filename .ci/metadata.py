"""What hatchling adds to the metadata of a build: the repository's address and a README for a package page.

The address is in one place: the environment variable AUDIENCE_MOCK_REPOSITORY, such as
https://github.com/OWNER/audience-mock. The release workflow sets it to the repository that it runs in, so
that a fork's packages never point to another's pages. A build without it has no URLs, and a README without
links into the repository.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

REPOSITORY = "AUDIENCE_MOCK_REPOSITORY"

_CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


class CustomMetadataHook(MetadataHookInterface):
    """hatchling finds it by its name."""

    def update(self, metadata: dict[str, Any]) -> None:
        top = Path(self.root)
        version = re.search(
            r'^__version__ = "(.+)"$', (top / "app/audience_mock/__init__.py").read_text(), re.M
        )
        assert version is not None
        repository = repository_of_environment()
        text = (top / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": for_package_page(text, top, repository, f"v{version[1]}"),
        }
        metadata["urls"] = urls(repository, f"v{version[1]}")


def repository_of_environment() -> str | None:
    """Its address; None if it is not set. Raises ValueError for what is no address of a repository."""
    repository = os.environ.get(REPOSITORY, "").rstrip("/")
    if repository and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"{REPOSITORY} must be https://HOST/OWNER/NAME (given: {repository!r})")
    return repository or None


def urls(repository: str | None, tag: str) -> dict[str, str]:
    """The links beside a package, to the files of its release."""
    if repository is None:
        return {}
    return {
        "Homepage": repository,
        "Documentation": f"{repository}/blob/{tag}/docs/index.md",
        "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Source": repository,
    }


def for_package_page(text: str, top: Path, repository: str | None, tag: str) -> str:
    """The README with links that work away from the repository: absolute, or their text alone."""

    def absolute(link: re.Match[str]) -> str:
        path, _, anchor = link["target"].partition("#")
        if path.startswith("https://"):
            return link[0]
        if repository is None:
            return link["text"]
        # A package page has no anchors of headings.
        path = path or "README.md"
        kind = "tree" if (top / path).is_dir() else "blob"
        return f"[{link['text']}]({repository}/{kind}/{tag}/{path}{'#' if anchor else ''}{anchor})"

    replace: Callable[[str], str] = lambda part: part if _CODE.fullmatch(part) else _LINK.sub(absolute, part)  # noqa: E731
    return "".join(map(replace, _CODE.split(text)))
