"""A client in a process of its own that measures latency while the server is busy with another request.

It sends a GET every few milliseconds until its standard input is closed, then prints the number of requests
and the longest response time as a line of JSON.

    python -m benchmarks.latency_probe PORT PATH AUTHORIZATION
"""

import http.client
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import BenchError, environment

EVERY_S = 0.005
ENDS_WITHIN_S = 60


@contextmanager
def probing(port: int, path: str, authorization: str) -> Iterator[dict[str, float]]:
    """Runs it beside the block; afterwards what is yielded has its figures. Raises BenchError."""
    command = [sys.executable, "-m", "benchmarks.latency_probe", str(port), path, authorization]
    figures: dict[str, float] = {}
    with subprocess.Popen(
        command, env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as probe:
        try:
            assert probe.stdout is not None
            probe.stdout.readline()
            yield figures
            output, _ = probe.communicate(timeout=ENDS_WITHIN_S)
        finally:
            probe.kill()
    if probe.returncode != 0:
        raise BenchError("the latency probe failed")
    waited = json.loads(output)
    figures["others_longest_wait_ms"] = waited["longest_ms"]
    figures["others_requests"] = waited["requests"]


def main(port: int, path: str, authorization: str) -> None:
    waits_ms: list[float] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    print("started", flush=True)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": authorization})
        answer = connection.getresponse()
        answer.read()
        waits_ms.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            sys.exit(f"the latency probe received status {answer.status}")
    connection.close()
    print(json.dumps({"requests": len(waits_ms), "longest_ms": max(waits_ms, default=0.0)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
