"""The samples of the README and the guides run and print what the documents show."""

import gc
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import samples
from reference import COMMANDS, command

from audience_mock.cli.control.command import DefaultGroup
from audience_mock.settings import Settings
from audience_mock.testing import MockServer

DOCUMENTS = [samples.README, *sorted((samples.TOP / "docs").rglob("*.md"))]
WITH_SAMPLES = [
    document
    for document in DOCUMENTS
    if any(
        block.language in ("python", "py", "js", "ts") or (block.language == "sh" and block.title is None)
        for block in samples.blocks(document.read_text())
    )
]
WITH_COMMAND = {"exec", "contract-diff", "sweep"}
"""Commands that run another one, which stands behind `--`."""
TITLES = {
    *("In a checkout", "With an engine", "In a project", "On the host", "In a cluster", "With PostgreSQL")
}
"""Titles of `sh` blocks that need more than a server: `test_install.py` checks the first two and
`test_operating.py` the last three; the third needs a project of the reader's."""


def name(document: Path) -> str:
    return str(document.relative_to(samples.TOP))


@pytest.mark.parametrize("document", WITH_SAMPLES, ids=name)
def test_samples_run(
    document: Path,
    start: Callable[..., MockServer],
    programs: Path | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sample of the document runs, and prints what is shown behind it."""
    # Where a server makes the files that its flags name.
    monkeypatch.chdir(tmp_path)

    def serve(flags: list[str]) -> str:
        return start(**_settings(flags)).url

    assert samples.run(document, serve, programs) >= (6 if document == samples.README else 1)


def _settings(flags: list[str]) -> dict[str, str | bool]:
    """`--port 0 --no-admin` as arguments of MockServer, on a free port."""
    given: dict[str, str | bool] = {}
    rest = list(flags)
    while rest:
        flag = rest.pop(0).removeprefix("--").replace("-", "_")
        switch = flag.removeprefix("no_")
        if Settings.model_fields[switch].annotation is bool:
            given[switch] = not flag.startswith("no_")
        else:
            given[flag] = rest.pop(0)
    assert given.keys() <= Settings.model_fields.keys()
    return given | {"port": "0"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_blocks_have_a_known_form(document: Path) -> None:
    """A fence has a language that something checks, and a title of `sh` names a test."""
    text = document.read_text()
    blocks = list(samples.blocks(text))
    assert len(blocks) * 2 == len(re.findall(r"^ *```", text, flags=re.MULTILINE)), "a fence in another form"
    for block in blocks:
        assert block.language in {
            "sh",
            "python",
            "py",
            "js",
            "ts",
            "json",
            "text",
            "yaml",
            "toml",
            "ini",
            "http",
            "go",
            "ruby",
            "nginx",
        }, block
        if block.language == "sh" and block.title is not None:
            assert block.title in TITLES or "/" in block.title
        if block.language == "py":
            assert block.title, f"{name(document)}:{block.line} has no file name"
    written = {block.title for block in blocks if block.title and block.title.startswith("test_")}
    run = {word for block in blocks if block.language == "sh" for word in block.code.split()}
    assert written <= run, "a test file that no sample runs"


def commands(document: Path) -> list[list[str]]:
    """Each `audience-mock …` line of the document's shell and YAML blocks, as words."""
    names = "|".join({name.partition(" ")[0] for name in COMMANDS})
    line = re.compile(rf"(?:^|[ ;&|(])audience-mock ((?:{names})\b[^;&|<>#)\n]*)", re.MULTILINE)
    return [
        shlex.split(found.split(" -- ")[0])
        for block in samples.blocks(document.read_text())
        if block.language in ("sh", "yaml")
        for found in line.findall(block.code.replace("\\\n", " "))
    ]


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if commands(document)], ids=name)
def test_commands_exist(document: Path) -> None:
    """Each command line of the document parses: its command and flags exist, and take these values."""
    # A command keeps the help option that it is first parsed with, and other tests read its help.
    with click.Context(command, **command.context_settings) as above:
        for first, *rest in commands(document):
            one, arguments = COMMANDS[first], [*rest, "true"] if first in WITH_COMMAND else rest
            context = one.make_context(first, [*arguments], parent=above)
            given = context.params
            if isinstance(one, DefaultGroup):
                found, below, words = one.resolve_command(context, one.with_default(context, rest))
                assert below is not None
                below.make_context(found, words, parent=context)
            gc.enable()  # the command line turns it off for a start
            if first in ("serve", "exec"):
                Settings(
                    **{
                        field: value
                        for field, value in given.items()
                        if value is not None and field != "command"
                    }
                )
