"""The rules of each operation, with their evidence, read from a description, for `strict_evidence`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from audience_mock.web.evidence import ANSWERS, KEY, Grade
from audience_mock.web.operations import describe_schema, models_of_requests, request_fields, response_rules

RANKS: Mapping[str, int] = {"invented": 0, "inferred": 1, "documented": 2, "recorded": 3}


_LEVEL_ENDS = re.compile(r"[.\[]|\Z")
"""In a dotted name."""


class Rule(NamedTuple):
    """What is known of a `field` (as `body rule.url`), of an operation, or of its responses."""

    field: str
    text: str
    grade: Grade
    source: str
    is_schema: bool = False
    """Whether it says only what the schema of a field is."""


@dataclass(frozen=True)
class OperationRules:
    """An operation with its own evidence, and the rules of its requests, its responses and their headers."""

    name: str
    grade: Grade
    source: str
    fields: Sequence[Rule]
    answers: Sequence[Rule]
    headers: Sequence[Rule]

    @cached_property
    def body_fields(self) -> frozenset[str]:
        """The fields of a body that have rules, and what they are in: `body rule`, say, for `body rule.url`,
        and `body []` for an item of a list."""
        fields = (rule.field for rule in self.fields if rule.field.startswith("body "))
        return frozenset(field[: end.start()] for field in fields for end in _LEVEL_ENDS.finditer(field))


def operations_of(description: dict[str, Any]) -> Iterator[OperationRules]:
    """Those of a description. A rule of responses that several operations share has its own grade here."""
    of_requests = models_of_requests(description)
    for methods in description["paths"].values():
        for operation in methods.values():
            own, *rules = operation[KEY]
            headers = description[ANSWERS] | operation.get(ANSWERS, {})
            stated = [{"field": "operation", **rule} for rule in rules]
            stated += response_rules(operation, description, of_requests)
            yield OperationRules(
                operation["operationId"],
                own["grade"],
                own["source"],
                list(_fields(operation, description, own["grade"])),
                [_stated(rule["field"], rule) for rule in stated],
                [_stated(f"header {name}", rule) for name, rule in headers.items()],
            )


def _stated(field: str, evidence: Mapping[str, Any]) -> Rule:
    return Rule(field, evidence["rule"], evidence["grade"], evidence["source"])


def _fields(operation: dict[str, Any], description: dict[str, Any], grade: Grade) -> Iterator[Rule]:
    """The rules of the fields of a request; the schema of a field has the best grade of all its evidence."""
    parameters = [
        (f"{each['in']} {each['name']}", each["schema"], each.get("required", False))
        for each in operation.get("parameters", ())
    ]
    parameters += [
        (f"body {field}", schema, required)
        for field, schema, required in request_fields(operation, description)
    ]
    for field, schema, required in parameters:
        known = schema.get(KEY, ())
        for evidence in known:
            if "rule" in evidence:
                yield _stated(field, evidence)
        if known:
            best = max(known, key=lambda each: RANKS[each["grade"]])
            of_field = max(best["grade"], grade if required else "invented", key=RANKS.__getitem__)
            yield Rule(field, describe_schema(schema, description), of_field, best["source"], True)
