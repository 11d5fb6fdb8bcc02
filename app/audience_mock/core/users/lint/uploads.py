"""Samples of uploads, linted as the API has read them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from audience_mock.core.users.lint.expected import OF_LIST_TYPE, OF_ROW_KEY, OF_USER_TYPE, Expected
from audience_mock.core.users.lint.files import lint_text
from audience_mock.core.users.lint.index import Index, index_for
from audience_mock.core.users.lint.linter import Linter, findings_as_json
from audience_mock.core.users.lint.people import People
from audience_mock.core.users.samples import KeptSample, Sample


def reports(kept: Iterable[KeptSample], *, show_values: bool, people: People = ()) -> list[dict[str, Any]]:
    """What is wrong with each upload; one of rows has a report for each identifier that they name. `people`
    are recognized beside those that are included."""
    indexes: dict[str, Index] = {}

    def linter_for(expected: Expected) -> Linter:
        if expected.kind not in indexes:
            indexes[expected.kind] = index_for(expected.kind, people)
        return Linter(expected, index=indexes[expected.kind])

    return [
        {
            "received_at": sample.received_at_ms / 1000,
            "audience": sample.audience,
            "customer_list": None if sample.customer_list is None else str(sample.customer_list),
            "type": type,
            "values": linter.values,
            "whole": sample.sample.is_whole,
            "findings": findings_as_json(linter, show_values=show_values),
        }
        for sample in kept
        for type, linter in _linted(sample, linter_for)
    ]


def _linted(kept: KeptSample, linter_for: Callable[[Expected], Linter]) -> Iterator[tuple[str, Linter]]:
    sample = kept.sample
    if sample.text:
        of_list = kept.customer_list is not None
        linter = linter_for((OF_LIST_TYPE if of_list else OF_USER_TYPE)[kept.type])
        lint_text(_whole_values(sample, b",\r\n" if of_list else b"\r\n"), linter, commas=of_list)
        yield kept.type, linter
    for key, expected in OF_ROW_KEY.items():
        numbered = [(line, str(row[key]).encode()) for line, row in enumerate(sample.rows, 1) if row.get(key)]
        if numbered:
            linter = linter_for(expected)
            for line, value in numbered:
                linter.add(value, line)
            yield key, linter


def _whole_values(sample: Sample, ends: bytes) -> bytes:
    """The text without its last value, if that may go on behind the sample."""
    if sample.is_whole:
        return sample.text
    return sample.text[
        : max(sample.text.rfind(end) for end in (ends[at : at + 1] for at in range(len(ends)))) + 1
    ]
