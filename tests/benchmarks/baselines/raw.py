"""A raw ASGI response: the upper limit for any framework."""

from typing import Any

from benchmarks.baselines.recorded import BODIES, PATHS, STATUSES, WITH_FORM, has_form
from benchmarks.exchanges import OURS

_ANSWERS = {
    (OURS[workload].method, PATHS[workload], workload in WITH_FORM): (
        {
            "type": "http.response.start",
            "status": STATUSES[workload],
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
            ],
        },
        {"type": "http.response.body", "body": body},
    )
    for workload, body in BODIES.items()
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    start, body = _ANSWERS[scope["method"], scope["path"], has_form(scope)]
    await send(start)
    await send(body)
