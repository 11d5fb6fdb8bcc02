"""What an operator turned on: metrics, logs of requests, traces. Nothing of it is imported otherwise."""

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from audience_mock.core.errors import InvalidSettingsError
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.settings import Settings, trace_exporter
from audience_mock.web.provider_app import NO_TELEMETRY

if TYPE_CHECKING:
    from audience_mock.control.access import Access
    from audience_mock.web.metrics import Metrics
    from audience_mock.web.observation import Observer
    from audience_mock.web.tracing import Tracing

METRICS = "/metrics"
EXTRA = "audience-mock[operate]"


def _missing(setting: str, error: ImportError) -> InvalidSettingsError:
    return InvalidSettingsError(setting, f"the package {error.name} is missing: pip install '{EXTRA}'")


class Observing:
    """The observers that the settings and OpenTelemetry's variables ask for. Raises InvalidSettingsError."""

    def __init__(self, settings: Settings, worlds: Worlds) -> None:
        self._observers: list[Observer] = []
        self._tracing = self._trace()
        self._metrics = self._measure(worlds) if settings.metrics else None
        if settings.access_log:
            from audience_mock.web.logs import AccessLog

            self._observers.append(AccessLog())
        self._is_on = bool(self._observers) or settings.log_format == "json"

    @property
    def telemetry(self) -> Any:
        """The argument `telemetry` of FastAPI."""
        return self._tracing.telemetry() if self._tracing else NO_TELEMETRY

    def add_to(self, app: FastAPI, access: "Access") -> None:
        """Add the outermost middleware, and the page of the metrics; nothing if nothing is on."""
        if self._is_on:
            from audience_mock.web.observation import ObservationMiddleware

            app.add_middleware(ObservationMiddleware, observers=self._observers)
        if self._metrics is not None:
            from audience_mock.control.metrics import MetricsRoute

            app.router.routes.insert(0, MetricsRoute(METRICS, self._metrics.text, access))

    def close(self) -> None:
        if self._tracing is not None:
            self._tracing.close()

    def _trace(self) -> "Tracing | None":
        exporter = trace_exporter()
        if exporter is None:
            return None
        try:
            from audience_mock.web.tracing import Tracing
        except ImportError as error:
            raise _missing("OTEL_TRACES_EXPORTER", error) from None
        tracing = Tracing(exporter)
        self._observers.append(tracing)
        return tracing

    def _measure(self, worlds: Worlds) -> "Metrics":
        try:
            from audience_mock.web.metrics import Metrics
        except ImportError as error:
            raise _missing("metrics", error) from None
        metrics = Metrics(worlds)
        self._observers.append(metrics)
        return metrics
