"""What holds for every view: live, safe, accessible, by keyboard, in two worlds, below a prefix, and fast."""

import http.client
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from audience_mock.testing import MockServer
from browser.conftest import LIMIT_MS, PHONE, WIDE, Show, Watched, create, list_audiences, upload
from helpers.accounts import PINTEREST_TOKEN

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
"""For people to look at: each view, light and dark, wide and on a phone."""
AXE = Path(sys.prefix) / "console/node_modules/axe-core/axe.min.js"
VIEWS = (
    *("overview", "audiences", "lists", "requests", "conduct", "clock", "faults", "uploads", "snapshots"),
    *("tokens", "lint", "identities", "settings", "compare", "contract-diff"),
)
DETAILS = ("audiences/pinterest:2542620112336", "requests/1", "lists/5497558")
XSS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "\"'><svg onload=alert(3)>",
    "javascript:alert(4)",
    "${alert(5)}`",
)


def fill(mock: MockServer) -> None:
    """Something in each view: requests of all kinds, faults, uploads, snapshots, tokens."""
    mock.faults.add("audiences/list", status=429, first=1)
    mock.faults.add("audiences/create", latency_ms=1, chance=0.5)
    for _ in range(2):
        list_audiences(mock)
    create(mock)
    httpx.get(f"{mock.url}/v5/nothing", headers=PINTEREST_TOKEN)
    upload(mock, ["a" * 64, "wrong"])
    mock.snapshot("before")
    mock.seed({"tokens": [{"token": "pina_known", "scopes": ["ads:read"], "expires_at": 1_000}]})
    mock.fork("other")


def until(true: Callable[[], bool]) -> None:
    """Polls until the condition holds."""
    end = time.monotonic() + LIMIT_MS / 1000
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def serious(page: Page) -> list[str]:
    """What axe finds by the rules of WCAG and its own, if it is serious or critical."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious(show: Show, demo: MockServer, scheme: str, size: dict[str, int]) -> None:
    """In every view and detail, light and dark, wide and on a phone; and nothing is wider than a phone."""
    fill(demo)
    page = show(color_scheme=scheme, viewport=size, bypass_csp=True)
    base = page.url.partition("#")[0]
    for view in (*VIEWS, *DETAILS):
        page.goto(f"{base}#/worlds/default/{view}")
        page.locator("main h1").wait_for()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        name = f"{scheme}-{size['width']}-{view.replace('/', '-').replace(':', '-')}.png"
        page.screenshot(path=SCREENSHOTS / name)
        assert serious(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


@pytest.mark.parametrize("name", XSS)
def test_no_text_of_a_request_is_run(show: Show, demo: MockServer, name: str) -> None:
    """Names, paths, headers, bodies, file lines and fault texts are shown as they are, in every view."""
    create(demo, name)
    upload(demo, [name, "a" * 64], name)
    httpx.get(f"{demo.url}/v5/{name}", params={"q": name}, headers={**PINTEREST_TOKEN, "X-Odd": name})
    demo.faults.add("*", status=418, match={"headers": {"x-odd": name}}, body=name)
    httpx.get(f"{demo.url}/v5/ad_accounts", headers={**PINTEREST_TOKEN, "X-Odd": name})
    demo.seed({"apps": [{"id": name, "secret": "s"}]})
    page = show()
    base = page.url.partition("#")[0]
    for view in (*VIEWS, "requests/1", "requests/2", "requests/3", "requests/4", f"requests?text={name}"):
        page.goto(f"{base}#/worlds/default/{view}")
        page.locator("main h1").wait_for()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        for tab in page.get_by_role("tab").all():
            tab.click()
    page.goto(f"{base}#/worlds/default/audiences")
    expect(page.locator("a.cell", has_text=name)).to_have_count(2)
    page.locator("a.cell", has_text=name).first.click()
    expect(page.locator(".detail h2")).to_have_text(name)
    assert page.locator("img, main script, svg[onload]").count() == 0


def test_a_world_by_a_strange_name_is_rejected(show: Show) -> None:
    """A link with markup in the world's name runs nothing and says what is wrong."""
    page = show()
    page.goto(page.url.partition("#")[0] + "#/worlds/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E/overview")
    expect(page.get_by_role("alert")).to_contain_text("is not a valid name")


def test_two_worlds_at_once(show: Show, demo: MockServer) -> None:
    """Two pages follow two worlds: each sees its own requests, clock and faults."""
    blue, red = demo.in_world("blue"), demo.in_world("red")
    of_blue, of_red = show("requests", world="blue"), show("requests", world="red")
    list_audiences(blue)
    create(red, "Red")
    create(red, "Red too")
    expect(of_blue.locator("[data-rows]").get_by_role("option")).to_have_count(1)
    expect(of_red.locator("[data-rows]").get_by_role("option")).to_have_count(2)
    blue.clock.set("2030-01-01T00:00:00Z", frozen=True)
    expect(of_blue.locator(".top .frozen")).to_be_visible()
    expect(of_red.locator(".top .frozen")).to_have_count(0)
    of_blue.get_by_label("world", exact=True).select_option("red")
    expect(of_blue.locator("[data-rows]").get_by_role("option")).to_have_count(2)
    assert "/worlds/red/requests" in of_blue.url
    of_blue.go_back()
    expect(of_blue.locator("[data-rows]").get_by_role("option")).to_have_count(1)


def test_worlds_are_made_forked_reset_and_deleted(show: Show, demo: MockServer) -> None:
    """All by the menu beside the name; reset and delete can be undone."""
    page = show()
    menu = page.locator(".menu summary")

    def named(button: str, name: str) -> None:
        menu.click()
        page.locator(".menu").get_by_role("button", name=button).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_label("Name").press("Enter")
        expect(page.get_by_label("world", exact=True)).to_have_value(name)

    named("New…", "fresh")
    create(demo.in_world("fresh"), "Kept")
    named("Fork…", "forked")
    assert demo.in_world("forked").control("GET", "/audiences?text=Kept")["total"] == 1
    menu.click()
    page.get_by_role("button", name="Reset to empty", exact=True).click()
    expect(page.get_by_text("This world is empty")).to_be_visible()
    page.locator(".toast", has_text="empty").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("This world is empty")).to_have_count(0)
    assert demo.in_world("forked").control("GET", "/audiences?text=Kept")["total"] == 1
    menu.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".toast", has_text="Deleted forked")).to_be_visible()
    assert "forked" not in demo.control("GET", "/worlds")["worlds"]
    page.locator(".toast", has_text="Deleted").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("world", exact=True)).to_have_value("forked")
    assert demo.in_world("forked").control("GET", "/audiences?text=Kept")["total"] == 1


def test_a_name_that_is_taken(show: Show, demo: MockServer) -> None:
    """The dialog stays open, and the error is shown."""
    demo.in_world("taken").reset()
    page = show()
    page.locator(".menu summary").click()
    page.locator(".menu").get_by_role("button", name="Fork…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("taken")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    expect(page.locator(".toast.bad")).to_contain_text("taken")
    expect(dialog).to_be_visible()


def test_everything_by_keyboard(show: Show, demo: MockServer) -> None:
    """Views, rows, the filter, the detail and the list of keys need no mouse."""
    create(demo, "One")
    list_audiences(demo)
    page = show()
    page.keyboard.press("g")
    page.keyboard.press("r")
    rows = page.locator("[data-rows]").get_by_role("option")
    expect(rows).to_have_count(2)
    page.keyboard.press("j")
    expect(page.locator(".detail h2")).to_contain_text("GET")
    page.keyboard.press("j")
    expect(page.locator(".detail h2")).to_contain_text("POST")
    page.keyboard.press("k")
    expect(page.locator(".detail h2")).to_contain_text("GET")
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("post")
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.locator("a.cell").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".detail h2")).to_be_visible()


def test_each_action_shows_its_call(show: Show, demo: MockServer) -> None:
    """As curl, and as Python that runs."""
    page = show("clock", world="blue")
    page.get_by_label("+1 h: as curl and Python").click()
    curl = page.get_by_label("curl", exact=True).inner_text()
    assert f"'{demo.url}/worlds/blue/__admin/clock/advance'" in curl
    assert '{"seconds":3600}' in curl
    blue = demo.in_world("blue")
    blue.clock.set(1_000, frozen=True)
    exec(compile(page.get_by_label("Python", exact=True).inner_text(), "action", "exec"), {})
    assert blue.clock.get()["unix"] == 4_600


def test_the_token_is_asked_for_once(
    start: Callable[..., MockServer], open_page: Callable[..., Watched]
) -> None:
    """A wrong one is asked for again; the right one is kept for the tab, and is in no call that is shown."""
    mock = start(admin_token="open-sesame", seed="demo")
    watched = open_page(f"{mock.url}/__admin/ui/")
    watched.expected_errors.append("status of 401")
    page = watched.page
    dialog = page.get_by_role("dialog", name="Admin token")
    dialog.get_by_label("Token").fill("wrong-token")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("alert")).to_have_text("That token is wrong.")
    dialog.get_by_label("Token").fill("open-sesame")
    dialog.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Base URL").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("Base URL").first).to_be_visible()
    page.goto(f"{mock.url}/__admin/ui/#/worlds/default/clock")
    page.get_by_label("Freeze: as curl and Python").click()
    assert "$AUDIENCE_MOCK_ADMIN_TOKEN" in page.get_by_label("curl", exact=True).inner_text()
    assert "open-sesame" not in page.content()


def test_a_lost_connection_comes_back(open_page: Callable[..., Watched]) -> None:
    """A server that restarts is seen again, with what it has then, without a reload."""
    with MockServer(seed="demo") as mock:
        port = urlsplit(mock.url).port or 0
        watched = open_page(f"{mock.url}/__admin/ui/#/worlds/default/audiences")
        watched.expected_errors += ["net::ERR_", "status of 404"]
        page = watched.page
        expect(page.get_by_text("35 audiences")).to_be_visible()
    expect(page.get_by_text("The connection is lost")).to_be_visible()
    with MockServer(port=port) as mock:
        create(mock, "After the restart")
        expect(page.get_by_text("After the restart")).to_be_visible()
        expect(page.get_by_text("The connection is lost")).to_have_count(0)
        page.context.close()


def test_a_hidden_page_gives_its_connection_back(show: Show, demo: MockServer) -> None:
    """A browser has six for all tabs; back in view, the page has what it missed."""
    page = show("requests")
    until(lambda: len(demo.world.subscribers) == 1)
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true" + tell)
    until(lambda: len(demo.world.subscribers) == 0)
    list_audiences(demo)
    page.evaluate(hide % "false" + tell)
    expect(page.locator("[data-rows]").get_by_role("option")).to_have_count(1)
    expect(page.get_by_text("The connection is lost")).to_have_count(0)


def test_the_theme_is_kept(show: Show) -> None:
    """The switch overrides the system's, also after a reload."""
    page = show(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.locator("main h1").wait_for()
    assert page.evaluate(paper) == dark


# Behind a proxy

PREFIX = "/tools/mock"


@contextmanager
def proxied(url: str) -> Iterator[str]:
    """A reverse proxy that serves `url` below a prefix, which it removes: nginx's `location` in short."""

    class Proxy(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            target = urlsplit(url)
            assert self.path.startswith(PREFIX)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            to = http.client.HTTPConnection(target.hostname or "", target.port)
            try:
                to.request(self.command, self.path.removeprefix(PREFIX), body, dict(self.headers))
                response = to.getresponse()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                while piece := response.read1(1 << 16):
                    self.wfile.write(piece)
                    self.wfile.flush()
            except (ConnectionError, http.client.HTTPException):
                pass
            finally:
                to.close()
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass_on

        def log_message(self, *about: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_it_works_below_a_prefix(demo: MockServer, open_page: Callable[..., Watched]) -> None:
    """The console and the docs behind a proxy that adds a path: every call stays below it, in the world of
    the page's address."""
    with proxied(demo.url) as url:
        watched = open_page(f"{url}/worlds/blue/")
        page = watched.page
        expect(page.get_by_text(f"{url}/worlds/blue/v5", exact=True)).to_be_visible()
        create(demo.in_world("blue"), "By another client")
        expect(page.get_by_role("row").filter(has_text="audiences/create")).to_be_visible()
        page.get_by_label("Send it to Pinterest API v5").click()
        expect(page.get_by_role("row").filter(has_text="audiences/list")).to_be_visible()
        page.get_by_role("link", name="API docs", exact=True).click()
        page.locator(".opblock").first.wait_for()
        assert page.url == f"{url}/worlds/blue/docs"
        page.context.close()


# Speed

MANY = 100_000


def test_the_first_view_is_fast(start: Callable[..., MockServer], open_page: Callable[..., Watched]) -> None:
    """Less than 100 KB are transferred for it; the time is printed, since it depends on the machine."""
    mock = start(seed="demo")
    watched = open_page("about:blank")
    page = watched.page
    page.add_init_script(
        "new MutationObserver((_, o) => { if (document.querySelector('.card')) { window.shownAt ??="
        " performance.now(); o.disconnect(); } }).observe(document, {childList: true, subtree: true})"
    )
    times = []
    for _ in range(5):
        page.goto("about:blank")
        page.goto(f"{mock.url}/__admin/ui/")
        page.locator(".card").first.wait_for()
        times.append(page.evaluate("window.shownAt"))
    sizes = page.evaluate("performance.getEntriesByType('resource').map(each => each.encodedBodySize)")
    print(f"first view: {sum(sizes)} bytes, overview shown after {sorted(map(round, times))} ms")
    assert 0 < sum(sizes) < 100_000


def test_many_audiences_and_a_full_journal_stay_smooth(
    start: Callable[..., MockServer], open_page: Callable[..., Watched]
) -> None:
    """With 100,000 audiences and 3,000 requests a page has few elements; how long the browser was busy at
    once is printed, since it depends on the machine."""
    mock = start(journal_entries=5_000)
    rows = [
        {"api": "pinterest", "account": "1", "kind": "VISITOR", "name": f"Audience {number}"}
        for number in range(MANY)
    ]
    mock.seed({"audiences": rows})
    watched = open_page(f"{mock.url}/__admin/ui/#/worlds/default/audiences")
    page = watched.page
    expect(page.get_by_text("100,000 audiences, page 1 of 2,000")).to_be_visible()
    page.get_by_label("Search").fill("Audience 99999")
    expect(page.get_by_text("1 audience", exact=True)).to_be_visible()
    page.goto(f"{mock.url}/__admin/ui/#/worlds/default/requests")
    page.locator("h1", has_text="Requests").wait_for()
    page.evaluate(
        "window.longest = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "each => { window.longest = Math.max(window.longest, each.duration); })).observe({type: 'longtask'})"
    )
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        for _ in range(3_000):
            client.get("/v5/ad_accounts/2/audiences")
    expect(page.get_by_text("3,000 requests")).to_be_visible()
    longest = page.evaluate("window.longest")
    elements = page.evaluate("document.querySelectorAll('*').length")
    print(f"longest task {longest:.0f} ms, {elements} elements")
    assert elements < 1_500
    page.locator("[data-rows]").evaluate("list => { list.scrollTop = list.scrollHeight; }")
    expect(page.locator("[data-rows]").get_by_role("option").last).to_have_attribute("aria-posinset", "3000")
    before = page.locator("[data-rows]").get_by_role("option").first.inner_text()
    list_audiences(mock)
    expect(page.get_by_text("3,001 requests")).to_be_visible()
    assert before in page.locator("[data-rows]").inner_text()
    page.get_by_role("button", name="1 new").click()
    expect(page.locator("[data-rows]").get_by_role("option").first).to_have_attribute("aria-posinset", "1")
    expect(page.get_by_role("button", name="1 new")).to_have_count(0)
