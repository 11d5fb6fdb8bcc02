"""The server's own pages over HTTP."""

from collections.abc import Callable

import httpx
import pytest

from audience_mock import __version__
from audience_mock.testing import MockServer


def test_the_first_page_says_what_is_here(mock: MockServer) -> None:
    """/ lists the version, both APIs and every page, and each page responds."""
    index = httpx.get(mock.url).json()
    assert (index["name"], index["version"]) == ("Audience Mock", __version__)
    assert "/v5/ad_accounts" in index["pinterest"]
    assert "/custom_audiences" in index["pitchtarget"]
    for page in index["pages"]:
        assert httpx.get(mock.url + page).status_code == 200, page


def test_health_counts_the_audiences(start: Callable[..., MockServer]) -> None:
    """Health is ready and says how many audiences there are."""
    for seed, audiences in ((None, 0), ("demo", 35)):
        health = httpx.get(f"{start(seed=seed).url}/__admin/health").json()
        assert health == {"status": "ready", "version": __version__, "audiences": audiences}


@pytest.mark.parametrize("name", ["pitchtarget", "pinterest", "control"])
def test_the_descriptions_are_served(mock: MockServer, name: str) -> None:
    """Each API's description is a page, for pages of any origin."""
    response = httpx.get(f"{mock.url}/openapi/{name}.json")
    assert response.json()["openapi"].startswith("3.")
    assert response.headers["access-control-allow-origin"] == "*"


def test_what_is_no_page_leads_to_those_that_are(mock: MockServer) -> None:
    """An unknown page answers 404 with the list of pages; another method than GET answers 405."""
    missing = httpx.get(f"{mock.url}/openapi/nothing.json")
    assert missing.status_code == 404
    assert missing.json()["pages"] == httpx.get(mock.url).json()["pages"]
    wrong = httpx.post(f"{mock.url}/__admin/health")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert httpx.head(mock.url).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/worlds/default"])
def test_visits_of_browsers_are_no_requests_to_an_api(mock: MockServer, prefix: str) -> None:
    """What browsers ask for by themselves, and addresses that a person tries, get 404 and the list of pages,
    and stay out of the journal; a client's request to an unknown path is PitchTarget's, as ever."""
    navigation = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    for path, headers in (
        ("/favicon.ico", {}),
        ("/redoc", {}),
        ("/swagger/", {}),
        ("/robots.txt", {}),
        ("/.well-known/appspecific/com.chrome.devtools.json", {}),
        ("/.well-known/security.txt", {}),
        ("/console", navigation),
    ):
        visit = httpx.get(f"{mock.url}{prefix}{path}", headers=headers)
        assert (visit.status_code, "/openapi/control.json" in visit.json()["pages"]) == (404, True), path
    assert mock.journal.entries() == []
    for method, path in (("GET", "/console"), ("POST", "/favicon.ico"), ("GET", "/audiences")):
        request = httpx.request(method, f"{mock.url}{prefix}{path}", headers={"Sec-Fetch-Mode": "cors"})
        assert "errors" in request.json()
    httpx.get(f"{mock.url}{prefix}/custom_audiences/54", headers=navigation)
    assert [entry["api"] for entry in mock.journal.entries()] == ["pitchtarget"] * 4
