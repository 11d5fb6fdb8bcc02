"""How the files of the console and of the API docs are served."""

import gzip
import re
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from audience_mock.console.files import FOLDER
from audience_mock.testing import MockServer

UI = "/__admin/ui/"
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
FILES = sorted(str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.*") if file.suffix != ".txt")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/__admin/ui/"),
        ("/worlds/blue", "/worlds/blue/__admin/ui/"),
        ("/worlds/blue/", "/worlds/blue/__admin/ui/"),
        ("/__admin/ui", "/__admin/ui/"),
        ("/worlds/blue/__admin/ui", "/worlds/blue/__admin/ui/"),
        ("/docs/", "/docs"),
    ],
)
def test_a_browser_is_sent_to_the_console(mock: MockServer, path: str, location: str) -> None:
    """By a relative address, so that it works behind a prefix that the server does not know."""
    response = httpx.get(mock.url + path, headers=HTML)
    assert response.status_code == 307
    assert not response.headers["location"].startswith(("/", "http"))
    assert response.url.join(response.headers["location"]) == mock.url + location
    page = httpx.get(mock.url + path, headers=HTML, follow_redirects=True)
    assert page.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/plain, */*", ""])
def test_everybody_else_gets_json(mock: MockServer, accept: str) -> None:
    """The index stays as it was for clients that do not ask for HTML; caches are told that there are two."""
    response = httpx.get(mock.url, headers={"Accept": accept})
    assert response.json()["name"] == "Audience Mock"
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_served(mock: MockServer, file: str) -> None:
    """With its type, a tag for the next time, compressed where asked, and a policy that allows no other
    host and no inline script."""
    plain = httpx.get(mock.url + UI + file, headers={"Accept-Encoding": "identity"})
    assert plain.content == (FOLDER / file).read_bytes()
    assert "content-encoding" not in plain.headers
    packed = httpx.get(mock.url + UI + file, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    for response in (plain, packed):
        again = httpx.get(
            mock.url + UI + file,
            headers={
                "If-None-Match": f'"other", {response.headers["etag"]}',
                "Accept-Encoding": response.headers.get("content-encoding", "identity"),
            },
        )
        assert (again.status_code, again.content) == (304, b"")
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "../files.py",
        "..%2Ffiles.py",
        "vendor/../../files.py",
        "%2e%2e/files.py",
        "views",
        "nothing.js",
        "style.css/",
        "//etc/passwd",
        "vendor/swagger-ui-bundle.js.LICENSE.txt",
        "main.js%00.css",
    ],
)
def test_nothing_else_is_served(mock: MockServer, path: str) -> None:
    """No name leads out of the folder."""
    with httpx.Client() as client:
        request = client.build_request("GET", mock.url + UI)
        request.url = request.url.copy_with(raw_path=(UI + path).encode())
        assert client.send(request).status_code == 404


def test_other_methods_are_not_allowed(mock: MockServer) -> None:
    """A POST to a file is 405; a HEAD has no body."""
    assert httpx.post(mock.url + UI).status_code == 405
    head = httpx.head(mock.url + UI)
    assert (head.status_code, head.content) == (200, b"")


def test_pages_have_no_secrets_and_need_no_token(start: Callable[..., MockServer]) -> None:
    """The page is served without the token, so that it can ask for it; what it shows needs it."""
    mock = start(admin_token="open-sesame")
    assert httpx.get(mock.url + UI).status_code == 200
    assert httpx.get(f"{mock.url}/docs").status_code == 200
    assert httpx.get(f"{mock.url}/__admin/overview").status_code == 401


def test_without_a_control_api_there_are_the_docs(start: Callable[..., MockServer]) -> None:
    """`--no-admin` turns the console off; a browser that opens / is sent to the API docs."""
    mock = start(admin=False)
    assert httpx.get(mock.url + UI).status_code == 404
    assert httpx.get(mock.url, headers=HTML).headers["location"] == "docs"
    assert httpx.get(f"{mock.url}/docs").status_code == 200


def test_no_file_names_another_host() -> None:
    """Neither the pages nor their scripts load anything from elsewhere; namespaces and licences aside."""
    for file in FILES:
        if "vendor" not in file:
            text = (FOLDER / file).read_text()
            hosts = set(re.findall(r"https?://([\w.-]+)", text))
            assert hosts <= {"www.w3.org"}, file


def test_nothing_is_imported_at_the_start() -> None:
    """A server is made without the console's code."""
    look = "sys.exit('audience_mock.console' in sys.modules)"
    script = f"import sys, audience_mock.app as app; app.create_app(); {look}"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_first_view_is_small() -> None:
    """What a browser loads for the overview has less than 100 KB as it is transferred."""
    page = (FOLDER / "index.html").read_text()
    pending = {"index.html", *re.findall(r'(?:href|src)="([\w./-]+)"', page)}
    loaded: dict[str, int] = {}
    while pending:
        file = pending.pop()
        content = (FOLDER / file).read_bytes()
        loaded[file] = len(gzip.compress(content))
        for imported in re.findall(r'^import .* from "([\w./-]+)";$', content.decode(), re.MULTILINE):
            found = str(((FOLDER / file).parent / imported).resolve().relative_to(FOLDER))
            if found not in loaded:
                pending.add(found)
    assert "views/overview.js" in loaded
    assert sum(loaded.values()) < 100_000, loaded
