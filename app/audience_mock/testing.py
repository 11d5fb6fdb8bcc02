"""A real server on a free port, in a thread, for tests in Python; and a hand on it, or on any other."""

import threading
from types import TracebackType
from typing import Any, Self

from audience_mock.app import create_app
from audience_mock.client import ControlError, MockWorld, UnusedFaultsError, VerificationError, connect
from audience_mock.server.listener import base_url, listen
from audience_mock.server.uvicorn_server import Server
from audience_mock.settings import Settings

__all__ = ["ControlError", "MockServer", "MockWorld", "UnusedFaultsError", "VerificationError", "connect"]

STARTS_WITHIN_S = 10
ENDS_WITHIN_S = 10


class MockServer(MockWorld):
    """`with MockServer() as mock:` serves at `mock.url` until the block ends.

    `settings` are those of `Settings`; the port is free and the store in memory unless they say otherwise.
    It is the handle of its default world. `app` and `world` are what runs in this process, without HTTP.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**{"port": 0, **settings})

    def __enter__(self) -> Self:
        listener = listen(self.settings.host, self.settings.port)
        try:
            self.app = create_app(self.settings)
        except BaseException:
            listener.close()
            raise
        self.world = self.app.state.worlds.default
        super().__init__(base_url(listener), admin_token=self.settings.admin_token)
        ready = threading.Event()
        self._server = Server(self.app, when_ready=ready.set)
        self._thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._thread.start()
        if not ready.wait(STARTS_WITHIN_S):
            raise TimeoutError(f"Audience Mock did not start within {STARTS_WITHIN_S} s")
        return self

    def _serve(self, listener: Any) -> None:
        with listener:
            self._server.run_at(listener)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(ENDS_WITHIN_S)
        if self._thread.is_alive():
            raise TimeoutError(f"Audience Mock did not end within {ENDS_WITHIN_S} s")

    @property
    def pinterest_url(self) -> str:
        """The base URL for a client of Pinterest's API."""
        return f"{self.url}/v5"

    @property
    def pitchtarget_url(self) -> str:
        """The base URL for a client of PitchTarget's API."""
        return self.url
