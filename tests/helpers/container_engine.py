"""A fake of the container engine's HTTP API: what a client of Testcontainers calls, of Python or of Node.js.

Its one container is a server of this machine.
"""

import io
import json
import re
import socket
import struct
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

from audience_mock.testing import MockServer

ID = "c0ffee" * 10
PORT = "8000/tcp"
SAID = "AUDIENCE_MOCK_MATCH_RATE: must be at most 1\n"
"""What a container that exits wrote to its standard error."""
STDERR = 2
"""The number of a stream in the frames in which the engine sends what a container wrote."""


@dataclass
class Engine:
    """What the fake engine was asked, and the server that it runs as the container."""

    calls: list[str] = field(default_factory=list)
    created: Mapping[str, Any] = field(default_factory=dict)
    images: set[str] = field(default_factory=lambda: {"audience-mock"})
    status: str = "created"
    exits: bool = False
    """Whether a container exits right after its start."""
    files: dict[str, bytes] = field(default_factory=dict)
    """What was copied into the container, by its path there."""
    server: MockServer | None = None
    running: ExitStack = field(default_factory=ExitStack)
    _port: int = 0

    def environment(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.created["Env"])

    def changes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET ")]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        call = f"{method} {path.replace(ID, 'ID')}"
        self.calls.append(call)
        match call.split("/"):
            case ["GET ", "version"]:
                return 200, {"ApiVersion": "1.44", "Version": "27.0.0"}
            case ["GET ", "info"]:
                return 200, {"ServerVersion": "27.0.0", "OSType": "linux", "OperatingSystem": "Debian"}
            case ["GET ", "images", name, "json"]:
                name = name.removesuffix(":latest")
                missing = 404, {"message": f"No such image: {name}"}
                return (200, {"Id": name}) if name in self.images else missing
            case ["POST ", "images", "create"]:
                self.images.add(query["fromImage"][0].removesuffix(":latest"))
                return 200, {"status": "pulled"}
            case ["GET ", "containers", "json"] if "all" not in query:
                return 200, []
            case ["POST ", "containers", "create"]:
                self.created = json.loads(body)
                return 201, {"Id": ID, "Warnings": []}
            case ["PUT ", "containers", "ID", "archive"]:
                assert query["path"] == ["/"]
                self.copy(body)
                return 200, None
            case ["POST ", "containers", "ID", "start"]:
                self.start()
                return 204, None
            case ["GET ", "containers", "ID", "json"]:
                return 200, self.inspected()
            case ["GET ", "containers", "ID", "logs"]:
                said = SAID.encode() if query["stderr"][0] in ("1", "true") else b""
                return 200, struct.pack(">BxxxL", STDERR, len(said)) + said
            case ["POST ", "containers", "ID", "stop"]:
                self.stop()
                return 204, None
            case ["DELETE ", "containers", "ID"]:
                assert self.status == "exited" or query["force"] == ["True"]
                self.stop()
                return 204, None
        return 501, {"message": f"the fake does not know {call}"}

    def copy(self, archive: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                content = tar.extractfile(member)
                assert content is not None
                assert member.mode & 0o004, "the user of the container cannot read it"
                self.files[f"/{member.name.removeprefix('/')}"] = content.read()

    def start(self) -> None:
        self.status = "running"
        if self.exits:
            # Published and not listening.
            refusing = self.running.enter_context(socket.socket())
            refusing.bind(("127.0.0.1", 0))
            self._port = refusing.getsockname()[1]
            return
        given = {
            name.removeprefix("AUDIENCE_MOCK_").lower(): value for name, value in self.environment().items()
        }
        if given.get("seed") in self.files:
            folder = Path(self.running.enter_context(TemporaryDirectory()))
            file = folder / "seed.json"
            file.write_bytes(self.files[given["seed"]])
            given["seed"] = str(file)
        self.server = self.running.enter_context(MockServer(**given))  # type: ignore[arg-type]
        self._port = urlsplit(self.server.url).port or 0

    def stop(self) -> None:
        self.status = "exited"
        self.running.close()

    def inspected(self) -> Mapping[str, Any]:
        status = self.status
        if self.exits:
            self.status = "exited"
        ports = {PORT: [{"HostIp": "0.0.0.0", "HostPort": str(self._port)}] if self._port else None}
        return {
            "Id": ID,
            "Name": "/mock",
            "State": {"Status": status, "Running": status == "running"},
            "Config": {"Tty": False, "Env": self.created["Env"], "Hostname": "mock", "Labels": {}},
            "HostConfig": {"PortBindings": self.created["HostConfig"]["PortBindings"]},
            "NetworkSettings": {"Ports": ports, "Networks": {}},
        }


@contextmanager
def serving(engine: Engine) -> Iterator[str]:
    """The engine's API, as its clients name it in DOCKER_HOST."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            path = re.sub(r"^/v1\.\d+(?=/)", "", parts.path)
            status, answer = engine.answer(self.command, path, parse_qs(parts.query), self._body())
            is_stream = isinstance(answer, bytes)
            content = answer if is_stream else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            # A client that calls again may have started another process meanwhile.
            self.send_header("Connection", "close")
            kind = "application/vnd.docker.multiplexed-stream" if is_stream else "application/json"
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server, engine.running:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
