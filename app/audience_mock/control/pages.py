"""/, /__admin/{health,uploads,operations} and /openapi/{name}.json; errors say what to do next."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock import __version__
from audience_mock.core import audiences, uploads
from audience_mock.core.world import World
from audience_mock.transport.answers import Answer

PREFIXES = ("", "__admin", "openapi")

UPLOADS_SHOWN = 100
"""The newest reports; each upload has one."""

Describe = Callable[[], dict[str, Any]]


def control_app(descriptions: Mapping[str, Describe]) -> ASGIApp:
    """`descriptions` gives, by name, what each dialect serves; a page asks for it only when it is shown."""
    pages = {f"/openapi/{name}.json": describe for name, describe in descriptions.items()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        world: World = scope["world"]
        path = scope["path"]
        status, body, more = 200, b"", []
        if path == "/":
            body = to_json(_index(pages))
        elif path == "/__admin/health":
            held = await world.read(audiences.count)
            body = to_json({"status": "ready", "version": __version__, "audiences": held})
        elif path == "/__admin/uploads":
            reports = await world.read(uploads.reports, at_most=UPLOADS_SHOWN)
            body = to_json({"uploads": reports})
        elif path == "/__admin/operations":
            asked = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
            wanted = asked.get("dialect")
            if wanted is None or wanted in descriptions:
                body = to_json(_operations(descriptions, wanted))
            else:
                status = 400
                body = to_json({"error": f"dialect is one of {', '.join(descriptions)}, not {wanted!r}"})
        elif path in pages:
            body = to_json(pages[path]())
        else:
            status = 404
            body = to_json({"error": f"{path} is not a page of Audience Mock", "pages": _pages(pages)})
        if status == 200 and scope["method"] not in ("GET", "HEAD"):
            status, more = 405, [(b"allow", b"GET, HEAD")]
            body = to_json({"error": f"{path} answers to GET only"})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"access-control-allow-origin", b"*"),
            *more,
        ]
        await Answer(status, body, headers)(scope, receive, send)

    return app


def _operations(descriptions: Mapping[str, Describe], dialect: str | None) -> dict[str, Any]:
    """Each operation and what it rests on; of one dialect, or of all."""
    from audience_mock.transport.operations import operations  # noqa: PLC0415 - no start needs it

    wanted = {name: describe() for name, describe in descriptions.items() if dialect in (None, name)}
    return {"operations": operations(wanted)}


def _index(pages: Mapping[str, Describe]) -> dict[str, Any]:
    return {
        "name": "Audience Mock",
        "version": __version__,
        "pinterest": "/v5/ad_accounts/{ad_account_id}/audiences, with Authorization: Bearer <any token>",
        "pitchtarget": "/custom_audiences, with Authorization: OAuth <any token>",
        "pages": _pages(pages),
    }


def _pages(pages: Mapping[str, Describe]) -> list[str]:
    return ["/", "/__admin/health", "/__admin/uploads", *pages, "/__admin/operations"]
