"""/, /__admin/health and /openapi/{name}.json: what is asked for before anything else."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock import __version__
from audience_mock.core.audiences import queries as audiences
from audience_mock.core.worlds.world import World
from audience_mock.web.response import RawResponse

HEALTH = "/__admin/health"
PREFIXES = ("", "__admin", "openapi")

_HEAD = b"content-type: application/json\r\ncontent-length: %d\r\naccess-control-allow-origin: *\r\n%b"

Describe = Callable[[], dict[str, Any]]


def pages_app(descriptions: Mapping[str, Describe], control: ASGIApp) -> ASGIApp:
    """`descriptions` gives, by name, what each API serves; a page asks for it only when it is shown.
    `control` gets what is /__admin and not health."""
    pages = {f"/openapi/{name}.json": describe for name, describe in descriptions.items()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        world: World = scope["world"]
        path = scope["path"].removeprefix(scope["root_path"])
        status, body, more = 200, b"", b""
        if path == "/":
            body = to_json(_index(pages))
        elif path == HEALTH:
            body = to_json(await health(world))
        elif path in pages:
            body = to_json(pages[path]())
        elif path.startswith("/__admin"):
            await control(scope, receive, send)
            return
        else:
            status = 404
            body = to_json({"error": f"{path} is not a page of Audience Mock", "pages": _pages(pages)})
        if status == 200 and scope["method"] not in ("GET", "HEAD"):
            status, more = 405, b"allow: GET, HEAD\r\n"
            body = to_json({"error": f"{path} answers to GET only"})
        await RawResponse(status, body, _HEAD % (len(body), more))(scope, receive, send)

    return app


async def health(world: World) -> dict[str, Any]:
    """Open to anyone, who may be a probe from another machine."""
    return {"status": "ready", "version": __version__, "audiences": await world.read(audiences.count)}


def _index(pages: Mapping[str, Describe]) -> dict[str, Any]:
    return {
        "name": "Audience Mock",
        "version": __version__,
        "pinterest": "/v5/ad_accounts/{ad_account_id}/audiences, with Authorization: Bearer <any token>",
        "pitchtarget": "/custom_audiences, with Authorization: OAuth <any token>",
        "control": "/__admin/…, described in /openapi/control.json",
        "pages": _pages(pages),
    }


def _pages(pages: Mapping[str, Describe]) -> list[str]:
    return ["/", HEALTH, *pages]
