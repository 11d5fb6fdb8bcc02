"""Chromium, and pages that must not do what no test expects: log an error, call another host, run a script
that a request brought in."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from audience_mock.testing import MockServer
from browser.chromium import launch
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

LIMIT_MS = 30_000
"""For anything; reached only where something is broken."""

SLOW = int(os.environ.get("SLOW_BROWSER", "0"))
"""How many times slower the page's processor is, with calls half of which wait, and so come in any order:
for finding tests that act before the page is ready."""

DELAYED_CALLS = """
    const now = window.fetch;
    window.fetch = async (...call) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() < 0.5 ? 1200 : 0));
        return now(...call);
    };
"""

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
VISITORS = {"audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806", "retention_days": 30}}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as running:
        browser = launch(running)
        expect.set_options(timeout=LIMIT_MS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, and what it did."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    expected_errors: list[str] = field(default_factory=list)
    """Parts of messages that a test provokes."""

    def unexpected(self) -> list[str]:
        return [error for error in self.errors if not any(part in error for part in self.expected_errors)]


def slow_down(page: Page) -> None:
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOW})
    page.add_init_script(DELAYED_CALLS)


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Opens pages; none of them may call another host or log an error."""
    opened: list[Watched] = []

    def open_one(url: str, **context: Any) -> Watched:
        page = chromium.new_context(**{"viewport": WIDE, **context}).new_page()
        page.set_default_timeout(LIMIT_MS)
        if SLOW:
            slow_down(page)
        watched = Watched(page)
        opened.append(watched)
        page.on("request", lambda request: watched.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: watched.errors.append(f"error: {error}"))
        page.on("dialog", lambda dialog: watched.errors.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda message: watched.errors.append(message.text) if message.type == "error" else None,
        )
        page.goto(url)
        return watched

    yield open_one
    for watched in opened:
        own = urlsplit(watched.page.url).netloc
        watched.page.context.close()
        assert watched.hosts - {""} <= {own}
        assert watched.unexpected() == []


@pytest.fixture
def demo(start: Callable[..., MockServer]) -> MockServer:
    """A server with the demo data."""
    return start(seed="demo")


Show = Callable[..., Page]


@pytest.fixture
def show(demo: MockServer, open_page: Callable[..., Watched]) -> Show:
    """Opens a view of the demo server's console, by default of the default world."""

    def view(name: str = "overview", *, world: str = "default", **context: Any) -> Page:
        watched = open_page(f"{demo.url}/__admin/ui/#/worlds/{world}/{name}", **context)
        watched.expected_errors.append("Failed to load resource: the server responded with a status of 4")
        watched.page.locator("main h1").wait_for()
        watched.page.locator("body[data-connection=live]").wait_for()
        return watched.page

    return view


def create(mock: MockServer | Any, name: str = "Made in a test") -> dict[str, Any]:
    """An audience of Pinterest's, by a call of its API."""
    made = httpx.post(mock.url + AUDIENCES, json={"name": name, **VISITORS}, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


def list_audiences(mock: MockServer | Any) -> httpx.Response:
    return httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)


def upload(mock: MockServer | Any, lines: list[str], name: str = "From a file") -> None:
    """An audience of PitchTarget's from a file of users."""
    form = {"fb_ad_account_id": "2", "name": name, "user_type": "email_hash"}
    made = httpx.post(
        f"{mock.url}/custom_audiences",
        data=form,
        files={"file": ("users.csv", "\n".join(lines))},
        headers=PITCHTARGET_TOKEN,
    )
    assert made.status_code == 201, made.text
