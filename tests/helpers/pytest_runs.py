"""Runs of pytest that find the plugin as any project does that installs it.

A process of its own costs a second and more, most of it for plugins that only our tests need. So runs are in
this process, unless a test's promise needs another one.
"""

import os
from collections.abc import Mapping
from contextlib import suppress

import pytest

API = """
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

AUDIENCES = "/ad_accounts/549755885175/audiences"


def asked(url, body=None):
    headers = {"Authorization": "Bearer pina_test", "Content-Type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, sent, headers)) as answer:
        return json.load(answer)


def create(world, name="Savers"):
    rule = {"engagement_type": "save"}
    body = {"name": name, "audience_type": "ENGAGEMENT", "rule": rule}
    return asked(world.urls.pinterest + AUDIENCES, body)


def names(world):
    return [item["name"] for item in asked(world.urls.pinterest + AUDIENCES)["items"]]
"""


class Project:
    """A folder with tests that use the fixture."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self.folder = pytester.path
        for name in list(os.environ):
            if name.startswith(("AUDIENCE_MOCK_", "PYTEST_", "COV_CORE_", "COVERAGE_")):
                monkeypatch.delenv(name)
        self.write(ad_accounts=API)

    def write(self, **files: str) -> None:
        self._pytester.makepyfile(**files)

    def ini(self, **lines: str) -> None:
        self._pytester.makeini("[pytest]\n" + "".join(f"{name} = {text}\n" for name, text in lines.items()))

    def run(self, *arguments: str) -> pytest.RunResult:
        """A run of pytest in this process."""
        return self._pytester.runpytest_inprocess(*_BARE, *arguments)

    def start(self, *arguments: str) -> pytest.RunResult:
        """A run of pytest in a process of its own, as a user starts it."""
        return self._pytester.runpytest_subprocess(*_BARE, *arguments, timeout=300)


_BARE = [
    part
    for plugin in (
        "cacheprovider",
        "pytest_cov",
        "schemathesis",
        "hypothesispytest",
        "anyio",
        "asyncio",
        "time_machine",
    )
    for part in ("-p", f"no:{plugin}")
]
"""Without what only our own tests need, which costs half a second and more."""


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> None:
    """Imports numpy before pytester notes which modules there are: it forgets those that a run in this
    process was the first to import, and numpy cannot be imported again: an upload of a later test would
    fail."""
    if fixturedef.argname == "pytester":
        with suppress(ImportError):
            import numpy  # noqa: F401


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def outcomes(ran: pytest.RunResult) -> Mapping[str, int]:
    found: dict[str, int] = ran.parseoutcomes()
    return {kind: number for kind, number in found.items() if kind not in ("warning", "warnings")}
