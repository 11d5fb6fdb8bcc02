"""Where the APIs are mounted, and how a request finds the one of its path, and the route in that."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock.web.context import route_path

if TYPE_CHECKING:
    from audience_mock.web.provider_app import ProviderApp

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods that operations have. A HEAD is answered as a GET, OPTIONS where no route takes it."""


class ProviderMount(Mount):
    """Mounts an API at a base path, for the requests whose path begins with one of these segments."""

    def __init__(self, base_path: str, app: ASGIApp, segments: Iterable[str], *, name: str) -> None:
        super().__init__(base_path, app=app, name=name)
        self._segments = frozenset(segments)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        path = route_path(scope)
        # `//v5/…` is what a base URL with a slash at its end makes; the API that is meant answers it.
        if path.lstrip("/").partition("/")[0] not in self._segments:
            return Match.NONE, {}
        root = scope["root_path"]
        return Match.FULL, {"root_path": root + self.path, "app_root_path": root, "endpoint": self.app}


def mounts_of(app: "ProviderApp", served: ASGIApp | None = None) -> list[BaseRoute]:
    """The mounts of an API, one for each base path; `served` is what they lead to, if not the API itself."""
    by_base: dict[str, list[str]] = {}
    for segment, base_path in app.provider.mounts.items():
        by_base.setdefault(base_path, []).append(segment)
    return [
        ProviderMount(base_path, served or app, segments, name=app.provider.name)
        for base_path, segments in by_base.items()
    ]


class RouteIndex:
    """Finds the route of a request without the application's exception handlers, exit stack and router.

    For routes that need none of these: a mounted API has its own, a `MockRoute` answers its own errors. The
    application's router has the same routes; through it a request takes a fifth longer.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = {
            method: [route for route in routes if method in (getattr(route, "methods", None) or METHODS)]
            for method in METHODS
        }

    def find(self, scope: Scope) -> BaseRoute | None:
        """The route, if there is one; its parameters are in the scope then."""
        for route in self._routes.get(scope.get("method", ""), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                scope.update(child_scope)
                return route
        return None


class MountShortcut:
    """Middleware of the root application: passes a request directly to the API mounted for its path."""

    def __init__(self, app: ASGIApp, *, mounts: Sequence[BaseRoute]) -> None:
        self.app = app
        self._index = RouteIndex(mounts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        mount = self._index.find(scope)
        if mount is None:
            await self.app(scope, receive, send)
        else:
            await mount.handle(scope, receive, send)
