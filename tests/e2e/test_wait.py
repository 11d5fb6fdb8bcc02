"""`audience-mock wait` in real processes."""

import http.server
import re
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from helpers.environment import MEASURED
from helpers.ports import free_port
from helpers.serve_command import (
    LIMIT_S,
    Runner,
    command,
)

__all__ = ["command"]

# Waiting


def test_wait(command: Runner) -> None:
    """`wait` begun before the server is there ends with 0 once that is ready, and says nothing."""
    port = free_port()
    wait = command("wait", f"127.0.0.1:{port}/v5", "--timeout-s", str(LIMIT_S), **MEASURED)
    run = command("serve", "--port", str(port))
    assert wait.status() == 0
    assert run.get("/__admin/health")["status"] == "ready"
    assert wait.out == wait.err == ""


@pytest.mark.parametrize("timeout_s", [0, 0.5])
def test_wait_in_vain(command: Runner, timeout_s: float) -> None:
    """`wait` exits with 1 and one line when its time is over; 0 seconds is one attempt."""
    began = time.monotonic()
    wait = command("wait", f"http://127.0.0.1:{free_port()}", "--timeout-s", str(timeout_s))
    assert wait.status() == 1
    assert time.monotonic() - began >= timeout_s
    assert re.fullmatch(
        r"audience-mock: http://\S+ is not ready after [0-9.]+ s: Connection refused\n", wait.err
    )


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Any other server: it answers JSON, but not our health page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'["ready"]')

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_wait_for_another_server(command: Runner) -> None:
    """`wait` does not take another server for this one."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        wait = command("wait", f"http://127.0.0.1:{server.server_port}", "--timeout-s", "0.2")
        assert wait.status() == 1
        server.shutdown()
    assert len(wait.err.splitlines()) == 1
    assert "not Audience Mock" in wait.err


def test_wait_is_light(command: Runner) -> None:
    """`wait` starts fast: it imports none of what the server needs."""
    run = command.serve()
    code = (
        "import sys\n"
        "from audience_mock.cli.main import main\n"
        "try:\n"
        f"    main(['wait', {run.url!r}])\n"
        "except SystemExit as end:\n"
        "    print(end.code, *{'pydantic', 'fastapi', 'sqlalchemy', 'uvicorn'} & sys.modules.keys())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
