"""`audience-mock sweep`: what it finds, in whom, and at which call."""

import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner, Result

from audience_mock.cli.main import main
from audience_mock.core.controls.fault_cases import KINDS
from audience_mock.sweep import processes
from audience_mock.sweep.processes import Processes
from audience_mock.sweep.results import SHOWN_BYTES
from audience_mock.testing import MockServer
from helpers.environment import environment_without
from helpers.sync_clients import JOB, NO_RETRY_OF_READ, NO_TIME_OUT, POST_REPEATED
from helpers.waiting import LIMIT_S, until
from helpers.warm_process import WarmProcess

OPERATIONS = ("oauth/token", "audiences/list", "audiences/create", "audiences/get")
"""The calls of the job."""

ONE_CALL = """
import http.client, os, sys
from urllib.parse import urlsplit
base = urlsplit(os.environ["AUDIENCE_MOCK_PINTEREST_URL"])
def get(path="/ad_accounts/549755885175/audiences"):
    link = http.client.HTTPConnection(base.hostname, base.port, timeout=20)
    link.request("GET", base.path + path, headers={"Authorization": "Bearer pina_x"})
    return link.getresponse().status
"""
"""What the other samples begin with."""

CREATE = """
import json
def create(name):
    link = http.client.HTTPConnection(base.hostname, base.port, timeout=20)
    new = {"name": name, "audience_type": "VISITOR", "rule": {"visitor_source_id": "1", "retention_days": 30}}
    headers = {"Authorization": "Bearer pina_x", "Content-Type": "application/json"}
    link.request("POST", base.path + "/ad_accounts/549755885175/audiences", json.dumps(new), headers)
    return link.getresponse().status
"""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("AUDIENCE_MOCK_", "COVERAGE_")):
            monkeypatch.delenv(name)


def program(code: str, *arguments: str) -> list[str]:
    # Without `site`: most of a short program's start.
    return ["--", sys.executable, "-ISc", code, *arguments]


def sweep(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


def swept(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit status, and the report as JSON."""
    done = sweep("--json", *arguments)
    return done.exit_code, json.loads(done.stdout)


def verdicts(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(run["operation"], run["fault"]): run["verdict"] for run in report["runs"]}


def job(mistake: str = "") -> Sequence[str]:
    return ["--slow-s", "0.2", "--limit-s", "15", "--jobs", "8", *program(JOB, mistake)]


def test_a_well_behaved_client_passes_everywhere() -> None:
    """Each kind of fault is tried at each of the job's four calls, and the job gets over every one."""
    status, report = swept(*job())
    assert [call["operation"] for call in report["calls"]] == [*OPERATIONS]
    expected = {(operation, kind) for operation in OPERATIONS for kind in KINDS}
    # It is sent with the secret of an app, not with a token.
    assert verdicts(report) == dict.fromkeys(expected - {("oauth/token", "stale-token")}, "passed")
    assert (status, report["findings"], report["not_run"], report["warnings"]) == (0, 0, [], [])


@pytest.mark.parametrize(
    "kinds", [("500", "truncated"), pytest.param(tuple(KINDS), marks=pytest.mark.ci)], ids=["some", "all"]
)
@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        (NO_RETRY_OF_READ, {("audiences/get", kind): "failed" for kind in KINDS if kind != "slow"}),
        # The effect is there as well when the answer breaks off.
        (POST_REPEATED, {("audiences/create", kind): "duplicated" for kind in ("answer-lost", "truncated")}),
        (NO_TIME_OUT, {(operation, "stalled"): "hung" for operation in OPERATIONS}),
    ],
    ids=["no retry of the read", "the POST is repeated without looking", "no time-out"],
)
def test_a_mistake_is_found_at_its_call(
    mistake: str, found: dict[tuple[str, str], str], kinds: Sequence[str]
) -> None:
    """A job with one mistake fails, duplicates or hangs where it makes it, and passes at all other calls."""
    kinds = ("500", "stalled") if mistake == NO_TIME_OUT and len(kinds) < len(KINDS) else kinds
    found = {case: verdict for case, verdict in found.items() if case[1] in kinds}
    status, report = swept("--faults", ",".join(kinds), *job(mistake))
    found_now = {case: verdict for case, verdict in verdicts(report).items() if verdict != "passed"}
    assert (status, found_now) == (1, found)


def test_the_matrix_and_the_findings_are_printed() -> None:
    """The matrix has a row for each call; each finding says what differs and how to run it again, which does
    the same."""
    done = sweep("--faults", "answer-lost,500", *job(POST_REPEATED))
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert re.fullmatch(r"4 calls in [0-9.]+ s without a fault; 8 cases, 8 runs", lines[0])
    assert [line.split() for line in lines[1:6]] == [
        ["call", "operation", "answer-lost", "500"],
        ["1", "oauth/token", "ok", "ok"],
        ["2", "audiences/list", "ok", "ok"],
        ["3", "audiences/create", "duplicated", "ok"],
        ["4", "audiences/get", "ok", "ok"],
    ]
    assert lines[7].startswith("duplicated: call 3, audiences/create, answer-lost (")
    assert lines[9:11] == ["  audiences, 1 duplicated: 'Buyers'", "  again: --only 3:answer-lost"]
    assert re.fullmatch(r"8 runs in [0-9]+ s: 7 passed, 1 duplicated", lines[-1])
    again = sweep("--only", "3:answer-lost", *job(POST_REPEATED))
    assert again.stdout.splitlines()[-1].startswith("1 run in ")
    assert (again.exit_code, "1 duplicated" in again.stdout) == (1, True)
    allowed = sweep("--only", "3:answer-lost", "--fail-on", "hung,failed", *job(POST_REPEATED))
    assert (allowed.exit_code, "duplicated: call 3" in allowed.stdout) == (0, True)


def test_lost_data_is_found() -> None:
    """A client that goes on after an error and reports success has lost data."""
    code = ONE_CALL + CREATE + "create('A'); create('B')"
    status, report = swept("--faults", "500", *program(code))
    assert status == 1
    assert [(run["call"], run["verdict"]) for run in report["runs"]] == [(1, "lost"), (2, "lost")]
    assert [run["differences"][""]["audiences"]["lost"][0]["name"] for run in report["runs"]] == ["A", "B"]


def test_a_call_that_is_answered_after_the_command_is_waited_for() -> None:
    """A slow call whose client gave up is answered after the command ended: only then is the run judged."""
    patient = (
        "tried = False\n"
        "try:\n"
        "    create('A')\n"
        "except OSError:\n"
        "    tried = True\n"
        "    create('A')"
    )  # fmt: skip
    # Only in the run with the fault, and for its one call: the server may be slow by itself.
    in_a_hurry = "timeout=0.5 if int(os.environ['AUDIENCE_MOCK_SWEEP_RUN']) > 1 and not tried else 20"
    code = ONE_CALL + CREATE.replace("timeout=20", in_a_hurry) + patient
    _, report = swept("--faults", "slow", "--slow-s", "2", *program(code))
    (run,) = report["runs"]
    assert run["verdict"] == "passed"


def test_the_budget_takes_the_likeliest_first() -> None:
    """With --max-runs, writes come before reads and each operation comes once before any comes again; what
    is not made is said."""
    code = ONE_CALL + CREATE + "get(); get(); create('A'); create('B')"
    _, report = swept("--max-runs", "3", "--faults", "500,reset", "--jobs", "1", *program(code))
    made = [(run["call"], run["fault"]) for run in report["runs"]]
    assert sorted(made) == [(1, "reset"), (3, "500"), (3, "reset")]
    assert sorted(report["not_run"]) == ["1:500", "2:500", "2:reset", "4:500", "4:reset"]
    shown = sweep("--max-runs", "3", "--faults", "500,reset", *program(code)).stdout
    assert "; 5 of 8 not made" in shown.splitlines()[-1]


def test_no_run_begins_after_the_time() -> None:
    """With --max-time, no run begins later; those that do not begin are said."""
    code = ONE_CALL + "import time\nget()\ntime.sleep(0.6)"
    status, report = swept("--max-time", "1s", "--faults", "500", *program(code))
    assert (status, report["runs"], report["not_run"]) == (0, [], ["1:500"])


def test_other_calls_than_learned_are_said() -> None:
    """Where a run makes other calls than the first one, its result says at which call, and a fault whose call
    does not come is not reached."""
    code = ONE_CALL + (
        "if int(os.environ['AUDIENCE_MOCK_SWEEP_RUN']) < 2: get('/ad_accounts')\n"
        "get()\n"
    )  # fmt: skip
    status, report = swept("--faults", "500", "--fail-on", "hung", *program(code))
    first, second = report["runs"]
    assert (first["operation"], first["verdict"]) == ("ad_accounts/list", "not reached")
    assert second["operation"] == "audiences/list"
    difference = "other calls than learned: call 1 was audiences/list, learned: ad_accounts/list"
    assert (first["notes"], second["notes"]) == ([difference], [difference])
    assert status == 0


def test_data_that_differs_without_a_fault_is_not_held_against_the_client() -> None:
    """If two runs without a fault leave different data, a warning says so, and data is not compared."""
    code = ONE_CALL + CREATE + "create(os.environ['AUDIENCE_MOCK_SWEEP_RUN'])"
    done = sweep("--faults", "500", *program(code))
    assert (done.exit_code, "leave different data, so data is not compared" in done.stderr) == (0, True)


def test_the_group_of_a_run_is_ended(tmp_path: Path) -> None:
    """What a run has started is ended with it, whether the run hangs or leaves it behind."""
    pids = tmp_path / "pids"
    code = ONE_CALL + (
        "import subprocess, time\n"
        f"child = subprocess.Popen([sys.executable, '-ISc', 'import time; time.sleep({LIMIT_S})'])\n"
        f"print(child.pid, file=open({str(pids)!r}, 'a'))\n"
        "if get() == 500: time.sleep(60)"
    )
    status, report = swept("--faults", "500", "--limit-s", "6", *program(code))
    assert (status, [run["verdict"] for run in report["runs"]]) == (1, ["hung"])
    started = pids.read_text().split()
    assert len(started) == 3
    until(lambda: not any(is_running(pid) for pid in started), "the end of all")


def test_a_command_that_prints_without_end_fills_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output that is kept of a run is cut while the command goes on writing; its end is shown, of whole
    lines or of a line that has no end."""
    monkeypatch.setattr(processes, "KEPT_BYTES", 1 << 20)
    monkeypatch.setattr(processes, "LOOK_S", 0.01)
    code = (
        "import os, time\n"
        f"end = time.monotonic() + {LIMIT_S}\n"
        "os.write(1, b'x' * (3 << 20) + b'\\n')\n"
        "while os.fstat(1).st_size > 1 << 20: assert time.monotonic() < end; time.sleep(0.001)\n"
        "os.write(1, b'y' * 20_000)"
    )
    world: Any = SimpleNamespace(url="http://127.0.0.1:9")
    done = Processes([sys.executable, "-ISc", code], lambda url: {}).run(world, {}, LIMIT_S)
    assert (done.exit_status, done.output) == (0, "y" * SHOWN_BYTES)


def is_running(pid: str) -> bool:
    try:
        # One that has ended may wait for the process that adopted it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_runs_and_reports(tmp_path: Path, signum: signal.Signals) -> None:
    """A signal ends the runs that are under way; what was found is printed, and the status says so."""
    begun = tmp_path / "begun"
    code = ONE_CALL + (
        "import time\n"
        f"if get() == 500: open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep({LIMIT_S})"
    )
    out, err = tmp_path / "out", tmp_path / "err"
    process = WarmProcess(
        ["sweep", "--faults", "500,reset", "--jobs", "2", *program(code)],
        folder=tmp_path,
        env=environment_without(),
        out=out,
        err=err,
        session=True,
    )
    try:
        until(lambda: begun.exists() and begun.read_text() != "", "a run that hangs")
        process.send_signal(signum)
        assert process.wait(LIMIT_S) == 128 + signum
        until(lambda: not is_running(begun.read_text()), "its end")
    finally:
        process.kill()
        process.wait()
    assert (err.read_text(), "not made" in out.read_text()) == ("", True)


def test_a_running_server(mock: MockServer) -> None:
    """With --url, each run has a fork of the world that the URL names; that world stays as it is, and no
    world is left behind."""
    base = mock.in_world("team.base")
    base.configure(build_delay_s=0)
    base.clock.freeze("2026-01-01T00:00:00Z")
    code = ONE_CALL + CREATE + (
        "assert 'team.base.sweep-' in base.path, base.path\n"
        "link = http.client.HTTPConnection(base.hostname, base.port)\n"
        "link.request('GET', urlsplit(os.environ['AUDIENCE_MOCK_CONTROL_URL']).path + '/clock')\n"
        "assert b'2026-01-01' in link.getresponse().read()\n"
        "create('A') == 201 or sys.exit(1)"
    )  # fmt: skip
    status, report = swept("--url", base.url, "--faults", "500,reset", "--match-rate", "0.5", *program(code))
    assert [run["verdict"] for run in report["runs"]] == ["failed", "failed"]
    assert status == 1
    assert base.audiences() == []
    assert mock.control("GET", "/worlds")["worlds"] == ["default", "team.base"]


def test_tests_with_the_fixture_are_swept(tmp_path: Path) -> None:
    """pytest's fixture gives each test a world of its own below that of the run: the fault meets the call of
    one test, and its data is compared in that world."""
    (tmp_path / "test_sync.py").write_text(
        "import json\n"
        "from urllib.request import Request, urlopen\n"
        "def post(mock, name):\n"
        "    new = {'name': name, 'audience_type': 'VISITOR', 'rule': {'visitor_source_id': '1'}}\n"
        "    url = f'{mock.urls.pinterest}/ad_accounts/549755885175/audiences'\n"
        "    headers = {'Authorization': 'Bearer pina_x', 'Content-Type': 'application/json'}\n"
        "    try:\n"
        "        urlopen(Request(url, json.dumps(new).encode(), headers))\n"
        "    except OSError:\n"
        "        urlopen(Request(url, json.dumps(new).encode(), headers))\n"
        "def test_one(audience_mock):\n    post(audience_mock, 'one')\n"
        "def test_two(audience_mock):\n    post(audience_mock, 'two')\n"
    )
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTEST_PLUGINS", "audience_mock.pytest_plugin")
        patch.setenv("PYTEST_ADDOPTS", f"-c {os.devnull} --rootdir {tmp_path}")
        status, report = swept("--only", "2:answer-lost", "--faults", "answer-lost", "--", *pytest_run)
    (run,) = report["runs"]
    assert (status, run["verdict"], run["exit_status"]) == (1, "duplicated", 0)
    ((world, difference),) = run["differences"].items()
    assert world.startswith("test_sync.py-test_two")
    assert difference["audiences"]["counts"] == {"duplicated": 1}


# Reports


def test_junit_xml_and_the_page(tmp_path: Path) -> None:
    """JUnit XML has a test case for each case: a failure for a finding, skipped for what was not run. The
    page has each verdict, needs no other file, and is light or dark as the reader wants it."""
    junit, page = tmp_path / "sweep.xml", tmp_path / "sweep.html"
    code = (
        ONE_CALL
        + "print('<&\\x1b[1m'); [get(), get('/ad_accounts')] == [200, 200] or sys.exit('no <answer>')"
    )
    done = sweep(
        *("--faults", "500", "--max-runs", "1", "--junit-xml", junit, "--html", page), *program(code)
    )
    assert done.exit_code == 1
    suite = Xml.parse(junit).getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "2",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
    }
    names = [(test.get("classname"), test.get("name"), test[0].tag) for test in suite]
    assert names == [
        ("audiences/list", "call 1:500", "failure"),
        ("ad_accounts/list", "call 2:500", "skipped"),
    ]
    assert "no <answer>" in (suite[0].findtext("system-out") or "")
    text = page.read_text(encoding="utf-8")
    seen = Page()
    seen.feed(text)
    assert seen.external == []
    assert (seen.verdicts["#call-1-500"], "call-1-500" in seen.ids) == ("failed", True)
    assert ("prefers-color-scheme: dark" in text, "no &lt;answer&gt;" in text) == (True, True)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.external: list[str] = []
        self.ids: set[str] = set()
        self.verdicts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        for name in ("src", "href"):
            if given.get(name, "#")[:1] != "#":
                self.external.append(given[name])
        if tag == "a":
            self.verdicts[given["href"]] = given["class"]


# What cannot be swept


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (program("pass"), 2, "the command made no call: it finds the server in AUDIENCE_MOCK_URL"),
        (program("raise SystemExit('broken')"), 2, "without a fault (exit status 1):\nbroken"),
        (["--limit-s", "0.2", *program("import time; time.sleep(60)")], 2, "does not end within 0.2 s"),
        (["--", "no-such-command"], 127, "no-such-command: not found"),
        (["--faults", "500,slw", "--", "true"], 2, "--faults: must be some of answer-lost, reset"),
        (["--fail-on", "bad", "--", "true"], 2, "--fail-on: must be some of passed, failed"),
        (["--max-time", "soon", "--", "true"], 2, "must be a duration, such as 90s or 10m"),
        (["--html", "no/such/folder.html", "--", "true"], 2, "no/such/folder.html: no such folder"),
        (["--only", "9:500", *program(ONE_CALL + "get()")], 2, "the command has no such case: 9:500"),
        (["--url", "http://127.0.0.1:9", "--", "true"], 2, "cannot reach http://127.0.0.1:9"),
        (["--url", "http://127.0.0.1:9", "--host", "::", "--", "true"], 2, "--host: a setting of a server"),
        (["--match-rate", "2", "--", "true"], 2, "--match-rate: "),
    ],
)
def test_what_cannot_be_swept_is_said(arguments: Sequence[str], status: int, said: str) -> None:
    """A sweep that cannot be made says why, and its exit status is not that of findings."""
    done = sweep(*arguments)
    assert (done.exit_code, said in done.stderr, done.stdout) == (status, True, ""), done.stderr


def test_a_page_of_a_command_that_is_no_text(tmp_path: Path) -> None:
    """Arguments that are bytes and no text, as a file name may be, are replaced in the page."""
    page = tmp_path / "sweep.html"
    code = f"{ONE_CALL}sys.exit(get() != 200)"
    done = sweep("--faults", "500", "--html", page, *program(code, os.fsdecode(b"\xff<b>")))
    assert done.exit_code == 1
    assert "?&lt;b&gt;" in page.read_text(encoding="utf-8")
    assert done.stdout.splitlines()[0].startswith("1 call in ")
    assert "1 case, 1 run" in done.stdout
