"""A release: the metadata of its packages, its versions, its notes, and the workflow that publishes it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import changelog
import metadata
import pytest
import version
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

from audience_mock import __version__

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
REPOSITORY = "https://github.com/owner/audience-mock"
WORKFLOW: dict[str, Any] = yaml.safe_load((TOP / ".github/workflows/release.yml").read_text())
CI: dict[str, Any] = yaml.safe_load((TOP / ".github/workflows/ci.yaml").read_text())
JOBS: dict[str, Any] = WORKFLOW["jobs"]
PUBLISHING = ("pypi", "npm", "image", "release")
DAY = "2026-12-01"


# The package page


def built(monkeypatch: pytest.MonkeyPatch, repository: str | None) -> Any:
    """The metadata of a build."""
    if repository is None:
        monkeypatch.delenv(metadata.REPOSITORY, raising=False)
    else:
        monkeypatch.setenv(metadata.REPOSITORY, repository)
    return ProjectMetadata(str(TOP), PluginManager()).core


def links(text: str) -> list[str]:
    """The targets of the links of a text, but for those in code."""
    prose = re.sub(r"^ *```.*?^ *```$|`[^`\n]*`", "code", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


@pytest.mark.parametrize("given", [REPOSITORY, REPOSITORY + "/"])
def test_a_release_links_to_its_own_files(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """With the repository's address, the project URLs and every link of the README are absolute, and each
    file that they name exists."""
    core = built(monkeypatch, given)
    assert core.urls["Source"] == REPOSITORY
    assert {"Changelog", "Documentation", "Homepage", "Issues"} < core.urls.keys()
    found = links(core.readme)
    assert len(found) == len(links((TOP / "README.md").read_text()))
    for url in (*found, *core.urls.values()):
        assert url.startswith("https://")
        if file := re.fullmatch(rf"{REPOSITORY}/(blob|tree)/v{re.escape(__version__)}/([^#]+)(#.*)?", url):
            assert (TOP / file[2]).is_dir() == (file[1] == "tree")
            assert (TOP / file[2]).exists()


def test_a_build_without_an_address_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the repository's address, there are no URLs, and the README keeps only links to other sites."""
    core = built(monkeypatch, None)
    assert core.urls == {}
    assert all(link.startswith("https://") for link in links(core.readme))
    assert "[Getting started]" not in core.readme
    assert "Getting started shows both" in core.readme


def test_code_of_the_readme_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a link in code is none."""
    text = "`[a](b)` [c](README.md)\n```sh\nx[1](y)\n```\n"
    assert metadata.for_package_page(text, TOP, None, "v1") == "`[a](b)` c\n```sh\nx[1](y)\n```\n"


@pytest.mark.parametrize(
    "wrong", ["github.com/a/b", "https://github.com/a", "https://github.com/a/b/c", "x y"]
)
def test_a_wrong_address_ends_the_build(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """An address that is no repository's is reported."""
    with pytest.raises(ValueError, match=metadata.REPOSITORY):
        built(monkeypatch, wrong)


def test_each_python_that_is_tested_has_its_classifier() -> None:
    """The classifiers are the versions of CI's matrix, the oldest of which is the one that is required."""
    prefix = "Programming Language :: Python :: "
    minor = [each.removeprefix(prefix) for each in PROJECT["classifiers"] if each.startswith(f"{prefix}3.")]
    assert minor == CI["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert PROJECT["requires-python"] == f">={minor[0]}"
    assert "Operating System :: POSIX :: Linux" in PROJECT["classifiers"]


# The version and the changelog


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that have the version, an npm package among them."""
    for name in (
        *(".ci/version.py", ".ci/changelog.py"),
        *("CHANGELOG.md", version.PYTHON, version.EXAMPLE),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, tmp_path / name)
    npm = tmp_path / "clients/typescript"
    npm.mkdir(parents=True)
    (npm / "package.json").write_text('{\n  "name": "audience-mock",\n  "version": "0.0.1"\n}\n')
    (npm / "package-lock.json").write_text(
        '{"version": "0.0.1", "packages": {"": {"version": "0.0.1"}, "x": {}}}'
    )
    return tmp_path


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=checkout, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("given", "of_npm"), [("7.8.9", "7.8.9"), ("7.8.9rc2", "7.8.9-rc.2")])
def test_one_command_sets_every_version(checkout: Path, given: str, of_npm: str) -> None:
    """The script writes the version into both packages, the changelog and the reference, and the tag fits
    then; it is the target `version` of make."""
    done = run(checkout, ".ci/version.py", given)
    assert done.returncode == 0, done.stderr
    assert (checkout / version.PYTHON).read_text() == (TOP / version.PYTHON).read_text().replace(
        __version__, given
    )
    for file in (checkout / "clients/typescript").iterdir():
        assert set(re.findall(r'"version": "([^"]+)"', file.read_text())) == {of_npm}
        assert str(file.relative_to(checkout)) in done.stdout
    assert f'"version":"{given}"' in (checkout / version.EXAMPLE).read_text()
    log = (checkout / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[Unreleased\]\n\n## \[{re.escape(given)}\] - \d{{4}}-\d\d-\d\d\n", log, re.M)
    assert "Nothing has been released yet" not in log
    assert run(checkout, ".ci/version.py", "--check", f"v{given}").returncode == 0
    notes = run(checkout, ".ci/changelog.py", given).stdout
    assert notes == changelog.section(
        changelog.released((TOP / "CHANGELOG.md").read_text(), given, DAY), given
    )
    again = run(checkout, ".ci/version.py", given)
    assert again.returncode == 1
    assert "already" in again.stderr
    assert "\n\t@$(BIN)/python .ci/version.py $(V)\n" in (TOP / "Makefile").read_text()


def test_a_tag_that_does_not_fit_is_rejected(checkout: Path) -> None:
    """A tag of another version, a version without a section, and a package that was left behind are reported
    in one line."""
    run(checkout, ".ci/version.py", "7.8.9")
    for tag in ("v7.8.8", "7.8.9", "v7.8.9rc1"):
        done = run(checkout, ".ci/version.py", "--check", tag)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    npm = checkout / "clients/typescript/package.json"
    npm.write_text(npm.read_text().replace("7.8.9", "7.8.8"))
    assert "package.json has 7.8.8" in run(checkout, ".ci/version.py", "--check", "v7.8.9").stderr
    (checkout / "CHANGELOG.md").write_text("# Changelog\n")
    assert "no section" in run(checkout, ".ci/version.py", "--check", "v7.8.9").stderr


@pytest.mark.parametrize("wrong", ["v7.8.9", "7.8", "7.8.9.dev1", "--chek", ""])
def test_what_is_no_version_is_rejected(checkout: Path, wrong: str) -> None:
    """Nothing is written then."""
    before = (checkout / "CHANGELOG.md").read_text()
    assert run(checkout, ".ci/version.py", wrong).returncode == 1
    assert (checkout / "CHANGELOG.md").read_text() == before


LOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added

- Two.

## [0.1.0] - 2026-11-01

- One.

[0.2.0]: https://example.com
"""


def test_the_section_of_a_version() -> None:
    """The notes of a release are what stands under its heading, without the next one and without links."""
    assert changelog.section(LOG, "0.2.0") == "### Added\n\n- Two.\n"
    assert changelog.section(LOG, "0.1.0") == "- One.\n"
    for missing in ("0.3.0", "0.1", "Unreleased"):
        with pytest.raises(ValueError, match="no section"):
            changelog.section(LOG, missing)
    with pytest.raises(ValueError, match=r"says nothing of 0\.3\.0"):
        changelog.released(LOG, "0.3.0", DAY)


# The workflow


def steps(job: str) -> Iterator[dict[str, Any]]:
    yield from JOBS[job].get("steps", ())


def ancestors(job: str) -> set[str]:
    needs = JOBS[job].get("needs", [])
    direct = {needs} if isinstance(needs, str) else {*needs}
    return direct.union(*(ancestors(one) for one in direct)) if direct else direct


def test_a_tag_starts_it() -> None:
    """It runs for tags of versions only. (YAML reads `on` as true.)"""
    on: Any = WORKFLOW[True]  # type: ignore[index]
    assert on == {"push": {"tags": ["v*"]}}


def test_nothing_is_published_before_the_tests() -> None:
    """Each job that publishes waits for CI's jobs and for the tests of the source distribution."""
    assert JOBS["test"]["uses"] == "./.github/workflows/ci.yaml"
    assert "workflow_call" in CI[True]  # type: ignore[index]
    for job in PUBLISHING:
        assert {"test", "build", "sdist"} <= ancestors(job)
    assert {"pypi", "npm", "image"} <= ancestors("release")


def test_no_password_is_stored() -> None:
    """PyPI and npm take the workflow's identity; the only secret is the token that each run has. Jobs have
    the rights that they need and no others."""
    text = (TOP / ".github/workflows/release.yml").read_text()
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"GITHUB_TOKEN"}
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert {job: facts["permissions"] for job, facts in JOBS.items() if "permissions" in facts} == {
        "pypi": {"id-token": "write"},
        "npm": {"id-token": "write"},
        "image": {"contents": "read", "packages": "write"},
        "release": {"contents": "write"},
    }


def test_the_image_is_for_both_architectures_with_its_sbom() -> None:
    """The image is built for amd64 and arm64, with SBOM and provenance, from this Dockerfile."""
    (build,) = (step["with"] for step in steps("image") if "build-push-action" in step.get("uses", ""))
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["sbom"], build["provenance"], build["push"]) == (True, "mode=max", True)
    assert (TOP / build["context"] / "Dockerfile").is_file()


SCRIPTS = [
    pytest.param(step["run"], id=f"{job}: {step.get('name', step['run'].splitlines()[0])[:40]}")
    for job in JOBS
    for step in steps(job)
    if "run" in step
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_of_the_workflow_are_bash(script: str) -> None:
    """Each script parses, takes nothing of an event into its text, and calls files that exist."""
    assert "${{" not in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    for file in re.findall(r"(?:^|[ (])(\.ci/[\w.-]+|tests/[\w/.-]+\.lock)", script):
        assert (TOP / file).is_file()


def script_of(job: str, name: str) -> str:
    (step,) = (step for step in steps(job) if step.get("name") == name)
    return str(step["run"])


def run_script(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As the workflow runs it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={"PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("tagged", "is_preview"), [("7.8.9", "false"), ("7.8.9rc1", "true")])
def test_the_steps_on_the_tag(checkout: Path, tagged: str, is_preview: str) -> None:
    """The step that compares the tag accepts the right one only; the next one writes the notes and tells
    previews from releases."""
    run(checkout, ".ci/version.py", tagged)
    compare, notes = (
        script_of("build", "The tag is the version"),
        script_of("build", "The changelog's section"),
    )
    assert run_script(compare, checkout, GITHUB_REF_NAME=f"v{tagged}").returncode == 0
    assert run_script(compare, checkout, GITHUB_REF_NAME="v7.8.10").returncode == 1
    output = checkout / "output"
    variables = {"GITHUB_REF_NAME": f"v{tagged}", "GITHUB_OUTPUT": str(output)}
    assert run_script(notes, checkout, **variables).returncode == 0
    assert (checkout / "notes.md").read_text().startswith("### Added\n")
    assert output.read_text() == f"prerelease={is_preview}\n"
    assert run_script(notes, checkout, **variables | {"GITHUB_REF_NAME": "v1.0.0"}).returncode != 0


@pytest.mark.parametrize("with_npm", [False, True])
@pytest.mark.parametrize("prerelease", ["true", "false"])
def test_the_step_that_releases(tmp_path: Path, prerelease: str, with_npm: bool) -> None:
    """It hands GitHub's command the tag, the notes and every package."""
    (script,) = (step["run"] for step in steps("release") if "run" in step)
    for name in ("notes/notes.md", "python/a.whl", "python/a.tar.gz", *(("npm/a.tgz",) if with_npm else ())):
        (tmp_path / "artifacts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "artifacts" / name).touch()
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    gh.chmod(0o755)
    variables = {"PRERELEASE": prerelease, "GITHUB_REF_NAME": "v1.2.3", "GITHUB_REPOSITORY": "owner/name"}
    done = run_script(f"PATH={gh.parent}:$PATH\n{script}", tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[:3] == ["release", "create", "v1.2.3"]
    assert ("--prerelease" in words) == (prerelease == "true")
    packages = ["artifacts/python/a.tar.gz", "artifacts/python/a.whl"]
    assert words[words.index("artifacts/notes/notes.md") + 1 :] == [
        *(["--prerelease"] if prerelease == "true" else []),
        *packages,
        *(["artifacts/npm/a.tgz"] if with_npm else []),
    ]
