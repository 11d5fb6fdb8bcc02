"""Takes the screenshots of the documents, of a server whose clock stands still.

make screenshots
"""

import sys
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.sync_api import sync_playwright

from audience_mock.testing import MockServer
from browser.chromium import launch
from helpers.accounts import AD_ACCOUNT

SIZE: Any = {"width": 1040, "height": 560}
TOKEN = {"Authorization": "Bearer pina_test"}
PORT = 8000
"""That of the documents; nothing else may use it meanwhile."""
SHOTS: list[tuple[str, str, Literal["light", "dark"]]] = [
    ("console-requests", "requests/4", "light"),
    ("console-overview-dark", "overview", "dark"),
]


def fill(mock: MockServer) -> None:
    mock.faults.add("audiences/list", status=429, skip=1, first=1)
    audiences = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
    buyers = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
    made = httpx.post(audiences, json=buyers, headers=TOKEN).json()
    httpx.get(f"{audiences}/{made['id']}", headers=TOKEN)
    for _ in range(3):
        httpx.get(audiences, headers=TOKEN)
    httpx.post(audiences, json={"name": "No type"}, headers=TOKEN)
    httpx.get(audiences.removesuffix("s"), headers=TOKEN)
    list_2014 = f"{mock.url}/custom_audiences?fb_ad_account_id=2"
    httpx.get(list_2014, headers={"Authorization": "OAuth anything"})


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with MockServer(port=PORT, seed="demo") as mock, sync_playwright() as running:
        mock.clock.set("2027-01-01T12:00:05Z", frozen=True)
        fill(mock)
        browser = launch(running)
        for name, view, scheme in SHOTS:
            page = browser.new_context(viewport=SIZE, color_scheme=scheme).new_page()
            page.goto(f"{mock.url}/__admin/ui/#/worlds/default/{view}")
            page.locator(".detail .json, .card").first.wait_for()
            page.locator("[aria-busy=true]").first.wait_for(state="detached")
            page.screenshot(path=folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
