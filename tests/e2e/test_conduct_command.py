"""`audience-mock conduct`: what it prints, writes and exits with."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from click.testing import CliRunner, Result

from audience_mock.cli.main import main
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.misbehaving_clients import CLIENTS, polls_too_fast, retries_a_create

Run = Callable[..., Result]


@pytest.fixture
def server(start: Callable[..., MockServer]) -> MockServer:
    """A world whose client broke a grave rule and another one."""
    server = start()
    retries_a_create(server)
    polls_too_fast(server)
    return server


@pytest.fixture
def run(server: MockServer) -> Run:
    return lambda *arguments: CliRunner().invoke(main, ["conduct", *arguments, "--url", server.url])


def test_findings_are_printed(run: Run) -> None:
    """A line with the rule and the facts, one with what to do, and how much was judged; the status is 1."""
    ran = run()
    first, do, *more, total = ran.stdout.splitlines()
    assert first.startswith(
        "AM103 error create-retried-blindly: request 2 (audiences/create) repeats request 1"
    )
    assert (
        do == "    do: read the list before the retry, and go on with what is there; or let the create fail"
    )
    assert more[0].startswith("AM201 warning polling-too-fast: requests 4 to 8 ")
    assert total == f"1 error and 1 warning in 8 requests, by {len(CLIENTS)} rules"
    assert (ran.exit_code, ran.stderr) == (1, "2 findings fail: --fail-on warning\n")
    assert run("--fail-on", "error").stderr == "1 finding fails: --fail-on error\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--fail-on", "error"], 1),
        (["--fail-on", "AM2"], 1),
        (["--fail-on", "AM101,polling-without-backoff"], 0),
        (["--fail-on", "never"], 0),
        (["--fail-on", "error", "--ignore", "AM103"], 0),
        (["--select", "AM3"], 0),
        (["--ignore", "AM103", "--option", "poll_interval_s=0"], 0),
        (["--ignore", "error", "--option", "poll_interval_s=0", "--option", "fast_polls=1"], 0),
        (["--api", "pitchtarget"], 0),
        (["--after", "4", "--option", "fast_polls=4"], 0),
        (["check", "--before", "3"], 1),
        (["--world", "blue"], 0),
        (["--select", "AM9"], 2),
        (["--option", "poll_interval_s"], 2),
        (["--api", "twitter"], 2),
        (["--junit", "-"], 2),
    ],
)
def test_exit_status(run: Run, arguments: list[str], status: int) -> None:
    """1 if a finding fails, 0 if none does, 2 if the check cannot be made."""
    assert run(*arguments).exit_code == status, run(*arguments).output


def test_json(run: Run) -> None:
    """The report as the control API has it, whether or not it fails."""
    report = json.loads(run("--json").stdout)
    assert [finding["rule"] for finding in report["findings"]] == ["AM103", "AM201"]
    assert report["checked"] == 8
    assert json.loads(run("--json", "--select", "AM3").stdout)["findings"] == []


def test_nothing_to_find(run: Run) -> None:
    """It says how much was judged."""
    assert run("--select", "AM101,AM3").stdout == "No finding in 8 requests, by 4 rules\n"


def test_dropped_requests_are_mentioned(run: Run, server: MockServer) -> None:
    """A journal that has lost requests says so."""
    server.configure(journal_entries=5)
    assert "3 older requests were dropped: raise journal_entries" in run("--fail-on", "never").stdout


def test_junit(run: Run, tmp_path: Path) -> None:
    """A test for each rule; those whose findings fail have failed, others show them."""
    file = tmp_path / "conduct.xml"
    assert run("--fail-on", "error", "--junit", str(file)).exit_code == 1
    suite = ElementTree.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(len(CLIENTS)), "1")
    cases = {case.get("name"): case for case in suite}
    assert [*cases] == [*CLIENTS]
    assert "request 2" in (cases["AM103"].findtext("failure") or "")
    assert "requests 4 to 8" in (cases["AM201"].findtext("system-out") or "")
    assert len(cases["AM101"]) == 0


def test_what_xml_cannot_have_is_escaped(run: Run, server: MockServer, tmp_path: Path) -> None:
    """Clients choose the names of fields: a control character would make the file unreadable."""
    url = f"{server.urls.pinterest}/ad_accounts/{AD_ACCOUNT}/audiences?a%01b%1b=1"
    httpx.get(url, headers=PINTEREST_TOKEN).raise_for_status()
    file = tmp_path / "conduct.xml"
    run("--junit", str(file))
    (case,) = (case for case in ElementTree.parse(file).getroot() if case.get("name") == "AM401")
    assert "?a\\x01b\\x1b" in (case.findtext("failure") or "")


def test_a_report_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    """One line says which file, and the status is 2."""
    ran = run("--junit", str(tmp_path / "none" / "conduct.xml"))
    assert ran.exit_code == 2
    assert "conduct.xml: No such file or directory" in ran.stderr


def test_the_rules_are_listed(run: Run) -> None:
    """A line for each; as JSON with evidence and thresholds."""
    lines = run("rules").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["rule", *CLIENTS]
    (rule,) = (each for each in json.loads(run("rules", "--json").stdout)["rules"] if each["id"] == "AM201")
    assert [option["name"] for option in rule["options"]] == ["poll_interval_s", "fast_polls"]
    assert rule["evidence"][0]["grade"] == "invented"
