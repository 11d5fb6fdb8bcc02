"""The application under other servers than its own: `uvicorn … --factory`, and one that is not uvicorn."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import pinterest_error
from helpers.ports import free_port

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
CREATE = {"name": "A", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
LIMIT_S = 60


COMMANDS = {
    "uvicorn": [
        "uvicorn",
        "audience_mock.app:create_app",
        "--factory",
        "--host",
        "127.0.0.1",
        "--port",
        "PORT",
    ],
    "hypercorn": ["hypercorn", "audience_mock.app:create_app()", "--bind", "127.0.0.1:PORT"],
}


@pytest.mark.parametrize("server", COMMANDS)
def test_another_server_serves_the_same_application(server: str, tmp_path: Path) -> None:
    """Settings come from the environment; both APIs, the control API and errors answer as always."""
    port = str(free_port())
    command = [part.replace("PORT", port) for part in COMMANDS[server]]
    log = (tmp_path / "log").open("w+")
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, "AUDIENCE_MOCK_BUILD_DELAY_S": "0", "AUDIENCE_MOCK_SEED": "demo"},
        stdout=log,
        stderr=log,
        cwd=tmp_path,
    ) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=PINTEREST_TOKEN) as client:
                end = time.monotonic() + LIMIT_S
                while True:
                    try:
                        health = client.get("/__admin/health")
                        break
                    except httpx.TransportError:
                        assert process.poll() is None, (tmp_path / "log").read_text()
                        assert time.monotonic() < end, (tmp_path / "log").read_text()
                        time.sleep(0.05)
                assert health.json()["audiences"] > 0
                made = client.post(AUDIENCES, json=CREATE)
                assert (made.status_code, made.json()["status"]) == (201, "READY")
                one = f"{AUDIENCES}/{made.json()['id']}"
                assert client.get(one).json()["name"] == "A"
                assert client.head(one).headers["content-length"] == str(len(client.get(one).content))
                assert pinterest_error(client.get(f"{AUDIENCES}/1"))["code"] == 4
                listed = client.get("/custom_audiences?fb_ad_account_id=1", headers=PITCHTARGET_TOKEN)
                assert listed.headers["x-frame-options"] == "SAMEORIGIN"
                entries = client.get("/__admin/journal").json()["entries"]
                assert [entry["request"]["method"] for entry in entries[-3:]] == ["GET", "GET", "GET"]
        finally:
            process.terminate()
    log.close()
