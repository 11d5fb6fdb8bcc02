"""The lock files give every machine the same packages, whatever its pip and whatever was released since.

pip before 24, told to check hashes, resolves `name[extra]` anew where the lock pins only `name`, and rejects
the newer release that it finds. So a lock pins each package with the extras that another package asks for.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
OFFICIAL_CLIENT = Path(sys.prefix) / "official_client"
HTTPIE = tuple(map(str, Path(sys.prefix).glob("httpie/lib/python*/site-packages")))


@dataclass(frozen=True)
class Locked:
    """A lock file, what it was compiled from, and the folders that it is installed in."""

    path: str
    asked: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def text(self) -> str:
        return (TOP / self.path).read_text()


def lines_of(path: str) -> tuple[str, ...]:
    return tuple(line for line in (TOP / path).read_text().splitlines() if line and not line.startswith("#"))


NEEDED = tuple(PROJECT["project"]["dependencies"])
EXTRAS = PROJECT["project"]["optional-dependencies"]

INSTALLED = (
    Locked("requirements.lock", (*NEEDED, *EXTRAS["fast"]), tuple(sys.path)),
    Locked(
        "deploy/requirements.lock",
        (*NEEDED, *EXTRAS["fast"], *EXTRAS["operate"], *EXTRAS["postgres"]),
        tuple(sys.path),
    ),
    Locked("tests/requirements.lock", tuple(PROJECT["dependency-groups"]["test"]), tuple(sys.path)),
    Locked(
        "tests/contract/official_client.lock",
        lines_of("tests/contract/official_client.in"),
        (str(OFFICIAL_CLIENT),),
    ),
    Locked("tests/contract/httpie.lock", lines_of("tests/contract/httpie.in"), HTTPIE),
)
LOCKS = sorted(
    str(path.relative_to(TOP))
    for folder in ("*.lock", "deploy/*.lock", "docs/**/*.lock", "tests/**/*.lock")
    for path in TOP.glob(folder)
)


def entries(text: str) -> list[str]:
    """The lock's packages, each with its hashes on one line."""
    return [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line and not line.startswith("#")]


def applies(requirement: Requirement, extras: Iterable[str] = ()) -> bool:
    """Whether it is needed by this Python on this system, of a package installed with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def pins(text: str) -> dict[str, Requirement]:
    """What the lock installs here, by name."""
    pinned = (Requirement(entry.split("--hash=")[0]) for entry in entries(text))
    return {canonicalize_name(pin.name): pin for pin in pinned if applies(pin)}


def gaps(text: str, asked: Iterable[str], found: Mapping[str, Distribution]) -> list[str]:
    """What the project or a locked package needs and the lock does not pin with all its extras."""
    pinned = pins(text)
    needs = [("the project", need) for need in map(Requirement, asked) if applies(need)]
    for name, pin in pinned.items():
        requires = map(Requirement, found[name].requires or ())
        needs += [(name, need) for need in requires if applies(need, pin.extras)]
    missing = []
    for who, need in needs:
        pin_of_need = pinned.get(canonicalize_name(need.name))
        if pin_of_need is None or not need.extras <= pin_of_need.extras:
            extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
            missing.append(f"{who} needs {need.name}{extras}")
    return missing


def unsealed(text: str) -> list[str]:
    """The entries that leave something open, or say where a package comes from."""
    complete = re.compile(r"[\w.-]+(\[[\w.,-]+\])?==[\w.!+]+( ; [^;@]+?)?( --hash=sha256:[0-9a-f]{64})+")
    return [
        entry for entry in entries(text) if not complete.fullmatch(re.sub(r"\s*--hash", " --hash", entry))
    ]


def distributions_in(folders: Iterable[str]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    for distribution in distributions(path=list(folders)):
        found.setdefault(canonicalize_name(distribution.name), distribution)
    return found


@pytest.mark.parametrize("lock", INSTALLED, ids=lambda lock: lock.path)
def test_every_extra_is_pinned(lock: Locked) -> None:
    """A lock holds all that its packages ask for here, with the extras that they ask for."""
    found = distributions_in(lock.folders)
    for name, pin in pins(lock.text).items():
        assert pin.specifier.contains(found[name].version, prereleases=True), found[name].version
    assert gaps(lock.text, lock.asked, found) == []


def test_a_stripped_extra_is_noticed() -> None:
    """A lock without an extra that a package asks for is reported, and so is one without the package."""
    (lock,) = (lock for lock in INSTALLED if lock.path == "tests/requirements.lock")
    found = distributions_in(lock.folders)
    stripped = lock.text.replace("coverage[toml]==", "coverage==")
    assert stripped != lock.text
    assert gaps(stripped, lock.asked, found) == [
        "the project needs coverage[toml]",
        "pytest-cov needs coverage[toml]",
    ]
    emptied = re.sub(r"^iniconfig==.*(\n .*)*\n", "", lock.text, flags=re.MULTILINE)
    assert gaps(emptied, lock.asked, found) == ["pytest needs iniconfig"]


def test_the_peers_extras_are_pinned() -> None:
    """What the benchmarks install is not installed here; the extras that are asked for by name are pinned."""
    pinned = pins((TOP / "tests/benchmarks/peers/moto.lock").read_text())
    for need in map(Requirement, lines_of("tests/benchmarks/peers/moto.in")):
        assert need.extras <= pinned[canonicalize_name(need.name)].extras


@pytest.mark.parametrize("path", LOCKS)
def test_sealed(path: str) -> None:
    """Each package has one version and its hashes. No lock names a host: where packages come from is the
    machine's own setting."""
    text = (TOP / path).read_text()
    assert entries(text)
    assert unsealed(text) == []
    assert "://" not in text


def test_an_open_entry_is_noticed() -> None:
    """A range, an entry without hashes, a URL or an index in a lock is reported."""
    sealed = f"click==8.5.1 ; python_version < '4' \\\n    --hash=sha256:{'0' * 64}"
    assert unsealed(sealed) == []
    for entry in (
        sealed.replace("==", ">="),
        "click==8.5.1",
        "--extra-index-url example",
        "--find-links wheels",
        sealed.replace("==8.5.1", " @ file:///click.whl"),
    ):
        assert unsealed(entry) == entries(entry)


# What pip makes of the locks


OLDEST_PIPS = ["22.3", "23.2.1"]
"""Bundled with Python 3.11.0, and with 3.11.5 and 3.12.0."""


@pytest.fixture(scope="session")
def newer_releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip takes for an index; it holds a newer release of every locked package."""
    folder = tmp_path_factory.mktemp("newer_releases")
    for lock in INSTALLED:
        for name, pin in pins(lock.text).items():
            wheel_name = name.replace("-", "_")
            info = f"{wheel_name}-9999.0.dist-info"
            metadata = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 9999.0"]
            metadata += [f"Provides-Extra: {extra}" for extra in pin.extras]
            with ZipFile(folder / f"{wheel_name}-9999.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n")
                wheel.writestr(
                    f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                )
                wheel.writestr(f"{info}/RECORD", "")
    return folder


def run_pip(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if re.search(r"NameResolution|NewConnection|ConnectTimeout|Max retries", said):
        if os.environ.get("CI"):
            pytest.fail("CI has to reach the package registry")
        pytest.skip("the package registry cannot be reached")
    if done.returncode:
        raise PipError(said)


class PipError(Exception):
    """pip ended with an error; its output."""


@dataclass(frozen=True)
class Pip:
    """One version of pip, run from its wheel, which sees the newer releases beside the usual index."""

    wheel: Path
    newer_releases: Path

    def resolve(self, lock: Path, *flags: str) -> dict[str, str]:
        """What it would install from the lock, checking hashes: version by name."""
        report = self.wheel.with_name("report.json")
        run_pip(
            self.wheel / "pip",
            *("--disable-pip-version-check", "install", "--quiet", "--dry-run", "--ignore-installed"),
            *("--find-links", str(self.newer_releases), "--report", str(report)),
            *("--require-hashes", *flags, "-r", str(lock)),
        )
        chosen = [item["metadata"] for item in json.loads(report.read_text())["install"]]
        return {canonicalize_name(metadata["name"]): metadata["version"] for metadata in chosen}


@pytest.fixture
def pip(request: pytest.FixtureRequest, newer_releases: Path, tmp_path: Path) -> Pip:
    version: str = request.param
    if version == "22.3" and sys.version_info >= (3, 12):
        pytest.skip("pip 22.3 does not run on Python 3.12 and newer")
    wanted = "pip" if version == "newest" else f"pip=={version}"
    run_pip("-m", "pip", "--quiet", "download", "--no-deps", "--dest", tmp_path, wanted)
    (wheel,) = tmp_path.glob("pip-*.whl")
    return Pip(wheel, newer_releases)


@pytest.mark.ci
@pytest.mark.parametrize("pip", [*OLDEST_PIPS, "newest"], indirect=True)
def test_slow_install_beside_newer_releases(pip: Pip) -> None:
    """The oldest pip of a supported Python and the newest install what the locks pin, whatever was released
    since."""
    for lock in INSTALLED:
        flags = ["--no-deps"] if lock.path.endswith("official_client.lock") else []
        chosen = pip.resolve(TOP / lock.path, *flags)
        assert {name: f"=={version}" for name, version in chosen.items()} == {
            name: str(pin.specifier) for name, pin in pins(lock.text).items()
        }


@pytest.mark.ci
@pytest.mark.parametrize("pip", OLDEST_PIPS[1:], indirect=True)
def test_slow_install_of_a_stripped_lock(pip: Pip, tmp_path: Path) -> None:
    """An old pip takes the newer release of a package that is pinned without the extra that is asked for, and
    fails: the test above would notice."""
    text = (TOP / "tests/requirements.lock").read_text()
    stripped = tmp_path / "stripped.lock"
    stripped.write_text(text.replace("coverage[toml]==", "coverage=="))
    with pytest.raises(PipError, match=r"coverage\[toml\].*coverage-9999\.0-py3-none-any\.whl"):
        pip.resolve(stripped)
