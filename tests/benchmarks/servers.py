"""The servers that are measured: this one with both kinds of database, and the baselines, which do ever less
of its work.

Each is one process under uvicorn with uvloop and httptools, like this server.
"""

import contextlib
import functools
import json
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import exchanges
from benchmarks.exchanges import Request
from benchmarks.processes import ROOT, BenchError, Running, ask, running
from helpers.ports import free_port

MEMORY, FILE = "memory", "file"
RAW, STARLETTE, FASTAPI, HELLO, DISCARD = "raw", "starlette", "fastapi", "hello", "discard"

TITLES = {
    MEMORY: "Audience Mock, in memory",
    FILE: "Audience Mock, file with WAL",
    RAW: "raw ASGI",
    STARLETTE: "Starlette, JSON",
    FASTAPI: "FastAPI, same models, no database",
    HELLO: "FastAPI and SQLModel, hello",
    DISCARD: "raw ASGI, body discarded",
}


@dataclass(frozen=True, eq=False)
class Server:
    """`command` gets a free port, a folder of its own and the number of audiences to create."""

    name: str
    command: Callable[[int, Path, int], list[str]]
    calls: Mapping[str, Request]
    ready: Request
    variables: Mapping[str, str] = field(default_factory=dict)
    fill: Callable[[int, int], None] | None = None
    """Creates the audiences over HTTP, for a server that has no other way: port and number."""
    files: tuple[Path, ...] = ()
    """The files of its program, for starts from a cold file cache."""

    @contextlib.contextmanager
    def running(self, folder: Path, audiences: int = 1) -> Iterator[Running]:
        """A new process, with `audiences` in its database."""
        own = folder / self.name
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        port = free_port()
        command = self.command(port, own, audiences)
        with running(
            self.name, command, port=port, ready=self.ready, folder=own, variables=self.variables
        ) as process:
            if self.fill is not None:
                self.fill(port, audiences)
            yield process

    def check(self, port: int, workload: str) -> None:
        """Raises BenchError if the server rejects the workload: rejecting is fast."""
        status, body = ask(port, self.calls[workload])
        if not 200 <= status < 300 or not body:
            raise BenchError(f"{self.name} answers {status} to the workload {workload!r}: {body[:200]!r}")


def ours(
    name: str, folder: Path, *, seed: bool = True, database: str | None = None, more: tuple[str, ...] = ()
) -> Server:
    """This server; without a `seed` it starts empty, `database` is an existing one."""

    def command(port: int, own: Path, audiences: int) -> list[str]:
        flags = ["--port", str(port), "--log-level", "warning", *more]
        if database is not None:
            flags += ["--database", database]
        elif name == FILE:
            flags += ["--database", f"sqlite:///{own / 'bench.db'}"]
        if seed:
            flags += ["--seed", str(exchanges.seed_file(audiences, folder))]
        return [sys.executable, "-m", "audience_mock", "serve", *flags]

    ready = Request("GET", f"{exchanges.AUDIENCES}?page_size=1", exchanges.PINTEREST_HEADERS)
    return Server(name, command, exchanges.OURS, ready, files=_python_files())


def baseline(name: str, module: str, calls: Mapping[str, Request], *, answers: Path | None = None) -> Server:
    def command(port: int, own: Path, audiences: int) -> list[str]:
        return [
            *(sys.executable, "-m", "uvicorn", f"benchmarks.baselines.{module}:app", "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--lifespan", "off"),
            *("--no-access-log", "--log-level", "warning"),
        ]

    ready = calls[exchanges.GET] if exchanges.GET in calls else Request("GET", "/")
    variables = {} if answers is None else {"BENCH_ANSWERS": str(answers)}
    return Server(name, command, calls, ready, variables, files=_python_files())


def baselines(answers: Path) -> list[Server]:
    """The baselines under load; they return this server's responses, recorded in the file `answers`."""
    return [
        baseline(RAW, "raw", exchanges.OURS, answers=answers),
        baseline(STARLETTE, "starlette_json", exchanges.OURS, answers=answers),
        baseline(FASTAPI, "fastapi_models", exchanges.OURS, answers=answers),
    ]


def hello() -> Server:
    return baseline(HELLO, "hello", {})


def discard() -> Server:
    return baseline(DISCARD, "discard", {})


def record(folder: Path) -> Path:
    """Sends each workload's request to this server and writes its responses to a file for the baselines."""
    server = ours(MEMORY, folder)
    recorded = {}
    # A page of 25 has the same bytes with 26 audiences as with 10,000.
    with server.running(folder, exchanges.PAGE_SIZE + 1) as process:
        for workload, request in exchanges.OURS.items():
            server.check(process.port, workload)
            status, body = ask(process.port, request)
            form = request.headers.get("Content-Type", "").startswith("multipart/")
            recorded[workload] = {
                "path": request.path,
                "form": form,
                "status": status,
                "body": body.decode(),
            }
    file = folder / "answers.json"
    file.write_text(json.dumps(recorded, indent=1))
    return file


@functools.cache
def _python_files() -> tuple[Path, ...]:
    """The interpreter, its library, installed packages, and this project."""
    library = sysconfig.get_paths()
    roots = {Path(library[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    outermost = sorted(root for root in roots if not roots & set(root.parents))
    return (Path(sys.executable).resolve(), *outermost, ROOT / "app", ROOT / "tests/benchmarks/baselines")
