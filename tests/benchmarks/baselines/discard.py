"""A raw ASGI application that reads and discards the body: the upper limit for uploads."""

from typing import Any

_START = {"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"2")]}
_BODY = {"type": "http.response.body", "body": b"{}"}
_READY = {**_START, "status": 200}


async def app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send(_READY if scope["method"] == "GET" else _START)
    await send(_BODY)
