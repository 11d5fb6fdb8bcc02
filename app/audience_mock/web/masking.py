"""Secrets in what the request journal shows: only their first characters stay.

Secrets are recognised by the names that OAuth and the two APIs have for them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

RESPONSE_SECRETS = frozenset(
    {"accesstoken", "refreshtoken", "idtoken", "token", "oauthtoken", "clientsecret"}
)
"""Names in a response, in lower case without separators: `access_token`, `accessToken`."""
REQUEST_SECRETS = RESPONSE_SECRETS | {
    *("code", "codeverifier", "clientassertion", "password", "secret", "apikey")
}
"""Names in a request. In a response, `code` is that of an error."""

MIN_ECHO_CHARACTERS = 6
"""A shorter secret is not looked for in a response. Chosen: a word of an error message can be as short."""

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)

_IN_TEXT = re.compile(
    r"((?:access_?token|refresh_?token|id_?token|oauth_?token|token|client_?secret|secret|code|code_?verifier"
    r'|client_?assertion|password|api_?key)(?:"\s*:\s*"|=))((?:\\.|[^"\\&\s])*)',
    re.IGNORECASE,
)
"""In what is not parsed: truncated or malformed JSON, the address of another page."""
_PARTS_OF_NAMES = ("token", "secret", "code", "assertion", "password", "key")
"""Each name of `_IN_TEXT` has one of them. Few texts do, and searching for all the names is slow."""


def hide(secret: str) -> str:
    """Its first characters, which show its kind: a prefix (`pina_`), or four characters of a long one."""
    prefix, underscore, _ = secret[:6].partition("_")
    if underscore and len(secret) > 6:
        return f"{prefix}_…"
    return f"{secret[:4]}…" if len(secret) >= 16 else "…"


def mask_json(value: Any, secret_names: frozenset[str]) -> Any:
    """A JSON value with the values of these names hidden."""
    if isinstance(value, dict):
        return {
            name: hide(str(each))
            if _is_secret(name, secret_names) and isinstance(each, str | int | float) and each != ""
            else mask_json(each, secret_names)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [mask_json(each, secret_names) for each in value]
    return value


def mask_text(text: str) -> str:
    """Text with what follows the name of a secret hidden."""
    lower = text.lower()
    if not any(part in lower for part in _PARTS_OF_NAMES):
        return text
    return _IN_TEXT.sub(lambda found: found[1] + hide(found[2]), text)


def mask_query(query: str) -> str:
    """A query string with the values of secret parameters hidden."""
    return "&".join(map(_mask_parameter, query.split("&"))) if query else query


def mask_header(name: str, value: str) -> str:
    """The value of a header, hidden if the header is a secret; its scheme (`Bearer`) stays."""
    if not _SECRET_HEADER.search(name):
        return mask_text(value)
    scheme, space, secret = value.partition(" ")
    return f"{scheme} {hide(secret.strip())}" if space else hide(value)


def masked_values(value: Any, masked: Any) -> Iterator[str]:
    """The secrets in a JSON value: where `masked`, made from it, differs."""
    if isinstance(value, dict) and isinstance(masked, dict):
        for name, each in value.items():
            yield from masked_values(each, masked[name])
    elif isinstance(value, list) and isinstance(masked, list):
        for each, other in zip(value, masked, strict=True):
            yield from masked_values(each, other)
    elif value != masked:
        yield str(value)


def mask_echoes(value: Any, secrets: Sequence[str]) -> Any:
    """A JSON value with each of these secrets hidden in its texts: an error may repeat what was sent. Put a
    secret that contains another one first."""
    if isinstance(value, str):
        for secret in secrets:
            if len(secret) >= MIN_ECHO_CHARACTERS and secret in value:
                value = value.replace(secret, hide(secret))
        return value
    if isinstance(value, dict):
        return {name: mask_echoes(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [mask_echoes(each, secrets) for each in value]
    return value


def _is_secret(name: str, secret_names: frozenset[str]) -> bool:
    return name.replace("_", "").replace("-", "").lower() in secret_names


def _mask_parameter(parameter: str) -> str:
    name, _, value = parameter.partition("=")
    if not _is_secret(unquote_plus(name), REQUEST_SECRETS):
        return parameter
    return f"{name}={hide(unquote_plus(value))}"
