"""AudienceMockContainer of Python on a fake of the container engine's HTTP API."""

import builtins
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import docker.errors
import pytest
import samples
from testcontainers.core.config import ConnectionMode, testcontainers_config

from audience_mock import testcontainers
from audience_mock.testcontainers import AudienceMockContainer
from audience_mock.testing import ControlError
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.container_engine import PORT, Engine, serving


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine()
    with serving(engine) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        # It would start a container of its own, which removes what a killed run leaves.
        monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", True)
        # Inside a container, as here perhaps, it would look for a network that both are in.
        monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
        yield engine


def test_a_container(engine: Engine) -> None:
    """A container of the image is created with the port, the settings and a token, started, waited for and
    removed; in between its URL and the handle of its worlds work, with that token only."""
    with AudienceMockContainer(seed="demo", build_delay_s=0, redact_users=True) as container:
        assert engine.server is not None
        assert container.url == engine.server.url
        container.world.configure(match_rate=0.5)
        blue = container.world.in_world("blue")
        assert blue.audiences()
        blue.reset("empty")
        body = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
        request = Request(
            f"{blue.urls.pinterest}/ad_accounts/{AD_ACCOUNT}/audiences",
            json.dumps(body).encode(),
            {**PINTEREST_TOKEN, "Content-Type": "application/json"},
        )
        with urlopen(request) as response:
            assert json.load(response)["status"] == "READY"
        blue.verify("audiences/create", count=1)
        assert engine.server.settings.admin_token == container.admin_token
        with pytest.raises(ControlError, match="send Authorization"):
            type(blue)(container.url).state()
    assert engine.environment() == {
        "AUDIENCE_MOCK_ADMIN_TOKEN": container.admin_token,
        "AUDIENCE_MOCK_SEED": "demo",
        "AUDIENCE_MOCK_BUILD_DELAY_S": "0",
        "AUDIENCE_MOCK_REDACT_USERS": "True",
    }
    assert engine.created["Image"] == "audience-mock"
    assert list(engine.created["ExposedPorts"]) == [PORT]
    assert engine.created["HostConfig"]["PortBindings"] == {PORT: [{"HostIp": "", "HostPort": ""}]}
    assert engine.changes() == [
        "POST /containers/create",
        "POST /containers/ID/start",
        "DELETE /containers/ID",
    ]
    assert len(container.admin_token) > 30


def test_the_guides_sample(engine: Engine) -> None:
    """The sample of the guide for Python passes."""
    page = samples.TOP / "docs/guides/testcontainers.md"
    (sample,) = (block for block in samples.blocks(page.read_text()) if block.language == "py")
    names: dict[str, Any] = {}
    exec(sample.code, names)
    names["test_in_a_container"]()
    assert engine.environment()["AUDIENCE_MOCK_SEED"] == "demo"


def test_an_image_that_is_elsewhere(engine: Engine) -> None:
    """An image that is not there is pulled; two containers have different tokens unless one is given."""
    first = AudienceMockContainer("mock-of-the-team")
    assert first.admin_token != AudienceMockContainer().admin_token
    with AudienceMockContainer("mock-of-the-team", admin_token="open-sesame") as container:
        assert container.world.control("GET", "/worlds")["worlds"] == ["default"]
    assert engine.environment() == {"AUDIENCE_MOCK_ADMIN_TOKEN": "open-sesame"}
    assert "POST /images/create" in engine.calls


def test_a_container_that_exits(engine: Engine) -> None:
    """A container that exits at once is an error at once, with what it said, and is removed."""
    engine.exits = True
    with pytest.raises(RuntimeError, match=r"(?s)exited.*AUDIENCE_MOCK_MATCH_RATE: must be at most 1"):
        with AudienceMockContainer(match_rate=2):
            pass
    assert engine.calls[-1] == "DELETE /containers/ID"


def test_an_error_of_the_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the engine while the container starts is raised at once."""
    monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.bridge_ip)
    with pytest.raises(docker.errors.APIError, match="the fake does not know"):
        AudienceMockContainer().start()


def test_a_container_that_never_answers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that runs and does not answer is a TimeoutError, after as many attempts as there may be."""
    monkeypatch.setattr(testcontainers, "ATTEMPTS", 2)
    monkeypatch.setattr(Engine, "start", lambda self: setattr(self, "status", "running"))
    with pytest.raises(TimeoutError, match="did not answer within"):
        AudienceMockContainer().start()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Testcontainers the import fails, and says what to install."""
    real = builtins.__import__

    def missing(name: str, *more: Any, **keywords: Any) -> Any:
        if name.startswith("testcontainers."):
            raise ImportError(name)
        return real(name, *more, **keywords)

    monkeypatch.delitem(sys.modules, "audience_mock.testcontainers")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install 'audience-mock\[testcontainers\]'"):
        importlib.import_module("audience_mock.testcontainers")
