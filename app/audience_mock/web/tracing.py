"""OpenTelemetry traces: FastAPI's own spans, exported as the variables `OTEL_…` say.

Imported only if they ask for traces: the SDK is an extra. It reads most of the variables itself.
"""

from typing import Any, Literal

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from audience_mock import __version__
from audience_mock.web.observation import Observation, Observer


class Tracing(Observer):
    """The provider of spans, and an observer that adds what OpenTelemetry does not know of a request."""

    def __init__(self, exporter: Literal["otlp", "console"]) -> None:
        service = Resource.create({SERVICE_NAME: "audience-mock", SERVICE_VERSION: __version__})
        self.provider = TracerProvider(resource=service.merge(OTELResourceDetector().detect()))
        self.provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))

    def telemetry(self) -> Any:
        """The argument `telemetry` of FastAPI."""
        return {"tracing": True, "tracer_provider": self.provider, "metrics": False, "logs": False}

    def responding(self, observation: Observation) -> None:
        # Later, the span has ended: FastAPI ends it with the last byte.
        span = trace.get_current_span()
        for name in ("world", "tenant", "api", "operation", "request_id"):
            value = getattr(observation, name)
            if value is not None:
                span.set_attribute(f"audience_mock.{name}", value)

    def close(self) -> None:
        """Send what is left."""
        self.provider.shutdown()


def _exporter(exporter: Literal["otlp", "console"]) -> SpanExporter:
    if exporter == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return OTLPSpanExporter()
