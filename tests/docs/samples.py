"""Runs the samples of a document from top to bottom and compares what they print with what it shows.

    python tests/docs/samples.py --url http://127.0.0.1:8000

runs those of the README against a fresh server, with the standard library alone: this is how a wheel is
tested in an empty environment. The tests run all documents, see `test_samples.py`.

What a fenced block does depends on its language and its title (```sh title="…"):

- `sh` runs under `bash -euo pipefail` in one folder for the whole page. A `json` or `text` block right behind
  it is what it has to print.
- `sh` of the one line `audience-mock serve …` starts the server that the rest of the page talks to.
- `sh` with a title does not run here; `test_samples.py` has a test for each such title.
- `python` without a title runs by itself.
- Any other block with a file name as its title is written to that file, further blocks of the name behind it.
- A title with a slash is a file of this repository, and the block has to be a part of it.
"""

import argparse
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from os import environ, pathsep
from pathlib import Path

TOP = Path(__file__).parents[2]
README = TOP / "README.md"
SERVER_URL = "http://127.0.0.1:8000"
"""The server of a page, as the documents write it."""
OWN_PORT = "8123"
"""The port of samples that start a server of their own; a free one takes its place."""
LIMIT_S = 120
"""Seconds that a sample may take, on a busy machine."""

_FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>\w+)(?: title="(?P<title>[^"\n]+)")?\n(?P<code>.*?)^(?P=indent)```$',
    re.DOTALL | re.MULTILINE,
)
_SERVE = re.compile(r"audience-mock serve(?P<flags>(?: [^&|;\n]+)?)\n")
_TIMES = (
    (re.compile(r'((?:_timestamp|_time)":)\d{10}'), r"\g<1>0"),
    (re.compile(r'("(?:at|now)":")[^"]+"'), r'\g<1>"'),
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    title: str | None
    code: str
    line: int


@dataclass(frozen=True)
class Sample:
    """A block, and the output that the document shows for it."""

    block: Block
    shown: str | None

    @property
    def serve_flags(self) -> list[str] | None:
        """The flags of a block that starts the page's server."""
        found = _SERVE.fullmatch(self.block.code)
        return shlex.split(found["flags"]) if found and self.block.language == "sh" else None


def blocks(text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        indent = len(found["indent"])
        code = "".join(
            line[indent:] if line.strip() else "\n" for line in found["code"].splitlines(keepends=True)
        )
        yield Block(found["language"], found["title"], code, text.count("\n", 0, found.start()) + 1)


def samples(text: str) -> Iterator[Sample]:
    every = list(blocks(text))
    for block, following in zip(every, [*every[1:], None], strict=True):
        printed = following is not None and following.language in ("json", "text") and following.title is None
        is_output = printed and block.language == "sh" and block.title is None
        yield Sample(block, following.code if following and is_output else None)


StartServer = Callable[[list[str]], str]
"""Starts a server with the flags of a `serve` sample and returns its URL."""


def run(document: Path, start: StartServer, programs: Path | None = None) -> int:
    """Run each sample of a document; returns how many there were. Programs in the folder `programs` take the
    place of others of their names. Raises AssertionError where one fails."""
    with tempfile.TemporaryDirectory() as folder:
        page = _Page(document.relative_to(TOP), Path(folder), start, programs)
        return sum(page.take(sample) for sample in samples(document.read_text()))


class _Page:
    """A document on its way from top to bottom: its folder, and the server that it talks to."""

    def __init__(self, name: Path, folder: Path, start: StartServer, programs: Path | None) -> None:
        self._name, self._folder, self._start = name, folder, start
        # The commands are those beside the interpreter that runs the samples.
        self._programs = [str(each) for each in (programs, Path(sys.executable).parent) if each is not None]
        self._url: str | None = None
        self._own_port = _free_port()

    def take(self, sample: Sample) -> bool:
        """Do what the block is for; returns whether it is a sample that ran or was compared."""
        block = sample.block
        place = f"{self._name}:{block.line}"
        if (flags := sample.serve_flags) is not None:
            self._url = self._start([self._placed(flag) for flag in flags])
            assert sample.shown in (None, f"Audience Mock is ready at {SERVER_URL}\n"), place
            return True
        if block.title is not None and "/" in block.title:
            assert block.code in (TOP / block.title).read_text(), f"{place} is not in {block.title}"
            return True
        if block.title is not None and block.language == "sh":
            return False
        if block.title is None and block.language not in ("sh", "python"):
            return False
        assert self._url or SERVER_URL not in block.code, (
            f"{place} calls a server that the page does not start"
        )
        code = block.code.replace(SERVER_URL, self._url or "").replace(OWN_PORT, self._own_port)
        if block.title is not None:
            with (self._folder / block.title).open("a") as file:
                file.write(code if not file.tell() else "\n\n" + code)
            return True
        if _needs_what_is_missing(code):
            return False
        done = _run(block.language, code, self._folder, self._url, self._programs)
        assert done.returncode == 0, f"{place} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        if sample.shown is not None:
            printed = done.stdout.replace(self._url or SERVER_URL, SERVER_URL)
            assert timeless(printed) == timeless(sample.shown), f"{place} prints\n{printed}"
        return True

    def _placed(self, flag: str) -> str:
        """A file that the page wrote, by its whole path: the server runs elsewhere."""
        file = self._folder / flag
        return str(file) if file.is_file() else flag


def _run(
    language: str, code: str, folder: Path, url: str | None, programs: list[str]
) -> subprocess.CompletedProcess[str]:
    path = pathsep.join([*programs, environ["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else ["python", "-c"]
    command[0] = shutil.which(command[0], path=path) or command[0]
    # Nothing that would change a server or measure it. pytest loads our plugin alone, which is quicker.
    left_out = ("AUDIENCE_MOCK_", "COVERAGE_", "COV_CORE_", "PYTEST_")
    kept = {name: value for name, value in environ.items() if not name.startswith(left_out)}
    # The commands call the server at SERVER_URL by default: the page's.
    server = {"AUDIENCE_MOCK_URL": url} if url is not None and "audience-mock " in code else {}
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "audience_mock.pytest_plugin"}
    return subprocess.run(
        [*command, code],
        cwd=folder,
        env={**kept, **plugins, **server, "PATH": path},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def _needs_what_is_missing(code: str) -> bool:
    """Whether a sample runs pytest or Node.js, which a user of the mock need not have."""
    tool = code.partition(" ")[0]
    return (tool == "pytest" and not find_spec("pytest")) or (tool == "node" and not shutil.which("node"))


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def timeless(output: str) -> str:
    """Without times of day, which no document can know."""
    for pattern, replacement in _TIMES:
        output = pattern.sub(replacement, output)
    return output.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the samples of the README against a server.")
    parser.add_argument("--url", required=True, help="a fresh server with the default settings")
    given: str = parser.parse_args().url
    print(f"{run(README, lambda flags: given)} samples of the README pass")
