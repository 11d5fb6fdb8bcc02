"""Clients that call several servers by turns, as a load balancer spreads calls, and what they find wrong.

Each client changes audiences of its world, one call at a time, and keeps what was confirmed. A call without
an answer may have been made or not; a call with one must be seen by every server from then on.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
CREATE = {"audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
LIMIT_S = 60
"""Seconds that progress may take; reached only where something is broken."""

PAUSE_S = 0.02
"""Between two calls after one that failed: a client that is refused at once would only burn the processor."""

NO_STORE = 503
"""The status of a server that cannot reach its store."""


@dataclass
class Found:
    """What a client saw: `wrong` has everything that must not be."""

    answered: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    """Calls without a usable answer, by exception or status."""
    slowest_s: float = 0
    """Of the answered calls."""
    last_s: float = 0
    """When the newest answer came, by the monotonic clock."""
    wrong: list[str] = field(default_factory=list)


class TurnsClient:
    """One client: creates, renames and reads audiences of a world, each call at the next server."""

    def __init__(
        self,
        number: int,
        urls: Sequence[str],
        *,
        world: str,
        timeout_s: float = 10,
        refusals: Sequence[int] = (NO_STORE,),
        kept_alive: bool = True,
    ) -> None:
        """`urls` may change while the client runs. `refusals` are statuses of calls that were not made."""
        self.number = number
        self.world = world
        self.found = Found()
        self.names: dict[str, set[str]] = {}
        """By id: the names that an audience may have, one unless its renaming was not answered."""
        self.lost_calls: set[str] = set()
        """Names of creates without an answer."""
        self._urls = urls
        self._turn = itertools.count(number)
        self._chance = Random(number)
        self._names = itertools.count()
        self._timeout_s = timeout_s
        self._refusals = refusals
        self._kept_alive = kept_alive

    def run(self, stop: threading.Event) -> None:
        limits = httpx.Limits(max_keepalive_connections=None if self._kept_alive else 0)
        with httpx.Client(timeout=self._timeout_s, headers=PINTEREST_TOKEN, limits=limits) as http:
            while not stop.is_set():
                self._step(http)

    def _step(self, http: httpx.Client) -> None:
        if not self.names or self._chance.random() < 0.4:
            self._create(http)
        elif self._chance.random() < 0.4:
            self._rename(http, self._chance.choice([*self.names]))
        else:
            # What was changed last tells most about a server that is behind.
            self._read(http, [*self.names][-1] if self._chance.random() < 0.7 else next(iter(self.names)))

    def _next_name(self) -> str:
        return f"c{self.number}-{next(self._names)}"

    def _create(self, http: httpx.Client) -> None:
        name = self._next_name()
        answer = self._call(http, "POST", "", {**CREATE, "name": name})
        if answer is None:
            self.lost_calls.add(name)
        elif answer.status_code != 201:
            self._is_wrong("create", answer)
        else:
            made = str(answer.json()["id"])
            if made in self.names:
                self.found.wrong.append(f"the id {made} was given twice")
            self.names[made] = {name}
            self._read(http, made)

    def _rename(self, http: httpx.Client, audience: str) -> None:
        name = self._next_name()
        answer = self._call(http, "PATCH", f"/{audience}", {"ad_account_id": AD_ACCOUNT, "name": name})
        if answer is None:
            self.names[audience] |= {name}
        elif answer.status_code != 200 or answer.json()["name"] != name:
            self._is_wrong(f"rename {audience} to {name}", answer)
        else:
            self.names.pop(audience)
            self.names[audience] = {name}  # the newest is the last
            self._read(http, audience)

    def _read(self, http: httpx.Client, audience: str) -> None:
        answer = self._call(http, "GET", f"/{audience}")
        if answer is None:
            return
        if answer.status_code != 200 or answer.json()["name"] not in self.names[audience]:
            self._is_wrong(f"read {audience}, not {self.names[audience]}", answer)
        else:
            # Whether the call without an answer was made is known now.
            self.names[audience] = {answer.json()["name"]}

    def _is_wrong(self, what: str, answer: httpx.Response) -> None:
        self.found.wrong.append(f"{what}: {answer.status_code} {answer.text[:200]} from {answer.url}")

    def _call(self, http: httpx.Client, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """None if there was no answer, or one that says that nothing was done."""
        url = self._urls[next(self._turn) % len(self._urls)]
        began = time.monotonic()
        try:
            answer = http.request(method, f"{url}/worlds/{self.world}{AUDIENCES}{path}", json=body)
        except httpx.TransportError as error:
            self.found.unanswered[type(error).__name__] += 1
            time.sleep(PAUSE_S)
            return None
        if answer.status_code in self._refusals:
            self.found.unanswered[str(answer.status_code)] += 1
            time.sleep(PAUSE_S)
            return None
        now = time.monotonic()
        self.found.slowest_s = max(self.found.slowest_s, now - began)
        self.found.last_s = now
        self.found.answered += 1
        return answer


class Clients:
    """Clients that run, and what they saw together."""

    def __init__(self, clients: Sequence[TurnsClient], running: Callable[[], None]) -> None:
        self.clients = clients
        self._check = running

    @property
    def wrong(self) -> list[str]:
        return [text for client in self.clients for text in client.found.wrong]

    def answered(self) -> int:
        return sum(client.found.answered for client in self.clients)

    def unanswered(self) -> Counter[str]:
        return sum((client.found.unanswered for client in self.clients), Counter())

    def wait_for(self, more: int, *, of: Sequence[TurnsClient] | None = None) -> float:
        """Until each client, or each of these, had so many more answers; the seconds that it took."""
        of = self.clients if of is None else of
        began = time.monotonic()
        wanted = [(client, client.found.answered + more) for client in of]
        while any(client.found.answered < enough for client, enough in wanted):
            self._check()
            assert not self.wrong, self.wrong
            assert time.monotonic() < began + LIMIT_S, f"no {more} answers within {LIMIT_S} s"
            time.sleep(0.002)
        return time.monotonic() - began


@contextmanager
def calling(clients: Sequence[TurnsClient]) -> Iterator[Clients]:
    """The clients call while the block runs."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        runs = [pool.submit(client.run, stop) for client in clients]

        def check() -> None:
            for run in runs:
                if run.done():
                    run.result()

        try:
            yield Clients(clients, check)
        finally:
            stop.set()
            for run in runs:
                run.result(LIMIT_S)


def check_worlds(clients: Sequence[TurnsClient], urls: Sequence[str]) -> int:
    """Each server has each confirmed audience once, under a name that it may have, and nothing that no client
    sent. The number of audiences."""
    for client in clients:
        assert not client.found.wrong, client.found.wrong
    total = 0
    for world in sorted({client.world for client in clients}):
        mine = [client for client in clients if client.world == world]
        shown = [listing(url, world) for url in urls]
        assert all(each == shown[0] for each in shown), "servers show different audiences"
        listed = dict(shown[0])
        assert len(listed) == len(shown[0]), "an id is listed twice"
        names = [name for _, name in shown[0]]
        assert len(set(names)) == len(names), "a call was made twice"
        confirmed: dict[str, set[str]] = {}
        for client in mine:
            assert not confirmed.keys() & client.names.keys(), "an id was given to two clients"
            confirmed |= client.names
        assert confirmed.keys() <= listed.keys(), f"answered and lost: {confirmed.keys() - listed.keys()}"
        for audience, allowed in confirmed.items():
            assert listed[audience] in allowed, (audience, listed[audience], allowed)
        unknown = {listed[audience] for audience in listed.keys() - confirmed.keys()}
        assert unknown <= {name for client in mine for name in client.lost_calls}, unknown
        # The sequence of a world is a part of its transactions: nothing that failed took a number.
        numbers = sorted(int(audience) for audience in listed)
        assert numbers == [*range(numbers[0], numbers[0] + len(numbers))], "ids have a gap"
        total += len(listed)
    return total


def listing(url: str, world: str) -> list[tuple[str, str]]:
    """Ids and names of all audiences, as a server lists them."""
    found: list[tuple[str, str]] = []
    bookmark: str | None = ""
    with httpx.Client(base_url=f"{url}/worlds/{world}", headers=PINTEREST_TOKEN, timeout=LIMIT_S) as http:
        while bookmark is not None:
            after = {"bookmark": bookmark} if bookmark else {}
            page = http.get(AUDIENCES, params={"page_size": 250, **after}).raise_for_status().json()
            found += [(item["id"], item["name"]) for item in page["items"]]
            bookmark = page["bookmark"]
    return found
