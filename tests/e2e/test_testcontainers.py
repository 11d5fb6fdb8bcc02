"""AudienceMockContainer on a fake of the container engine's HTTP API, whose containers are servers here."""

import builtins
import importlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import docker.errors
import pytest
import samples
from testcontainers.core.config import ConnectionMode, testcontainers_config

from audience_mock import testcontainers
from audience_mock.testcontainers import AudienceMockContainer
from audience_mock.testing import ControlError, MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN

ID = "c0ffee" * 10
PORT = "8000/tcp"


@dataclass
class Engine:
    """What the fake engine was asked, and the server that it runs as the container."""

    calls: list[str] = field(default_factory=list)
    created: Mapping[str, Any] = field(default_factory=dict)
    images: set[str] = field(default_factory=lambda: {"audience-mock"})
    status: str = "created"
    exits: bool = False
    """Whether a container exits as soon as it starts."""
    server: MockServer | None = None
    running: ExitStack = field(default_factory=ExitStack)

    def environment(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.created["Env"])

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        call = f"{method} {path.replace(ID, 'ID')}"
        self.calls.append(call)
        match call.split("/"):
            case ["GET ", "version"]:
                return 200, {"ApiVersion": "1.44", "Version": "27.0.0"}
            case ["GET ", "images", name, "json"]:
                name = name.removesuffix(":latest")
                return (200, {"Id": name}) if name in self.images else (404, {"message": "no such image"})
            case ["POST ", "images", "create"]:
                self.images.add(query["fromImage"][0])
                return 200, {"status": "pulled"}
            case ["POST ", "containers", "create"]:
                self.created = body
                return 201, {"Id": ID, "Warnings": []}
            case ["POST ", "containers", "ID", "start"]:
                self.start()
                return 204, None
            case ["GET ", "containers", "ID", "json"]:
                return 200, self.inspected()
            case ["GET ", "containers", "ID", "logs"]:
                return 200, "AUDIENCE_MOCK_MATCH_RATE: must be at most 1\n" if "stderr" in query else ""
            case ["DELETE ", "containers", "ID"]:
                assert query["force"] == ["True"]
                self.running.close()
                return 204, None
        return 501, {"message": f"the fake does not know {call}"}

    def start(self) -> None:
        if self.exits:
            self.status = "exited"
            return
        self.status = "running"
        given = {
            name.removeprefix("AUDIENCE_MOCK_").lower(): value for name, value in self.environment().items()
        }
        self.server = self.running.enter_context(MockServer(**given))  # type: ignore[arg-type]

    def inspected(self) -> Mapping[str, Any]:
        published = None if self.server is None else str(urlsplit(self.server.url).port)
        ports = {PORT: published and [{"HostIp": "0.0.0.0", "HostPort": published}]}
        return {
            "Id": ID,
            "State": {"Status": self.status},
            "Config": {"Tty": True, "Env": self.created["Env"]},
            "NetworkSettings": {"Ports": ports},
        }


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine()

    class Api(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            received = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/v1.44")
            body = json.loads(received) if received else None
            status, answer = engine.answer(self.command, path, parse_qs(parts.query), body)
            content = (
                b""
                if answer is None
                else (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as serving, engine.running:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{serving.server_address[1]}")
        for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        # It would start a container of its own, which removes what a killed run leaves.
        monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", True)
        # Inside a container, as here perhaps, it would look for a network that both are in.
        monkeypatch.setattr(testcontainers_config, "connection_mode_override", ConnectionMode.docker_host)
        yield engine
        serving.shutdown()
        thread.join()


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
    changes = [call for call in engine.calls if not call.startswith("GET ")]
    assert changes == ["POST /containers/create", "POST /containers/ID/start", "DELETE /containers/ID"]
    assert len(container.admin_token) > 30


def test_the_guides_sample(engine: Engine) -> None:
    """The sample of the guide passes."""
    page = samples.TOP / "docs/guides/testcontainers.md"
    (sample,) = samples.blocks(page.read_text())
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
