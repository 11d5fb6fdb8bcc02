"""What the tests share: servers, and clients that speak plain HTTP."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.shapes import PINTEREST_TOKEN, PITCHTARGET_TOKEN

pytest_plugins = ["helpers.watched"]


@pytest.fixture(scope="session", autouse=True)
def no_client_reads_certificates() -> Iterator[None]:
    """httpx reads those of the system for each client, which took a tenth of the suite's time; no test speaks
    TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", lambda **more: context)
        yield


@pytest.fixture
def start() -> Iterator[Callable[..., MockServer]]:
    """Starts servers with the settings that a test gives, and ends them after it."""
    with ExitStack() as started:
        yield lambda **settings: started.enter_context(MockServer(**settings))


@pytest.fixture
def mock(start: Callable[..., MockServer]) -> MockServer:
    """A fresh server with the default settings, its clock standing still."""
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
