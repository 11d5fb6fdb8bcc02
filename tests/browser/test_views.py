"""Each view of the console, through its main action and its failure."""

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from audience_mock.testing import MockServer
from browser.conftest import AUDIENCES, PHONE, VISITORS, Show, create, list_audiences, upload
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN


def toast(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".toast", has_text=text)).to_be_visible()


def rows(page: Page) -> Locator:
    return page.locator("[data-rows]").get_by_role("option")


# Overview


def test_overview_gives_urls_that_work(show: Show, demo: MockServer) -> None:
    """It shows the base URL of each API and a call that works as shown; sending it is seen below at once."""
    page = show()
    expect(page.get_by_text(f"{demo.url}/v5", exact=True)).to_be_visible()
    call = page.get_by_label("curl for Pinterest API v5", exact=True).inner_text()
    assert f"'{demo.url}{AUDIENCES}'" in call
    page.get_by_label("Send it to Pinterest API v5").click()
    row = page.get_by_role("row").filter(has_text="audiences/list")
    expect(row.get_by_text("200")).to_be_visible()
    page.get_by_label("Send it to PitchTarget Audience API").click()
    expect(page.get_by_role("row").filter(has_text="custom_audiences/list")).to_be_visible()


def test_overview_breaks_the_next_list(show: Show, demo: MockServer) -> None:
    """One click plans a fault: the next list answers 429, and the navigation counts it until it fired."""
    page = show()
    page.get_by_role("button", name="Make the next list fail with 429", exact=True).click()
    toast(page, "answers 429")
    expect(page.get_by_role("link", name=re.compile("Faults.*1.*unused"))).to_be_visible()
    assert [list_audiences(demo).status_code for _ in range(2)] == [429, 200]
    expect(page.get_by_role("link", name=re.compile("Requests.*1.*rejected"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("unused"))).to_have_count(0)


def test_overview_of_an_empty_world_teaches(show: Show, demo: MockServer) -> None:
    """An empty world offers the demo data, and has it after a click."""
    demo.in_world("bare").reset("empty")
    page = show(world="bare")
    page.get_by_role("button", name="Load the demo data").click()
    toast(page, "Loaded 35 audiences")
    expect(page.get_by_text("This world is empty")).to_have_count(0)
    assert demo.in_world("bare").control("GET", "/overview")["customer_lists"] == 4


# Audiences and customer lists


def test_audiences_are_searched_filtered_and_sorted(show: Show, demo: MockServer) -> None:
    """The address has what is shown, so that it can be sent to somebody."""
    page = show("audiences")
    expect(page.get_by_text("35 audiences")).to_be_visible()
    page.get_by_label("Search").fill("newsletter")
    expect(page.get_by_text(re.compile(r"^\d audiences$"))).to_be_visible()
    page.get_by_label("API", exact=True).select_option("pinterest")
    page.get_by_role("button", name="size").click()
    expect(page.get_by_role("columnheader", name="size")).to_have_attribute("aria-sort", "descending")
    for part in ("text=newsletter", "api=pinterest", "sort=size"):
        assert part in page.url
    expected = demo.audiences(text="newsletter", api="pinterest", sort="size", limit=50)
    sizes = [f"{each['size']:,}" for each in expected]
    assert len(set(sizes)) > 1
    expect(page.locator("td.number")).to_have_text(sizes)
    page.get_by_label("Search").fill("no such name")
    expect(page.get_by_text("No audience meets the filter")).to_be_visible()


def test_an_audience_is_made_ready_held_and_deleted(show: Show, demo: MockServer) -> None:
    """Each button does it at once, says so, and deleting can be undone."""
    made = create(demo)
    page = show(f"audiences/pinterest:{made['id']}")
    detail = page.get_by_label("audience", exact=True)
    detail.get_by_role("button", name="Make ready now", exact=True).click()
    toast(page, "is built")
    expect(detail.locator(".state").first).not_to_contain_text("initializing")
    detail.get_by_label("Size once built").fill("5000")
    detail.get_by_role("button", name="Set the size", exact=True).click()
    expect(detail.get_by_text("5,000 people now")).to_be_visible()
    detail.get_by_label("Hold the status").select_option("TOO_SMALL")
    detail.get_by_role("button", name="Hold too small", exact=True).click()
    expect(detail.locator(".state").first).to_contain_text("held")
    detail.get_by_role("tab", name="audiences/get").click()
    expect(detail.get_by_role("tabpanel").get_by_text('"TOO_SMALL"')).to_be_visible()
    detail.get_by_role("button", name="Delete", exact=True).click()
    toast(page, "Deleted Made in a test")
    read = f"{demo.url}{AUDIENCES}/{made['id']}"
    assert httpx.get(read, headers=PINTEREST_TOKEN).status_code == 404
    page.locator(".toast").get_by_role("button", name="Undo").click()
    toast(page, "Undone")
    assert httpx.get(read, headers=PINTEREST_TOKEN).status_code == 200


def test_an_audience_that_is_not_there(show: Show) -> None:
    """An old link says what is missing, and the list beside it still works."""
    page = show("audiences/pinterest:1")
    expect(page.get_by_role("alert")).to_contain_text("there is no audience '1'")
    expect(page.get_by_text("35 audiences")).to_be_visible()


def test_a_customer_list_is_made_ready(show: Show) -> None:
    """A list that is being built is ready after a click, in the JSON of its API too."""
    page = show("lists?status=PROCESSING")
    page.locator("a.cell").first.click()
    detail = page.get_by_label("customer list", exact=True)
    detail.get_by_role("button", name="Make ready now", exact=True).click()
    toast(page, "is built")
    detail.get_by_role("tab", name="customer_lists/get").click()
    expect(detail.get_by_role("tabpanel")).not_to_contain_text("PROCESSING")


# Requests


def test_requests_appear_as_they_come(show: Show, demo: MockServer) -> None:
    """Without a reload; one that no route takes shows the routes that were meant."""
    page = show("requests")
    expect(page.get_by_text("No request yet")).to_be_visible()
    httpx.get(f"{demo.url}/v5/ad_accounts/1/audience", headers=PINTEREST_TOKEN)
    option = rows(page)
    expect(option).to_have_count(1)
    option.click()
    detail = page.get_by_label("Request", exact=True)
    expect(detail.get_by_text("GET /v5/ad_accounts/{ad_account_id}/audiences")).to_be_visible()
    assert page.url.endswith("/requests/1")
    page.go_back()
    expect(detail).to_have_count(0)


def test_a_request_says_why_it_was_rejected(show: Show, demo: MockServer) -> None:
    """The fault that hit it, or the API's own words."""
    demo.faults.add("audiences/list", status=429, first=1)
    list_audiences(demo)
    httpx.post(demo.url + AUDIENCES, json={"name": "no type"}, headers=PINTEREST_TOKEN)
    page = show("requests/1")
    expect(page.locator(".why")).to_contain_text("fault-1")
    page.goto(page.url.replace("/requests/1", "/requests/2"))
    expect(page.locator(".why")).to_contain_text("audience_type")


def test_requests_are_filtered_by_their_address(show: Show, demo: MockServer) -> None:
    """A deep link shows rejected requests only."""
    list_audiences(demo)
    httpx.get(f"{demo.url}/v5/nothing", headers=PINTEREST_TOKEN)
    page = show("requests?status=4xx")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Status", exact=True).select_option("")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Filter").fill("zzz")
    expect(page.get_by_text("No request meets the filter")).to_be_visible()


def test_a_request_becomes_a_fault_and_a_check(show: Show, demo: MockServer) -> None:
    """ "As verify" is a check that passes; "make a fault of this" fills in the form."""
    create(demo)
    page = show("requests/1")
    page.get_by_role("tab", name="As curl").click()
    expect(page.get_by_label("the request as curl", exact=True)).to_contain_text("pina_anything")
    page.get_by_role("button", name="As verify").click()
    call = page.get_by_label("Python", exact=True).inner_text()
    exec(compile(call, "verify", "exec"), {})
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Make a fault of this").click()
    page.get_by_role("button", name="Plan it", exact=True).click()
    toast(page, "Planned fault-1")
    (fault,) = demo.faults.list()
    assert (fault["operation"], fault["status"]) == ("audiences/create", 503)
    assert fault["match"]["path_params"] == {"ad_account_id": "549755885175"}


def test_a_request_is_sent_again(show: Show, demo: MockServer) -> None:
    """With its body, and a token that is accepted."""
    create(demo, "Twice")
    page = show("requests/1")
    page.get_by_role("button", name="Send again").click()
    toast(page, "Sent again: 201")
    assert len(demo.control("GET", "/audiences?text=Twice")["audiences"]) == 2


def test_a_paused_list_does_not_move(show: Show, demo: MockServer) -> None:
    """New requests are counted in a pill, which shows them."""
    list_audiences(demo)
    page = show("requests")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    for _ in range(3):
        list_audiences(demo)
    pill = page.get_by_role("button", name="3 new")
    expect(pill).to_be_visible()
    expect(rows(page)).to_have_count(1)
    pill.click()
    expect(rows(page)).to_have_count(4)


def test_a_request_that_was_dropped(show: Show) -> None:
    """An old link says that the journal has it no more."""
    page = show("requests/99")
    expect(page.get_by_role("alert")).to_contain_text("there is no request '99'")


# Conduct


def test_conduct_says_what_the_client_should_do(show: Show, demo: MockServer) -> None:
    """Findings come as requests do, lead to them, and can be ignored; the rules say what they rest on."""
    page = show("conduct")
    expect(page.get_by_text("Nothing to find")).to_be_visible()
    demo.faults.add("audiences/create", status=500, first=1)
    for _ in range(2):
        httpx.post(demo.url + AUDIENCES, json=VISITORS | {"name": "Twice"}, headers=PINTEREST_TOKEN)
    httpx.get(f"{demo.url}{AUDIENCES}?pagesize=5", headers=PINTEREST_TOKEN)
    retried = page.get_by_role("listitem", name="AM103")
    expect(retried).to_contain_text("request 2 (audiences/create) repeats request 1 after the 500 response")
    expect(retried).to_contain_text("Do: read the list before the retry")
    expect(page.get_by_role("status").filter(has_text="findings")).to_contain_text("in 3 requests")
    page.get_by_label("Severity").select_option("error")
    expect(page.get_by_role("listitem", name="AM401")).to_have_count(0)
    page.get_by_label("Severity").select_option("")
    page.get_by_role("button", name="Ignore AM103").click()
    expect(retried).to_have_count(0)
    expect(page.get_by_role("listitem", name="AM401")).to_contain_text("?pagesize")
    expect(page.get_by_role("listitem", name="AM401")).to_contain_text("· request 3")
    assert page.url.endswith("/conduct?ignore=AM103")
    page.get_by_role("button", name="Show ignored (AM103)").click()
    row = page.get_by_role("row").filter(has_text="AM205")
    expect(row).to_contain_text("page_size is 250 at most")
    expect(row).to_contain_text("spare_pages=3")
    retried.get_by_role("link", name="2", exact=True).click()
    assert page.url.endswith("/requests/2")


def test_the_rules_of_conduct_fit_a_phone(show: Show) -> None:
    """Nothing of a rule has to be scrolled to sideways."""
    rules = show("conduct", viewport=PHONE).get_by_role("region", name="Table of rules")
    expect(rules.get_by_text("page_size is 250 at most")).to_be_visible()
    assert rules.evaluate("region => region.scrollWidth <= region.clientWidth")


def test_conduct_of_a_world_without_a_journal(show: Show, demo: MockServer) -> None:
    """The page says which setting is missing, in the control API's own words."""
    demo.in_world("silent").configure(journal_entries=0)
    page = show("conduct", world="silent")
    expect(page.get_by_role("alert")).to_contain_text("set journal_entries")


# Clock


def test_the_clock_builds_what_waits(show: Show, demo: MockServer) -> None:
    """Freezing, travelling to the next event and back; the page says what changed."""
    world = demo.in_world("timely")
    world.reset("empty")
    made = create(world)
    page = show("clock", world="timely")
    page.locator("main").get_by_role("button", name="Freeze", exact=True).click()
    toast(page, "stands still")
    assert world.clock.get()["frozen"] is True
    expect(page.locator(".top .frozen")).to_be_visible()
    page.get_by_role("button", name=re.compile("Travel to .*becomes READY|Travel to .*TOO_SMALL")).click()
    toast(page, re.compile("1 audience became"))
    shown = world.control("GET", f"/audiences/{made['id']}")
    assert shown["status"] != "INITIALIZING"
    page.get_by_label("Set the time (UTC)").fill("2026-07-01T12:00:00Z")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".big-time")).to_contain_text("2026-07-01 12:00:00")


def test_a_wrong_time_is_explained(show: Show) -> None:
    """The control API's own words."""
    page = show("clock")
    page.get_by_label("Set the time (UTC)").fill("yesterday")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".toast.bad")).to_contain_text("ISO 8601")


def test_steps_and_idle(show: Show, demo: MockServer) -> None:
    """Each step moves the clock by what it says; the last one until nothing is left."""
    page = show("clock")
    page.locator("main").get_by_role("button", name="Freeze", exact=True).click()
    toast(page, "stands still")
    before = demo.clock.get()["unix"]
    for name, said in (
        ("+1 s", "1 s later"),
        ("+1 min", "1 min later"),
        ("+1 h", "1 h later"),
        ("+1 day", "1 d later"),
    ):
        page.locator("main").get_by_role("button", name=name, exact=True).click()
        toast(page, said)
        page.locator(".toast").get_by_role("button", name="Dismiss").last.click()
    assert demo.clock.get()["unix"] == pytest.approx(before + 1 + 60 + 3600 + 86400)
    page.get_by_role("button", name="Until nothing is left", exact=True).click()
    expect(page.get_by_text("Nothing is going to happen")).to_be_visible()
    assert demo.clock.agenda() == []


def test_a_step_of_a_clock_that_runs(show: Show) -> None:
    """What is said is the step, without what passed since the page learnt the time."""
    page = show("clock")
    for _ in range(3):
        expect(page.locator(".big-time")).not_to_have_text(page.locator(".big-time").inner_text())
    page.locator("main").get_by_role("button", name="+1 min", exact=True).click()
    toast(page, "1 min later")
    page.get_by_label("Set the time (UTC)").fill("2020-01-01T00:00:00Z")
    page.get_by_role("button", name="Set", exact=True).click()
    toast(page, " back: ")


# Faults

KINDS = {
    "status": 429,
    "limit_window_s": 60,
    "latency_ms": {"from": 10, "to": 10},
    "reset": "before",
    "cut_after_bytes": 100,
    "stall": "before",
    "content_type": "text/html",
    "garbage": True,
    "effect_lost": True,
    "answer_lost": True,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_each_kind(show: Show, demo: MockServer, kind: str) -> None:
    """The form plans it with its defaults; one click removes it."""
    page = show("faults")
    page.get_by_label("What goes wrong").select_option(kind)
    if kind == "latency_ms":
        expect(page.get_by_role("alert")).to_have_text("Give a delay.")
        page.get_by_label("Delay in ms").fill("10")
    page.get_by_role("button", name="Plan it", exact=True).click()
    toast(page, "Planned fault-1")
    (fault,) = demo.faults.list()
    assert fault[kind] == KINDS[kind]
    page.get_by_role("button", name="Remove fault-1", exact=True).click()
    expect(page.get_by_text("Nothing goes wrong")).to_be_visible()
    assert demo.faults.list() == []


def test_a_fault_counts_as_it_fires(show: Show, demo: MockServer) -> None:
    """How often it fired is seen without a reload."""
    demo.faults.add("audiences/list", status=503, first=2)
    page = show("faults")
    for fired in (1, 2):
        list_audiences(demo)
        expect(page.get_by_text(re.compile(f"{fired} of {fired} call"))).to_be_visible()
    expect(page.get_by_text("used up")).to_be_visible()


def test_a_wrong_fault_is_explained(show: Show) -> None:
    """A match that is no JSON, and a status that is none."""
    page = show("faults")
    page.get_by_label("Only calls that match").fill("{")
    expect(page.get_by_role("alert")).to_contain_text("not JSON")
    expect(page.get_by_role("button", name="Plan it", exact=True)).to_be_disabled()
    page.get_by_label("Only calls that match").fill("")
    page.get_by_label("status", exact=True).fill("200")
    page.get_by_role("button", name="Plan it", exact=True).click()
    expect(page.locator(".toast.bad")).to_contain_text("status")


def test_a_fault_of_a_sweep_is_planned(show: Show, demo: MockServer) -> None:
    """The faults that a job's calls may meet, the likeliest first; one click plans one in the world,
    where the same call of the next run meets it. The call is shown as curl and as Python."""
    list_audiences(demo)
    create(demo)
    list_audiences(demo)
    page = show("faults")
    section = page.get_by_role("region", name="To try")
    told = section.get_by_role("status")
    expect(told).to_contain_text("10 cases of 24 for 3 calls")
    first = section.get_by_role("row").nth(1)
    expect(first).to_contain_text("audiences/create")
    expect(first).to_contain_text("the operation is done, and the connection closes without an answer")
    section.get_by_role("button", name="Show more").click()
    expect(told).to_contain_text("24 cases of 24")
    section.get_by_label("Kind").select_option("500")
    expect(told).to_contain_text("3 cases of 3")
    expect(section.get_by_role("row").nth(3)).to_contain_text("audiences/list, call 2 of it")
    section.get_by_role("button", name="Plan 3:500: as curl and Python").click()
    python = page.get_by_role("dialog").get_by_label("Python", exact=True)
    expect(python).to_contain_text('world.faults.add("audiences/list", skip=1, first=1, status=500)')
    page.get_by_role("button", name="Close").click()
    section.get_by_role("button", name="Plan 3:500", exact=True).click()
    toast(page, "Planned fault-1")
    expect(page.get_by_role("button", name="Remove fault-1", exact=True)).to_be_visible()
    assert [list_audiences(demo).status_code for _ in range(2)] == [200, 500]


def test_only_later_calls_are_swept(show: Show, demo: MockServer) -> None:
    """Calls appear as they come; after a run, those of the next one can be looked at alone."""
    page = show("faults")
    section = page.get_by_role("region", name="To try")
    told = section.get_by_role("status")
    expect(section.get_by_text("No call yet")).to_be_visible()
    list_audiences(demo)
    expect(told).to_contain_text("for 1 call")
    section.get_by_role("button", name="Later calls only").click()
    expect(told).to_contain_text("for 0 calls after request 1")
    create(demo)
    expect(told).to_contain_text("for 1 call after request 1")
    expect(section.get_by_role("row").nth(1)).to_contain_text("audiences/create")
    section.get_by_role("button", name="All calls").click()
    expect(told).to_contain_text("for 2 calls")


def test_faults_of_a_sweep_fit_a_phone(show: Show, demo: MockServer) -> None:
    """Nothing has to be scrolled to sideways. A world without a journal says which setting it lacks."""
    create(demo)
    page = show("faults", viewport=PHONE)
    button = page.get_by_role("button", name="Plan 1:answer-lost", exact=True)
    button.click()
    toast(page, "Planned fault-1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    table = page.get_by_role("region", name="To try").locator("table")
    assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")
    demo.in_world("silent").configure(journal_entries=0)
    section = show("faults", world="silent").get_by_role("region", name="To try")
    expect(section).to_contain_text("set journal_entries")


# Uploads


def digest(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def test_uploads_show_wrong_lines(show: Show, demo: MockServer) -> None:
    """Lines read, valid, duplicate and invalid, the first wrong ones with the reason, and plots of them."""
    page = show("uploads")
    expect(page.get_by_text("No file yet")).to_be_visible()
    upload(demo, [*map(digest, range(5)), digest(1), "nonsense", ""])
    row = page.get_by_role("row").filter(has_text="email_hash")
    expect(row.locator("td.number")).to_have_text(["7", "6", "1", "1", "5", "5"])
    expect(page.get_by_text(re.compile("line 7: "))).to_be_visible()
    expect(page.locator("svg rect.valid")).to_have_count(1)
    expect(page.get_by_role("img", name=re.compile("People of From a file"))).to_be_visible()


def test_uploads_to_lists_show_their_parts(show: Show, demo: MockServer) -> None:
    """From its creation on, with the parts that are there."""
    shown = demo.control("GET", "/customer-lists?status=READY")["customer_lists"][0]
    path = f"/v5/ad_accounts/{shown['account']}/customer_lists/{shown['id']}/uploads"
    with httpx.Client(base_url=demo.url, headers=PINTEREST_TOKEN) as client:
        made = client.post(path, json={"operation": "ADD", "total_parts": 2}).json()
        urls = [part["presigned_url"] for part in made["s3_multipart_upload_data"]["file_parts"]]
        page = show("uploads")
        httpx.put(urls[0], content=b"a@example.com\nwrong\n")
        expect(page.get_by_text("1 of 2: 1 (20 B)")).to_be_visible()
        httpx.put(urls[1], content=b"b@example.com")
        client.post(f"{path}/{made['customer_list_upload']['id']}/run")
    expect(page.get_by_text("2 parts")).to_be_visible()


# Lint and magic identities


def test_lint_says_what_uploads_are(show: Show, demo: MockServer) -> None:
    """Each finding of an upload says what the values are, what to change, and where they are."""
    page = show("lint")
    expect(page.get_by_text("No upload yet")).to_be_visible()
    upload(demo, [digest(1), hashlib.sha256(b"Anna@Example.com").hexdigest(), "eve@example.org"])
    expect(page.get_by_role("status").filter(has_text="1 upload of 1 with findings")).to_be_visible()
    card = page.get_by_label(re.compile("email_hash of audience"))
    expect(card.get_by_role("row").filter(has_text="hashed without lower-casing")).to_contain_text("line 2")
    expect(card.get_by_role("row").filter(has_text="plain text")).to_contain_text("line 3")
    expect(card.get_by_text("eve@example.org")).to_have_count(0)
    upload(demo, [digest(2)], name="Right")
    expect(page.get_by_text("1 upload of 2 with findings")).to_be_visible()
    expect(page.get_by_text("no findings")).to_be_visible()
    card.last.get_by_role("link").click()
    expect(page.locator(".detail h2")).to_contain_text("From a file")


def test_identities_are_copied_in_any_form(show: Show, demo: MockServer) -> None:
    """They are there to be sent: in the form that is chosen, which the address keeps; and say if they are
    off. A request that one rejected leads to them."""
    page = show("identities", permissions=["clipboard-read", "clipboard-write"])
    row = page.get_by_role("row").filter(has=page.get_by_text("reject-429", exact=True))
    expect(row).to_contain_text("429, too many requests")
    for form in ("md5", "plain", "sha256"):
        page.get_by_label("Form").select_option(form)
        row.get_by_role("button", name="Copy reject-429").click()
        expect(row.get_by_role("button")).to_have_text("Copied")
        expected = demo.identities()["reject-429"]["email"][form]
        assert page.evaluate("navigator.clipboard.readText()") == expected
    assert "form=sha256" in page.url
    path = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
    body = {"name": "n", "records": expected}
    assert httpx.post(demo.url + path, json=body, headers=PINTEREST_TOKEN).status_code == 429
    page.get_by_role("link", name=re.compile("Requests")).click()
    rows(page).first.click()
    expect(page.locator(".why")).to_contain_text("magic identity reject-429@audience-mock.example")
    page.locator(".why").get_by_role("link", name="Identities").click()
    expect(page.locator("h1")).to_have_text("Identities")
    demo.configure(magic_identities=False)
    expect(page.get_by_text("They have no effect in this world")).to_be_visible()


def test_a_guess_is_explained(show: Show, demo: MockServer) -> None:
    """A request that strict evidence answered 501 says which rule it would have followed."""
    demo.configure(strict_evidence="documented")
    create_path = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences/1"
    assert httpx.get(demo.url + create_path, headers=PINTEREST_TOKEN).status_code == 501
    page = show("requests/1")
    expect(page.locator(".why")).to_contain_text("The answer would have been a guess")
    expect(page.locator(".why")).to_contain_text("error 404, an id")


# Snapshots and seeds


def test_a_snapshot_is_taken_and_restored(show: Show, demo: MockServer) -> None:
    """The state comes back, and that can be undone."""
    page = show("snapshots")
    page.get_by_label("Name", exact=True).fill("before")
    page.get_by_role("button", name="Take a snapshot", exact=True).click()
    toast(page, "Took the snapshot before")
    made = create(demo)
    page.get_by_role("button", name="Restore before", exact=True).click()
    toast(page, "Restored before")
    path = f"{demo.url}/__admin/audiences/{made['id']}"
    assert httpx.get(path).status_code == 404
    page.locator(".toast", has_text="Restored").get_by_role("button", name="Undo").click()
    toast(page, "Undone")
    assert httpx.get(path).status_code == 200
    page.get_by_role("button", name="Delete before", exact=True).click()
    expect(page.get_by_role("cell", name="before", exact=True)).to_have_count(0)


def test_the_state_is_exported(show: Show, demo: MockServer, tmp_path: Path) -> None:
    """As a file that a server can be seeded with."""
    demo.clock.freeze()
    page = show("snapshots")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export the state", exact=True).click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    assert json.loads(file.read_text()) == demo.state()


@pytest.mark.sqlite_only(reason="it is about a recorded world, which SQLite alone has")
def test_a_bundle_is_downloaded(demo: MockServer, show: Show, tmp_path: Path) -> None:
    """The list of requests has the bundle of a recorded world; for another one, the page says why not."""
    page = show("requests")
    button = page.get_by_role("button", name="Download bundle")
    button.click()
    expect(page.get_by_text("this world is not recorded")).to_be_visible()
    demo.configure(record=True)
    with page.expect_download() as downloading:
        button.click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    assert (file.name, json.loads(file.read_text())["world"]) == ("default-bundle.json", "default")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"audiences": [\n  {"api": "pinterest",}\n]}',
            "seed.json:2:22: not JSON: there is a comma before }",
        ),
        ('{\n"a" 1}', "seed.json:2:5: not JSON: a colon is expected here"),
        ("", "seed.json:1:1: not JSON: the text ends here"),
        (
            '{"audiences": [\n  {"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "a"},\n'
            '  {"api": "myspace", "account": "1", "kind": "VISITOR", "name": "b"}\n]}',
            "seed.json:3:11: audiences.1.api",
        ),
        ('{"colour": 1}', "seed.json:1:12: colour"),
    ],
)
def test_a_wrong_seed_names_the_place(show: Show, text: str, message: str) -> None:
    """Line and column, whether it is no JSON or no seed."""
    page = show("snapshots")
    file = FilePayload(name="seed.json", mimeType="application/json", buffer=text.encode())
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text(message)


def test_a_seed_is_dropped_on_the_page(show: Show, demo: MockServer) -> None:
    """What it holds is added to the world."""
    page = show("snapshots")
    seed = {"audiences": [{"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "Dropped"}]}
    script = "text => { const d = new DataTransfer(); d.items.add(new File([text], 'a.json')); return d; }"
    transfer = page.evaluate_handle(script, json.dumps(seed))
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})
    toast(page, "Imported audiences: 1")
    assert demo.control("GET", "/audiences?text=Dropped")["total"] == 1


# Tokens and limits


def test_tokens_and_limits(show: Show, demo: MockServer) -> None:
    """Calls count down while the page is open, windows are restarted, and an issued token is listed."""
    page = show("tokens")
    expect(page.get_by_text("No window is open")).to_be_visible()
    list_audiences(demo)
    expect(page.get_by_text("999 of 1,000")).to_be_visible()
    page.get_by_role("button", name="Start all windows anew", exact=True).click()
    expect(page.get_by_text("No window is open")).to_be_visible()
    demo.seed({"tokens": [{"token": "pina_known", "scopes": ["ads:read"], "expires_at": 1_000}]})
    row = page.get_by_role("row").filter(has_text="ads:read")
    expect(row).to_contain_text("expired")
    assert "pina_known" not in page.content()


# Settings and comparison


def test_settings_of_a_world(show: Show, demo: MockServer) -> None:
    """They are applied, and a wrong one is explained."""
    page = show("settings")
    field = page.get_by_label("Settings of this world")
    field.fill('{"build_delay_s": "soon"}')
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator(".toast.bad")).to_contain_text("build_delay_s")
    field.fill('{"build_delay_s": 0}')
    page.get_by_role("button", name="Apply", exact=True).click()
    toast(page, "applied")
    assert demo.control("GET", "/worlds/default")["settings"] == {"build_delay_s": 0}
    field.fill("{")
    expect(page.get_by_role("alert")).to_contain_text("Not JSON")


def test_two_worlds_are_compared(show: Show, demo: MockServer) -> None:
    """What one has and the other has not."""
    page = show("compare")
    expect(page.get_by_text("There is no other world")).to_be_visible()
    other = demo.fork("other")
    create(other, "Only there")
    page = show("compare?with=other")
    expect(page.get_by_label("audiences")).to_contain_text("Only there")


# Contract diff


@pytest.mark.sqlite_only(reason="PostgreSQL records no world")
def test_the_contract_diff_records_and_compares(show: Show, demo: MockServer) -> None:
    """A world that is not recorded is recorded by a click; then two versions are chosen, and the table tells
    what differs at which request, with what is known about it."""
    world = demo.in_world("shop")
    page = show("contract-diff", world="shop")
    expect(page.get_by_text("its setting record is off")).to_be_visible()
    page.get_by_role("button", name="Record this world", exact=True).click()
    status = page.locator("main").get_by_role("status")
    expect(status).to_contain_text("0 of 0 calls answered otherwise")
    create(world)
    httpx.get(f"{world.urls.pinterest}/ad_accounts", headers=PINTEREST_TOKEN)
    page.get_by_label("From", exact=True).select_option("5.23")
    expect(status).to_contain_text("1 of 2 calls answered otherwise by pinterest 5.28 than by 5.23")
    row = page.get_by_role("region", name="Table of differences").get_by_role("row").filter(has_text="is_nca")
    expect(row.get_by_role("cell")).to_contain_text(
        ["audiences/create", "body $.is_nca", "—", "false", "1", "recorded: production, July 2026"]
    )
    page.get_by_label("To", exact=True).select_option("5.18")
    expect(page.get_by_text("Both versions answer these calls alike.")).to_be_visible()
    create(world)
    page.get_by_role("button", name="Compare again").click()
    expect(status).to_contain_text("0 of 3 calls")
    page.get_by_label("API", exact=True).select_option("pitchtarget")
    expect(status).to_contain_text("by pitchtarget 2014-05-12")


@pytest.mark.sqlite_only(reason="PostgreSQL records no world")
def test_the_contract_diff_on_a_phone(show: Show, demo: MockServer) -> None:
    """Its table has a block for each difference, no wider than the page, and leads to the request."""
    demo.configure(record=True, pinterest_contract="5.18")
    create(demo)
    page = show("contract-diff?from=5.18&to=5.28", viewport=PHONE)
    cell = page.get_by_role("region", name="Table of differences").get_by_text("body $.is_nca")
    expect(cell).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("region", name="Table of differences").get_by_role("link", name="1").first.click()
    expect(page.locator(".detail h2")).to_contain_text(f"POST {AUDIENCES}")


# Bridge


def test_the_bridge_shows_what_a_move_keeps(show: Show, demo: MockServer) -> None:
    """The menu of a world leads to what a move to the other API keeps, changes and loses, both ways."""
    page = show()
    page.get_by_label("Change worlds").click()
    page.get_by_role("link", name="Move to another API…").click()
    report = demo.bridge()
    expect(page.get_by_text(f"{report['audiences']['moved']} of 12 audiences moved")).to_be_visible()
    losses = page.get_by_role("region", name="Losses by rule").get_by_role("row")
    expect(losses).to_have_count(len(report["losses"]) + 1)
    users = page.get_by_role("region", name="Fields of Spending users")
    row = users.get_by_role("row").filter(has_text="user_type")
    expect(row).to_contain_text("EMAIL")
    page.get_by_label("Move from").select_option("pinterest")
    expect(page.get_by_text("to pitchtarget", exact=True)).to_be_visible()
    expect(page.get_by_role("columnheader", name="in pitchtarget").first).to_be_visible()
