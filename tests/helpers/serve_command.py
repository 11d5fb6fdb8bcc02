"""The command in a process of its own: what it prints, the server it runs, raw connections to that."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.environment import environment_without
from helpers.waiting import until
from helpers.warm_process import Running, WarmProcess

LIMIT_S = 55
"""Seconds that anything may take; reached only where something is broken. Less than a server waits for an
idle connection, or drains for in these tests: an end within it has waited for neither."""

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
CREATE = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
BOUNDARY = "0b57ac1e"
FIELDS = {"fb_ad_account_id": "107", "name": "Loyal", "user_type": "fbid"}


def environment(**variables: str) -> dict[str, str]:
    """This environment without variables that would change a server, and with `variables`."""
    return environment_without("PYTHONDONTWRITEBYTECODE", **variables)


class Run:
    """One run of the command in a folder; both outputs go to files, so that no full pipe stops it."""

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        *,
        cold: bool,
        through: Sequence[str] = (),
    ) -> None:
        """`through` is a command that becomes the one of a cold start."""
        number = len(list(folder.glob("*.out")))
        self._out, self._err = folder / f"{number}.out", folder / f"{number}.err"
        env = environment(**variables)
        self.process: Running
        if not cold:
            self.process = WarmProcess(arguments, folder=folder, env=env, out=self._out, err=self._err)
            return
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*through, sys.executable, "-m", "audience_mock", *arguments],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def url(self) -> str:
        """What it says on stdout once it is ready."""
        until(lambda: self.out.endswith("\n") or self.process.poll() is not None, "the line on stdout")
        assert self.out, self.err
        return self.out.split()[-1]

    def get(self, path: str, token: dict[str, str] = PINTEREST_TOKEN) -> Any:
        return httpx.get(self.url + path, headers=token).raise_for_status().json()

    def create(self) -> str:
        """Makes an audience of Pinterest's; its id."""
        answer = httpx.post(self.url + AUDIENCES, json=CREATE, headers=PINTEREST_TOKEN)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ids(self) -> set[str]:
        """The ids of all audiences that are listed."""
        found: set[str] = set()
        bookmark: str | None = ""
        while bookmark is not None:
            page = self.get(f"{AUDIENCES}?page_size=250" + (f"&bookmark={bookmark}" if bookmark else ""))
            found |= {item["id"] for item in page["items"]}
            bookmark = page["bookmark"]
        return found

    def status(self) -> int:
        """The exit status, once it has ended."""
        return self.process.wait(LIMIT_S)

    def end(self, signum: int = signal.SIGTERM) -> None:
        """Ends it by a signal. The end has to be an orderly one, and to wait for nothing that takes longer
        than LIMIT_S, such as an idle connection or a body that stalls."""
        self.process.send_signal(signum)
        assert self.status() == 0, self.err


class Runner:
    """Starts runs of the command in one folder."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self.folder = folder
        self._held = held

    def __call__(self, *arguments: str, **variables: str) -> Run:
        """A process of its own, which has the imports behind it."""
        return self._hold(Run(self.folder, arguments, variables, cold=False))

    def cold(self, *arguments: str, through: Sequence[str] = (), **variables: str) -> Run:
        """One that starts from nothing, as a shell starts it; `through` is a command that becomes it."""
        return self._hold(Run(self.folder, arguments, variables, cold=True, through=through))

    def _hold(self, run: Run) -> Run:
        self._held.callback(run.process.wait)
        self._held.callback(run.process.kill)
        return run

    def serve(self, *arguments: str, cold: bool = False, **variables: str) -> Run:
        """A server on a free port, ready."""
        start = self.cold if cold else self
        run = start("serve", "--port", "0", *arguments, **variables)
        assert run.url
        return run


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Runner]:
    """Runs the command in an empty folder, and ends what still runs after the test."""
    with ExitStack() as held:
        yield Runner(tmp_path, held)


def upload(users: bytes) -> tuple[bytes, bytes]:
    """Head and body of a create from a file, as they go over the wire."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    fields = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in FIELDS.items())
    body = f'{fields}{part}file"; filename="users.txt"\r\n\r\n'.encode() + users + b"\r\n"
    body += f"--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /custom_audiences HTTP/1.1\r\nHost: mock\r\n"
        f"Authorization: {PITCHTARGET_TOKEN['Authorization']}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def connect(url: str) -> socket.socket:
    parts = httpx.URL(url)
    assert parts.port
    return socket.create_connection((parts.host, parts.port), timeout=LIMIT_S)


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def is_open(url: str) -> bool:
    try:
        connect(url).close()
    except ConnectionRefusedError:
        return False
    return True


# Refusing


def rejection(run: Run) -> str:
    """The one line that a failed command prints."""
    assert run.status() == 2, run.err
    assert run.out == ""
    assert len(run.err.splitlines()) == 1, run.err
    assert run.err.startswith("audience-mock: ")
    assert run.err.endswith("\n")
    return run.err
