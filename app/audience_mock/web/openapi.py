"""What a route declares beyond FastAPI's own parameters, and the description made from it.

Everything about an operation stands on its route: `operation()` makes its `openapi_extra` (evidence,
security, API versions, bodies that the handler reads by itself), `response()` an entry of its `responses`
(example, links).
"""

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter, ValidationError
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.routing import BaseRoute

from audience_mock.web.evidence import ANSWERS, ERRORS, KEY, Evidence

if TYPE_CHECKING:
    from audience_mock.web.provider_app import Provider
    from audience_mock.web.route import MockRoute

BODIES = "x-bodies"
"""In `openapi_extra`: models by content type. The route takes it out; FastAPI would not know it."""
API_VERSIONS = "x-api-versions"

Security = Sequence[Mapping[str, Sequence[str]]]
"""OpenAPI's security requirements: one of them suffices; each names schemes with the scopes needed."""
Links = Mapping[str, Mapping[str, Any]]
"""OpenAPI's links by name: what may be asked next with what a response holds."""


def operation(
    *evidence: Evidence,
    security: Security | None = None,
    bodies: Mapping[str, Any] | None = None,
    api_versions: Sequence[str] | None = None,
    parameters: Sequence[Mapping[str, Any]] = (),
    servers: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, Evidence] | None = None,
) -> dict[str, Any]:
    """The `openapi_extra` of a route.

    `evidence` is what the operation rests on, then the rules of its responses. `bodies` are the models, by
    content type, of what the handler reads by itself. `api_versions` are the only ones that have the
    operation. `parameters` are those that no signature shows; `servers` are base URLs, if not those of the
    whole description. `headers` are what is known of those that differ from other operations'.
    """
    extra: dict[str, Any] = {KEY: [each.as_dict() for each in evidence]} if evidence else {}
    if security is not None:
        extra["security"] = [dict(requirement) for requirement in security]
    if bodies is not None:
        extra[BODIES] = dict(bodies)
    if api_versions is not None:
        extra[API_VERSIONS] = list(api_versions)
    if parameters:
        extra["parameters"] = [dict(parameter) for parameter in parameters]
    if headers is not None:
        extra[ANSWERS] = {name: known.as_dict() for name, known in headers.items()}
    if servers:
        extra["servers"] = [dict(server) for server in servers]
    return extra


def response(
    example: Any = None, *, links: Links | None = None, description: str | None = None, model: Any = None
) -> dict[str, Any]:
    """An entry of a route's `responses`, the successful one too."""
    described: dict[str, Any] = {}
    if model is not None:
        described["model"] = model
    if description is not None:
        described["description"] = description
    if example is not None:
        described["content"] = {"application/json": {"example": example}}
    if links:
        described["links"] = {name: dict(link) for name, link in links.items()}
    return described


def link(operation: str, body: Mapping[str, Any] | None = None, /, **parameters: str) -> dict[str, Any]:
    """A link to an operation, with a part of its body and its parameters: OpenAPI's runtime expressions, or
    constants."""
    to: dict[str, Any] = {"operationId": operation}
    if parameters:
        to["parameters"] = parameters
    return to if body is None else to | {"requestBody": body}


class Operation(NamedTuple):
    """An operation where it is served: its path may have the prefix of a router that includes its own."""

    path: str
    methods: Collection[str]
    route: "MockRoute"


def describe(
    provider: "Provider", routes: Sequence[BaseRoute], operations: Iterable[Operation]
) -> dict[str, Any]:
    """The OpenAPI description of an API: FastAPI's, of all routes, and what only this server's routes say."""
    with warnings.catch_warnings():
        # FastAPI silences this where it names a body that has no name; models that are built when they are
        # first needed are built after that.
        warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
        schema = get_openapi(
            title=provider.title,
            version=provider.version,
            description=provider.description,
            routes=routes,
            servers=[dict(server) for server in provider.servers],
        )
    schema.setdefault("components", {})["securitySchemes"] = dict(provider.security_schemes)
    if provider.default_security is not None:
        schema["security"] = [dict(requirement) for requirement in provider.default_security]
    for path, methods, route in operations:
        for method in methods if route.include_in_schema else ():
            described = schema["paths"][path][method.lower()]
            _add_bodies(schema, described, route.bodies)
            if route.accepts_bare_bodies and "requestBody" in described:
                described["requestBody"]["required"] = not _accepts_nothing(route)
            if "requestBody" in described:
                _add_errors(described, provider.body_errors)
            _restore_examples(described, route)
            security = provider.default_security if route.security is None else route.security
            _add_caller_errors(described, security or (), provider)
    if provider.errors is not None:
        schema[ANSWERS] = {name: known.as_dict() for name, known in provider.response_evidence.items()}
        schema[ERRORS] = [error.as_dict() for error in provider.errors()]
    return _without_fastapis_own_422(schema)


def _add_bodies(schema: dict[str, Any], operation: dict[str, Any], bodies: Mapping[str, Any]) -> None:
    content = {}
    for content_type, model in bodies.items():
        body = TypeAdapter(model).json_schema(ref_template="#/components/schemas/{model}")
        schema["components"].setdefault("schemas", {}).update(body.pop("$defs", {}))
        content[content_type] = {"schema": body}
    if content:
        operation["requestBody"] = {"required": True, "content": content}


def _accepts_nothing(route: "MockRoute") -> bool:
    """Whether a request without a body, which is read as `{}`, is valid."""
    field = route.body_field
    model: Any = route.bodies["application/json"] if field is None else field.field_info.annotation
    body: TypeAdapter[Any] = TypeAdapter(model)
    try:
        body.validate_python({})
    except ValidationError:
        return False
    return "minProperties" not in body.json_schema()


def _restore_examples(operation: dict[str, Any], route: "MockRoute") -> None:
    """FastAPI leaves the nulls out of an example, and a response has them."""
    for status, response in route.responses.items():
        for content_type, media in response.get("content", {}).items():
            if "example" in media:
                content = operation["responses"][str(status)]["content"]
                content[content_type]["example"] = media["example"]


def _add_caller_errors(operation: dict[str, Any], security: Security, provider: "Provider") -> None:
    """The errors of callers that are not allowed."""
    for scheme in {name for requirement in security for name in requirement}:
        _add_errors(operation, provider.caller_errors.get(scheme, {}))


def _add_errors(operation: dict[str, Any], errors: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """Describe errors by status: a sentence, and an example."""
    for status, (description, example) in errors.items():
        error = {"schema": {"$ref": "#/components/schemas/Error"}, "example": dict(example)}
        operation["responses"].setdefault(
            status, {"description": description, "content": {"application/json": error}}
        )


def _without_fastapis_own_422(schema: dict[str, Any]) -> dict[str, Any]:
    """FastAPI describes its own validation error on every route; no provider answers in that shape."""
    components = schema["components"].get("schemas", {})
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    for operations in schema["paths"].values():
        for operation in operations.values():
            described = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
            if described.get("schema", {}).get("$ref", "").endswith("/HTTPValidationError"):
                del operation["responses"]["422"]
    return schema
