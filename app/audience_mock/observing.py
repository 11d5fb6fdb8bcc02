"""What an operator turned on: metrics, logs of requests, traces. Nothing of it is imported otherwise."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from audience_mock.core.errors import InvalidSettingsError
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.settings import Settings, trace_exporter
from audience_mock.web.provider_app import NO_TELEMETRY, ProviderApp
from audience_mock.web.uploads import Uploads

if TYPE_CHECKING:
    from audience_mock.control.access import Access
    from audience_mock.control.audit import AuditFile
    from audience_mock.web.metrics import Metrics
    from audience_mock.web.observation import Observer
    from audience_mock.web.tracing import Tracing

METRICS = "/metrics"
EXTRA = "audience-mock[operate]"


def _missing(setting: str, error: ImportError) -> InvalidSettingsError:
    return InvalidSettingsError(setting, f"the package {error.name} is missing: pip install '{EXTRA}'")


class Observing:
    """The observers that the settings and OpenTelemetry's variables ask for. Metrics show the names of the
    tenants that `access` knows, and how many requests wait for their turn (`waiting_turns`); `control` is the
    control API's application. Raises InvalidSettingsError."""

    def __init__(
        self,
        settings: Settings,
        worlds: Worlds,
        access: "Access",
        *,
        control: Callable[[], ProviderApp],
        uploads: Uploads,
        waiting_turns: Callable[[], int],
        observed: bool = True,
    ) -> None:
        """Without `observed`, none of it, whatever they ask for."""
        self._access = access
        self.when_hung_up: list[Callable[[], None]] = []
        """What SIGHUP calls."""
        self._observers: list[Observer] = []
        self._tracing: Tracing | None = None
        self._metrics: Metrics | None = None
        self._audit_file: AuditFile | None = None
        self._is_on = False
        if not observed:
            return
        self._tracing = self._trace()
        if settings.metrics:
            self._metrics = self._measure(worlds, access.tenants or (), uploads, waiting_turns)
        if settings.access_log:
            from audience_mock.web.logs import AccessLog

            self._observers.append(AccessLog())
        if settings.audit_log is not None:
            as_json = settings.log_format == "json"
            self._audit_file = self._audit(settings.audit_log, control, as_json=as_json)
        self._is_on = bool(self._observers) or settings.log_format == "json"

    @property
    def telemetry(self) -> Any:
        """The argument `telemetry` of FastAPI."""
        return self._tracing.telemetry() if self._tracing else NO_TELEMETRY

    def add_to(self, app: FastAPI) -> None:
        """Add the outermost middleware, and the page of the metrics; nothing if nothing is on."""
        if self._is_on:
            from audience_mock.web.observation import ObservationMiddleware

            app.add_middleware(ObservationMiddleware, observers=self._observers)
        if self._metrics is not None:
            from audience_mock.control.metrics import MetricsRoute

            app.router.routes.insert(0, MetricsRoute(METRICS, self._metrics.text, self._access))

    def close(self) -> None:
        if self._tracing is not None:
            self._tracing.close()
        if self._audit_file is not None:
            self._audit_file.close()

    def _audit(self, to: str, control: Callable[[], ProviderApp], *, as_json: bool) -> "AuditFile | None":
        """The file, if it is not the log."""
        from audience_mock.control.audit import LOG, AuditFile, AuditLog, write_to_log

        file = None if to == LOG else AuditFile(Path(to), as_json=as_json)
        write = write_to_log if file is None else file.write
        self._observers.append(AuditLog(self._access, lambda scope: control().routed(scope), write))
        if file is not None:
            self.when_hung_up.append(file.reopen)
        return file

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

    def _measure(
        self,
        worlds: Worlds,
        tenants: Collection[str],
        uploads: Uploads,
        waiting_turns: Callable[[], int],
    ) -> "Metrics":
        try:
            from audience_mock.web.metrics import Metrics
        except ImportError as error:
            raise _missing("metrics", error) from None
        metrics = Metrics(worlds, tenants, uploads, waiting_turns)
        self._observers.append(metrics)
        return metrics
