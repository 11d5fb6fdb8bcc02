"""For tests in Python: a server in a thread of this process, and the client of it or of any other server."""

import socket
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self, Unpack

from starlette.types import ASGIApp

from audience_mock.app import create_app
from audience_mock.client import (
    Clock,
    ConductError,
    ContractDiffError,
    ControlError,
    Faults,
    Journal,
    MockWorld,
    SweepError,
    SweepFindingsError,
    UnusedFaultsError,
    Urls,
    VerificationError,
    connect,
)
from audience_mock.client_types import ServerSettings, WorldSettings
from audience_mock.control import read_tokens
from audience_mock.core.errors import InvalidSeedError, InvalidSettingsError, StoreError
from audience_mock.server.listener import base_url, listen
from audience_mock.server.uvicorn_server import Server
from audience_mock.settings import Settings
from audience_mock.sweep.report import SweepReport

__all__ = [
    "Clock",
    "ConductError",
    "ContractDiffError",
    "ControlError",
    "Faults",
    "InvalidSeedError",
    "InvalidSettingsError",
    "Journal",
    "MockServer",
    "MockWorld",
    "ServerSettings",
    "StoreError",
    "SweepError",
    "SweepFindingsError",
    "SweepReport",
    "UnusedFaultsError",
    "Urls",
    "VerificationError",
    "WorldSettings",
    "connect",
]

START_TIMEOUT_S = 10
STOP_TIMEOUT_S = 10


def client_token(settings: Settings) -> str | None:
    """The token with which to call the control API of a server with these settings; None if it needs none.
    Raises InvalidSettingsError for a file that cannot be read."""
    if settings.admin_token is not None or settings.admin_token_file is None:
        return settings.admin_token
    return read_tokens(settings.admin_token_file)[0]


class MockServer(MockWorld):
    """A server in a thread: `with MockServer() as mock:` serves at `mock.url` until the block ends.

    It takes the settings of `audience-mock serve` as keyword arguments, as `build_delay_s=0`. By default it
    has a free port and a database in memory. Raises InvalidSettingsError here, and at the start of the block
    InvalidSeedError, StoreError, OSError (the address cannot be used) and TimeoutError.

    It is the MockWorld of its default world. `app` is the FastAPI application, and `world` the default world
    without HTTP between.
    """

    def __init__(self, **settings: Unpack[ServerSettings]) -> None:
        self.settings = Settings(**{"port": 0, **settings})

    def __enter__(self) -> Self:
        listeners = listen(self.settings.host, self.settings.port)
        try:
            self.app = create_app(self.settings)
        except BaseException:
            for listener in listeners:
                listener.close()
            raise
        self.world = self.app.state.worlds.default
        super().__init__(base_url(listeners[0]), admin_token=client_token(self.settings))
        ready = threading.Event()
        worlds = self.app.state.worlds
        self._server = Server(
            self._served(),
            settings=self.settings,
            when_ready=ready.set,
            when_stopping=worlds.end_subscriptions,
        )
        self._thread = threading.Thread(target=self._serve, args=(listeners,), daemon=True)
        self._thread.start()
        if not ready.wait(START_TIMEOUT_S):
            raise TimeoutError(f"Audience Mock did not start within {START_TIMEOUT_S} s")
        return self

    def _served(self) -> ASGIApp:
        """What the server calls, for a subclass that looks at all requests."""
        return self.app

    def _serve(self, listeners: list[socket.socket]) -> None:
        with ExitStack() as opened:
            for listener in listeners:
                opened.enter_context(listener)
            self._server.run_at(listeners)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f"Audience Mock did not stop within {STOP_TIMEOUT_S} s")

    @property
    def pinterest_url(self) -> str:
        """The base URL for a client of Pinterest's API; the same as `urls.pinterest`."""
        return f"{self.url}/v5"

    @property
    def pitchtarget_url(self) -> str:
        """The base URL for a client of PitchTarget's API; the same as `urls.pitchtarget`."""
        return self.url
