"""Metrics for Prometheus. Imported only if they are on: the library is an extra."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from audience_mock import __version__
from audience_mock.core.errors import StoreUnavailableError
from audience_mock.core.worlds.measures import Totals
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.web.observation import Observation, Observer
from audience_mock.web.uploads import Uploads

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Chosen: most responses take a millisecond or two, an upload of a gigabyte some seconds."""

OTHER = "other"
"""The tenant of worlds whose tenant is not configured: anyone can make up names, and labels cost memory."""


class Metrics(Observer):
    """Counts requests, and shows what the worlds hold when it is asked."""

    def __init__(
        self,
        worlds: Worlds,
        tenants: Collection[str],
        uploads: Uploads,
        waiting_turns: Callable[[], int],
    ) -> None:
        self._tenants = tenants  # those of a file change
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "audience_mock_requests",
            "Requests that ended, with a response or without.",
            ("api", "operation", "status", "tenant"),
            registry=registry,
        )
        self._durations = Histogram(
            "audience_mock_request_duration_seconds",
            "Time from a request's headers to the last byte of its response.",
            ("api", "operation"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._faults = Counter(
            "audience_mock_faults_fired",
            "Requests that a planned fault changed, or that asked for one.",
            ("api", "operation"),
            registry=registry,
        )
        self._in_progress = Gauge(
            "audience_mock_requests_in_progress", "Requests under way.", registry=registry
        )
        self._delay = Gauge(
            "audience_mock_event_loop_delay_seconds",
            "Time that this scrape waited for other work of the server.",
            registry=registry,
        )
        build = Gauge("audience_mock_build_info", "The version that runs.", ("version",), registry=registry)
        build.labels(__version__).set(1)
        self._worlds = worlds
        self._now = _NowCollector(uploads, waiting_turns)
        registry.register(self._now)

    def started(self, observation: Observation) -> None:
        self._in_progress.inc()

    def finished(self, observation: Observation) -> None:
        self._in_progress.dec()
        api, operation = observation.api or "", observation.operation or ""
        status = f"{observation.status // 100}xx" if observation.status else "none"
        tenant = observation.tenant or ""
        if tenant != DEFAULT and tenant not in self._tenants:
            tenant = OTHER
        self._requests.labels(api, operation, status, tenant).inc()
        self._durations.labels(api, operation).observe(observation.duration_s or 0)
        if observation.context is not None and observation.context.fault is not None:
            self._faults.labels(api, operation).inc()

    async def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        asked = perf_counter()
        await asyncio.sleep(0)
        self._delay.set(perf_counter() - asked)
        try:
            self._now.totals = await self._worlds.totals()
        except StoreUnavailableError:
            self._now.totals = None
        return generate_latest(self._registry)


class _NowCollector(Collector):
    """What the worlds hold and what is under way. A world that is not open is only counted."""

    totals: Totals | None = None
    """Those of now, before it is asked; None if the database does not answer."""

    def __init__(self, uploads: Uploads, waiting_turns: Callable[[], int]) -> None:
        self._uploads = uploads
        self._waiting_turns = waiting_turns

    def collect(self) -> Iterator[Metric]:
        totals = self.totals
        if totals is None:
            yield _gauge("database_up", _UP, 0)
            return
        yield _gauge("database_up", _UP, 1)
        yield _gauge("worlds", "Worlds, open or not.", totals.worlds)
        yield _gauge("worlds_open", "Worlds whose database is open.", totals.opened)
        yield _gauge(
            "database_bytes",
            "Bytes of the databases of open worlds, in memory or in files, or of a PostgreSQL database.",
            totals.database_bytes,
        )
        yield _gauge("journal_entries", "Requests in the journals.", totals.journal_entries)
        yield _gauge("journal_bytes", "Memory of the journals.", totals.journal_bytes)
        yield _gauge(
            "long_operations",
            "Uploads and other operations of several steps that are under way.",
            totals.long_operations,
        )
        waiting = GaugeMetricFamily(
            "audience_mock_requests_waiting",
            "Requests that wait for their tenant's turn, or for a long transaction of their world.",
            labels=["reason"],
        )
        waiting.add_metric(["turn"], self._waiting_turns())
        waiting.add_metric(["world"], totals.waiting)
        yield waiting
        yield _gauge(
            "uploads_in_progress", "Files, and parts of files, being received or stored.", len(self._uploads)
        )
        yield _gauge("upload_bytes", "Bytes received of these.", self._uploads.received_bytes)
        yield _gauge("faults_planned", "Planned faults.", totals.faults_planned)


_UP = "Whether the database answers; without it there are no figures of worlds."


def _gauge(name: str, purpose: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"audience_mock_{name}", purpose, value)
