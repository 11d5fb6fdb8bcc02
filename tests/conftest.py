"""What the tests share: servers, and clients that speak plain HTTP."""

import os
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any
from urllib.request import getproxies_environment

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from audience_mock.cli.exec import without_proxy
from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.waiting import CLIENT_LIMIT_S, HTTPX_LIMITS

pytest_plugins = [
    "helpers.engines",
    "helpers.leftovers",
    "helpers.pytest_runs",
    "helpers.response_validation",
    "helpers.warm_commands",
]

collect_ignore = [] if find_spec("playwright") else ["browser"]
"""`make test-browser` installs what its tests need."""

TEST_BY_TEST = ("tests/e2e/", "tests/docs/test_samples.py", "tests/contract/test_fuzz.py")
"""Where a test takes seconds: each goes to the next free worker. Elsewhere a file stays together: handing out
a test takes as long as many of them do."""

ON_ONE_WORKER = ("test_chart.py", "test_third_api.py")
"""Exceptions: their tests share what takes seconds to record or to install."""


WAITING = ("tests/e2e/test_sweep.py", "tests/e2e/test_sweep_functions.py")
"""Their tests wait for jobs that hang: they run beside tests that compute, and not beside each other."""


# A busy machine draws an example slowly, and what fails once has to fail again.
hypothesis_settings.register_profile(
    "gate", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("gate")


def pytest_configure() -> None:
    """A proxy of the environment, which cannot reach the servers of the tests, is for all else: some tests
    install packages."""
    if getproxies_environment():
        os.environ.update(without_proxy(os.environ, "http://127.0.0.1"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    waiting = [item for item in items if item.nodeid.startswith(WAITING)]
    others = [item for item in items if not item.nodeid.startswith(WAITING)]
    first = next((at for at, item in enumerate(others) if item.nodeid.startswith(TEST_BY_TEST)), 0)
    apart = (len(others) - first) // (len(waiting) + 1)
    for number, item in enumerate(waiting):
        others.insert(first + number * (apart + 1), item)
    items[:] = others


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands out files, or tests one by one.

    pytest-xdist 3.8 has marks for that (`xdist_group`), which pytest 9.2 silently ignores.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            one_by_one = file.startswith(TEST_BY_TEST) and not file.endswith(ON_ONE_WORKER)
            return nodeid if one_by_one else file

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_client_reads_certificates() -> Iterator[None]:
    """httpx reads those of the system for each client, which took a tenth of the suite's time; a test that
    speaks TLS gives its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def given_or_empty(*, verify: Any = True, **more: Any) -> ssl.SSLContext:
        return verify if isinstance(verify, ssl.SSLContext) else context

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", given_or_empty)
        yield


@pytest.fixture(scope="session", autouse=True)
def clients_wait_long_enough() -> Iterator[None]:
    """httpx has its limits in an object that each signature has as its default."""
    limits = httpx._config.DEFAULT_TIMEOUT_CONFIG
    with pytest.MonkeyPatch.context() as patch:
        for limit in HTTPX_LIMITS:
            patch.setattr(limits, limit, CLIENT_LIMIT_S)
        yield


class Closing:
    """Ends the servers of a test while the next test runs: a server waits 20 ms for late requests before it
    ends. An error that comes up there fails the next test, or the last one."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="closing")
        self._previous: Future[None] | None = None

    def close(self, started: ExitStack) -> None:
        self.finish()
        self._previous = self._thread.submit(started.close)

    def finish(self) -> None:
        if self._previous is not None:
            previous, self._previous = self._previous, None
            previous.result()


@pytest.fixture(scope="session")
def closing() -> Iterator[Closing]:
    closing = Closing()
    yield closing
    closing.finish()


@pytest.fixture
def start(closing: Closing) -> Iterator[Callable[..., MockServer]]:
    """Starts servers with the settings that a test gives, and ends them after it."""
    started = ExitStack()
    try:
        yield lambda **settings: started.enter_context(MockServer(**settings))
    finally:
        closing.close(started)


@pytest.fixture
def mock(start: Callable[..., MockServer]) -> MockServer:
    """A fresh server with the default settings and a frozen clock."""
    server = start()
    server.world.clock.freeze()
    return server


@pytest.fixture
def pinterest(mock: MockServer) -> Iterator[httpx.Client]:
    """Plain HTTP to Pinterest's API of the fresh server."""
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        yield client


@pytest.fixture
def pitchtarget(mock: MockServer) -> Iterator[httpx.Client]:
    """Plain HTTP to PitchTarget's API of the fresh server."""
    with httpx.Client(base_url=mock.pitchtarget_url, headers=PITCHTARGET_TOKEN) as client:
        yield client
