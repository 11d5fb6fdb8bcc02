"""Behind a reverse proxy that ends TLS and serves the mock under a path."""

import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import run
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from audience_mock.client import connect
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.environment import environment_without
from helpers.pinterest_resources import create_customer_list
from helpers.reverse_proxy import CERTIFICATE, reverse_proxy

TOKEN = "open-sesame"
FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "mock.example",
    "X-Forwarded-Prefix": "/mock",
    "X-Forwarded-For": "192.0.2.7",
}
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
Start = Callable[..., MockServer]


def part_url(mock: MockServer, path: str = "", **headers: str) -> str:
    """The URL for the part of an upload that is created by a request with these headers."""
    with httpx.Client(base_url=mock.url + path, headers={**PINTEREST_TOKEN, **headers}) as client:
        made = client.post(LISTS, json={"name": "l", "records": "a@example.com"})
        uploads = f"{LISTS}/{made.json()['id']}/uploads"
        created = client.post(uploads, json={"operation": "ADD", "total_parts": 1})
        return str(created.json()["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"])


@pytest.fixture(scope="module")
def trusting() -> Iterator[MockServer]:
    """A server behind proxies of this machine, for many tests: it makes its descriptions once, which takes a
    third of a second."""
    with MockServer(trusted_proxies="127.0.0.0/8") as mock:
        yield mock


def base_of(url: str) -> str:
    return url.partition("/v5/__uploads/")[0]


def servers(mock: MockServer, page: str = "/openapi/pinterest.json", **headers: str) -> list[str]:
    """The base URLs of a served description, as its reader resolves them."""
    response = httpx.get(mock.url + page, headers=headers)
    return [urljoin(str(response.url), server["url"]) for server in response.json()["servers"]]


@pytest.mark.parametrize("strips", [True, False], ids=["prefix removed", "prefix kept"])
@pytest.mark.parametrize("settings", [{"trusted_proxies": "127.0.0.1"}, {"public_url": True}], ids=str)
def test_everything_works_under_a_path_of_https(
    start: Start, monkeypatch: pytest.MonkeyPatch, strips: bool, settings: dict[str, str | bool]
) -> None:
    """Clients of the control API and of the emulated APIs, upload parts and descriptions work through it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    trusting = ssl.create_default_context(cafile=CERTIFICATE)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    mock = start(admin_token=TOKEN)
    with reverse_proxy(mock.url, strips=strips) as first:
        given = first if settings.get("public_url") else None
        # A server that knows its public URL, behind a proxy that was there before it.
        upstream = start(admin_token=TOKEN, **{**settings, **({"public_url": given} if given else {})})
        with reverse_proxy(upstream.url, strips=strips, forwards=given is None) as url:
            base = given or url
            world = connect(f"{url}/", world="blue", admin_token=TOKEN)
            world.configure(build_delay_s=0)
            assert world.url == f"{url}/worlds/blue"
            with httpx.Client(headers=PINTEREST_TOKEN, verify=trusting, trust_env=False) as client:
                for path in ("", "/worlds/blue"):
                    description = client.get(f"{url}{path}/openapi/pinterest.json").json()
                    assert description["servers"][0]["url"] == f"{base}{path}/v5"
                client.base_url = httpx.URL(f"{url}/worlds/blue/v5")
                lists = f"/ad_accounts/{AD_ACCOUNT}/customer_lists/{create_customer_list(client)}/uploads"
                made = client.post(lists, json={"operation": "ADD", "total_parts": 1}).json()
                (part,) = made["s3_multipart_upload_data"]["file_parts"]
                assert part["presigned_url"].startswith(f"{base}/worlds/blue/v5/__uploads/")
                reached = part["presigned_url"].replace(base, url)
                assert client.put(reached, content=b"ann@example.com").status_code == 200
            assert [entry["api"] for entry in world.journal.entries()] == ["pinterest"] * 3


def test_wait_takes_https_and_a_path(start: Start) -> None:
    """`wait` finds the server at the proxy's URL, that of an API included; a certificate that nobody vouches
    for is the reason that it gives."""
    with reverse_proxy(start().url) as url:
        trusting = environment_without(SSL_CERT_FILE=str(CERTIFICATE))
        for given, environment, status, says in (
            (url, trusting, 0, ""),
            (f"{url}/", trusting, 0, ""),
            (f"{url}/v5", trusting, 0, ""),
            (f"{url}/worlds/blue/v5/", trusting, 0, ""),
            (url.replace("/mock", "/other"), trusting, 1, "is not Audience Mock"),
            (url, environment_without("SSL_CERT"), 1, "self-signed certificate"),
        ):
            waited = run(
                [sys.executable, "-m", "audience_mock", "wait", given, "--timeout-s", "0"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert (waited.returncode, says in waited.stderr) == (status, True), waited.stderr


def test_the_plugin_takes_https_and_a_path(start: Start, tmp_path: Path) -> None:
    """The pytest fixture uses a server behind a proxy as any other."""
    (tmp_path / "test_it.py").write_text(
        "def test_it(audience_mock):\n"
        "    assert audience_mock.url.startswith('https://localhost:')\n"
        "    assert audience_mock.clock.freeze(0)['unix'] == 0\n"
    )
    with reverse_proxy(start(admin_token=TOKEN).url) as url:
        tested = run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--audience-mock-url={url}/"],
            cwd=tmp_path,
            env=environment_without(
                "PYTEST", SSL_CERT_FILE=str(CERTIFICATE), AUDIENCE_MOCK_ADMIN_TOKEN=TOKEN
            ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize(
    "trusted", [{}, {"trusted_proxies": "10.0.0.0/8, 2001:db8::/32"}], ids=["none", "others"]
)
def test_nobody_is_believed_who_is_not_trusted(start: Start, trusted: dict[str, str]) -> None:
    """Without trusted proxies, the headers of a request change no URL, whoever sends them."""
    mock = start(**trusted)
    assert base_of(part_url(mock, **FORWARDED)) == mock.url
    assert servers(mock, **FORWARDED)[0] == f"{mock.url}/v5"


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, None),
        ({"X-Forwarded-Prefix": "/mock"}, "http://{host}/mock"),
        ({"X-Forwarded-Prefix": "/mock/"}, "http://{host}/mock"),
        ({"X-Forwarded-Prefix": "/a/b"}, "http://{host}/a/b"),
        ({"X-Forwarded-Prefix": "/"}, None),
        ({"X-Forwarded-Prefix": ""}, None),
        ({"X-Forwarded-Prefix": "mock"}, None),
        ({"X-Forwarded-Prefix": "//evil.example"}, None),
        ({"X-Forwarded-Prefix": "/a/../b"}, None),
        ({"X-Forwarded-Prefix": "/a?b"}, None),
        ({"X-Forwarded-Proto": "https"}, "https://{host}"),
        ({"X-Forwarded-Proto": "HTTPS"}, "https://{host}"),
        ({"X-Forwarded-Proto": "javascript"}, None),
        ({"X-Forwarded-Host": "mock.example:8443"}, "http://mock.example:8443"),
        ({"X-Forwarded-Host": "[::1]:8443"}, "http://[::1]:8443"),
        ({"X-Forwarded-Host": "evil.example/x"}, None),
        ({"X-Forwarded-Host": "user@evil.example"}, None),
        ({"X-Forwarded-Host": ""}, None),
        (FORWARDED, "https://mock.example/mock"),
        # Of a list, only what trusted proxies added counts.
        ({"X-Forwarded-Host": "evil.example, mock.example"}, "http://mock.example"),
        ({"X-Forwarded-Proto": "https, http"}, "http://{host}"),
        (
            {
                "X-Forwarded-For": "192.0.2.7, 127.0.0.2",
                "X-Forwarded-Host": "evil.example, a.example, b.example",
            },
            "http://a.example",
        ),
        ({"X-Forwarded-For": "192.0.2.7, 127.0.0.2", "X-Forwarded-Proto": "https, http"}, "https://{host}"),
        ({"X-Forwarded-For": "192.0.2.7, 127.0.0.2", "X-Forwarded-Prefix": "/a, /b"}, "http://{host}/a/b"),
        ({"X-Forwarded-Prefix": "/evil, /b"}, "http://{host}/b"),
    ],
)
@pytest.mark.parametrize("path", ["", "/worlds/blue"])
def test_a_trusted_proxy_is_believed(
    trusting: MockServer, headers: dict[str, str], base: str | None, path: str
) -> None:
    """URLs are those that the outermost trusted proxy was called by; what is no host or path is ignored."""
    expected = (base or "http://{host}").format(host=urlsplit(trusting.url).netloc) + path
    assert base_of(part_url(trusting, path, **headers)) == expected
    for page, suffix in (("pinterest", "/v5"), ("pitchtarget", "/"), ("control", "/")):
        if base is not None and "/" not in base.partition("://")[2] and not path:
            continue  # relative to the page, whatever its host
        assert servers(trusting, f"{path}/openapi/{page}.json", **headers)[0] == expected + suffix


def test_a_public_url_stands_for_all(start: Start) -> None:
    """With a public URL every URL is under it, whoever asks by whatever name."""
    mock = start(public_url="https://mock.example/audiences/")
    for headers in ({}, FORWARDED, {"Host": "other.example"}):
        assert base_of(part_url(mock, **headers)) == "https://mock.example/audiences"
        assert (
            base_of(part_url(mock, "/worlds/blue", **headers)) == "https://mock.example/audiences/worlds/blue"
        )
        assert base_of(part_url(mock, "/audiences/worlds/red", **headers)).endswith("/audiences/worlds/red")
        assert servers(mock, **headers) == [f"https://mock.example/audiences{path}" for path in ("/v5", "/")]
    token = {"X-Audience-Mock-World": "green"}
    assert base_of(part_url(mock, **token)) == "https://mock.example/audiences/worlds/green"


@pytest.mark.parametrize(
    "addresses",
    ["192.0.2.7", "127.0.0.1, 192.0.2.7", "192.0.2.7:1234", "[2001:db8::1]:1234", "unknown", "_hidden", ""],
)
@pytest.mark.parametrize("trusted", [{}, {"trusted_proxies": "127.0.0.0/8,::1"}], ids=["none", "loopback"])
def test_the_control_api_takes_no_callers_word(start: Start, trusted: dict[str, str], addresses: str) -> None:
    """A proxy on this machine opens the control API to nobody, whether it is trusted or not."""
    mock = start(**trusted)
    for headers in (
        {"X-Forwarded-For": addresses},
        {"X-Forwarded-For": addresses, "X-Forwarded-Host": "a.b"},
    ):
        assert httpx.get(f"{mock.url}/__admin/worlds", headers=headers).status_code == 403


def test_the_first_page_and_unknown_paths_are_found_under_a_prefix(start: Start) -> None:
    """The prefix alone is the first page, and suggestions are those of the path behind it."""
    mock = start(trusted_proxies="127.0.0.1")
    for path in ("/", "/mock", "/mock/"):
        assert httpx.get(mock.url + path, headers=FORWARDED).json()["name"] == "Audience Mock"
    httpx.get(f"{mock.url}/mock/v5/ad_account", headers={**FORWARDED, **PINTEREST_TOKEN})
    (entry,) = mock.journal.entries()
    assert entry["suggestions"][0] == "GET /v5/ad_accounts"
    blank = httpx.post(f"{mock.url}/mock/worlds//__admin/reset", headers=FORWARDED)
    assert blank.status_code == 400
