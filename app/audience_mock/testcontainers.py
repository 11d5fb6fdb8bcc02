"""A container of Audience Mock for Testcontainers, with the extra `testcontainers`."""

import secrets
from contextlib import suppress
from http.client import HTTPException
from time import sleep
from typing import Unpack

from audience_mock.client import ControlError, MockWorld
from audience_mock.client_types import WorldSettings

try:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget
except ImportError as error:
    raise ImportError(
        "AudienceMockContainer needs Testcontainers: pip install 'audience-mock[testcontainers]'"
    ) from error

__all__ = ["AudienceMockContainer"]

PORT = 8000
"""The port in the container, as the Dockerfile says."""

ATTEMPTS, PAUSE_S = 600, 0.1
"""Attempts to reach a container that starts, and the seconds between them: a minute. Chosen: it takes a
second, and more where the machine is busy. Attempts are counted: a test may have stopped Python's clock."""


class AudienceMockContainer(DockerContainer):
    """A container that serves at `url` from the start of a `with` block to its end.

    `image` is the name of the image, by default the one that `docker build -t audience-mock .` makes. `seed`
    is `demo` or a file in the container. Settings of its worlds are keyword arguments, as `build_delay_s=0`;
    for all else, DockerContainer has `with_env`, `with_volume_mapping` and so on. The control API has a
    token, by default a random one, because its calls come from outside the container.

    The start raises what DockerContainer raises, RuntimeError if the container exits, and TimeoutError if it
    does not answer within a minute.
    """

    def __init__(
        self,
        image: str = "audience-mock",
        *,
        admin_token: str | None = None,
        seed: str | None = None,
        **settings: Unpack[WorldSettings],
    ) -> None:
        super().__init__(image)
        self.admin_token = admin_token or secrets.token_urlsafe()
        self.with_exposed_ports(PORT)
        for name, value in {"admin_token": self.admin_token, "seed": seed, **settings}.items():
            if value is not None:
                self.with_env(f"AUDIENCE_MOCK_{name.upper()}", str(value))
        self.waiting_for(_Healthy())

    @property
    def url(self) -> str:
        """The server's base URL, for this machine. Raises what DockerContainer does if it does not run."""
        return _url(self)

    @property
    def world(self) -> MockWorld:
        """The default world; its `in_world` names others."""
        return MockWorld(self.url, admin_token=self.admin_token)


class _Healthy(WaitStrategy):
    """Waits for the health page. Unlike HttpWaitStrategy it notices a container that exits, for a wrong
    setting say, and leaves the proxy of the environment alone."""

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        for _ in range(ATTEMPTS):
            container.reload()
            if container.status in ("exited", "dead"):
                said = b"".join(container.get_logs()).decode(errors="replace")
                raise RuntimeError(f"the container of Audience Mock {container.status}:\n{said}")
            # The port is not published yet. An error of the engine's API, an OSError, is none of these.
            with suppress(ConnectionError, TimeoutError):
                world = MockWorld(_url(container))
                # It does not listen yet, or something else does.
                with suppress(OSError, HTTPException, ControlError, ValueError):
                    world.control("GET", "/health")
                    return
            sleep(PAUSE_S)
        raise TimeoutError(f"Audience Mock did not answer within {ATTEMPTS * PAUSE_S:.0f} s")


def _url(container: WaitStrategyTarget) -> str:
    host, port = container.get_container_host_ip(), container.get_exposed_port(PORT)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
