"""Files of SHA-256 lines, uploaded by curl: speed against an application that discards the body, growth in
memory, and how long other clients wait meanwhile."""

import json
import random
import shutil
import subprocess
from pathlib import Path

from benchmarks.exchanges import PITCHTARGET_HEADERS, UPLOAD_FIELDS, Request
from benchmarks.latency_probe import probing
from benchmarks.processes import BenchError, ask, memory_bytes
from benchmarks.report import Results
from benchmarks.servers import DISCARD, FILE, MEMORY, Server, discard, ours

LINE_BYTES = 65
MIB = 1 << 20
UPLOADED_WITHIN_S = 600


def name_of(lines: int) -> str:
    return f"upload of {lines:,} lines"


def measure(names: set[str], sizes: list[int], *, folder: Path, cache: Path, rounds: int) -> Results:
    """Uploads each file twice to a new server, whose memory high-water mark is then due to that file
    alone. The first large upload also imports numpy."""
    servers = [
        *([discard()] if DISCARD in names else []),
        *(ours(name, folder, seed=False) for name in (MEMORY, FILE) if name in names),
    ]
    results = Results()
    for lines in sizes:
        users = users_file(lines, cache)
        for _ in range(rounds):
            for server in servers:
                _upload_twice(server, users, folder, results, lines)
            for server in servers:
                if server.name != DISCARD:
                    _upload_beside_probe(server, users, folder, results, lines)
    return results


def users_file(lines: int, cache: Path) -> Path:
    """`lines` distinct hashes, the same in every run, written once."""
    file = cache / f"users-{lines}.csv"
    if file.exists() and file.stat().st_size == lines * LINE_BYTES:
        return file
    chance, left = random.Random(lines), lines
    unfinished = file.with_suffix(".tmp")
    with unfinished.open("wb") as out:
        while left:
            some = min(left, 100_000)
            digits = chance.randbytes(32 * some).hex().encode()
            out.write(b"".join(digits[at : at + 64] + b"\n" for at in range(0, 64 * some, 64)))
            left -= some
    return unfinished.replace(file)


def _upload_twice(server: Server, users: Path, folder: Path, results: Results, lines: int) -> None:
    size_mb = lines * LINE_BYTES / 1e6
    with server.running(folder) as process:
        before = memory_bytes(process.pid, "VmRSS")
        first_s = _curl(process.port, users)
        grown = (memory_bytes(process.pid, "VmHWM") - before) / MIB
        if server.name != DISCARD:
            _check_report(process.port, lines)
        again_s = _curl(process.port, users)
    metrics = {"mb_per_s": size_mb / again_s, "first_mb_per_s": size_mb / first_s, "grown_mib": grown}
    results.add(name_of(lines), server.name, metrics)


def _upload_beside_probe(server: Server, users: Path, folder: Path, results: Results, lines: int) -> None:
    authorization = PITCHTARGET_HEADERS["Authorization"]
    with server.running(folder) as process:
        with probing(process.port, "/custom_audiences?fb_ad_account_id=7", authorization) as waited:
            _curl(process.port, users)
        results.add(name_of(lines), server.name, waited)


def _curl(port: int, users: Path) -> float:
    """Seconds that the upload took. Raises BenchError."""
    curl = shutil.which("curl")
    if curl is None:
        raise BenchError("curl is missing: apt-get install curl")
    form = [part for name, value in UPLOAD_FIELDS.items() for part in ("-F", f"{name}={value}")]
    headers = {**PITCHTARGET_HEADERS, "Expect": ""}
    finished = subprocess.run(
        [
            *(
                curl,
                "--silent",
                "--show-error",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code} %{time_total}",
            ),
            *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}".rstrip(" "))),
            *(*form, "-F", f"file=@{users};type=text/plain", f"http://127.0.0.1:{port}/custom_audiences"),
        ],
        capture_output=True,
        text=True,
        timeout=UPLOADED_WITHIN_S,
        check=False,
    )
    status, _, seconds = finished.stdout.partition(" ")
    if status != "201":
        raise BenchError(f"an upload received status {status}: {finished.stderr.strip()}")
    return float(seconds)


def _check_report(port: int, lines: int) -> None:
    """Raises BenchError unless every line was checked, stored and counted."""
    _, body = ask(port, Request("GET", "/__admin/uploads"))
    (report,) = json.loads(body)["uploads"]
    if (report["lines"], report["distinct"], report["invalid"]) != (lines, lines, 0):
        raise BenchError(f"an upload of {lines} lines was reported as {report}")
