"""The Python client of the control API, over HTTP with the standard library alone.

The same class serves a server in this process, the pytest fixture and a server elsewhere. It imports nothing
of the server, so importing it is cheap. Bodies pass through unchanged, in both directions: their shapes are
those of the control API, which /openapi/control.json describes.
"""

import http.client
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import quote, urlencode

from audience_mock.client_errors import (
    ConductError,
    ContractDiffError,
    ControlError,
    SweepError,
    SweepFindingsError,
    UnusedFaultsError,
    VerificationError,
    conduct_lines,
)
from audience_mock.client_http import CONTROL_PATH, open_response, split_world
from audience_mock.client_resources import Clock, Faults, Journal
from audience_mock.client_types import Expectation, WorldSettings

if TYPE_CHECKING:
    from audience_mock.host_patches import HostPatch
    from audience_mock.sweep.report import SweepReport

__all__ = [
    "Clock",
    "ConductError",
    "ContractDiffError",
    "ControlError",
    "Faults",
    "Journal",
    "MockWorld",
    "SweepError",
    "SweepFindingsError",
    "UnusedFaultsError",
    "Urls",
    "VerificationError",
    "conduct_lines",
    "connect",
]

DEFAULT_WORLD = "default"
"""The same as `audience_mock.core.worlds.worlds.DEFAULT`, which this module does not import."""


@dataclass(frozen=True)
class Urls:
    """The base URLs of a world, one for each API."""

    pinterest: str
    pitchtarget: str
    control: str


class MockWorld:
    """A world of the server at `url`: the default one, or the one that `world` names.

    A world is an isolated environment with its own data, ids, clock, faults, limits and request journal. It
    is created from the server's seed when it is first named. `admin_token` is the token of a server that has
    one. Each call opens a connection, so threads may share a MockWorld.
    """

    def __init__(self, url: str, *, world: str = DEFAULT_WORLD, admin_token: str | None = None) -> None:
        self._server_url = url.rstrip("/")
        self._admin_token = admin_token
        self.name = world
        self._path = f"/worlds/{quote(world, safe='')}"
        self.url = self._server_url + ("" if world == DEFAULT_WORLD else self._path)

    @property
    def admin_token(self) -> str | None:
        """The token that calls of the control API send."""
        return self._admin_token

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'url', 'not started')}>"

    @property
    def urls(self) -> Urls:
        """The base URLs for clients of each API."""
        return Urls(pinterest=f"{self.url}/v5", pitchtarget=self.url, control=f"{self.url}{CONTROL_PATH}")

    @property
    def clock(self) -> Clock:
        """The time of this world."""
        return Clock(self)

    @property
    def faults(self) -> Faults:
        """The faults planned in this world."""
        return Faults(self)

    @property
    def journal(self) -> Journal:
        """The requests that this world received."""
        return Journal(self)

    def in_world(self, name: str) -> "MockWorld":
        """Another world of the same server."""
        return MockWorld(self._server_url, world=name, admin_token=self._admin_token)

    def patch_hosts(self, *hosts: str) -> "HostPatch":
        """Send what clients ask of these hosts to this world: `with world.patch_hosts("api.pinterest.com"):`.

        For clients in this process that use requests, urllib3, httpx or aiohttp, with http or https, in all
        threads, until the block ends. A host is a name, for any port, or NAME:PORT; the path stays as it is.
        Of several patches of a host, the one entered last decides. Raises ValueError for what is no host.
        """
        from audience_mock.host_patches import HostPatch  # noqa: PLC0415 - few need it

        return HostPatch(self.url, hosts)

    def configure(self, **settings: Unpack[WorldSettings]) -> dict[str, Any]:
        """Set settings of this world, as `configure(build_delay_s=0)`; it keeps the others that it has.

        Returns the world: `name`, `audiences` (how many), `settings` and `snapshots` (names).
        Raises ControlError.
        """
        world: dict[str, Any] = self.control("PATCH", self._path, {"settings": settings})
        return world

    def replace_settings(self, **settings: Unpack[WorldSettings]) -> dict[str, Any]:
        """Give this world these settings and no others: those left out are the server's again.

        Returns the world, as `configure` does. Raises ControlError.
        """
        world: dict[str, Any] = self.control("PUT", self._path, {"settings": settings})
        return world

    def fork(self, name: str) -> "MockWorld":
        """Create a world with a copy of this one's data, ids, clock and settings. Raises ControlError."""
        self.control("POST", f"{self._path}/fork", {"name": name})
        return self.in_world(name)

    def delete(self) -> None:
        """Delete this world and its snapshots; naming it again creates it anew. Raises ControlError."""
        # Through the default world: a path through this one would create it if it is gone already.
        self.in_world(DEFAULT_WORLD).control("DELETE", self._path)

    def reset(self, to: Literal["seed", "empty"] = "seed") -> None:
        """Go back to the server's seed, or to no data; settings and snapshots stay. Raises ControlError."""
        self.control("POST", "/reset", {"to": to})

    def seed(self, seed: Mapping[str, Any] | str | Path) -> dict[str, Any]:
        """Add what a seed holds: the seed itself, or the path of its file.

        Returns `counts` (how many rows, by section of the seed) and `ids` (lists of ids, by section). Raises
        ControlError, and OSError or ValueError for a file that cannot be read.
        """
        if not isinstance(seed, Mapping):
            seed = json.loads(Path(seed).read_bytes())
        added: dict[str, Any] = self.control("POST", "/seed", seed)
        return added

    def state(self) -> dict[str, Any]:
        """Everything that the world holds, as a seed."""
        state: dict[str, Any] = self.control("GET", "/state")
        return state

    def snapshot(self, name: str) -> None:
        """Save the world's state under a name, in the place of an earlier one. Raises ControlError."""
        self.control("PUT", f"/snapshots/{quote(name, safe='')}")

    def restore(self, name: str) -> None:
        """Go back to the state of a snapshot. Raises ControlError if there is none of this name."""
        self.control("POST", f"/snapshots/{quote(name, safe='')}/restore")

    def verify(self, operation: str | None = None, **expected: Unpack[Expectation]) -> dict[str, Any]:
        """Check which requests the world received, as `verify("audiences/create", count=1)`.

        `expected` is the body of POST /verify: `count`, `never`, `order` or `within_s`, and what the requests
        have in common, as `status` or `match`. Without a count, at least one request is expected.

        Returns `verified`, `matched` (numbers of requests) and `dropped` (older requests that the journal no
        longer holds). Raises VerificationError, an AssertionError, if the check fails, and ControlError if it
        cannot be made.
        """
        __tracebackhide__ = True
        body = expected if operation is None else {"operation": operation, **expected}
        verified: dict[str, Any] = self.control("POST", "/verify", body)
        return verified

    def overview(self) -> dict[str, Any]:
        """The version, the store, the APIs, and how much there is of everything. Raises ControlError."""
        overview: dict[str, Any] = self.control("GET", "/overview")
        return overview

    def audiences(self, **criteria: Any) -> list[dict[str, Any]]:
        """The audiences of both APIs, the newest first, as `audiences(text="buyers", status="READY")`.

        The criteria are the query of GET /audiences: `text`, `api`, `account`, `kind`, `status`, `sort`,
        `order`, `limit` (50 by default) and `offset`. Raises ControlError.
        """
        page: dict[str, list[dict[str, Any]]] = self.control("GET", f"/audiences?{urlencode(criteria)}")
        return page["audiences"]

    def customer_lists(self, **criteria: Any) -> list[dict[str, Any]]:
        """The customer lists, by the same criteria but `api` and `kind`. Raises ControlError."""
        page: dict[str, list[dict[str, Any]]] = self.control("GET", f"/customer-lists?{urlencode(criteria)}")
        return page["customer_lists"]

    def lint(self, people: Sequence[Mapping[str, str]] = ()) -> list[dict[str, Any]]:
        """What the values in the newest uploads really are, the newest upload first.

        `people`, as `[{"email": "eva@example.com"}]`, are recognized in any spelling, beside the
        fictional ones that the server knows; their keys are `email`, `phone`, `maid`, `third_party_id` and
        `fbid`.

        Each report has `audience` or `customer_list`, `type`, `values` (how many were looked at), `whole`
        (whether these are all) and `findings`. A finding has `codes`, `what`, `change`, `count`, `recognized`
        (how many of them exactly, not by shape) and `first` (lines and masked values). Raises ControlError.
        """
        body = {"people": [*people]} if people else None
        answer = self.control("POST" if people else "GET", "/lint", body)
        reports: list[dict[str, Any]] = answer["reports"]
        return reports

    def bridge(
        self, source: str | None = None, target: str | None = None, *, limit: int = 100
    ) -> dict[str, Any]:
        """What a move of this world's audiences to another API keeps, changes and loses, and why:
        from PitchTarget's to Pinterest's, unless `source` and `target` name others. Nothing is moved.

        Returns `audiences` and `fields` (how many, by outcome), `losses` (by rule), `not_moved` (rows that
        are no audiences), and `items`, at most `limit` audiences with their fields. Raises ControlError.
        """
        query = _named(source=source, target=target, limit=limit)
        report: dict[str, Any] = self.control("GET", f"/bridge?{urlencode(query)}")
        return report

    def bridge_seed(self, source: str | None = None, target: str | None = None) -> dict[str, Any]:
        """The audiences that such a move keeps, with their users, as a seed for an empty world. Raises
        ControlError."""
        query = _named(source=source, target=target)
        seed: dict[str, Any] = self.control("GET", f"/bridge/seed?{urlencode(query)}")
        return seed

    def conduct(
        self,
        select: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
        *,
        options: Mapping[str, float] | None = None,
        fail_on: str | Sequence[str] = "warning",
        **window: Any,
    ) -> list[dict[str, Any]]:
        """What the requests in the journal say of the client: breaches of rules, errors first.

        `select` and `ignore` are ids of rules, beginnings of ids (`AM2`), names or severities; by default all
        rules apply. `options` are thresholds, as `{"poll_interval_s": 0.1}`. `window` is `api`, `after` or
        `before`, the number of a request or a time.

        Each finding has `rule`, `name`, `severity` (`error` or `warning`), `api`, `operation`, `message`,
        `fix`, `requests` (numbers in the journal), `count`, and `fails`: whether `fail_on` has its rule or
        its severity. Raises ControlError.
        """
        wanted = {
            "select": _joined(select),
            "ignore": _joined(ignore),
            "options": _joined([f"{name}={value}" for name, value in (options or {}).items()]),
            "fail_on": _joined(fail_on),
            **window,
        }
        query = urlencode({name: value for name, value in wanted.items() if value not in (None, "")})
        findings: list[dict[str, Any]] = self.control("GET", f"/conduct?{query}")["findings"]
        return findings

    def expect_conduct(
        self,
        fail_on: str | Sequence[str] = "warning",
        *,
        select: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
        options: Mapping[str, float] | None = None,
        **window: Any,
    ) -> None:
        """Raise ConductError, an AssertionError, if a finding of `conduct` fails.

        `fail_on` is `warning` for any, `error` for the graver ones, or rules as for `select`.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        found = self.conduct(select, ignore, options=options, fail_on=fail_on, **window)
        if failing := [finding for finding in found if finding["fails"]]:
            raise ConductError(failing)

    def contract_diff(
        self, to: str = "newest", *, from_: str | None = None, api: str | None = None
    ) -> dict[str, Any]:
        """Which of this world's calls another version answers otherwise, as `contract_diff("5.28")`. The
        world has to be recorded (`record`).

        `from_` is the version that this world emulates, unless it names another one; `api` the first that has
        both. The calls are replayed under both versions, and this world stays as it is.

        Returns `calls` (how many), `different` (their numbers in the journal), `operations` (each with its
        `differences`: `place`, `change`, `facts`, `calls`, and the `first` with `before` and `after`), and
        `stopped`: why not all calls were compared, or None. Raises ControlError.
        """
        query = _named(to=to, api=api, **{"from": from_})
        report: dict[str, Any] = self.control("GET", f"/contract-diff?{urlencode(query)}")
        return report

    def expect_no_contract_diff(
        self, to: str = "newest", *, from_: str | None = None, api: str | None = None
    ) -> None:
        """Raise ContractDiffError, an AssertionError, if `contract_diff` finds a call that is answered
        otherwise, or could not compare all."""
        __tracebackhide__ = True
        report = self.contract_diff(to, from_=from_, api=api)
        if report["different"] or report["stopped"] is not None:
            raise ContractDiffError(report)

    def sweep(
        self,
        job: Callable[["MockWorld"], object],
        *,
        kinds: str | Sequence[str] = (),
        only: str | Sequence[str] = (),
        jobs: int = 1,
        max_runs: int = 400,
        max_time_s: float | None = None,
        slow_s: float = 2.0,
        limit_s: float | None = None,
        fail_on: str | Sequence[str] = "failed,hung,duplicated,lost,changed",
    ) -> "SweepReport":
        """Run a function once for each call that it makes and each kind of fault, as `audience-mock sweep`
        does with a command.

        `job(world)` gets a new fork of this world for each run, in a thread; it fails if it raises. It may
        be a coroutine function. It runs twice without a fault first. `kinds` are kinds of fault, by default
        all; `only` are cases, as `2:answer-lost`; `jobs` run at a time.

        At most `max_runs` are made, and none begins after `max_time_s`. A run has hung after `limit_s`, by
        default ten times the run without a fault, and at least 30 seconds; its world is then deleted, which
        breaks its connections. `fail_on` are the verdicts that fail the sweep.

        Raises SweepError if the job fails without a fault or makes no call, ControlError, and ValueError for
        kinds or verdicts that are unknown. Findings are in the report, whose `expect_ok` raises.
        """
        from audience_mock.sweep.functions import sweep_function  # noqa: PLC0415 - few need it

        return sweep_function(
            job,
            self,
            kinds=kinds,
            only=only,
            fail_on=fail_on,
            jobs=jobs,
            max_runs=max_runs,
            max_seconds=max_time_s,
            slow_s=slow_s,
            limit_s=limit_s,
        )

    def sweep_plan(
        self, kinds: str | Sequence[str] = (), *, limit: int = 400, after: int | str | None = None
    ) -> dict[str, Any]:
        """The faults that the calls in the journal may meet, to be tried one by one by a job in any language.

        `kinds` are kinds of fault, by default all; `after` is the number of a request, or a time.

        Returns `calls`, `cases` (at most `limit`, the likeliest to find something first), `total` (how many
        there are) and `dropped`. A case has `name`, `call`, `operation`, `kind`, `effect` and `fault`, for
        `faults.add(**case["fault"])` in the world of the next run. Raises ControlError.
        """
        query = urlencode(_named(kinds=_joined(kinds), limit=limit, after=after))
        plan: dict[str, Any] = self.control("GET", f"/sweep?{query}")
        return plan

    def identities(self) -> dict[str, dict[str, Any]]:
        """The magic identities by name: addresses that decide how an upload ends, such as `never-match`.

        Each has `effect`, and `email` and `device` as `plain`, `md5`, `sha1` and `sha256` (in hex), as
        `identities()["never-match"]["email"]["sha256"]`. Raises ControlError.
        """
        listed = self.control("GET", "/identities")["identities"]
        return {each["name"]: each for each in listed}

    def events(self, *, for_s: float | None = None) -> Generator[tuple[str, dict[str, Any]]]:
        """What happens in the world from now on, until it is deleted, the server stops, or `for_s` real
        seconds are over.

        Each event is its kind and what it says: `hello` at once, `request` for each request in short,
        `change` for what the control API changes, `missed` for events that came too fast, and `end`. The
        connection is closed with the generator. Raises ControlError, and OSError if it breaks.
        """
        query = "" if for_s is None else f"?for_s={for_s}"
        with self._response("GET", f"/events{query}") as response:
            kind = ""
            for raw in response:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API, as `control("GET", "/uploads")`.

        Returns the JSON of the response, or None if it has no body. Raises ControlError, and OSError if the
        server cannot be reached.
        """
        __tracebackhide__ = True
        with self._response(method, path, body) as response:
            received = response.read()
        return json.loads(received) if received else None

    @contextmanager
    def _response(self, method: str, path: str, body: Any = None) -> Iterator[http.client.HTTPResponse]:
        """The response to a call, while its connection is open."""
        __tracebackhide__ = True
        with open_response(self.url, self._admin_token, method, path, body) as response:
            yield response


def _named(**values: Any) -> dict[str, Any]:
    """Those that have a value."""
    return {name: value for name, value in values.items() if value is not None}


def connect(url: str, *, world: str | None = None, admin_token: str | None = None) -> MockWorld:
    """A world of a server that is already running: the one that `world` names, or else the URL, or else the
    default one.

    Raises OSError if no server answers, and ControlError if it is not Audience Mock or rejects the token.
    """
    server, of_url = split_world(url)
    name = (of_url or DEFAULT_WORLD) if world is None else world
    connected = MockWorld(server, world=name, admin_token=admin_token)
    connected.control("GET", "/worlds")
    return connected


def _joined(words: str | Sequence[str]) -> str:
    return words if isinstance(words, str) else ",".join(words)
