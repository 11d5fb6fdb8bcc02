"""The samples of the README and the guides run and print what the documents show."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import samples
import yaml

from audience_mock import cli
from audience_mock.settings import Settings
from audience_mock.testing import MockServer

DOCUMENTS = [samples.README, *sorted((samples.TOP / "docs").rglob("*.md"))]
WITH_SAMPLES = [
    document
    for document in DOCUMENTS
    if any(block.language in ("sh", "python", "py", "js") for block in samples.blocks(document.read_text()))
]
IN_A_CHECKOUT = "In a checkout"
TITLES = {IN_A_CHECKOUT, "With an engine", "In a project"}
"""Titles of `sh` blocks that need more than a server; each has a test of its own."""


def name(document: Path) -> str:
    return str(document.relative_to(samples.TOP))


@pytest.mark.parametrize("document", WITH_SAMPLES, ids=name)
def test_samples_run(document: Path, start: Callable[..., MockServer]) -> None:
    """Each sample of the document runs, and prints what is shown behind it."""

    def serve(flags: list[str]) -> str:
        return start(**_settings(flags)).url

    samples.run(document, serve)


def _settings(flags: list[str]) -> dict[str, str | bool]:
    """`--port 0 --no-admin` as arguments of MockServer, on a free port."""
    given: dict[str, str | bool] = {}
    rest = list(flags)
    while rest:
        flag = rest.pop(0).removeprefix("--").replace("-", "_")
        if flag.removeprefix("no_") in ("admin", "request_faults"):
            given[flag.removeprefix("no_")] = not flag.startswith("no_")
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
            assert block.title in TITLES
        if block.language == "py":
            assert block.title, f"{name(document)}:{block.line} has no file name"
    written = {block.title for block in blocks if block.title and block.title.startswith("test_")}
    run = {word for block in blocks if block.language == "sh" for word in block.code.split()}
    assert written <= run, "a test file that no sample runs"


def commands(document: Path) -> list[list[str]]:
    """Each `audience-mock …` line of the document's shell and YAML blocks, as words."""
    found = []
    for block in samples.blocks(document.read_text()):
        if block.language in ("sh", "yaml"):
            text = block.code.replace("\\\n", " ")
            for line in re.findall(
                r"(?:^|[ \n;&|(])audience-mock ((?:serve|exec|wait|check|schema|export-openapi)\b[^\n;&|<>#)]*)",
                text,
            ):
                found.append(shlex.split(line.split(" -- ")[0].split(" >")[0]))
    return found


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if commands(document)], ids=name)
def test_commands_exist(document: Path) -> None:
    """Each command line of the document parses: its command and flags exist, and their values are accepted."""
    for words in commands(document):
        command: Any = cli.main
        if words[0] == "exec":
            words = [*words, "true"]
        with click.Context(cli.main) as above:
            resolved: click.Command | None = command.get_command(above, words[0])
            assert resolved, words
            params = resolved.make_context(words[0], words[1:], parent=above).params
        if words[0] in ("serve", "exec"):
            Settings(
                **{
                    field: value
                    for field, value in params.items()
                    if value is not None and field != "command"
                }
            )
