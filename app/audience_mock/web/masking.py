"""Secrets in what the request journal, the log and the planned faults show: only their first characters stay.

Secrets are recognised by their names (`secret_names`). What has no such name, as a password within a
sentence, is shown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus

from audience_mock.web.secret_names import REQUEST_SECRETS, SecretNames

MIN_ECHO_CHARACTERS = 6
"""A shorter secret is not looked for in a response. Chosen: a word of an error message can be as short."""

MAX_KEPT_NAME = 100
"""Characters of a name whose answer is kept: names come from clients, and a longer one is rare."""

_PARTS_OF_NAMES = (
    *("token", "secret", "passw", "pass", "pwd", "key", "signature", "credential", "assertion", "verifier"),
    *("cookie", "session", "jwt", "auth", "bearer", "sig", "otp", "code", "://", "basic"),
)
"""Each match in a text has one of them. Few texts do, and searching for all the names is slow."""

_SECRET_HEADER = re.compile(
    r"authorization|authentication|cookie|token|secret|passw|pwd|(?:api|access|private|auth|subscription|functions)[-_]?key"
    r"|signature|assertion|credential|session|jwt|(?:^|[-_])auth(?:$|[-_])",
    re.IGNORECASE,
)
_SHOWN_HEADER = re.compile(
    r"access-control-.*|(?:www|proxy)-authenticate|prefer|x-audience-mock-.*", re.IGNORECASE
)
"""Headers that hold no secret, whatever their name or text: `Prefer: code=200`."""
_SCHEME = re.compile(
    r"(bearer|basic|oauth|digest|token|apikey|negotiate|ntlm|aws4-hmac-sha256)( +)(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""Authentication schemes: those of IANA that are in use, and a few that are not registered."""
_COOKIE_ATTRIBUTES = frozenset(
    {"path", "domain", "expires", "max-age", "samesite", "secure", "httponly", "partitioned", "priority"}
)


def hide(secret: str) -> str:
    """Its first characters, which show its kind: a prefix (`pina_`), or four characters of a long one."""
    prefix, underscore, _ = secret[:6].partition("_")
    if underscore and len(secret) > 6 and (len(secret) >= 16 or prefix in ("pina", "pinc", "pinr", "code")):
        return f"{prefix}_…"
    return f"{secret[:4]}…" if len(secret) >= 16 else "…"


def mask_json(value: Any, secret_names: SecretNames) -> Any:
    """A JSON value with the values of these names hidden, whatever they are: a list of passwords too. Also
    hidden is the `value` beside such a `name`."""
    if isinstance(value, dict):
        named = value.get("name", value.get("key"))
        is_pair = "value" in value and isinstance(named, str) and _is_secret(named, secret_names)
        return {
            name: _hide_all(each, secret_names)
            if _is_secret(name, secret_names) or (is_pair and name == "value")
            else mask_json(each, secret_names)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [mask_json(each, secret_names) for each in value]
    return mask_text(value, secret_names) if isinstance(value, str) else value


def _hide_all(value: Any, secret_names: SecretNames) -> Any:
    """What the name of a secret has. Objects in a list (`tokens` of a seed) have names of their own."""
    if isinstance(value, dict):
        return {name: _hide_all(each, secret_names) for name, each in value.items()}
    if isinstance(value, list):
        return [
            mask_json(each, secret_names) if isinstance(each, dict) else _hide_all(each, secret_names)
            for each in value
        ]
    if value is None or isinstance(value, bool) or value == "":
        return value
    return hide(str(value))


def mask_text(text: str, secret_names: SecretNames = REQUEST_SECRETS) -> str:
    """Text with what follows the name of a secret hidden."""
    lower = text.lower()
    # A generator expression would take five times as long.
    for part in _PARTS_OF_NAMES:
        if part in lower:
            return secret_names.text.sub(_hide_found, text)
    return text


def _hide_found(found: re.Match[str]) -> str:
    before, secret = (part for part in found.groups() if part is not None)
    if before == "://":
        return "://…"
    if secret.startswith(("[", "{")):
        return f"{before}{secret[0]}…"
    opening = re.match(r"""\\*["']""", secret)
    if opening:
        return f"{before}{opening[0]}{hide(secret[opening.end() :])}"
    return before + (hide(secret) if secret else "")


def mask_subset(subset: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a request, as faults match it, with its secrets hidden."""
    return {
        name: {each: mask_header(each, str(value)) for each, value in given.items()}
        if name == "headers" and isinstance(given, dict)
        else mask_json(given, REQUEST_SECRETS)
        for name, given in subset.items()
    }


def mask_query(query: str) -> str:
    """A query string with the values of secret parameters hidden."""
    return "&".join(map(_mask_parameter, query.split("&"))) if query else query


def mask_header(name: str, value: str) -> str:
    """The value of a header, hidden if the header is a secret. Its scheme (`Bearer`) stays, and the names and
    attributes of cookies."""
    if _SHOWN_HEADER.fullmatch(name):
        return value
    if not _SECRET_HEADER.search(name):
        return mask_text(value)
    if "cookie" in name.lower():
        return ";".join(map(_mask_cookie, value.split(";")))
    found = _SCHEME.fullmatch(value)
    return f"{found[1]}{found[2]}{hide(found[3].strip())}" if found else hide(value)


def header_secrets(name: str, value: str) -> Iterator[str]:
    """What `mask_header` hides in a header."""
    if mask_header(name, value) == value:
        return
    if "cookie" in name.lower():
        for pair in value.split(";"):
            yield pair.partition("=")[2].strip()
    else:
        found = _SCHEME.fullmatch(value)
        yield found[3].strip() if found else value


def _mask_cookie(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if name.strip().lower() in _COOKIE_ATTRIBUTES:
        return pair
    return f"{name}={hide(value)}" if equals else f" {hide(name.strip())}"


def masked_values(value: Any, masked: Any) -> Iterator[str]:
    """The secrets in a JSON value: where `masked`, made from it, differs."""
    return (str(secret) for secret, _ in masked_pairs(value, masked))


def masked_pairs(value: Any, masked: Any) -> Iterator[tuple[Any, Any]]:
    """The parts of a JSON value that differ in `masked`, made from it; each with what stands there."""
    if isinstance(value, dict) and isinstance(masked, dict):
        for name, each in value.items():
            yield from masked_pairs(each, masked[name])
    elif isinstance(value, list) and isinstance(masked, list):
        for each, other in zip(value, masked, strict=True):
            yield from masked_pairs(each, other)
    elif value != masked:
        yield value, masked


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


def _is_secret(name: str, secret_names: SecretNames) -> bool:
    """Whether a name is that of a secret, or a part of it in brackets: `user[password]`, `access_token[]`."""
    look = _is_secret_name if len(name) <= MAX_KEPT_NAME else _is_secret_name.__wrapped__
    return look(name, secret_names)


@lru_cache(maxsize=512)
def _is_secret_name(name: str, secret_names: SecretNames) -> bool:
    return any(
        secret_names.key.fullmatch(_with_breaks(part)) is not None
        for part in re.split(r"[\[\].]", name)
        if part
    )


def _with_breaks(name: str) -> str:
    """`authCode` as `auth_Code`: a word begins where letters become capital."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def _mask_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if _is_secret(unquote_plus(name), REQUEST_SECRETS):
        return f"{name}={hide(unquote_plus(value))}"
    text = unquote_plus(value)
    masked = mask_text(text)
    return parameter if masked == text else f"{name}{equals}{quote(masked, safe='…')}"
