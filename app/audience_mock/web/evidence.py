"""The evidence for each rule of a provider, stated where the rule stands.

Four grades: `recorded` was seen on the wire (recordings of production, live answers that developers quoted,
published exchanges); `documented` is in the provider's documentation or a release of its description;
`inferred` follows from other facts, or a client relies on it; `invented` was chosen without evidence.

A field says it in its type (`Annotated[str, DOCUMENTATION]`), an operation in its route
(`openapi_extra=operation(…)`), an error in the table of its messages. All of it goes into the description, as
`x-evidence` and `x-errors`; `operations.py` reads it there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Grade = Literal["recorded", "documented", "inferred", "invented"]

KEY, ERRORS, ANSWERS = "x-evidence", "x-errors", "x-answers"
"""Where a description has it: of an operation or a field; of all errors; of headers, those of every response
or of an operation."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A grade and a short description of its source. Without `rule` it is about what the schema says."""

    grade: Grade
    source: str
    rule: str | None = None

    def says(self, rule: str) -> "Evidence":
        """For a rule that a schema cannot state, or states only in part."""
        return replace(self, rule=rule)

    def as_dict(self) -> dict[str, str]:
        rule = {} if self.rule is None else {"rule": self.rule}
        return {"grade": self.grade, "source": self.source, **rule}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """pydantic calls this when a field is described, not when it is built or validated."""
        schema: dict[str, Any] = handler(core_schema)
        return {**schema, KEY: [*schema.get(KEY, ()), self.as_dict()]}


def recorded(source: str) -> Evidence:
    return Evidence("recorded", source)


def documented(source: str) -> Evidence:
    return Evidence("documented", source)


def inferred(source: str) -> Evidence:
    return Evidence("inferred", source)


def chosen(why: str) -> Evidence:
    """Invented; the source is why it was chosen so."""
    return Evidence("invented", f"chosen: {why}")


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """Status, code and message of an error, and the evidence for them.

    `message` is a format string for the attributes of the exception. `on` says which operations have the
    error: "everywhere", operations by name (`customer_lists/*`), those with a security scheme, with a
    described status ("404"), with "parameters" or a "body". `more` are further keys of the response.
    """

    status: int
    code: int | None
    message: str
    evidence: Evidence
    when: str
    on: Sequence[str] = ("everywhere",)
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        code = {} if self.code is None else {"code": self.code}
        error = {"status": self.status, **code, "message": self.message, "when": self.when}
        return {**error, "on": list(self.on), **self.evidence.as_dict()}
