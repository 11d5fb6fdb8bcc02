"""Prints what HTTPie would send for each command line of standard input, run by the Python that has it.

The lines are lists of words, as JSON; so are the answers, of the bytes of each request in Latin-1.
"""

import io
import json
import sys
from typing import Any


def request(words: list[str]) -> str:
    from httpie.context import Environment
    from httpie.core import main

    written: Any = io.TextIOWrapper(io.BytesIO())
    env = Environment(stdin=None, stdout=written, stdout_isatty=False)
    status = main(["http", "--offline", "--print=HB", "--pretty=none", *words], env=env)
    assert status == 0, words
    written.flush()
    return str(written.buffer.getvalue().decode("latin-1"))


if __name__ == "__main__":
    print(json.dumps([request(json.loads(line)) for line in sys.stdin]))
