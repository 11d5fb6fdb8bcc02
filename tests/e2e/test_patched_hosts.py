"""Clients with a hard-coded host reach a world of the mock."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

from audience_mock.testing import MockServer, MockWorld
from helpers.accounts import PINTEREST_TOKEN

HOST = "api.pinterest.com"
PATH = "/v5/ad_accounts?page_size=7"
BODY = {"name": "Savers", "country": "US"}

Ask = Callable[[str], str]
"""Asks a URL and returns the text of the answer."""

PATCHED = [
    (urllib3.HTTPConnectionPool, "urlopen"),
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
    (aiohttp.BaseConnector, "connect"),
]


def by_requests(url: str) -> str:
    with requests.Session() as session:
        answer = session.get(url, headers=PINTEREST_TOKEN, timeout=60)
    assert answer.url == url
    return answer.text


def by_urllib3(url: str) -> str:
    with urllib3.PoolManager(retries=False, timeout=60) as manager:
        return manager.request("GET", url, headers=PINTEREST_TOKEN).data.decode()


def by_a_pool(url: str) -> str:
    parts = urllib3.util.parse_url(url)
    with urllib3.connection_from_url(url, retries=False, timeout=60, headers=PINTEREST_TOKEN) as pool:
        return pool.request("GET", parts.request_uri).data.decode()


def by_httpx(url: str) -> str:
    with httpx.Client(headers=PINTEREST_TOKEN, trust_env=False) as client:
        answer = client.get(url)
    assert str(answer.url) == url
    return answer.text


def by_httpx2(url: str) -> str:
    with httpx2.Client(headers=PINTEREST_TOKEN, trust_env=False, verify=False) as client:
        return client.get(url).text


def by_httpx_asynchronously(url: str) -> str:
    async def ask() -> str:
        async with httpx.AsyncClient(headers=PINTEREST_TOKEN, trust_env=False) as client:
            return (await client.get(url)).text

    return asyncio.run(ask())


def by_aiohttp(url: str) -> str:
    async def ask() -> str:
        async with aiohttp.ClientSession(headers=PINTEREST_TOKEN) as session, session.get(url) as answer:
            assert str(answer.url) == url
            return await answer.text()

    return asyncio.run(ask())


CLIENTS = [by_requests, by_urllib3, by_a_pool, by_httpx, by_httpx2, by_httpx_asynchronously, by_aiohttp]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(seed="demo") as started:
        yield started


@pytest.fixture
def world(server: MockServer, request: pytest.FixtureRequest) -> Iterator[MockWorld]:
    world = server.in_world(request.node.name.replace("[", "-").rstrip("]"))
    yield world
    world.delete()


@pytest.fixture(scope="module")
def another() -> Iterator[str]:
    """The URL of a server that is nobody's mock and says `another`."""

    class Another(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"another")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Another) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def asked(world: MockWorld) -> list[str]:
    return [
        entry["request"]["path"].removeprefix(f"/worlds/{world.name}") for entry in world.journal.entries()
    ]


@pytest.mark.parametrize("ask", CLIENTS)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_each_library(world: MockWorld, another: str, ask: Ask, scheme: str) -> None:
    """Each library reaches the world under the hard-coded host, its path and query as they were, with either
    scheme, in any case and with a port, again and again; a host that is not patched is itself."""
    before = [getattr(owner, name) for owner, name in PATCHED]
    with world.patch_hosts(HOST.upper(), "unused.example"):
        assert '"items"' in ask(f"{scheme}://{HOST}{PATH}")
        assert '"items"' in ask(f"{scheme}://{HOST}:8443{PATH}")
        assert ask(f"{another}/v5") == "another"
    assert asked(world) == [PATH, PATH]
    assert [getattr(owner, name) for owner, name in PATCHED] == before
    assert ask(f"{another}/v5") == "another"


def test_a_client_that_was_there_before(world: MockWorld) -> None:
    """A client from before the patch, with its session's headers, retries and body, reaches the world with
    all of them."""
    with requests.Session() as session, httpx.Client(trust_env=False) as client:
        session.headers.update(PINTEREST_TOKEN)
        session.mount("https://", requests.adapters.HTTPAdapter(max_retries=2))
        with world.patch_hosts(HOST):
            for _ in range(2):
                made = session.post(f"https://{HOST}/v5/ad_accounts", json=BODY, timeout=60)
                assert made.status_code == 201, made.text
            made_too = client.post(f"https://{HOST}/v5/ad_accounts", json=BODY, headers=PINTEREST_TOKEN)
            assert made_too.status_code == 201, made_too.text
            with client.stream("GET", f"https://{HOST}{PATH}", headers=PINTEREST_TOKEN) as streamed:
                assert b'"items"' in b"".join(streamed.iter_raw())
    world.verify("ad_accounts/create", count=3, match={"body": BODY})


def test_a_request_through_a_proxy(world: MockWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patched host is reached without the proxy that the environment or the client names."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def by_aiohttp_through() -> str:
        async with aiohttp.ClientSession(headers=PINTEREST_TOKEN, trust_env=True) as session:
            async with session.get(f"http://{HOST}{PATH}") as answer:
                return await answer.text()

    with world.patch_hosts(HOST):
        for scheme in ("http", "https"):
            assert '"items"' in by_requests(f"{scheme}://{HOST}{PATH}")
            with urllib3.ProxyManager(proxy, retries=False) as manager:
                answer = manager.request("GET", f"{scheme}://{HOST}{PATH}", headers=PINTEREST_TOKEN)
                assert b'"items"' in answer.data
            with httpx.Client(headers=PINTEREST_TOKEN, proxy=proxy, trust_env=False) as client:
                assert '"items"' in client.get(f"{scheme}://{HOST}{PATH}").text
        assert '"items"' in asyncio.run(by_aiohttp_through())
    assert asked(world) == [PATH] * 7


@pytest.mark.parametrize("ask", CLIENTS)
def test_nested(world: MockWorld, ask: Ask) -> None:
    """The patch that was entered last decides, and the one before it after its end, even if it ends first."""
    inner = world.in_world(f"{world.name}-inner")
    with world.patch_hosts(HOST):
        with inner.patch_hosts(HOST):
            ask(f"https://{HOST}/v5/of-the-inner")
        ask(f"https://{HOST}/v5/of-the-outer")
    first, second = world.patch_hosts(HOST), inner.patch_hosts(HOST)
    first.__enter__()
    with second:
        first.__exit__(None, None, None)
        ask(f"https://{HOST}/v5/still-of-the-inner")
    assert asked(world) == ["/v5/of-the-outer"]
    assert asked(inner) == ["/v5/of-the-inner", "/v5/still-of-the-inner"]
    inner.delete()


def test_threads(world: MockWorld) -> None:
    """Threads share a patch, and each may have hosts of its own, whenever the others' end."""
    before = [getattr(owner, name) for owner, name in PATCHED]
    mine = [world.in_world(f"{world.name}-{number}") for number in range(4)]

    def patched(number: int) -> None:
        for _ in range(3):
            with mine[number].patch_hosts(f"host-{number}.example"):
                for ask in (by_requests, by_httpx, by_httpx_asynchronously, by_aiohttp):
                    ask(f"https://host-{number}.example/v5/{number}")
                    ask(f"https://{HOST}/v5/shared")

    with world.patch_hosts(HOST), ThreadPoolExecutor(4) as threads:
        list(threads.map(patched, range(4)))
    assert [getattr(owner, name) for owner, name in PATCHED] == before
    assert asked(world) == ["/v5/shared"] * 48
    for number, each in enumerate(mine):
        assert asked(each) == [f"/v5/{number}"] * 12
        each.delete()


def test_event_loops_of_several_threads(world: MockWorld) -> None:
    """Each thread's asynchronous requests have connections of their own."""

    async def ask() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(3):
                await asyncio.gather(*(client.get(f"https://{HOST}/v5/{number}") for number in range(4)))

    def run(_: int) -> None:
        asyncio.run(ask())

    with world.patch_hosts(HOST), ThreadPoolExecutor(8) as threads:
        list(threads.map(run, range(8)))
    assert len(asked(world)) == 96


def test_many_at_once(world: MockWorld) -> None:
    """Simultaneous requests of one asynchronous client all reach the world."""

    async def ask() -> None:
        async with httpx.AsyncClient(trust_env=False) as client, aiohttp.ClientSession() as session:
            await asyncio.gather(*(client.get(f"https://{HOST}/v5/{number}") for number in range(20)))
            for answer in await asyncio.gather(*(session.get(f"https://{HOST}/v5/0") for _ in range(20))):
                answer.release()

    with world.patch_hosts(HOST):
        asyncio.run(ask())
    assert len(asked(world)) == 40


def test_one_port(world: MockWorld, another: str) -> None:
    """A host with a port is patched on that port alone; https has port 443."""
    host = another.removeprefix("http://")
    with world.patch_hosts(host, f"{HOST}:443"):
        for ask in CLIENTS:
            assert "another" not in ask(f"{another}/v5")
            ask(f"https://{HOST}/v5/443")
            with pytest.raises(
                (OSError, httpx.ConnectError, httpx2.ConnectError, urllib3.exceptions.HTTPError)
            ):
                ask("http://127.0.0.1:1/")
    assert asked(world) == ["/v5", "/v5/443"] * len(CLIENTS)


def test_somebody_else_patches_too(world: MockWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another tool put over a library during the patch stays after it, and works."""
    seen = []
    with world.patch_hosts(HOST):
        ours = httpx.HTTPTransport.handle_request

        def theirs(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            seen.append(request.url.host)
            return ours(self, request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", theirs)
        by_httpx(f"https://{HOST}/v5/patched")
    assert httpx.HTTPTransport.handle_request is theirs
    by_httpx(f"{world.url}/v5/direct")
    assert seen == [HOST, "127.0.0.1"]


@pytest.mark.parametrize(
    "host", ["", "https://api.pinterest.com", "api.pinterest.com/v5", "*.pinterest.com", ":80"]
)
def test_what_is_no_host(host: str) -> None:
    """What is no host is an error that names it, and so is nothing."""
    world = MockWorld("http://127.0.0.1:1")
    with pytest.raises(ValueError, match="is not a host: give a name"):
        world.patch_hosts(host)
    with pytest.raises(ValueError, match="takes the hosts"):
        world.patch_hosts()
