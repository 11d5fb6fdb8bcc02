"""The API docs: each operation of the three descriptions, and calls of them."""

from collections.abc import Callable
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import expect

from audience_mock.testing import MockServer
from browser.conftest import PHONE, WIDE, Watched
from helpers.accounts import AD_ACCOUNT


class Call(NamedTuple):
    """An operation of an API, its path in the description, and what to fill in."""

    api: str
    operation: str | None
    path: str
    values: dict[str, str]


CALLS = [
    Call(
        "pinterest", "audiences/list", "/ad_accounts/{ad_account_id}/audiences", {"ad_account_id": AD_ACCOUNT}
    ),
    Call("pitchtarget", "custom_audiences/list", "/custom_audiences", {"fb_ad_account_id": "2"}),
    Call("control", None, "/__admin/overview", {}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.api)
@pytest.mark.parametrize("world", ["default", "blue"])
def test_an_operation_is_called(
    demo: MockServer, open_page: Callable[..., Watched], world: str, call: Call
) -> None:
    """ "Execute" calls this server, in the world of the page, with a token that is accepted; the call is in
    the journal of that world only."""
    api, operation, path, values = call
    named = demo.in_world(world)
    page = open_page(f"{named.url}/docs#/{api}").page
    described = httpx.get(f"{demo.url}/openapi/{api}.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(map(len, described.values())))
    block = page.locator(".opblock-get", has=page.locator(f'[data-path="{path}"]'))
    block.locator(".opblock-summary-control").click()
    for name, value in values.items():
        block.get_by_placeholder(name, exact=True).fill(value)
    block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table .response-col_status").last
    expect(status).to_contain_text("200")
    if operation is not None:
        (seen,) = named.journal.entries()
        assert (seen["operation"], seen["answer"]["status"]) == (operation, 200)


@pytest.mark.parametrize("api", ["pinterest", "pitchtarget", "control"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_badge_covers_the_title(
    demo: MockServer, open_page: Callable[..., Watched], api: str, viewport: dict[str, int]
) -> None:
    """Those of the versions are behind the title, or below it."""
    page = open_page(f"{demo.url}/docs#/{api}", viewport=viewport).page
    page.locator(".info .title small").last.wait_for()
    covered = page.evaluate(
        """() => {
            const title = document.querySelector(".info .title");
            const text = document.createRange();
            text.selectNode(title.firstChild);
            const lines = [...text.getClientRects()];
            return [...title.querySelectorAll("small")].map((one) => one.getBoundingClientRect()).some(
                (badge) => lines.some((line) => badge.left < line.right && line.left < badge.right
                    && badge.top < line.bottom - 8 && line.top + 8 < badge.bottom));
        }"""
    )
    assert not covered


@pytest.mark.parametrize("public_url", ["https://mock.example", "https://mock.example/tools/mock"])
def test_a_public_url_does_not_lead_away(
    start: Callable[..., MockServer], open_page: Callable[..., Watched], public_url: str
) -> None:
    """A server that is told its public URL is called by the address of the page all the same."""
    mock = start(public_url=public_url)
    page = open_page(f"{mock.url}/worlds/blue/docs#/pinterest").page
    expect(page.locator(".servers option")).to_have_text("/worlds/blue/v5")
    page.get_by_role("link", name="PitchTarget").click()
    expect(page.locator(".servers option")).to_have_text("/worlds/blue")


def test_the_docs_use_the_token_of_the_console(
    start: Callable[..., MockServer], open_page: Callable[..., Watched]
) -> None:
    """A token that was given to the console is sent with calls of the control API."""
    mock = start(admin_token="open-sesame")
    watched = open_page(f"{mock.url}/__admin/ui/")
    watched.expected_errors.append("status of 401")
    page = watched.page
    page.get_by_role("dialog").get_by_label("Token").fill("open-sesame")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Base URL").first.wait_for()
    page.goto(f"{mock.url}/docs#/control")
    block = page.locator(".opblock-get", has=page.locator('[data-path="/__admin/clock"]'))
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
