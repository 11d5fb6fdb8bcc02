"""The log: a line of text or of JSON for each event, and a line for each request if that is on."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from audience_mock.web.error_log import one_line
from audience_mock.web.observation import Observation, Observer, current_observation

_ACCESS = logging.getLogger("audience_mock.access")


class JsonFormatter(logging.Formatter):
    """A JSON object on one line: time, level, logger, message, and what is known of the request."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (observation := current_observation() or getattr(record, "observation", None)) is not None:
            line |= _facts(observation)
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _facts(observation: Observation) -> dict[str, Any]:
    scope = observation.scope
    facts = {
        "request_id": observation.request_id,
        "world": observation.world,
        "tenant": observation.tenant,
        "api": observation.api,
        "operation": observation.operation,
        "method": scope["method"],
        "path": scope["path"],
        "status": observation.status,
        "duration_ms": None if observation.duration_s is None else round(observation.duration_s * 1000, 3),
        "client": observation.client,
        "fault": observation.context.fault if observation.context else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


class AccessLog(Observer):
    """An observer that logs each request once it is finished."""

    def finished(self, observation: Observation) -> None:
        _ACCESS.info(
            "%s %s %s %s %.1f ms %s %s",
            observation.client,
            observation.scope["method"],
            one_line(observation.scope["path"]),
            observation.status or "-",
            (observation.duration_s or 0) * 1000,
            observation.world or "-",
            observation.operation or "-",
            extra={"observation": observation},
        )
