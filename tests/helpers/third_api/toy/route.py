"""Authentication and errors."""

from pydantic_core import to_json

from audience_mock.core.errors import NotFoundError
from audience_mock.web.errors import InjectedError, InvalidInputError, NoRouteError, NotAuthenticatedError
from audience_mock.web.evidence import chosen
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.route import MockRoute

OURS = chosen("a toy")


def respond(request: MockRequest, status: int, value: object) -> RawResponse:
    body = to_json(value)
    return RawResponse(
        status, body, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    )


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    match error:
        case NotAuthenticatedError():
            status = 401
        case NotFoundError() | NoRouteError():
            status = 404
        case InvalidInputError():
            status = 400
        case InjectedError():
            status = error.status
        case _:
            status = 500
    return respond(request, status, {"toy_error": status})


class ToyRoute(MockRoute):
    def authorize(self, request: MockRequest) -> None:
        if request.header(b"x-toy-key") is None:
            raise NotAuthenticatedError

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        return error_response(request, error)
