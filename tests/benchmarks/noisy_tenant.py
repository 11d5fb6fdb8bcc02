"""What a tenant that floods does to the latency of another: 80 seconds, figures on standard output.

    PYTHONPATH=app:tests python -m benchmarks.noisy_tenant [requests|uploads|worlds|journal|stalls]

A quiet tenant reads and creates audiences at a steady 100 requests a second, alone and beside wrk, which
floods the worlds of a noisy tenant: with 64 connections that list audiences, with 8 that upload files of
1.6 MB, with 8 that make and delete worlds, with 8 that read a journal of 1,000 requests, or with 64 that
faults stall. Both are measured in turns, on a server without tenants and on one with them, so that whatever
else this machine does meets all of them.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.environment import environment_without
from helpers.tenants import write_tenants

ROUNDS = 16
TURN_S = 1.0
INTERVAL_S = 0.01
SERVERS_CORE, CLIENTS_CORE = 0, 1
"""A client on the server's core would wait for the end of its time slice, some milliseconds."""
WRK_S = 8
"""wrk takes whole seconds; it is ended with the turn."""
CONNECTIONS = {"requests": 64, "uploads": 8, "worlds": 8, "journal": 8, "stalls": 64}
ADMIN_TOKEN = "operator-token"
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
WORLDS = """
local count = 0
request = function()
  count = count + 1
  local method = count % 2 == 1 and "PUT" or "DELETE"
  return wrk.format(method, "/__admin/worlds/noisy." .. math.floor((count + 1) / 2) % 50, headers, "{}")
end
"""
UPLOAD = """
wrk.method, wrk.path = "POST", "/worlds/noisy/custom_audiences"
wrk.headers["Authorization"] = "%s"
wrk.headers["Content-Type"] = "multipart/form-data; boundary=x"
local part, body, users = '--x\\r\\nContent-Disposition: form-data; name="', "", {}
local fields = {fb_ad_account_id = "2", name = "n", user_type = "fbid", description = "d"}
fields.opt_out_link = "http://a.example"
for name, value in pairs(fields) do body = body .. part .. name .. '"\\r\\n\\r\\n' .. value .. "\\r\\n" end
for number = 1, 150000 do users[number] = tostring(1000000000 + number * 7919) end
body = body .. part .. 'file"; filename="u"\\r\\n\\r\\n' .. table.concat(users, "\\n")
wrk.body = body .. "\\r\\n--x--\\r\\n"
"""
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
BODY = b'{"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}'
START_LIMIT_S = 20


@contextmanager
def server(folder: Path, *flags: str) -> Iterator[str]:
    """The URL of a server in a process of its own."""
    ready = folder / f"url{len(flags)}"
    command = [sys.executable, "-m", "audience_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    environment = environment_without(
        AUDIENCE_MOCK_ADMIN_TOKEN=ADMIN_TOKEN,
        AUDIENCE_MOCK_LOG_LEVEL="warning",
    )
    with subprocess.Popen([*command, *flags], env=environment, stdout=subprocess.DEVNULL) as process:
        os.sched_setaffinity(process.pid, {SERVERS_CORE})
        end = time.monotonic() + START_LIMIT_S
        while not ready.exists() and time.monotonic() < end:
            time.sleep(0.05)
        try:
            yield ready.read_text().strip()
        finally:
            process.terminate()


def quiet(url: str) -> list[float]:
    """Seconds that each request of the quiet tenant took, in one turn."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    headers = {**PINTEREST_TOKEN, "Content-Type": "application/json"}
    took = []
    began = time.perf_counter()
    for number in range(int(TURN_S / INTERVAL_S)):
        due = began + number * INTERVAL_S
        time.sleep(max(0.0, due - time.perf_counter()))
        sent = time.perf_counter()
        method = "POST" if number % 4 == 0 else "GET"
        connection.request(
            method, f"/worlds/quiet{AUDIENCES}?page_size=1", BODY if method == "POST" else None, headers
        )
        connection.getresponse().read()
        took.append(time.perf_counter() - sent)
    connection.close()
    return took


def call(
    url: str, method: str, path: str, body: object = None, *, headers: Mapping[str, str] = ADMIN
) -> None:
    """Make a call that has to succeed."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request(method, path, None if body is None else json.dumps(body), dict(headers))
    answer = connection.getresponse()
    assert answer.status < 300, answer.read()
    answer.read()
    connection.close()


def prepare(url: str, kind: str) -> None:
    """Give the noisy world what its flood needs."""
    if kind == "journal":
        for _ in range(1000):
            call(url, "GET", f"/worlds/noisy{AUDIENCES}", headers=PINTEREST_TOKEN)
    elif kind == "stalls":
        call(url, "POST", "/worlds/noisy/__admin/faults", {"operation": "audiences/list", "stall": "before"})


@contextmanager
def flood(url: str, kind: str, folder: Path) -> Iterator[None]:
    """wrk, for one turn, which ends by itself. It stands for other machines, so it has only the processor
    time that the server and the quiet client leave."""
    authorization, target, code = PINTEREST_TOKEN["Authorization"], f"/worlds/noisy{AUDIENCES}", ""
    if kind == "uploads":
        code = UPLOAD % PITCHTARGET_TOKEN["Authorization"]
    elif kind == "worlds":
        authorization, code = ADMIN["Authorization"], WORLDS
    elif kind == "journal":
        authorization, target = ADMIN["Authorization"], "/worlds/noisy/__admin/journal?limit=1000"
    script = folder / f"{kind}.lua"
    script.write_text(code)
    wrk = ["nice", "-n", "19", "wrk", "-t1", f"-c{CONNECTIONS[kind]}", f"-d{WRK_S}s", "-s", str(script)]
    wrk += ["-H", f"Authorization: {authorization}", f"{url}{target}"]
    with subprocess.Popen(wrk, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.15)
        yield
        assert process.poll() is None, "wrk did not run"
        process.terminate()


def main(kind: str = "requests") -> None:
    os.sched_setaffinity(0, {CLIENTS_CORE})
    took: dict[tuple[str, str], list[float]] = {}
    with TemporaryDirectory() as temporary, ExitStack() as opened:
        folder = Path(temporary)
        quotas = {"requests": 16, "stalls": 16, "worlds": 100}
        file = write_tenants(folder / "t.toml", tenants={"noisy": {"quotas": quotas}, "quiet": {}})
        servers = {
            "without tenants": opened.enter_context(server(folder)),
            "with tenants": opened.enter_context(server(folder, "--tenants", str(file))),
        }
        for url in servers.values():
            quiet(url)
            prepare(url, kind)
        for _ in range(ROUNDS):
            for name, url in servers.items():
                took.setdefault((name, "alone"), []).extend(quiet(url))
                with flood(url, kind, folder):
                    took.setdefault((name, "beside a flood"), []).extend(quiet(url))
    for (name, case), each in took.items():
        each.sort()
        p50, p90, p99 = (each[int(len(each) * share)] * 1000 for share in (0.5, 0.9, 0.99))
        print(f"{name:16} {case:15} p50 {p50:6.2f} ms  p90 {p90:6.2f} ms  p99 {p99:6.2f} ms  n={len(each)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
