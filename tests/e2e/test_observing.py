"""What an operator sees of a server: metrics, logs and traces, as Prometheus, a log reader and a collector of
OpenTelemetry get them."""

import asyncio
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from audience_mock.core.errors import InvalidSettingsError
from audience_mock.core.worlds import exclusive
from audience_mock.testing import MockServer
from audience_mock.web.turns import Turns
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.environment import environment_without
from helpers.errors import control_error
from helpers.pinterest_resources import create_customer_list
from helpers.tenants import OPERATOR, write_tenants

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LIMIT_S = 60
TOP = Path(__file__).parents[2]


def samples(url: str, **headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus reads from /metrics, by name and labels."""
    answer = httpx.get(f"{url}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def requests_of(found: dict[Any, float], **labels: str) -> float:
    """How many requests have these labels."""
    wanted = set(labels.items())
    return sum(
        value
        for (name, its), value in found.items()
        if name == "audience_mock_requests_total" and wanted <= set(its)
    )


def test_requests_are_counted(start: Callable[..., MockServer]) -> None:
    """Requests are counted by API, operation, class of status and tenant, timed by operation, and so are the
    faults that fired."""
    mock = start(metrics=True)
    mock.faults.add("audiences/list", status=503, first=1)
    for _ in range(3):
        httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    httpx.head(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    httpx.get(f"{mock.url}/custom_audiences", headers=PITCHTARGET_TOKEN)
    httpx.get(f"{mock.url}/worlds/team-a.green{AUDIENCES}", headers=PINTEREST_TOKEN)
    httpx.get(f"{mock.url}/v5/nowhere", headers=PINTEREST_TOKEN)
    httpx.get(f"{mock.url}/worlds/-/v5/nowhere", headers=PINTEREST_TOKEN)
    found = samples(mock.url)
    listed = {"api": "pinterest", "operation": "audiences/list"}
    assert requests_of(found, **listed, status="2xx", tenant="default") == 3
    assert requests_of(found, **listed, status="2xx", tenant="other") == 1
    assert requests_of(found, **listed, status="5xx") == 1
    assert requests_of(found, api="pinterest", operation="", status="4xx") == 1
    assert requests_of(found, api="", status="4xx") == 1
    assert requests_of(found, api="pitchtarget", operation="custom_audiences/list") == 1
    assert requests_of(found, api="control", operation="faults/add", status="2xx") == 1
    assert found["audience_mock_request_duration_seconds_count", tuple(sorted(listed.items()))] == 5
    assert found["audience_mock_faults_fired_total", tuple(sorted(listed.items()))] == 1
    assert found["audience_mock_requests_in_progress", ()] == 1, "the request for the metrics itself"


def test_what_worlds_hold_is_shown(start: Callable[..., MockServer]) -> None:
    """Worlds, bytes of their databases and journals, planned faults; none of it grows a label."""
    mock = start(metrics=True)
    before = samples(mock.url)
    for name in ("a.1", "a.2", "b"):
        httpx.post(
            f"{mock.url}/worlds/{name}{AUDIENCES}",
            headers=PINTEREST_TOKEN,
            json={"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}},
        )
    mock.faults.add("*", latency_ms=0)
    after = samples(mock.url)
    grew = {
        name.removeprefix("audience_mock_"): after[name, ()] - before[name, ()]
        for name, labels in before
        if not labels
    }
    assert (grew["worlds"], grew["worlds_open"], grew["journal_entries"], grew["faults_planned"]) == (
        3,
        3,
        3,
        1,
    )
    assert grew["database_bytes"] > 3 * 40_000
    assert after["audience_mock_database_up", ()] == 1
    assert grew["journal_bytes"] > 3 * 750
    assert {dict(labels).get("tenant", "default") for _, labels in after} == {"default", "other"}


def until_shown(url: str, *, token: str | None = None, **gauges: float) -> None:
    """Scrape until the gauges have these values; `waiting_…` is the number of requests that wait."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    end = time.monotonic() + LIMIT_S
    while True:
        found = samples(url, **headers)
        shown = {
            name: found["audience_mock_requests_waiting", (("reason", name.removeprefix("waiting_")),)]
            if name.startswith("waiting_")
            else found[f"audience_mock_{name}", ()]
            for name in gauges
        }
        if shown == gauges:
            return
        assert time.monotonic() < end, shown
        time.sleep(0.01)


def sending(url: str, head: str, size_bytes: int, beginning: bytes) -> socket.socket:
    """A connection that has sent the head of a request, and the beginning of its body."""
    parts = httpx.URL(url)
    assert parts.port
    connection = socket.create_connection((parts.host, parts.port), timeout=LIMIT_S)
    connection.sendall(f"{head}\r\nHost: mock\r\nContent-Length: {size_bytes}\r\n\r\n".encode() + beginning)
    return connection


def test_uploads_in_progress_are_shown(start: Callable[..., MockServer]) -> None:
    """Files of both APIs while they arrive, with what has arrived of them; none of it afterwards, whether
    the file was stored or its client left."""
    mock = start(metrics=True)
    with httpx.Client(base_url=f"{mock.url}/v5", headers=PINTEREST_TOKEN) as client:
        uploads = f"/ad_accounts/{AD_ACCOUNT}/customer_lists/{create_customer_list(client)}/uploads"
        made = client.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
    until_shown(mock.url, uploads_in_progress=0, upload_bytes=0)
    part = httpx.URL(made["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"])
    head = f"PUT {part.raw_path.decode()} HTTP/1.1"
    with sending(mock.url, head, 5000, bytes(3000)) as connection:
        until_shown(mock.url, uploads_in_progress=1, upload_bytes=3000)
        connection.sendall(bytes(2000))
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        until_shown(mock.url, uploads_in_progress=0, upload_bytes=0)
    form = b"\r\n".join(
        [
            b'--x\r\nContent-Disposition: form-data; name="user_type"\r\n\r\nfbid',
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="u"\r\n\r\n' + b"123\n" * 1000,
        ]
    )
    head = (
        f"POST /custom_audiences HTTP/1.1\r\nAuthorization: {PITCHTARGET_TOKEN['Authorization']}"
        "\r\nContent-Type: multipart/form-data; boundary=x"
    )
    with sending(mock.url, head, 1 << 20, form):
        until_shown(mock.url, uploads_in_progress=1, upload_bytes=4000)
    until_shown(mock.url, uploads_in_progress=0, upload_bytes=0)


def test_requests_that_wait_for_their_world_are_shown(
    start: Callable[..., MockServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a large snapshot is restored, what writes to its world waits, and is counted."""
    mock = start(metrics=True, database=f"sqlite:///{tmp_path}/kept.db")
    mock.snapshot("one")
    ended, restore = threading.Event(), exclusive.run_beside

    async def held(database: Any, function: Any) -> Any:
        await asyncio.to_thread(ended.wait, LIMIT_S)
        return await restore(database, function)

    monkeypatch.setattr("audience_mock.core.worlds.world.run_beside", held)
    monkeypatch.setattr(exclusive, "BESIDE_BYTES", 0)

    def post(path: str, body: object) -> int:
        return httpx.post(mock.url + path, json=body, headers=PINTEREST_TOKEN, timeout=LIMIT_S).status_code

    made = {"name": "a", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    with ThreadPoolExecutor(3) as threads:
        try:
            restored = threads.submit(post, "/__admin/snapshots/one/restore", {})
            end = time.monotonic() + LIMIT_S
            while not mock.world.exclusive.is_taken:
                assert time.monotonic() < end
                time.sleep(0.01)
            written = [threads.submit(post, AUDIENCES, made) for _ in range(2)]
            until_shown(mock.url, waiting_world=2, waiting_turn=0)
        finally:
            ended.set()
        assert (restored.result(), *(each.result() for each in written)) == (204, 201, 201)
    until_shown(mock.url, waiting_world=0)


def test_requests_that_wait_for_their_turn_are_shown(
    start: Callable[..., MockServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tenants, requests begin by turns, and those whose turn has not come are counted."""
    file = write_tenants(tmp_path / "tenants.toml", tenants={"team-a": {}})
    mock = start(metrics=True, tenants=file, admin_token=OPERATOR)
    go_on = Turns._next
    held: list[tuple[Turns, asyncio.AbstractEventLoop]] = []
    monkeypatch.setattr(Turns, "_next", lambda turns: held.append((turns, asyncio.get_running_loop())))
    with ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(httpx.get, mock.url + AUDIENCES, headers=PINTEREST_TOKEN) for _ in range(3)]
        until_shown(mock.url, token=OPERATOR, waiting_turn=2)
        monkeypatch.undo()
        ((turns, loop),) = held
        loop.call_soon_threadsafe(go_on, turns)
        assert [each.result().status_code for each in answers] == [200, 200, 200]
    until_shown(mock.url, token=OPERATOR, waiting_turn=0, waiting_world=0)


def test_metrics_are_off_by_default(mock: MockServer) -> None:
    """Without the setting there is no such page, nor the middleware that measures."""
    assert httpx.get(f"{mock.url}/metrics").status_code == 404
    assert "Observation" not in str(mock.app.user_middleware)


def test_nothing_is_imported_that_is_off() -> None:
    """A server without metrics and traces imports neither library, and none of the modules that use them."""
    code = (
        "import sys; from audience_mock.app import create_app; create_app();"
        "print([name for name in sys.modules if name.startswith(('prometheus_client', 'opentelemetry.sdk',"
        " 'audience_mock.web.metrics', 'audience_mock.web.observation', 'audience_mock.web.logs'))])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_without("OTEL_"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "[]\n"


def test_metrics_have_the_control_apis_access_rules(start: Callable[..., MockServer]) -> None:
    """Where there is an admin token, Prometheus has to send it."""
    mock = start(metrics=True, admin_token="secret-token")
    control_error(httpx.get(f"{mock.url}/metrics"), 401)
    assert samples(mock.url, authorization="Bearer secret-token")
    assert requests_of(samples(mock.url, authorization="Bearer secret-token"), status="4xx") == 1


@pytest.mark.parametrize(
    ("module", "setting", "variables", "says"),
    [
        ("prometheus_client", {"metrics": True}, {}, "metrics: the package prometheus_client is missing"),
        (
            "opentelemetry.sdk.trace",
            {},
            {"OTEL_TRACES_EXPORTER": "console"},
            "OTEL_TRACES_EXPORTER: the package opentelemetry.sdk.trace is missing",
        ),
        (
            "",
            {},
            {"OTEL_TRACES_EXPORTER": "zipkin"},
            "OTEL_TRACES_EXPORTER: must be one of 'otlp', 'console'",
        ),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    setting: dict[str, Any],
    variables: dict[str, str],
    says: str,
) -> None:
    """A server that is asked for what is not installed does not start, and says what to install."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("audience_mock.web.metrics", "audience_mock.web.tracing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    if module:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidSettingsError, match=says) as failed, MockServer(**setting):
        pass
    assert ("pip install 'audience-mock[operate]'" in str(failed.value)) == bool(module)


def test_dashboard_alerts_and_document_name_what_is_served(start: Callable[..., MockServer]) -> None:
    """Every metric of the dashboard and of the alert rules is served, and every one served is documented."""
    mock = start(metrics=True)
    httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    names = {name for name, _ in samples(mock.url) if not name.endswith("_created")}
    for file in ("deploy/grafana/audience-mock.json", "deploy/prometheus/alerts.yml"):
        used = set(re.findall(r"audience_mock_\w+", (TOP / file).read_text()))
        assert used
        assert used <= names | {"audience_mock_faults_fired_total"}
    documented = set(
        re.findall(r"`(audience_mock_\w+)`", (TOP / "docs/operate/observability.md").read_text())
    )
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in names}
    assert families | {"audience_mock_faults_fired_total"} == documented


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_accepts_the_alert_rules() -> None:
    """Prometheus' own checker finds no mistake in the rules."""
    rules = TOP / "deploy/prometheus/alerts.yml"
    subprocess.run(["promtool", "check", "rules", rules], check=True, capture_output=True)


# Logs


def logged(folder: Path, *arguments: str, call: Callable[[str], object]) -> list[str]:
    """The lines that a server logs while it is called."""
    ready, log = folder / "ready", folder / "log"
    command = [sys.executable, "-m", "audience_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *arguments],
            env=environment_without("OTEL_"),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        try:
            end = time.monotonic() + LIMIT_S
            while not ready.exists():
                assert time.monotonic() < end
                assert process.poll() is None, log.read_text()
                time.sleep(0.01)
            call(ready.read_text().strip())
        finally:
            process.terminate()
            process.wait(LIMIT_S)
    return log.read_text().splitlines()


def test_a_log_of_json(tmp_path: Path) -> None:
    """Each line is an object with time, level and message; of a request also its id, world, tenant,
    operation, status, duration and client."""

    def call(url: str) -> None:
        httpx.get(
            f"{url}/worlds/team-a.green{AUDIENCES}",
            headers={**PINTEREST_TOKEN, "X-Request-Id": "from-the-proxy"},
        )
        httpx.get(url + AUDIENCES)

    lines = [json.loads(line) for line in logged(tmp_path, "--log-format=json", "--access-log", call=call)]
    accepted, why, rejected = lines
    assert accepted["logger"] == "audience_mock.access"
    assert accepted["time"].endswith("+00:00")
    facts = {name: accepted[name] for name in ("request_id", "world", "tenant", "api", "operation", "status")}
    assert facts == {
        "request_id": "from-the-proxy",
        "world": "team-a.green",
        "tenant": "team-a",
        "api": "pinterest",
        "operation": "audiences/list",
        "status": 200,
    }
    assert accepted["duration_ms"] > 0
    assert accepted["client"] == "127.0.0.1"
    assert "Authentication failed" in why["message"]
    assert why["request_id"] == rejected["request_id"]
    assert (why["operation"], rejected["status"]) == ("audiences/list", 401)


def test_an_access_log_of_text(tmp_path: Path) -> None:
    """A line has the caller, the request, its status and duration, the world and the operation."""
    (line,) = logged(
        tmp_path,
        "--access-log",
        call=lambda url: httpx.get(url + AUDIENCES, headers=PINTEREST_TOKEN),
    )
    before, _, after = line.partition(" 200 ")
    assert before == f"127.0.0.1 GET {AUDIENCES}"
    assert after.endswith(" ms default audiences/list")


def test_a_quiet_log_by_default(tmp_path: Path) -> None:
    """What is answered without an error is not logged."""
    assert logged(tmp_path, call=lambda url: httpx.get(url + AUDIENCES, headers=PINTEREST_TOKEN)) == []


# Traces


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector of OpenTelemetry: its URL, and what it received."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


def test_traces_go_to_the_collector(
    monkeypatch: pytest.MonkeyPatch, collector: tuple[str, list[ExportTraceServiceRequest]]
) -> None:
    """OpenTelemetry's own variables turn traces on. A span continues the caller's trace and names the world
    and the operation; the last ones are sent when the server ends."""
    url, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=staging")
    with MockServer() as mock:
        headers = {**PINTEREST_TOKEN, "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
        httpx.get(f"{mock.url}/worlds/team-a.green{AUDIENCES}", headers=headers)
        world = mock.in_world("team-a.green")
        (entry,) = world.journal.entries()
        assert entry["trace_id"] == TRACE_ID
    spans = [
        (of_resource.resource, span)
        for request in received
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
        if span.trace_id.hex() == TRACE_ID
    ]
    ((resource, span),) = spans
    assert span.parent_span_id.hex() == PARENT_ID
    attributes = {each.key: each.value.string_value for each in (*resource.attributes, *span.attributes)}
    assert attributes["service.name"] == "audience-mock"
    assert attributes["deployment.environment"] == "staging"
    assert attributes["audience_mock.world"] == "team-a.green"
    assert attributes["audience_mock.tenant"] == "team-a"
    assert attributes["audience_mock.operation"] == "audiences/list"


def test_a_journal_entry_has_the_trace_of_its_caller(mock: MockServer) -> None:
    """The trace id of a valid `traceparent` is in the journal, whether traces are on or not."""
    for header in (f"00-{TRACE_ID}-{PARENT_ID}-01", f"00-{'0' * 32}-{PARENT_ID}-01", "nonsense", None):
        headers = PINTEREST_TOKEN if header is None else {**PINTEREST_TOKEN, "traceparent": header}
        httpx.get(mock.url + AUDIENCES, headers=headers)
    assert [entry.get("trace_id") for entry in mock.journal.entries()] == [TRACE_ID, None, None, None]
