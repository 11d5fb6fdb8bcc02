"""A raw ASGI answer: what no framework can be faster than."""

from typing import Any

from benchmarks.exchanges import OURS
from benchmarks.rungs.recorded import BODIES, PATHS, STATUSES, WITH_FORM, has_form

_ANSWERS = {
    (OURS[work].method, PATHS[work], work in WITH_FORM): (
        {
            "type": "http.response.start",
            "status": STATUSES[work],
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
            ],
        },
        {"type": "http.response.body", "body": body},
    )
    for work, body in BODIES.items()
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    start, body = _ANSWERS[scope["method"], scope["path"], has_form(scope)]
    await send(start)
    await send(body)
