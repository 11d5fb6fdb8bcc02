"""/metrics: Prometheus asks there for what the server counted. The control API's access rules hold."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audience_mock.control import access
from audience_mock.control.errors import error_response
from audience_mock.web.request import MockRequest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsRoute(Route):
    def __init__(self, path: str, text: Callable[[], Awaitable[bytes]], allowed: access.Access) -> None:
        async def metrics(request: Request) -> Response:
            try:
                access.check(request, allowed)
            except (access.AccessDeniedError, access.AdminTokenError, access.ControlDisabledError) as error:
                return error_response(MockRequest(request.scope, request.receive), error)
            return Response(await text(), media_type=CONTENT_TYPE)

        super().__init__(path, metrics)
