"""`audience-mock contract-diff`: the calls of a real command under two versions."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from audience_mock.providers import registry
from helpers.accounts import AD_ACCOUNT
from helpers.environment import environment_without
from helpers.waiting import PATIENT_HTTPX
from helpers.warm_process import WarmProcess

PINTEREST, PITCHTARGET = "pinterest", "pitchtarget"
LIMIT_S = 60
"""Seconds that anything may take; reached only where something is broken."""

A = f"/ad_accounts/{AD_ACCOUNT}"
RULE = {"visitor_source_id": "2612523499806"}
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": RULE}
CUSTOM = {"name": "Partner's", "rule": RULE, "sharing_type": "CUSTOM", "data_party": "1p"}

CLIENT = """\
import json, os, re, sys, urllib.error, urllib.request
answers = []
def fill(text):
    return re.sub(r"@(\\d+)\\.(\\w+)", lambda m: answers[int(m[1])].get(m[2]) or "0", text)
for method, path, body, *headers in json.loads(fill_from):
    api = "PITCHTARGET" if path.startswith("//") else "PINTEREST"
    base = os.environ[f"AUDIENCE_MOCK_{api}_URL"]
    own = {name: fill(value) for given in headers for name, value in given.items()}
    headers = {"Authorization": "Bearer pina_test", "Content-Type": "application/json", **own}
    content = None if body is None else fill(body if isinstance(body, str) else json.dumps(body)).encode()
    url = base + fill(path.removeprefix("/" if path.startswith("//") else ""))
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content, headers, method=method)) as answer:
            read = answer.read()
    except urllib.error.HTTPError as error:
        read = error.read()
    try:
        answers.append(json.loads(read))
    except ValueError:
        answers.append({})
    if not isinstance(answers[-1], dict):
        answers[-1] = {}
"""
"""Makes calls, `[method, path, body, headers]`; `@0.id` is the id that call 0 was answered."""

Call = Sequence[Any]


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.out)
        return report

    def differences(self, operation: str) -> dict[str, dict[str, Any]]:
        """By place."""
        (found,) = (each for each in self.report["operations"] if each["operation"] == operation)
        return {difference["place"]: difference for difference in found["differences"]}


Diff = Callable[..., Ran]


@pytest.fixture
def diff(tmp_path: Path) -> Iterator[Diff]:
    """Runs `audience-mock contract-diff` in an empty folder."""
    with ExitStack() as held:

        def run(*arguments: str, **variables: str) -> Ran:
            out, err = (tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}" for name in ("out", "err"))
            env = environment_without("PINTEREST_", "PYTHONDONTWRITEBYTECODE", **variables)
            process = WarmProcess(["contract-diff", *arguments], folder=tmp_path, env=env, out=out, err=err)
            held.callback(process.kill)
            return Ran(process.wait(LIMIT_S), out.read_text(), err.read_text())

        yield run


def calling(*calls: Call) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", CLIENT.replace("fill_from", repr(json.dumps(calls)), 1))


def test_a_new_field(diff: Diff) -> None:
    """A field that 5.28 added is shown with its call, its value and its evidence; the exit status is 1."""
    ran = diff(
        "5.23", "5.28", *calling(("POST", f"{A}/audiences", VISITORS), ("GET", f"{A}/audiences", None))
    )
    assert ran.status == 1, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "pinterest 5.23 -> 5.28: 2 of 2 calls answered otherwise"
    at = lines.index("audiences/create")
    assert lines[at + 1 : at + 4] == [
        "  body $.is_nca: added: false",
        f"    call 1: POST /v5{A}/audiences",
        "    since 5.28: responses have is_nca, and is_ctv_enabled in lists of audiences"
        " (recorded: production, July 2026)",
    ]


def test_no_difference(diff: Diff) -> None:
    """Where both versions answer alike to the byte, the exit status is 0, and the table shows the calls."""
    calls = [
        ("POST", f"{A}/customer_lists", {"name": "Buyers", "records": "a@example.com"}),
        ("GET", "/ad_accounts", None),
    ]
    ran = diff("5.18", "5.28", *calling(*calls))
    assert ran.status == 0, ran.out
    assert [line.split() for line in ran.out.splitlines()[-2:]] == [
        ["customer_lists/create", "1", "0", "0", "0", "0"],
        ["ad_accounts/list", "1", "0", "0", "0", "0"],
    ]


def test_what_follows_from_a_difference(diff: Diff) -> None:
    """An audience that one version alone makes: calls that name it say from which call their difference
    follows, the ids of the others are not shifted by it, and the second run is shown to go another way."""
    calls = [
        ("POST", f"{A}/audiences/custom", CUSTOM),
        ("POST", f"{A}/audiences", VISITORS),
        ("GET", f"{A}/audiences/@0.id", None),
        ("GET", f"{A}/audiences/@1.id", None),
    ]
    ran = diff("--json", "5.18", "5.23", *calling(*calls))
    assert ran.status == 1, ran.err
    report = ran.report
    assert report["different"] == [1, 3]
    made = ran.differences("audiences/create_custom")
    assert (made["status"]["first"]["before"], made["status"]["first"]["after"]) == (201, 404)
    assert [fact["fact"] for fact in made["status"]["facts"]] == ["only 5.18 has this operation"]
    assert ran.differences("audiences/get")["status"]["follows_from"] == 1
    (divergence,) = report["divergences"]
    assert (divergence["alike"], divergence["first_left"], divergence["second_left"]) == (2, 2, 2)
    assert divergence["second"]["path"] == f"/v5{A}/audiences/0"


def test_same_times_ids_and_tokens(diff: Diff) -> None:
    """A strict server issues other tokens in the replay; the calls with them are answered as in the run, and
    no time, id, token or header of one request is a difference."""
    basic = {"Authorization": "Basic YXBwOnNlY3JldA==", "Content-Type": "application/x-www-form-urlencoded"}
    bearer = {"Authorization": "Bearer @0.access_token"}
    calls = [
        ("POST", "/oauth/token", "grant_type=client_credentials&scope=ads:read,ads:write", basic),
        ("GET", f"{A}/audiences", None, bearer),
        ("POST", f"{A}/customer_lists", {"name": "Buyers", "records": "a@example.com"}, bearer),
        ("GET", f"{A}/customer_lists/@2.id", None, bearer),
    ]
    ran = diff("--json", "--auth-mode", "strict", "--once", "5.18", "5.23", *calling(*calls))
    assert ran.status == 0, ran.out
    assert [run["version"] for run in ran.report["runs"]] == ["5.18"]
    statuses = {each["operation"]: each["calls"] for each in ran.report["operations"]}
    assert statuses == {
        "oauth/token": 1,
        "audiences/list": 1,
        "customer_lists/create": 1,
        "customer_lists/get": 1,
    }
    assert ran.report["replayed_otherwise"] == []


def test_worlds_of_tests(diff: Diff, tmp_path: Path) -> None:
    """A run of pytest has a world for each test, with a seed and a clock of its own and a name that is new in
    each run: its calls are replayed there, and both runs are aligned."""
    (tmp_path / "test_sync.py").write_text(
        "import json, urllib.request\n"
        "import pytest\n"
        "@pytest.mark.audience_mock(frozen='2026-03-01T00:00:00Z', seed={'audiences': [{'api': 'pinterest',\n"
        f"    'account': '{AD_ACCOUNT}', 'id': '7', 'kind': 'PERSONA', 'name': 'P',\n"
        "    'status': 'ELIGIBLE'}]})\n"
        "@pytest.mark.parametrize('days', [1, 2])\n"
        "def test_status(audience_mock, days):\n"
        "    audience_mock.clock.advance(days * 86400)\n"
        f"    url = audience_mock.urls.pinterest + '{A}/audiences/7'\n"
        "    request = urllib.request.Request(url, headers={'Authorization': 'Bearer pina_test'})\n"
        "    assert json.load(urllib.request.urlopen(request))['status'] == 'READY'\n"
    )
    command = ("--", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_sync.py")
    ran = diff("--json", "5.23", "newest", *command)
    assert ran.status == 1, ran.err
    report = ran.report
    assert [(run["version"], run["exit_status"]) for run in report["runs"]] == [("5.23", 0), ("5.28", 1)]
    assert report["divergences"] == []
    assert report["replayed_otherwise"] == []
    status = ran.differences("audiences/get")["body $.status"]
    assert (status["calls"], status["first"]["before"], status["first"]["after"]) == (
        [1, 2],
        "READY",
        "ELIGIBLE",
    )


EVERY_CHANGE: Sequence[Call] = (
    ("POST", f"{A}/audiences/custom", CUSTOM),
    ("POST", f"{A}/audiences", VISITORS),
    ("GET", f"{A}/audiences?exclude_nca=perhaps", None),
    ("GET", f"{A}/audiences", None),
    ("GET", f"{A}/audiences/{'9' * 19}", None),
    ("PATCH", f"{A}/audiences/@1.id", {"audience_type": "NONE"}),
    ("GET", "/businesses/549755885100/audiences", None),
    ("POST", f"{A}/customer_lists", {"name": "V2", "records_v2": [{"email": "a@example.com"}]}),
    ("POST", f"{A}/customer_lists", {"name": "New", "records": "a@example.com", "is_nca": "perhaps"}),
    ("POST", f"{A}/customer_lists", {"name": "Old", "records": "a@example.com"}),
    ("POST", f"{A}/customer_lists/@9.id/uploads", {"operation": "ADD", "total_parts": 1}),
    (
        "POST",
        f"{A}/audiences",
        {
            "name": "E",
            "audience_type": "ENGAGEMENT",
            "rule": {"engager_type": 1, "objective_type": ["SALES"]},
        },
    ),
    ("POST", f"{A}/audiences", {**VISITORS, "rule": {"visitor_source_id": ["2612523499806", "7"]}}),
    ("GET", f"{A}/audiences", None),
    (
        "POST",
        f"{A}/audiences",
        {
            "name": "L",
            "audience_type": "ACTALIKE",
            "rule": {"seed_id": [2542623499807], "country": "US", "percentage": 3},
        },
    ),
    ("POST", f"{A}/audiences", {"name": "P", "audience_type": "ENGAGEMENT", "rule": {"pin_id": ["pin-1"]}}),
    ("POST", "/ad_accounts", {"name": "N", "country": "DE", "time_zone": "Europe/Berlin"}),
    ("POST", f"{A}/customer_segments", {"name": "S", "audience_ids": ["@1.id"]}),
    (
        "POST",
        f"{A}/ad_groups/audience_sizing",
        {"keywords": [{"value": "shoes", "match_type": None}], "targeting_spec": {"GEO_EXCLUDE": 3}},
    ),
    ("POST", f"{A}/ad_groups/audience_sizing", {"keywords": [{"value": "shoes", "match_type": None}]}),
)
"""Calls that meet each change of Pinterest's API in lenient validation."""

BY_SCHEMA: Sequence[Call] = (
    ("POST", f"{A}/audiences", {"name": "All the same"}),
    (
        *("POST", f"{A}/audiences"),
        {
            "name": "L",
            "audience_type": "ACTALIKE",
            "rule": {"seed_id": ["2542623499806"], "country": "US", "percentage": "many"},
        },
    ),
    (
        *("POST", "/oauth/token", "grant_type=authorization_code"),
        {"Authorization": "Basic YXBwOnNlY3JldA==", "Content-Type": "application/x-www-form-urlencoded"},
    ),
)
"""Calls that meet the changes of the schemas, with pinterest_validation=schema."""

SEED = {
    "audiences": [
        {
            "api": "pinterest",
            "account": AD_ACCOUNT,
            "id": "7",
            "kind": "LOOKALIKE",
            "name": "Like them",
            "status": "PERSONAS_INITIALIZING",
        },
        {
            "api": "pinterest",
            "account": AD_ACCOUNT,
            "id": "8",
            "kind": "VISITOR",
            "name": "Two sources",
            "definition": {"visitor_source_id": ["2612523499806", "2612523499807"], "seed_id": ["5"]},
        },
    ],
    "shares": [
        {"api": "pinterest", "audience": "7", "recipient_kind": "business", "recipient": "549755885100"}
    ],
}


def test_each_change_is_met_and_explained(diff: Diff, tmp_path: Path) -> None:
    """Calls that meet every documented change between 5.18 and 5.28: no difference is without a fact or a
    call that it follows from, and no fact is without a difference."""
    (tmp_path / "seed.json").write_text(json.dumps(SEED))
    runs = [
        diff("--json", "--once", "--seed", "seed.json", "5.18", "5.28", *calling(*EVERY_CHANGE)),
        diff("--json", "--once", "--pinterest-validation", "schema", "5.23", "default", *calling(*BY_SCHEMA)),
    ]
    assert _unexplained(runs) == []
    assert _facts_of(PINTEREST) - _facts_in(runs) == set()


def _differences(runs: Sequence[Ran]) -> Iterator[tuple[str, dict[str, Any]]]:
    for ran in runs:
        for operation in ran.report["operations"]:
            for difference in operation["differences"]:
                yield operation["operation"], difference


def _unexplained(runs: Sequence[Ran]) -> list[Any]:
    return [
        (operation, difference["place"], difference["first"])
        for operation, difference in _differences(runs)
        if not difference["facts"] and difference["follows_from"] is None
    ]


def _facts_in(runs: Sequence[Ran]) -> set[str]:
    return {fact["fact"] for _, difference in _differences(runs) for fact in difference["facts"]}


def _facts_of(api: str) -> set[str]:
    (provider,) = (each for each in registry.providers() if each.name == api)
    assert provider.versions is not None
    return {change.what for change in provider.versions().changes()}


def test_dates_of_pitchtarget(diff: Diff) -> None:
    """Dates of PitchTarget's documentation are versions too: the shapes of reads, the status of a delete, a
    header and the create of a pixel differ, each with its evidence; ids and times do not."""
    form = {"Authorization": "OAuth test", "Content-Type": "application/x-www-form-urlencoded"}
    look = {
        "fb_ad_account_id": "2",
        "name": "A <b>",
        "origin_audience_id": 6006164557194,
        "type": "lookalike",
        "lookalike_spec": {"type": "similarity", "country": "US"},
    }
    oauth = {"Authorization": "OAuth test"}
    calls = [
        ("POST", "//custom_audiences", look, oauth),
        ("GET", "//custom_audiences/@0.id", None, oauth),
        ("GET", "//custom_audiences?fb_ad_account_id=2", None, oauth),
        ("DELETE", "//custom_audiences/@0.id", None, oauth),
        ("POST", "//offsitepixels", "fb_ad_account_id=2&name=%3CP%3E&tag=LEAD", form),
    ]
    runs = [
        diff(
            "--json",
            "--once",
            "2014-04",
            to,
            *calling(*calls, ("GET", "//offsitepixels?fb_ad_account_id=2", None)),
        )
        for to in ("default", "2014-04-15")
    ]
    assert runs[0].report["to"] == "2014-05-12"
    assert [(ran.status, ran.report["api"]) for ran in runs] == [(1, "pitchtarget")] * 2, runs[0].err
    deleted = runs[0].differences("custom_audiences/delete")["status"]
    assert (deleted["first"]["before"], deleted["first"]["after"]) == (200, 204)
    assert _unexplained(runs) == []
    assert _facts_of(PITCHTARGET) - _facts_in(runs) == set()


def test_uploads_and_faults(diff: Diff, tmp_path: Path) -> None:
    """A file of two megabytes, a part of an upload, planned faults and a list read while others wait are
    replayed as they were answered; a connection that a fault breaks has no answer in either."""
    (tmp_path / "client.py").write_text(
        f"import os\n{PATIENT_HTTPX}"
        "control, base = os.environ['AUDIENCE_MOCK_CONTROL_URL'], os.environ['AUDIENCE_MOCK_PINTEREST_URL']\n"
        "root, account = os.environ['AUDIENCE_MOCK_PITCHTARGET_URL'], '/ad_accounts/549755885175'\n"
        "users = '\\n'.join('%064x' % number for number in range(32_000)).encode()\n"
        "form = {'fb_ad_account_id': '2', 'name': 'Many', 'user_type': 'email_hash'}\n"
        "httpx.post(f'{root}/custom_audiences', data=form, files={'file': ('u.txt', users)},\n"
        "    headers={'Authorization': 'OAuth test'}).raise_for_status()\n"
        "api = httpx.Client(base_url=base + account, headers={'Authorization': 'Bearer pina_test'})\n"
        "made = api.post('/customer_lists', json={'name': 'L', 'records': 'a@example.com'}).json()\n"
        "uploads = '/customer_lists/' + made['id'] + '/uploads'\n"
        "upload = api.post(uploads, json={'operation': 'ADD', 'total_parts': 1})\n"
        "part = upload.json()['s3_multipart_upload_data']['file_parts'][0]['presigned_url']\n"
        "httpx.put(part, content=b'b@example.com').raise_for_status()\n"
        "for fault in ({'status': 500, 'first': 1}, {'reset': 'before', 'skip': 1}):\n"
        "    httpx.post(f'{control}/faults', json={'operation': 'audiences/list', **fault})\n"
        "assert api.get('/audiences').status_code == 500\n"
        "try:\n"
        "    api.get('/audiences')\n"
        "except httpx.HTTPError:\n"
        "    pass\n"
    )
    ran = diff("--json", "5.18", "5.23", "--", sys.executable, "client.py")
    assert ran.status == 0, (ran.out, ran.err)
    report = ran.report
    assert [run["exit_status"] for run in report["runs"]] == [0, 0]
    assert (report["calls"], report["replayed_otherwise"], report["divergences"]) == (6, [], [])


def test_a_world_with_a_version_of_its_own(diff: Diff) -> None:
    """The calls in a world that sets the version itself are named: it is the same in both runs."""
    code = (
        "import os, urllib.request as u\n"
        "url = os.environ['AUDIENCE_MOCK_URL']\n"
        'body = b\'{"settings": {"pinterest_contract": "5.18"}}\'\n'
        "json = {'Content-Type': 'application/json'}\n"
        "u.urlopen(u.Request(url + '/__admin/worlds/old', body, json, method='PUT'))\n"
        "u.urlopen(u.Request(url + '/worlds/old/v5/ad_accounts', headers={'Authorization': 'Bearer x'}))\n"
    )
    ran = diff("--json", "5.23", "5.28", "--", sys.executable, "-c", code)
    assert (ran.status, ran.report["own_setting"]) == (0, [1]), ran.err


def test_a_signal_ends_the_comparison(tmp_path: Path) -> None:
    """A signal reaches the command, and the second run does not start; the exit status names the signal."""
    out, err, began = (tmp_path / name for name in ("out", "err", "began"))
    code = f"import time; open({str(began)!r}, 'a').write('x'); time.sleep({LIMIT_S})"
    process = WarmProcess(
        ["contract-diff", "5.23", "5.28", "--", sys.executable, "-c", code],
        folder=tmp_path,
        env=environment_without("PINTEREST_", "PYTHONDONTWRITEBYTECODE"),
        out=out,
        err=err,
    )
    try:
        end = time.monotonic() + LIMIT_S
        while not began.exists() or not began.read_text():
            assert time.monotonic() < end, err.read_text()
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 128 + signal.SIGTERM
    finally:
        process.kill()
    assert (began.read_text(), out.read_text()) == ("x", "")


def test_junit(diff: Diff, tmp_path: Path) -> None:
    """The JUnit file has a test case for each operation, and those that are answered otherwise fail."""
    calls = calling(("POST", f"{A}/audiences", VISITORS), ("GET", "/ad_accounts", None))
    diff("--once", "--junit", "report.xml", "5.23", "5.28", *calls)
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = {case.get("name"): [each.get("message") for each in case] for case in suite}
    assert failed == {
        "audiences/create": ["1 of 1 call answered otherwise"],
        "ad_accounts/list": [],
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("5.18", "5.28", "--", "true"), "true called neither API under 5.18"),
        (("5.18", "6.0", "--", "true"), "5.18 and 6.0 are not versions of one API"),
        (("5.18", "2014-05", "--", "true"), "are not versions of one API"),
        (("--pinterest-contract", "5.18", "5.23", "5.28", "--", "true"), "FROM and TO say it"),
        (("--seed", "missing.json", "5.23", "5.28", "--", "true"), "missing.json"),
        (("5.23", "5.28", "--", "no-such-command"), "not found"),
        (("--junit", "-", "5.23", "5.28", "--", "true"), "give the name of a file"),
        (("5.23", "5.28"), "give either -- COMMAND or --bundle FILE"),
        (("5.23", "5.28", "--bundle", "b.json", "--", "true"), "give either -- COMMAND or --bundle FILE"),
        (("5.23", "5.28", "--bundle", "b.json", "--seed", "demo"), "--seed is for COMMAND"),
        (("5.23", "5.28", "--bundle", "b.json", "--once"), "--once is for COMMAND"),
        (("5.23", "5.28", "--bundle", "missing.json"), "missing.json: No such file"),
    ],
)
def test_what_cannot_be_compared(diff: Diff, arguments: tuple[str, ...], why: str) -> None:
    """Versions that are unknown or of two APIs, and a command that makes no call or does not start, are no
    comparison: one line says why, and the exit status is neither 0 nor 1."""
    ran = diff(*arguments)
    assert ran.status not in (0, 1)
    assert ran.out == ""
    assert why in ran.err


def a_bundle(**changes: Any) -> dict[str, Any]:
    """Of a world in which a fault that delays was planned, and a list was read."""
    at, now = 1_790_000_000.5, {"now": 1_790_000_000, "frozen": False}
    fault = {"operation": "audiences/list", "latency_ms": 1}
    headers = [["authorization", "Bearer pina_secret-1"]]
    read = {"method": "GET", "path": f"/v5{A}/audiences", "headers": headers, "body": ""}
    step = {"number": 7, "at": at, "operation": "audiences/list", "fault": None, "not_replayable": None}
    answer = {"status": 200, "headers": [], "body": '{"items":[],"bookmark":null}'}
    return {
        "format": 1,
        "versions": {},
        "world": "shop",
        "settings": {"pinterest_contract": "5.23"},
        "clock": now,
        "start": {},
        "steps": [
            {"at": at, "change": {"method": "POST", "path": "/faults", "body": fault}},
            {**step, "request": read, "answer": answer},
        ],
        "missing": {"dropped": 0, "after_limit": False},
        **changes,
    }


def test_a_bundle(diff: Diff, tmp_path: Path) -> None:
    """The calls of a bundle are compared without a server or a wait, whatever settings the environment has;
    the JUnit report has them, too."""
    bundle = a_bundle()
    bundle["steps"][0]["change"]["body"]["latency_ms"] = 10 * LIMIT_S * 1000
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    ran = diff(
        *("--json", "--junit", "report.xml", "--bundle", "b.json", "5.23", "5.28"),
        AUDIENCE_MOCK_SEED="demo",
        AUDIENCE_MOCK_PINTEREST_CONTRACT="5.18",
        OTEL_TRACES_EXPORTER="console",
    )
    assert (ran.status, ran.err) == (0, "")
    report = ran.report
    assert [report[name] for name in ("world", "calls", "different", "replayed_otherwise")] == [
        "shop",
        1,
        [],
        [],
    ]
    assert [each.get("name") for each in ElementTree.parse(tmp_path / "report.xml").getroot()] == [
        "audiences/list"
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 2}, "it is no bundle of this version"),
        ({"steps": [1]}, "it is no bundle: steps.0"),
        ({"settings": {"database": "sqlite:///other.db"}}, "settings.database"),
        ({"settings": {"of_tomorrow": 1}}, "settings.of_tomorrow"),
        ({"start": {"audiences": [{}]}}, "audiences"),
        ({"missing": {"dropped": 3, "after_limit": False}}, "had dropped its first 3 requests"),
    ],
)
def test_a_bundle_that_cannot_be_played(diff: Diff, tmp_path: Path, changes: Any, why: str) -> None:
    """A file that is no bundle, or one that another version cannot play, is rejected in a line."""
    (tmp_path / "b.json").write_text(json.dumps(a_bundle(**changes)))
    ran = diff("--bundle", "b.json", "5.23", "5.28")
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert ran.err.startswith("audience-mock: b.json: ")
    assert why in ran.err
