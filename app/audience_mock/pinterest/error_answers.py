"""How operations describe what they answer when they refuse."""

from typing import Any

from audience_mock.pinterest.errors import Error
from audience_mock.transport import bodies


def error_answer(description: str, code: int, message: str, **more: Any) -> dict[str, Any]:
    example = {"code": code, "message": message, **more}
    return {
        "model": Error,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


READ_ERRORS: dict[int | str, dict[str, Any]] = {
    400: error_answer("A parameter that does not fit", 1, "Parameter 'page_size' was not numeric (was 3e)"),
    401: error_answer("No token", 2, "Authentication failed.", status="failure"),
}
WRITE_ERRORS = READ_ERRORS | {
    400: error_answer("A value that does not fit", 1, "Invalid request: 'name' is a required property"),
    413: error_answer(
        "A body over 1 MiB", 1, f"Invalid request: body is larger than {bodies.MAX_BODY_BYTES} bytes"
    ),
    415: error_answer(
        "A body that is not JSON", 1, "Invalid request: text/plain is not served, only application/json"
    ),
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: error_answer("No such audience in the ad account", 4, "Sorry! We could not find your audience."),
}
