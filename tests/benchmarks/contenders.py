"""Who takes part: this server over both stores, and the rungs, which do less and less of its work.

Each is one process under uvicorn with uvloop and httptools, as this server itself is.
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
from benchmarks.processes import ROOT, BenchError, Running, ask, free_port, running

MEMORY, FILE = "memory", "file"
RAW, STARLETTE, FASTAPI, HELLO, DISCARD = "raw", "starlette", "fastapi", "hello", "discard"

TITLES = {
    MEMORY: "Audience Mock, in memory",
    FILE: "Audience Mock, file with WAL",
    RAW: "raw ASGI",
    STARLETTE: "Starlette, JSON",
    FASTAPI: "FastAPI, same models, no store",
    HELLO: "FastAPI and SQLModel, hello",
    DISCARD: "raw ASGI, body thrown away",
}


@dataclass(frozen=True, eq=False)
class Contender:
    """`command` gets a free port, a folder of its own and the number of audiences that shall be there."""

    name: str
    command: Callable[[int, Path, int], list[str]]
    calls: Mapping[str, Request]
    ready: Request
    variables: Mapping[str, str] = field(default_factory=dict)
    fill: Callable[[int, int], None] | None = None
    """For who takes its audiences over HTTP: port and number."""
    files: tuple[Path, ...] = ()
    """Where its program lies, for starts from a cold file cache."""

    @contextlib.contextmanager
    def running(self, folder: Path, audiences: int = 1) -> Iterator[Running]:
        """Started fresh, with `audiences` in its store."""
        own = folder / self.name
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        port = free_port()
        command = self.command(port, own, audiences)
        with running(
            self.name, command, port=port, ready=self.ready, folder=own, variables=self.variables
        ) as server:
            if self.fill is not None:
                self.fill(port, audiences)
            yield server

    def check(self, port: int, work: str) -> None:
        """A contender that refuses the work would be fast at it. Raises BenchError."""
        status, body = ask(port, self.calls[work])
        if not 200 <= status < 300 or not body:
            raise BenchError(f"{self.name} answers {status} to the work {work!r}: {body[:200]!r}")


def ours(
    name: str, folder: Path, *, seed: bool = True, database: str | None = None, more: tuple[str, ...] = ()
) -> Contender:
    """This server; without a `seed` it starts empty, `database` is one that is there already."""

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
    return Contender(name, command, exchanges.OURS, ready, files=_python_files())


def rung(name: str, module: str, calls: Mapping[str, Request], *, answers: Path | None = None) -> Contender:
    def command(port: int, own: Path, audiences: int) -> list[str]:
        return [
            *(sys.executable, "-m", "uvicorn", f"benchmarks.rungs.{module}:app", "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--lifespan", "off"),
            *("--no-access-log", "--log-level", "warning"),
        ]

    ready = calls[exchanges.GET] if exchanges.GET in calls else Request("GET", "/")
    variables = {} if answers is None else {"BENCH_ANSWERS": str(answers)}
    return Contender(name, command, calls, ready, variables, files=_python_files())


def rungs(answers: Path) -> list[Contender]:
    """Those of the load; they answer what this server answered, as `record` wrote it into `answers`."""
    return [
        rung(RAW, "raw", exchanges.OURS, answers=answers),
        rung(STARLETTE, "starlette_json", exchanges.OURS, answers=answers),
        rung(FASTAPI, "fastapi_models", exchanges.OURS, answers=answers),
    ]


def hello() -> Contender:
    return rung(HELLO, "hello", {})


def discard() -> Contender:
    return rung(DISCARD, "discard", {})


def record(folder: Path) -> Path:
    """Ask this server once for each work and write what it answers, for the rungs to answer the same."""
    server = ours(MEMORY, folder)
    recorded = {}
    # A page of 25 is the same bytes out of 26 as out of 10,000.
    with server.running(folder, exchanges.PAGE_SIZE + 1) as here:
        for work, request in exchanges.OURS.items():
            server.check(here.port, work)
            status, body = ask(here.port, request)
            form = request.headers.get("Content-Type", "").startswith("multipart/")
            recorded[work] = {
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
    """The interpreter, its library, what is installed, and this project."""
    library = sysconfig.get_paths()
    roots = {Path(library[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    outermost = sorted(root for root in roots if not roots & set(root.parents))
    return (Path(sys.executable).resolve(), *outermost, ROOT / "app", ROOT / "tests/benchmarks/rungs")
