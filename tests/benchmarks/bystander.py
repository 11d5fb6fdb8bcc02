"""Another client, in a process of its own: one GET every few milliseconds until its input is closed, and
then how many there were and how long the longest took, as a line of JSON.

    python -m benchmarks.bystander PORT PATH AUTHORIZATION
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
    print("asking", flush=True)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": authorization})
        answer = connection.getresponse()
        answer.read()
        waits_ms.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            sys.exit(f"a bystander was answered {answer.status}")
    connection.close()
    print(json.dumps({"requests": len(waits_ms), "longest_ms": max(waits_ms, default=0.0)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
