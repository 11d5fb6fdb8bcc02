"""A client in a process of its own that measures latency while the server is busy with another request.

It sends a GET every few milliseconds until its standard input is closed, then prints the number of requests
and the longest response time as a line of JSON.

    python -m benchmarks.latency_probe PORT PATH AUTHORIZATION
"""

import http.client
import json
import select
import sys
import time

EVERY_S = 0.005


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
