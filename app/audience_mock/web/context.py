"""What this server knows of a request beyond ASGI: one object in the request's scope."""

from asyncio import Lock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from starlette.types import Scope

from audience_mock.core.worlds.moments import Moment
from audience_mock.core.worlds.world import DEFAULT, World
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.web.in_flight import InFlight
from audience_mock.web.probes import Probes
from audience_mock.web.response import Header
from audience_mock.web.timestamps import http_date
from audience_mock.web.uploads import Uploads

if TYPE_CHECKING:
    from audience_mock.core.worlds.tenants import Tenants
    from audience_mock.web.conduct.facts import Conduct
    from audience_mock.web.provider_app import Provider

_KEY = "audience_mock"


@dataclass(frozen=True)
class Served:
    """What the server as a whole has: for the control API the ids of the providers' operations, sorted, their
    OpenAPI descriptions by provider, made when they are asked for, the providers by name, what the conduct
    report has to know of them, and the text of the demo seed."""

    operations: Sequence[str] = ()
    descriptions: Callable[[], Mapping[str, dict[str, Any]]] = field(default=dict)
    providers: Mapping[str, "Provider"] = field(default_factory=dict)
    conducts: "Callable[[], Mapping[str, Conduct]]" = field(default=dict)
    demo_seed: Callable[[], bytes] = bytes
    replica: Callable[[Mapping[str, Any]], FastAPI] = lambda settings: FastAPI()
    """Makes an application in memory, with the default settings but for some, to replay requests in."""
    replaying: Lock = field(default_factory=Lock)
    """One replay at a time: each takes as much as the world that it replays."""
    public_url: str | None = None
    """Where clients find the server, if it was told; without a slash at its end."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """What `strict_evidence` has read from the descriptions, by provider."""
    probes: Probes = field(default_factory=Probes)
    """Whether the server is ready."""
    in_flight: InFlight = field(default_factory=InFlight)
    """What the faults of all worlds hold now."""
    uploads: Uploads = field(default_factory=Uploads)
    """Files that are under way."""
    tenants: "Tenants | None" = None


@dataclass(slots=True)
class RequestContext:
    """The world of a request, and what the layers that it passed have determined.

    `provider` is set by the application of an API, `fault` by a fault that met the request: its id, or
    "request" where the request asked for it, "identity" where a magic identity in it did, "evidence" where
    the answer would have been a guess.
    """

    worlds: Worlds
    world: World
    served: Served
    named: str = DEFAULT
    """The world that the request names. If it may not, `world` is the default one."""
    has_origin: bool = False
    """Whether it has an `Origin`: a page sent it."""
    may_request_fault: bool = False
    """Whether it has a header that can ask for a fault."""
    evidence: str | None = None
    """The level of evidence that it asks for in a header, as it came."""
    provider: "Provider | None" = None
    operation: str | None = None
    """The id of the operation, once its route is found."""
    is_head: bool = False
    """Whether it is a HEAD that is answered as a GET."""
    fault: str | None = None
    caller: Any = None
    """Who calls the control API, once that is known."""
    target: str | None = None
    """What an operation of the control API is about, where its path does not name it."""
    moment: Moment = field(default_factory=Moment)
    """The time that it sees."""
    prefix: str = ""
    """What stands before all paths of this server, in the URLs that clients use."""

    @property
    def date(self) -> Header:
        """The `Date` of a response, by the clock of the world: a client that reckons from it agrees with the
        timestamps in the body, and two runs with a frozen clock are alike."""
        return b"date", http_date(self.world.clock.now_ms())

    reason: str | None = None
    """Why the request was rejected, where its response does not say it."""


def attach(scope: Scope, context: RequestContext) -> None:
    scope[_KEY] = context


def context_of(scope: Scope) -> RequestContext:
    """The context of a request that came through `WorldSelection`."""
    return cast(RequestContext, scope[_KEY])


def find_context(scope: Scope) -> RequestContext | None:
    """The context of a request, if it has come as far as `WorldSelection`."""
    return cast(RequestContext | None, scope.get(_KEY))


def url_of(scope: Scope, root_path: str) -> str:
    """The URL of an application or world at this server, as clients reach it: under the public URL, or the
    host name that the client used."""
    context = context_of(scope)
    within = root_path.removeprefix(context.prefix)
    if context.served.public_url is not None:
        return context.served.public_url + within
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return f"{scope['scheme']}://{host or '{}:{}'.format(*scope['server'])}{context.prefix}{within}"


def route_path(scope: Scope) -> str:
    """The path as the routes of the innermost application have it."""
    path: str = scope["path"]
    return path.removeprefix(scope["root_path"])
