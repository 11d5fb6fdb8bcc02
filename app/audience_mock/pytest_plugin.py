"""The pytest fixture `audience_mock`: a world for each test, on one server for the whole run; its clients.

Under pytest-xdist each worker starts a server, unless all are told to use one that is already running. pytest
loads this module in every run where Audience Mock is installed, so only the fixtures import the server.
"""

import json
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import pytest

from audience_mock.pytest_arguments import (
    MARKER,
    configured_seed,
    configured_settings,
    fails_test,
    marker_arguments,
    path_of_seed,
)

if TYPE_CHECKING:
    import httpx
    import requests

    from audience_mock.client import MockWorld

URL_VARIABLE = "AUDIENCE_MOCK_URL"
"""`audience-mock exec` and `audience-mock sweep` set it; the latter names a world."""
SWEEP_RUN, SWEEP_FAULT = "AUDIENCE_MOCK_SWEEP_RUN", "AUDIENCE_MOCK_SWEEP_FAULT"
"""As `sweep.worlds` has them: `audience-mock sweep` looks at the worlds after the run, so they stay."""
TOKEN_VARIABLE = "AUDIENCE_MOCK_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
SECTION = "Audience Mock requests"
MAX_NAME, MAX_NODE_ID, MIN_NODE_ID = 100, 80, 20
"""Characters of a world's name, and of a test's id in it; the rest is a hash, and the world above."""

Client = TypeVar("Client")

_RUN_ID = pytest.StashKey[str]()
_WORLD = pytest.StashKey["MockWorld"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("audience-mock")
    group.addoption(
        "--audience-mock-url",
        metavar="URL",
        help=f"A running Audience Mock to use; by default the one in {URL_VARIABLE}, else a new one.",
    )
    group.addoption(
        "--audience-mock-log",
        action="store_true",
        help="Show the requests of every test, not only the last ones of those that fail.",
    )
    group.addoption(
        "--audience-mock-bundle",
        metavar="DIR",
        help="Keep a bundle of each test that fails there, which `audience-mock replay` plays again.",
    )
    group.addoption(
        "--audience-mock-evidence",
        choices=["inferred", "documented", "recorded"],
        help="The evidence that all answers have to rest on (the setting strict_evidence of each world).",
    )
    parser.addini("audience_mock_seed", "Seed file that each world starts from, or demo.")
    parser.addini(
        "audience_mock_settings",
        "Settings of each world, one a line, as build_delay_s = 0.",
        type="linelist",
    )
    parser.addini(
        "audience_mock_unused_faults",
        "Whether unused faults fail a test that passes: error or ignore.",
        default="ignore",
    )
    parser.addini(
        "audience_mock_conduct",
        "Findings of the conduct report that fail a test that passes: warning, error, never or rules.",
        default="never",
    )
    parser.addini(
        "audience_mock_patch_hosts",
        "Hosts that every test with a world reaches there, as api.pinterest.com.",
        type="args",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(seed=…, settings={{…}}, frozen=…, conduct=…, unused_faults=…, patch_hosts=[…]): how the"
        " world of the fixture starts: from a seed or its file, with settings of its own, with its clock"
        " stopped now (True) or at a time; which findings of the conduct report fail the test, 'error',"
        " 'warning' or rules; whether unused faults do, 'error' or 'ignore'; and the hosts whose clients"
        " reach it.",
    )
    fails_test(config.getini("audience_mock_unused_faults"))


@pytest.fixture(scope="session")
def audience_mock_server(request: pytest.FixtureRequest) -> Iterator["MockWorld"]:
    """The server of this run or xdist worker, as the MockWorld of its default world."""
    if url := _running_url(request.config):
        from audience_mock.client import connect

        yield connect(url, admin_token=os.environ.get(TOKEN_VARIABLE))
        return
    from audience_mock.testing import MockServer

    seed = configured_seed(request.config)
    # Not what the environment says: several of these run at once.
    with MockServer(host="127.0.0.1", database="sqlite://", admin=True, seed=seed) as server:
        yield server


@pytest.fixture
def audience_mock(audience_mock_server: "MockWorld", request: pytest.FixtureRequest) -> Iterator["MockWorld"]:
    """A MockWorld for this test alone, deleted after it.

    `urls.pinterest` and `urls.pitchtarget` are the base URLs for clients.
    """
    from audience_mock.client import ControlError

    config, node = request.config, request.node
    arguments = marker_arguments(node)
    running_url = _running_url(config)
    # The server that the plugin starts has the configured seed already.
    seed = arguments.get("seed", configured_seed(config) if running_url else None)
    swept = SWEEP_RUN in os.environ
    # A sweep finds the world of a test again, in the next run.
    run_id = _run_id(config) if running_url and not swept else ""
    world = _new_world(
        audience_mock_server,
        _world_name(node.nodeid, run_id),
        {**configured_settings(config), **arguments.get("settings", {}), **_recorded(config)},
    )
    try:
        if seed is not None:
            world.reset("empty")
            world.seed(seed if isinstance(seed, Mapping) else path_of_seed(config, seed))
        frozen = arguments.get("frozen", False)
        if frozen is not False:
            world.clock.freeze(None if frozen is True else frozen)
        if swept:
            _plan_fault_of_sweep(world)
        hosts = arguments.get("patch_hosts", config.getini("audience_mock_patch_hosts"))
        node.stash[_WORLD] = world
        with ExitStack() as patched:
            if hosts:
                patched.enter_context(world.patch_hosts(*([hosts] if isinstance(hosts, str) else hosts)))
            yield world
    finally:
        if _WORLD in node.stash:
            del node.stash[_WORLD]
        if not swept:
            with suppress(ControlError):  # the test may have deleted it
                world.delete()


@pytest.fixture
def audience_mock_httpx(audience_mock: "MockWorld") -> Iterator["httpx.Client"]:
    """An httpx.Client for Pinterest's API of the test's world: `audience_mock_httpx.get("/ad_accounts")`."""
    from audience_mock.pytest_clients import httpx_client

    with _made(httpx_client, audience_mock) as client:
        yield client


@pytest.fixture
def audience_mock_requests(audience_mock: "MockWorld") -> Iterator["requests.Session"]:
    """A requests.Session for Pinterest's API of the test's world; it adds the base URL to paths."""
    from audience_mock.pytest_clients import requests_session

    with _made(requests_session, audience_mock) as session:
        yield session


def _made(make: "Callable[[MockWorld], Client]", world: "MockWorld") -> "Client":
    """The client. Raises UsageError without its library: a skip would hide that the test never ran."""
    try:
        return make(world)
    except ImportError as error:
        raise pytest.UsageError(
            f"this fixture needs {error.name}, which is not installed: pip install {error.name}"
        ) from error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Unused faults, and findings of the conduct report, fail the test itself, not its teardown."""
    __tracebackhide__ = True
    yield
    world = item.stash.get(_WORLD, None)
    if world is not None and fails_test(
        marker_arguments(item).get("unused_faults", item.config.getini("audience_mock_unused_faults"))
    ):
        world.faults.expect_used()
    if world is not None:
        fail_on = marker_arguments(item).get("conduct", item.config.getini("audience_mock_conduct"))
        if fail_on != "never":
            world.expect_conduct(fail_on)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows the last requests of its world; with --audience-mock-log, each shows all."""
    report = yield
    world = item.stash.get(_WORLD, None)
    logged = item.config.getoption("--audience-mock-log") and (report.when == "call" or not report.passed)
    if world is not None and (report.failed or logged):
        from audience_mock.failure_report import (
            LAST,
            SEARCHED,
            broken_rules,
            last_requests,
            suspicious_uploads,
        )

        report.sections.append((SECTION, last_requests(world, SEARCHED if logged else LAST)))
        if report.failed and (bundles := item.config.getoption("--audience-mock-bundle")):
            from audience_mock.failure_report import keep_bundle

            report.sections.append(("Audience Mock bundle", keep_bundle(world, Path(bundles))))
        if report.failed and (findings := suspicious_uploads(world)):
            report.sections.append(("Audience Mock lint", findings))
        if report.failed and (findings := broken_rules(world)):
            report.sections.append(("Audience Mock conduct", findings))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The requests of tests whose reports pytest does not show. With pytest-xdist, those of all workers."""
    if not config.getoption("--audience-mock-log"):
        return
    for outcome, reports in terminalreporter.stats.items():
        if outcome in ("failed", "error"):
            continue
        for report in reports:
            for title, requests in getattr(report, "sections", ()):
                if title == SECTION:
                    terminalreporter.write_sep("-", f"{SECTION}: {report.nodeid}")
                    terminalreporter.write_line(requests)


def _running_url(config: pytest.Config) -> str | None:
    """The URL of the running server that is to be used, if there is one."""
    return config.getoption("--audience-mock-url") or os.environ.get(URL_VARIABLE)


def _run_id(config: pytest.Config) -> str:
    """Distinguishes this run from others on the same server."""
    return config.stash.setdefault(_RUN_ID, uuid4().hex)


def _world_name(node_id: str, run_id: str) -> str:
    """A valid name for a world, unique to the test and the run."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", node_id)[-MAX_NODE_ID:].strip("-._") or "test"
    return f"{readable}-{sha256((node_id + run_id).encode()).hexdigest()[:10]}"


def _recorded(config: pytest.Config) -> dict[str, Any]:
    return {"record": True} if config.getoption("--audience-mock-bundle") else {}


def _new_world(server: "MockWorld", name: str, settings: Mapping[str, Any]) -> "MockWorld":
    """A world of its own, from the server's seed; where the URL of the server names a world, a fork of that
    one, named below it."""
    from audience_mock.client import DEFAULT_WORLD

    if server.name == DEFAULT_WORLD:
        world = server.in_world(name)
        world.replace_settings(**settings)
        return world
    kept = max(MAX_NAME - len(server.name) - 1, MIN_NODE_ID)
    world = server.fork(f"{server.name}.{name[-kept:].lstrip('-._')}")
    world.configure(**settings)
    return world


def _plan_fault_of_sweep(world: "MockWorld") -> None:
    planned = json.loads(os.environ.get(SWEEP_FAULT, "null"))
    if planned is not None and world.name.endswith(planned["world"]):
        world.faults.add(**planned["fault"])
