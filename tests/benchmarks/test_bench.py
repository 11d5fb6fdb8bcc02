"""The bench itself: it measures what it claims to, and its arithmetic is right. No time is asserted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import helpers.postgres
from benchmarks import lists, load, peers, plot, postgres, report, uploads
from benchmarks.__main__ import main
from benchmarks.exchanges import CREATE, GET, LIST, LOOKALIKE_CREATE, MULTIPART_CREATE, OURS, Request
from benchmarks.processes import BenchError, ask, environment, memory_bytes
from benchmarks.report import Results, Target
from benchmarks.servers import MEMORY, baselines, discard, hello, ours, record
from benchmarks.startup import evict
from benchmarks.targets import targets

LIMIT_S = 60
"""Timeout in seconds of every wait; reached only if something is broken."""

WRK_REPORT = """Running 2s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.10ms    1.20ms  20.50ms   91.00%
Requests/sec:   5000.00
bench {"requests": 10010, "duration_us": 2000000, "p50_us": 6000, "p99_us": 9500, "max_us": 20500, \
"error_statuses": 10, "socket_errors": 2}
"""


reads_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads processes from /proc")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This server's response to each workload."""
    return record(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("name", ["raw", "starlette", "fastapi"])
def test_a_baseline_returns_the_recorded_responses(name: str, answers: Path, tmp_path: Path) -> None:
    """For each workload a baseline returns the status and the bytes that this server returned."""
    recorded = json.loads(answers.read_text())
    (baseline,) = (baseline for baseline in baselines(answers) if baseline.name == name)
    with baseline.running(tmp_path) as process:
        for workload, request in OURS.items():
            status, body = ask(process.port, request)
            assert (status, body.decode()) == (recorded[workload]["status"], recorded[workload]["body"]), (
                workload
            )


def test_workloads_do_what_their_names_say(answers: Path) -> None:
    """One audience is read, a first page of 25 is listed; a visitor audience, a lookalike and one from a
    file are created."""
    recorded = {
        workload: json.loads(answer["body"]) for workload, answer in json.loads(answers.read_text()).items()
    }
    assert recorded[GET]["status"] == "READY"
    assert len(recorded[LIST]["items"]) == 25
    assert recorded[LIST]["bookmark"]
    assert recorded[CREATE]["audience_type"] == "VISITOR"
    assert list(recorded[LOOKALIKE_CREATE]) == ["id"]
    assert recorded[MULTIPART_CREATE]["fb_custom_audience"]["name"] == "Spending users"


@reads_proc
def test_the_smallest_baselines_answer(tmp_path: Path) -> None:
    """The FastAPI and SQLModel hello answers a GET, and the discarding application accepts a body."""
    for baseline, request in (
        (hello(), Request("GET", "/")),
        (discard(), Request("POST", "/", {}, "x" * 100_000)),
    ):
        with baseline.running(tmp_path) as process:
            assert ask(process.port, request)[0] in (200, 201)
            assert memory_bytes(process.pid, "VmRSS") > 1 << 20


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A server that fails to start is reported in one line, with the last line of its standard error."""
    with pytest.raises(BenchError, match=r"^memory did not start \(ended\): .*not a database URL"):
        with ours(MEMORY, tmp_path, seed=False, database="nonsense").running(tmp_path):
            pass


def test_the_report_of_wrk_is_parsed() -> None:
    """The rate counts successful responses only; failed requests are counted separately."""
    assert load.parse(WRK_REPORT) == load.Load(
        requests_per_s=5000, p50_ms=6, p99_ms=9.5, max_ms=20.5, errors=12
    )
    assert load.parse(WRK_REPORT.replace("10010", "10")) is None
    with pytest.raises(BenchError, match="not a report of wrk"):
        load.parse("unable to connect")


def test_medians_ratios_and_targets() -> None:
    """A figure is the median of the rounds, a ratio the median of their ratios; a figure equal to its limit
    reaches the target."""
    results = Results()
    for ours_, other in ((10, 4), (30, 5), (20, 100)):
        results.add("get", "memory", {"requests_per_s": ours_})
        results.add("get", "raw", {"requests_per_s": other})
    assert results.median("get", "memory", "requests_per_s") == 20
    assert results.highest("get", "raw", "requests_per_s") == 100
    assert results.ratio("get", "memory", "raw", "requests_per_s") == 2.5
    assert results.ratio("get", "memory", "prism", "requests_per_s") is None

    def figure(results: Results) -> float | None:
        return results.ratio("get", "memory", "raw", "requests_per_s")

    def missing(results: Results) -> float | None:
        return results.ratio("get", "memory", "prism", "requests_per_s")

    found = report.outcomes(
        results,
        [
            Target("a", figure, at_least=2.5),
            Target("b", figure, at_least=2.6),
            Target("c", figure, at_most=2.5),
            Target("d", figure, at_most=2.4),
            Target("e", missing, at_least=1),
        ],
    )
    assert [(outcome["what"], outcome["reached"]) for outcome in found] == [
        ("a", True),
        ("b", False),
        ("c", True),
        ("d", False),
    ]
    assert "NOT reached" in report.verdicts(found)
    assert "2.50" in report.tables(results, {}, "memory")


def test_each_target_finds_its_figure() -> None:
    """With every metric set, each target has a figure: none depends on a metric that is never measured."""
    results = Results()
    names = (MEMORY, "starlette", "fastapi", "hello", "discard", *peers.NAMES)
    for workload in (*OURS, *(load.name_of(workload, n) for workload in OURS for n in load.CONNECTIONS)):
        for name in names:
            results.add(
                workload, name, dict.fromkeys(("requests_per_s", "p50_ms", "p99_ms", "max_ms", "errors"), 1.0)
            )
    for workload in ("ready, warm file cache", "ready, cold file cache", "idle memory"):
        for name in names:
            results.add(workload, name, {"ready_ms": 1.0, "rss_mib": 1.0})
    for name in names:
        metrics = dict.fromkeys(("mb_per_s", "grown_mib", "others_longest_wait_ms"), 1.0)
        results.add(uploads.name_of(1000), name, metrics)
    for count in (10, 20):
        for page in ("page 1", "page 2"):
            results.add(lists.name_of(count), page, {"p50_ms": 1.0})
    for what in ("one batch", "reset", "fork"):
        results.add("world of 5 audiences", what, {"ms": 1.0})
    asked = targets([1000], [10, 20], 5)
    found = report.outcomes(results, asked)
    assert [outcome["what"] for outcome in found] == [target.what for target in asked]
    drawn = plot.svg(results, {}, "<about>")
    assert drawn.count("<rect") > 4 * 8
    assert "&lt;about&gt;" in drawn


@pytest.mark.ci
def test_one_run_beside_postgresql(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copies and new worlds are measured with all three kinds of database, PostgreSQL's as an operator has
    it, and each target of what was measured has its figure."""
    missing = helpers.postgres.why_missing()
    if missing is not None:
        helpers.postgres.skip_or_fail(missing)
    out = tmp_path / "postgres.json"
    chosen = ["--quick", "--only", postgres.WORLDS, "--only", postgres.MANY_WORLDS, "--out", str(out)]
    assert postgres.main(chosen) == 0
    written = json.loads(out.read_text())
    assert written["about"]["postgresql"]["fsync"] == "on"
    assert written["about"]["postgresql"]["synchronous_commit"] == "on"
    for servers in written["results"].values():
        assert [*servers] == [*postgres.SERVERS]
        assert all(metrics["ms"]["median"] > 0 for metrics in servers.values())
    wanted = [target.what for target in postgres.targets(2_000) if "p50" not in target.what]
    assert [outcome["what"] for outcome in written["targets"]] == wanted
    assert "Audience Mock, PostgreSQL" in capsys.readouterr().out


def test_a_page_deep_in_a_list_is_found(tmp_path: Path) -> None:
    """The generated database has the requested audiences, and following bookmarks reaches the right page."""
    database = lists.database_file(600, tmp_path)
    assert lists.database_file(600, tmp_path) == database
    with ours("file", tmp_path, seed=False, database=f"sqlite:///{database}").running(tmp_path) as process:
        request = lists.page(lists.bookmark_of_page(process.port, 60), lists.PAGE_SIZE)
        status, body = ask(process.port, request)
    assert status == 200
    page = json.loads(body)
    assert [item["name"] for item in page["items"]] == [f"Buyers {at:07d}" for at in range(590, 600)]
    assert page["bookmark"] is None


def test_files_to_upload_are_the_same_in_every_run(tmp_path: Path) -> None:
    """A file has the requested number of distinct lines, and generating it again gives the same bytes."""
    file = uploads.users_file(1000, tmp_path)
    content = file.read_bytes()
    file.unlink()
    assert uploads.users_file(1000, tmp_path).read_bytes() == content
    lines = content.decode().splitlines()
    assert len(set(lines)) == 1000
    assert {len(bytes.fromhex(line)) for line in lines} == {32}


def test_every_file_is_evicted_from_the_cache(tmp_path: Path) -> None:
    """Every file below the roots is visited, and a root may be a file."""
    (tmp_path / "in/here").mkdir(parents=True)
    for name in ("one", "in/two", "in/here/three"):
        (tmp_path / name).write_text("x")
    assert evict((tmp_path / "in", tmp_path / "one", tmp_path / "missing")) == 3


def test_the_locks_name_no_registry() -> None:
    """Packages are pinned by hash and can come from any registry."""
    lock = json.loads((peers.LOCKS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) > 100
    assert all(package["integrity"] and "resolved" not in package for package in packages.values())
    wanted = json.loads((peers.LOCKS / "package.json").read_text())["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert f"\nmoto[dynamodb]=={peers.versions()['moto']} \\\n" in (peers.LOCKS / "moto.lock").read_text()


@pytest.mark.ci
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_one_workload_from_flags_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--only` and `--server` limit what is measured, printed and written."""
    chosen = ["--quick", "--only", GET, "--server", "memory", "--out", str(tmp_path)]
    assert main(chosen) == 0
    written = json.loads((tmp_path / "results.json").read_text())
    assert list(written["results"]) == ["get one, 1 connection", "get one, 32 connections"]
    for servers in written["results"].values():
        assert list(servers) == ["memory"]
        assert all(metrics["requests_per_s"]["median"] > 0 for metrics in servers.values())
        assert all(metrics["errors"]["rounds"] == [0] for metrics in servers.values())
    assert "Audience Mock, in memory" in capsys.readouterr().out
    assert (tmp_path / "results.svg").read_text().startswith("<svg")


@reads_proc
def test_an_interrupted_run_leaves_no_server(tmp_path: Path) -> None:
    """SIGTERM stops the bench and every server that it started, and leaves no files."""
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "startup", "--server", "memory"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path)], env=environment({}), stderr=subprocess.PIPE, text=True
    ) as bench:
        children: set[int] = set()
        end = time.monotonic() + LIMIT_S
        while not children:
            assert time.monotonic() < end, "the bench started no server"
            children = _children(bench.pid)
            time.sleep(0.005)
        bench.send_signal(signal.SIGTERM)
        _, output = bench.communicate(timeout=LIMIT_S)
    assert bench.returncode == 130
    assert output == "bench: interrupted; every server was stopped\n"
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.iterdir())


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(child) for child in (task / "children").read_text().split()}
    except OSError:
        pass
    return found if os.path.exists(f"/proc/{pid}") else set()
