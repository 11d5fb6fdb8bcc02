"""The fixture `audience_mock` for pytest: a world for each test, on a server for the whole run.

Under pytest-xdist each worker has a server of its own, unless all are to use one that runs elsewhere. Every
run of pytest loads this where Audience Mock is installed, so it imports the server only for who asks for it.
"""

import json
import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

MARKER = "audience_mock"
URL_VARIABLE = "AUDIENCE_MOCK_URL"
"""As `audience-mock exec` sets it."""
TOKEN_VARIABLE = "AUDIENCE_MOCK_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
KNOWN = ("seed", "settings", "frozen", "unused_faults")
READABLE = 80
"""Characters of a test's id in the name of its world, of the hundred that a name may have."""

_RUN = pytest.StashKey[str]()
_WORLD = pytest.StashKey["MockWorld"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("audience-mock").addoption(
        "--audience-mock-url",
        metavar="URL",
        help=f"Audience Mock that runs already; else that of {URL_VARIABLE}, else one is started.",
    )
    parser.addini("audience_mock_seed", "What the worlds of audience_mock start from: a file, or demo.")
    parser.addini(
        "audience_mock_settings",
        "Settings of the worlds of audience_mock, one to a line, as build_delay_s = 0.",
        type="linelist",
    )
    parser.addini(
        "audience_mock_unused_faults",
        "What becomes of a test that passes and leaves planned faults unused: error or ignore.",
        default="ignore",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(seed=…, settings={{…}}, frozen=…, unused_faults=…): how the fixture's world starts: with"
        " what a seed or its file holds, with settings of its own, its clock standing still, now (True) or at"
        " a time;"
        " and whether unused faults fail the test, 'error' or 'ignore'.",
    )
    _is_error(config.getini("audience_mock_unused_faults"))


@pytest.fixture(scope="session")
def audience_mock_server(request: pytest.FixtureRequest) -> Iterator["MockWorld"]:
    """The server of this run, or of this worker: the handle of its default world."""
    if url := _running(request.config):
        from audience_mock.client import connect

        yield connect(url, admin_token=os.environ.get(TOKEN_VARIABLE))
        return
    from audience_mock.testing import MockServer

    seed = _given_seed(request.config)
    # Whatever the environment says: several of these run at once.
    with MockServer(host="127.0.0.1", database="sqlite://", admin=True, seed=seed) as server:
        yield server


@pytest.fixture
def audience_mock(audience_mock_server: "MockWorld", request: pytest.FixtureRequest) -> Iterator["MockWorld"]:
    """A world of this test's own, gone after it; `urls.pinterest` and `urls.pitchtarget` are its bases."""
    from audience_mock.client import ControlError

    config, node = request.config, request.node
    wanted = _wanted(node)
    running = _running(config)
    seed = wanted.get("seed", _given_seed(config) if running else None)
    world = audience_mock_server.in_world(_name(node.nodeid, _run_of(config) if running else ""))
    world.configure(**{**_settings(config), **wanted.get("settings", {})})
    try:
        if seed is not None:
            world.reset("empty")
            world.seed(seed if isinstance(seed, Mapping) else _file(config, seed))
        frozen = wanted.get("frozen", False)
        if frozen is not False:
            world.clock.freeze(None if frozen is True else frozen)
        node.stash[_WORLD] = world
        yield world
    finally:
        with suppress(ControlError):  # the test may have deleted it
            world.delete()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Unspent faults fail the test itself, not what is done after it."""
    __tracebackhide__ = True
    yield
    world = item.stash.get(_WORLD, None)
    if world is not None and _is_error(
        _wanted(item).get("unused_faults", item.config.getini("audience_mock_unused_faults"))
    ):
        world.faults.expect_used()


def _running(config: pytest.Config) -> str | None:
    """The URL of a server that runs already, if one is to be used."""
    return config.getoption("--audience-mock-url") or os.environ.get(URL_VARIABLE)


def _run_of(config: pytest.Config) -> str:
    """What no other run on the same server has."""
    return config.stash.setdefault(_RUN, uuid4().hex)


def _name(test: str, run: str) -> str:
    """A name that a world may have, and that no other test has."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", test)[-READABLE:].strip("-._") or "test"
    return f"{readable}-{sha256((test + run).encode()).hexdigest()[:10]}"


def _wanted(node: pytest.Item) -> dict[str, Any]:
    """What the markers of a test come to, the nearest first."""
    wanted: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if unknown := [*map(repr, marker.args), *sorted(marker.kwargs.keys() - KNOWN)]:
            raise pytest.UsageError(
                f"@pytest.mark.{MARKER} takes {', '.join(KNOWN)} by name, not {', '.join(unknown)}"
            )
        wanted |= marker.kwargs
    return wanted


def _given_seed(config: pytest.Config) -> str | None:
    seed: str = config.getini("audience_mock_seed")
    return str(_file(config, seed)) if seed else None


def _file(config: pytest.Config, seed: str | Path) -> Path:
    """From where pytest's configuration lies; `demo` comes along."""
    if seed == "demo":
        from audience_mock.app import seed_file

        return seed_file("demo")
    return config.rootpath / seed


def _settings(config: pytest.Config) -> dict[str, Any]:
    settings = {}
    for line in config.getini("audience_mock_settings"):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise pytest.UsageError(f"audience_mock_settings: {line!r} is not name = value")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


def _is_error(unused_faults: object) -> bool:
    if unused_faults not in ("error", "ignore"):
        raise pytest.UsageError(f"audience_mock_unused_faults: {unused_faults!r} is neither error nor ignore")
    return unused_faults == "error"
