"""Files for CI systems and container engines fit the schemas that these publish, in the copy of
check-jsonschema; so do the samples of the documents."""

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import samples
import yaml

TOP = Path(__file__).parents[2]
LIMIT_S = 120


class Kind(NamedTuple):
    """A published schema, the files of this repository that it is for, and where a sample that is a part of
    such a file has its place."""

    schema: str
    files: tuple[str, ...]
    around: dict[str, dict[str, Any]]


JOB = {"runs-on": "ubuntu-latest", "steps": [{"run": "npm test"}]}
GITHUB = Kind(
    "github-workflows",
    (".github/workflows/*.y*ml",),
    {"jobs": {"on": "push"}, "services": {"on": "push", "jobs": {"test": JOB}}},
)
ACTION = Kind("github-actions", ("deploy/github-action/action.yml",), {})
GITLAB = Kind("gitlab-ci", (), {})
CIRCLE = Kind("circle-ci", (), {"docker": {"version": 2.1, "jobs": {"test": {}}}})
COMPOSE = Kind(
    "compose-spec",
    ("compose.yaml", "deploy/*.yaml", "deploy/compose/*.yaml", "deploy/compose/.devcontainer/*.yaml"),
    {},
)

SAMPLES = {"GitHub Actions": GITHUB, "CI": GITHUB, "GitLab CI": GITLAB, "CircleCI": CIRCLE}
"""The schema of the samples below a heading."""


def sections(document: Path) -> dict[int, str]:
    """The headings of the second level, by line."""
    lines = document.read_text().splitlines()
    return {at: line.removeprefix("## ") for at, line in enumerate(lines) if line.startswith("## ")}


def documented() -> list[tuple[Kind, dict[str, Any]]]:
    """Each sample, as a whole file."""
    found = []
    for document in (TOP / "README.md", TOP / "docs/guides/ci.md"):
        headings = sections(document)
        for block in samples.blocks(document.read_text()):
            if block.language == "yaml":
                kind = SAMPLES[headings[max(at for at in headings if at < block.line)]]
                found.append((kind, completed(kind, yaml.safe_load(block.code))))
    return found


def completed(kind: Kind, sample: dict[str, Any]) -> dict[str, Any]:
    for key, around in kind.around.items():
        if key in sample and "jobs" in around:
            (job,) = around["jobs"].values()
            return around | {"jobs": {"test": job | sample}}
        if key in sample:
            return around | sample
    return sample


def complaints(kind: Kind, *files: Path) -> str:
    """What the checker says of files, or nothing."""
    flags = ["--data-transform", "gitlab-ci"] if kind is GITLAB else []
    program = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [program, "--builtin-schema", f"vendor.{kind.schema}", *flags, *files],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("kind", [GITHUB, ACTION, COMPOSE], ids=lambda kind: kind.schema)
def test_files_fit(kind: Kind) -> None:
    """Each file of a kind fits its schema."""
    for pattern in kind.files:
        files = sorted(TOP.glob(pattern))
        assert files, pattern
        assert complaints(kind, *files) == ""


def test_samples_fit(tmp_path: Path) -> None:
    """Each sample of the README and the guide fits the schema of its system."""
    found = documented()
    assert {kind.schema for kind, _ in found} == {"github-workflows", "gitlab-ci", "circle-ci"}
    for kind in (GITHUB, GITLAB, CIRCLE):
        files = []
        for at, (of, sample) in enumerate(found):
            if of is kind:
                files.append(tmp_path / f"{at}.yaml")
                files[-1].write_text(yaml.safe_dump(sample))
        assert complaints(kind, *files) == ""


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (GITHUB, {"on": "push", "jobs": {"test": {"run-on": "ubuntu-latest"}}}),
        (ACTION, {"name": "x"}),
        (GITLAB, {"test": {"script": ["true"], "images": "python"}}),
        (CIRCLE, {"version": 2.1, "jobs": {"test": {"steps": "checkout"}}}),
        (COMPOSE, {"services": {"app": {"port": 8000}}}),
    ],
    ids=lambda value: value.schema if isinstance(value, Kind) else "",
)
def test_a_wrong_file_is_noticed(kind: Kind, wrong: dict[str, Any], tmp_path: Path) -> None:
    """A misspelled key, a missing one or a wrong type is reported."""
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    assert complaints(kind, tmp_path / "wrong.yaml")
