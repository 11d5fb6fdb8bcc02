"""nginx and Caddy, as installed, with the configuration of deploy/ in front of a real server."""

import http.client
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from select import select
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.installed_proxies import DEPLOY, Proxy, caddy, find, nginx
from helpers.pinterest_resources import create_customer_list

Start = Callable[..., MockServer]
PROXIES = {"nginx": nginx, "caddy": caddy}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
MIB = 1 << 20


@pytest.fixture(params=PROXIES)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if find(name) is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    return name


@pytest.fixture
def server(start: Start) -> MockServer:
    return start(trusted_proxies="127.0.0.1")


@pytest.fixture
def proxy(kind: str, server: MockServer, tmp_path: Path) -> Iterator[Proxy]:
    """The proxy in front of `server`."""
    with PROXIES[kind](tmp_path, [server.url]) as running:
        yield running


@pytest.fixture
def client(proxy: Proxy) -> Iterator[httpx.Client]:
    """Trusts the proxy's certificate and nothing else."""
    with httpx.Client(verify=proxy.trusting, trust_env=False, base_url=proxy.url) as client:
        yield client


def connection_to(proxy: Proxy) -> http.client.HTTPSConnection:
    host = urlsplit(proxy.url)
    return http.client.HTTPSConnection(host.hostname or "", host.port, context=proxy.trusting, timeout=30)


@pytest.mark.parametrize("world", ["", "/worlds/team-a.green"])
def test_urls_are_those_of_the_proxy(proxy: Proxy, client: httpx.Client, world: str) -> None:
    """Part URLs and the descriptions' servers lead through the proxy, and a part can be sent to its URL."""
    description = client.get(f"{world}/openapi/pinterest.json")
    (*_, first) = [urljoin(str(description.url), one["url"]) for one in description.json()["servers"][:1]]
    assert first == f"{proxy.url}{world}/v5"
    client.headers.update(PINTEREST_TOKEN)
    client.base_url = httpx.URL(f"{proxy.url}{world}/v5")
    uploads = f"/ad_accounts/{AD_ACCOUNT}/customer_lists/{create_customer_list(client)}/uploads"
    made = client.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
    (part,) = made["s3_multipart_upload_data"]["file_parts"]
    assert part["presigned_url"].startswith(f"{proxy.url}{world}/v5/__uploads/")
    assert client.put(part["presigned_url"], content=b"ann@example.com").status_code == 200


def test_pages_of_other_origins_may_call(client: httpx.Client) -> None:
    """A preflight is granted, and the answer names the origin, once."""
    origin = "https://app.example"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = client.options(AUDIENCES, headers={"Origin": origin, **asked})
    assert preflight.is_success
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    answer = client.get(AUDIENCES, headers={"Origin": origin, **PINTEREST_TOKEN})
    for response in (preflight, answer):
        assert response.headers.get_list("access-control-allow-origin") in ([origin], ["*"])


@pytest.mark.parametrize(
    "path",
    [
        "/__admin",
        "/__admin/",
        "/__admin/worlds",
        "/__admin/worlds?x=/mock/v5",
        "/worlds/blue/__admin/worlds",
        "/worlds/blue/__admin/health/../worlds",
        "/worlds/a%2Fb/__admin/worlds",
        "//__admin/worlds",
        "/v5/../__admin/worlds",
        "/%5f%5fadmin/worlds",
        "/__%61dmin/worlds",
        "/__admin%2Fworlds",
        "/__admin/health/../worlds",
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/worlds/blue/metrics",
    ],
)
def test_the_control_api_stays_inside(proxy: Proxy, server: MockServer, path: str) -> None:
    """No spelling of its path reaches the control API, even where the proxy itself has the token; nothing of
    it is in the journal."""
    with closing(connection_to(proxy)) as connection:
        connection.request("GET", urlsplit(proxy.url).path + path)
        assert connection.getresponse().status in (400, 403)
    assert server.journal.entries() == []


def test_a_path_that_leaves_the_control_api_again_reads_nothing(proxy: Proxy) -> None:
    """What begins there and climbs out of it is answered by the emulated APIs or not at all."""
    for path in ("/__admin/worlds/../../v5/nothing", "/__admin/../v5/nothing"):
        with closing(connection_to(proxy)) as connection:
            connection.request("GET", urlsplit(proxy.url).path + path)
            assert connection.getresponse().status in (401, 403, 404)


def test_the_health_page_is_open(client: httpx.Client) -> None:
    """Monitors from outside, and `audience-mock wait`, find the server."""
    assert client.get("/__admin/health").status_code == 200


def test_a_world_may_be_called_metrics(client: httpx.Client) -> None:
    """Only the pages of the server itself are closed, not worlds that have their names."""
    assert client.get(f"/worlds/metrics{AUDIENCES}", headers=PINTEREST_TOKEN).status_code == 200


def test_other_paths_are_not_the_servers(proxy: Proxy, client: httpx.Client) -> None:
    """The path alone leads to the first page; what is outside of it does not reach the server."""
    assert client.get(proxy.url, follow_redirects=True).json()["name"] == "Audience Mock"
    outside = client.get(proxy.url.removesuffix("/mock") + AUDIENCES, headers=PINTEREST_TOKEN)
    assert outside.headers.get("x-request-id") is None
    assert b"items" not in outside.content


def test_uploads_pass_while_they_come(proxy: Proxy) -> None:
    """The server sees a request before its body is there: one without a token is rejected while its client
    still sends."""
    path = urlsplit(proxy.url).path + LISTS
    with closing(connection_to(proxy)) as connection:
        # After an answer, all that TLS itself had to say has been read.
        connection.request("GET", path, headers=PINTEREST_TOKEN)
        connection.getresponse().read()
        connection.putrequest("POST", path)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(16 * MIB))
        connection.endheaders()
        left = 16 * MIB
        # It goes on sending: Caddy may pass the answer on only with the next piece (golang's net/http closes
        # a body that is being read when the reading ends).
        while left > MIB and not select([connection.sock], [], [], 0.05)[0]:
            connection.send(b" " * (MIB // 16))
            left -= MIB // 16
        assert left > MIB
        assert connection.getresponse().status == 401


def test_a_large_upload(kind: str, proxy: Proxy, client: httpx.Client) -> None:
    """A file of 20 MiB, more than a proxy takes by default, comes whole and leaves nothing in the proxy."""
    line = b"%064x\n"
    count = 20 * MIB // 65
    users = b"".join(line % number for number in range(count))
    fields = {"fb_ad_account_id": "107", "name": "n", "user_type": "email_hash"}
    made = client.post("/custom_audiences", data=fields, files={"file": users}, headers=PITCHTARGET_TOKEN)
    assert made.status_code == 201, made.text
    if kind == "nginx":
        assert list((proxy.folder / "bodies").iterdir()) == []


def test_connections_are_kept(proxy: Proxy) -> None:
    """A client keeps its connection to the proxy over several requests."""
    with closing(connection_to(proxy)) as connection:
        sockets = set()
        for _ in range(3):
            connection.request("GET", urlsplit(proxy.url).path + AUDIENCES, headers=PINTEREST_TOKEN)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            sockets.add(connection.sock)
        assert len(sockets) == 1
        assert None not in sockets


def test_a_broken_connection_is_no_second_request(server: MockServer, client: httpx.Client) -> None:
    """A planned fault that breaks the connection fires once and its client gets 502: the proxy does not ask
    again behind its back."""
    client.headers.update(PINTEREST_TOKEN)
    assert client.get(AUDIENCES).status_code == 200
    server.faults.add("audiences/list", reset="before", first=1)
    assert client.get(AUDIENCES).status_code == 502
    assert client.get(AUDIENCES).status_code == 200
    assert len(server.journal.entries()) == 3


def test_headers_of_clients_change_no_url(client: httpx.Client, proxy: Proxy) -> None:
    """The proxy sets the headers that the server believes, whatever a client sent in them."""
    lies = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-For": "192.0.2.7"}
    description = client.get("/openapi/pinterest.json", headers=lies)
    assert urljoin(str(description.url), description.json()["servers"][0]["url"]) == f"{proxy.url}/v5"


def test_caddy_accepts_the_caddyfile(tmp_path: Path) -> None:
    """Caddy's own check finds no mistake in the file, and its formatter nothing to change."""
    command = find("caddy")
    if command is None:
        pytest.skip("caddy is not installed (Debian: apt-get install caddy)")
    file = DEPLOY / "caddy/Caddyfile"
    environment = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    adapted = subprocess.run(
        [command, "adapt", "--adapter", "caddyfile", "--validate", "--config", str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(adapted.stdout)["admin"] == {"disabled": True}
    formatted = subprocess.run(
        [command, "fmt", str(file)], env=environment, capture_output=True, text=True, check=False
    )
    assert formatted.stdout == file.read_text()
