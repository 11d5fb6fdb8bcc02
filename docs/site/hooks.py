"""What the site needs beyond docs/: some files of the repository as pages, and links to the others as text.

The documents link to files of the repository (a test, a seed), which works where the repository is browsed.
The site has the files in `PAGES` as pages of its own and the images; of other links it shows text and path.
"""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

TOP = Path(__file__).parents[2]
PAGES: Mapping[str, str] = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "openapi/EVIDENCE.md": "project/evidence.md",
}
IMAGES: Mapping[str, str] = {"tests/benchmarks/results.svg": "project/results.svg"}

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, *, config: Any) -> Files:
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(TOP / source).read_text()))
    for source, image in IMAGES.items():
        files.append(File.generated(config, image, abs_src_path=str(TOP / source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    published = {page: source for source, page in PAGES.items()}
    own: str = page.file.src_uri
    # Where the text lies in the repository.
    place = posixpath.dirname(published.get(own, f"docs/{own}"))

    def resolved(found: re.Match[str]) -> str:
        target = found["target"]
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        path = posixpath.normpath(posixpath.join(place, target))
        to = (
            PAGES.get(path)
            or IMAGES.get(path)
            or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        )
        if to is None:
            return found["text"] if found["text"] == path else f"{found['text']} (`{path}`)"
        link = posixpath.relpath(to, posixpath.dirname(own) or ".")
        return f"{found['image']}[{found['text']}]({link}{found['anchor'] or ''})"

    outside_code = re.split(r"(^ *```.*?^ *```$|`[^`\n]+`(?!\]))", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(
        part if index % 2 else _LINK.sub(resolved, part) for index, part in enumerate(outside_code)
    )
