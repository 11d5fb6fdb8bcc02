"""Links lead somewhere: to a file of this repository, and to a heading of it."""

import re
from functools import cache
from pathlib import Path

import pytest
import samples

TOP = samples.TOP
DOCUMENTS = [*sorted(TOP.glob("*.md")), *sorted((TOP / "docs").rglob("*.md"))]
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def anchors(document: Path) -> set[str]:
    """The anchors that the headings of a document get, on GitHub and on the site alike."""
    text = re.sub(r"^ *```.*?^ *```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(TOP)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every file and every heading that the document links to exists."""
    for target in LINK.findall(CODE.sub("code", document.read_text())):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_the_index_has_every_page() -> None:
    """Each page but those of decisions is linked from the index itself, as the site's navigation has it."""
    linked = set(LINK.findall((TOP / "docs/index.md").read_text()))
    pages = {f"{page.parent.name}/{page.name}" for page in (TOP / "docs").glob("*/*.md")}
    assert pages - linked == set()


def test_every_page_is_linked() -> None:
    """Each page of the documentation is reachable from its index."""
    seen: set[Path] = set()
    waiting = [TOP / "docs/index.md"]
    while waiting:
        document = waiting.pop()
        if document in seen or document.suffix != ".md":
            continue
        seen.add(document)
        for target in LINK.findall(CODE.sub("code", document.read_text())):
            if not target.startswith(("https://", "#")):
                waiting.append((document.parent / target.partition("#")[0]).resolve())
    assert [page for page in sorted((TOP / "docs").rglob("*.md")) if page not in seen] == []
