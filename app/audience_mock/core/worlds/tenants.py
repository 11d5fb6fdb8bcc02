"""The tenants of a server, from a file in TOML that is read again while the server runs.

A tenant owns the worlds whose names begin with its own: `team-a` owns `team-a` and `team-a.green`. The file
has digests of tokens and never a token, so a person who reads it cannot use one.
"""

import logging
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audience_mock.core import durations
from audience_mock.core.apis import ApiName
from audience_mock.core.counting import counted
from audience_mock.core.errors import InvalidTenantsError
from audience_mock.core.validation_errors import Problem, problems
from audience_mock.core.worlds.names import tenant_of

log = logging.getLogger("audience_mock")

MAX_FILE_BYTES = 1 << 20
"""Chosen: thousands of tenants; a device given by mistake is not read to its end."""

DIGEST_PREFIX = "sha256:"
_OF_TOKENS = ("admin_tokens", "read_only_tokens", "client_tokens")

Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
TenantName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
_Count = Annotated[int, Field(ge=0)]


class _Table(BaseModel):
    """A table of the file: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Quotas(_Table):
    """How much of each there may be at a time; None is no limit."""

    worlds: _Count | None = None
    bytes: _Count | None = None
    """Of databases, snapshots and journals, together."""
    audiences: _Count | None = None
    lists: _Count | None = None
    uploads: _Count | None = None
    """That were created and not run."""
    tokens: _Count | None = None
    requests: _Count | None = None
    """Under way."""
    bytes_in_flight: _Count | None = None
    """Of the bodies of requests under way."""
    stalls: _Count | None = None
    """Requests that faults delay or stall."""


class _Limits(_Table):
    quotas: Quotas = Quotas()
    world_ttl: str | None = Field(default=None, pattern=durations.PATTERN)


class Tenant(_Limits):
    """What the file says of a tenant."""

    admin_tokens: list[Digest] = []
    read_only_tokens: list[Digest] = []
    client_tokens: dict[ApiName, list[Digest]] = {}
    """By API. An API that is missing here accepts the tokens that it accepts anyway."""


class _Server(_Table):
    quotas: Quotas = Quotas()


class _File(_Table):
    server: _Server = _Server()
    """Limits of all tenants together."""
    defaults: _Limits = _Limits()
    """Limits of each tenant, where its own table does not say otherwise."""
    tenants: dict[TenantName, Tenant] = {}


class TokenHolder(NamedTuple):
    """Whose token it is, and whether it may change something."""

    tenant: str
    may_change: bool


@dataclass(frozen=True)
class _Read:
    """The file as it was read last."""

    file: _File
    holders: dict[str, TokenHolder]
    client_tokens: dict[str, dict[str, frozenset[str]]]
    """By tenant and API."""
    quotas: dict[str, Quotas]
    """By tenant, those of the defaults among them."""


def digest_of(token: str) -> str:
    """How a token is written in the file. It needs no salt: a token is random, and not a password."""
    return DIGEST_PREFIX + sha256(token.encode()).hexdigest()


class Tenants:
    """The tenants of a file; iterating gives their names. Raises InvalidTenantsError."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._read = _read(file)
        self.when_reloaded: list[Callable[[], object]] = []

    def __iter__(self) -> Iterator[str]:
        return iter(self._read.file.tenants)

    def __contains__(self, name: object) -> bool:
        return name in self._read.file.tenants

    def __len__(self) -> int:
        return len(self._read.file.tenants)

    def reload(self) -> None:
        """Read the file again; a broken one is not used, and the log says so."""
        try:
            self._read = _read(self._path)
        except InvalidTenantsError as error:
            log.warning("%s; the tenants before stay valid", error)
            return
        for tell in self.when_reloaded:
            tell()
        log.info("%s was read again: %s", self._path, counted(len(self), "tenant"))

    def holder_of(self, token: str) -> TokenHolder | None:
        """Whose token for the control API it is. It is looked up by its digest, so the time that this takes
        tells nothing of the tokens that there are."""
        return self._read.holders.get(digest_of(token))

    def client_tokens(self, world: str, api: str) -> frozenset[str] | None:
        """The digests of the tokens that an API takes in a world; None if its tenant has none of its own."""
        return self._read.client_tokens.get(tenant_of(world), {}).get(api)

    @property
    def server_quotas(self) -> Quotas:
        return self._read.file.server.quotas

    def quotas(self, tenant: str) -> Quotas:
        """The quotas of a tenant, in the file or not."""
        return self._read.quotas.get(tenant, self._read.file.defaults.quotas)

    def world_ttl_s(self, tenant: str) -> int | None:
        """Seconds after its last use that a world of a tenant is deleted, if the file says so."""
        given = self._read.file.tenants.get(tenant)
        ttl = (given.world_ttl if given else None) or self._read.file.defaults.world_ttl
        return None if ttl is None else durations.seconds(ttl)


def check_file(path: Path) -> tuple[int, list[str]]:
    """The number of tenants in a file, and what is wrong with it, each as FILE:LINE: FIELD: WHY."""
    try:
        text, given = _load(path)
    except InvalidTenantsError as error:
        return 0, [str(error)]
    file, wrong = _parse(path, text, given)
    return (len(file.tenants) if file else 0), wrong


def _read(path: Path) -> _Read:
    text, given = _load(path)
    file, wrong = _parse(path, text, given)
    if file is None or wrong:
        others = len(wrong) - 1
        more = f" (and {others} more: audience-mock check lists them)" if others else ""
        raise InvalidTenantsError(wrong[0] + more)
    holders = {
        digest: TokenHolder(name, may_change)
        for name, tenant in file.tenants.items()
        for may_change, digests in ((True, tenant.admin_tokens), (False, tenant.read_only_tokens))
        for digest in digests
    }
    client_tokens = {
        name: {api: frozenset(digests) for api, digests in tenant.client_tokens.items()}
        for name, tenant in file.tenants.items()
    }
    quotas = {
        name: file.defaults.quotas.model_copy(update=tenant.quotas.model_dump(exclude_unset=True))
        for name, tenant in file.tenants.items()
    }
    return _Read(file, holders, client_tokens, quotas)


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        with path.expanduser().open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
    except (OSError, RuntimeError) as error:
        raise InvalidTenantsError(
            f"cannot read the tenants {path}: {getattr(error, 'strerror', None) or error}"
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        raise InvalidTenantsError(f"the tenants {path} have more than {MAX_FILE_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
        return text, tomllib.loads(text)
    except UnicodeDecodeError:
        raise InvalidTenantsError(f"{path} is not a text file in UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidTenantsError(f"{path}: not TOML: {error}") from None


def _parse(path: Path, text: str, given: dict[str, Any]) -> tuple[_File | None, list[str]]:
    try:
        file = _File.model_validate(given)
    except ValidationError as error:
        found = problems(error.errors(include_url=False), _File)
        placed = sorted((_line_of(text, problem.path), _in_words(problem)) for problem in found)
        return None, [f"{path}:{line}: {problem}" for line, problem in placed]
    seen: dict[str, tuple[str, ...]] = {}
    wrong = []
    for name, tenant in file.tenants.items():
        for key in ("admin_tokens", "read_only_tokens"):
            for digest in getattr(tenant, key):
                place = ("tenants", name, key)
                if seen.setdefault(digest, place) != place:
                    wrong.append(
                        f"{path}:{_line_of(text, place)}: {'.'.join(place)}: {digest[:14]}… is one of"
                        f" {'.'.join(seen[digest])} already: a token has one meaning"
                    )
    return file, wrong


def _in_words(problem: Problem) -> str:
    """A problem, without what stands where a digest has to be: it may be the token."""
    if any(part in _OF_TOKENS for part in problem.path):
        return f"{problem.field}: {problem.why}: `audience-mock token` makes a token and its digest"
    return str(problem)


def _line_of(text: str, path: tuple[int | str, ...]) -> int:
    """The line that says most of a path: its key, or else the header of its table. tomllib tells no lines,
    so each is read by itself."""
    best, best_line = 0, 1
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        is_header = line.lstrip().startswith("[")
        here = _keys(line if is_header else line.partition("=")[0] + "=0")
        if here is None or ("=" not in line and not is_header):
            continue
        if is_header:
            table = here
        full = here if is_header else (*table, *here)
        if path[: len(full)] == full and len(full) > best:
            best, best_line = len(full), number
    return best_line


def _keys(line: str) -> tuple[str, ...] | None:
    """The dotted key of a line with a header or an assignment; None for what is neither by itself."""
    try:
        table: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    keys = []
    while isinstance(table, dict) and len(table) == 1:
        ((key, table),) = table.items()
        keys.append(key)
    return tuple(keys) or None
