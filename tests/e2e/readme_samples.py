"""Runs the samples of the README against a fresh server and compares what they print with what it shows.

    python tests/e2e/readme_samples.py --url http://127.0.0.1:8000

Shell samples run in order in one empty folder, with the server's URL in place of the README's; one that is
followed by a JSON sample has to print just that. Python samples run as they are.
"""

import argparse
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from os import environ, pathsep
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
README_URL = "http://127.0.0.1:8000"
OWN_PORT = "8123"
"""The port of the sample that starts a server of its own; any free one takes its place."""


def samples(text: str) -> Iterator[tuple[str, str, str | None]]:
    """Language, code, and the output that the README shows for it, if it shows one."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    for (language, code), (next_language, shown) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language in ("sh", "python"):
            yield language, code, shown if language == "sh" and next_language == "json" else None


def run(url: str) -> int:
    """Run every sample; answers how many there were. AssertionError says which one is not true."""
    count = 0
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        own_port = str(probe.getsockname()[1])
        probe.close()
        # The command is the one beside the interpreter that runs the samples.
        environment = {**environ, "PATH": str(Path(sys.executable).parent) + pathsep + environ["PATH"]}
        for language, code, shown in samples(README.read_text()):
            command = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
            done = subprocess.run(
                [*command, code.replace(README_URL, url).replace(OWN_PORT, own_port)],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{code}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"
            if shown is not None:
                assert timeless(done.stdout) == timeless(shown), f"{code}\nprints\n{done.stdout}"
            count += 1
    return count


def timeless(json: str) -> str:
    """Without the times of day, which no README can know."""
    return re.sub(r'(_timestamp":)\d{10}', r"\g<1>0", json).strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="a server that nothing was asked of yet")
    print(f"{run(parser.parse_args().url)} samples of the README are true")
