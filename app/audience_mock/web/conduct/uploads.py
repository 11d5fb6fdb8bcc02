"""What was sent of people: plain where a hash is expected, twice, or too many at once."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from audience_mock.core.counting import counted
from audience_mock.core.users.lint.uploads import reports
from audience_mock.core.users.samples import KeptSample
from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check, Subject
from audience_mock.web.conduct.facts import Upload
from audience_mock.web.conduct.rules import Option, Rule
from audience_mock.web.evidence import chosen, inferred

PLAIN = Rule(
    id="AM402",
    name="plain-value-instead-of-hash",
    severity="error",
    summary="Addresses, phone numbers or ids were sent in plain where the API expects hashes.",
    fix="hash each value as the API documents it: mostly SHA-256 in hex of the trimmed, lower-cased value",
    evidence=inferred("a plain value matches no person, and leaves the company's hands"),
)
TWICE = Rule(
    id="AM403",
    name="person-uploaded-twice",
    severity="warning",
    summary="The same value was sent more than once to one audience or customer list within a short time.",
    fix="remove duplicates before the upload, and send each batch once",
    evidence=chosen("counters count what was sent, not people; one who comes again later may be meant"),
    options=(
        Option(name="again_within_s", default=3600, help="Seconds within which a value may not come again."),
    ),
)
LARGE_BATCH = Rule(
    id="AM404",
    name="batch-too-large",
    severity="warning",
    summary="One request carried more people than is sensible.",
    fix="send people in batches, or use an upload in parts",
    evidence=chosen("no size is documented; 100,000 hashes are 6.5 MB, and a failure repeats them all"),
    options=(
        Option(name="batch_records", default=100_000, help="Number of records in one request at most."),
    ),
)

_ENDS = re.compile(rb"[,\r\n]+")
_LINE_ENDS = re.compile(rb"[\r\n]+")


class Uploads(Check):
    """Looks into the samples that the world keeps for the linter: those of its newest uploads."""

    RULES = (PLAIN, TWICE, LARGE_BATCH)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._calls: list[tuple[Call, Upload]] = []

    def see(self, call: Call) -> None:
        read = self.facts(call).uploads.get(call.operation or "")
        upload = read(call) if read is not None else None
        if upload is None:
            return
        self._calls.append((call, upload))
        most = self.options["batch_records"]
        if upload.records is not None and upload.records > most:
            self.report(
                LARGE_BATCH,
                f"{call} carried {counted(upload.records, 'record')}, more than {most:,.0f}",
                [call],
            )

    def see_uploads(self) -> Iterator[None]:
        sent: dict[tuple[str, str], dict[bytes, Call]] = {}
        for sample, call, upload in self._linked():
            yield
            self._judge_forms(sample, call)
            # Of an upload with an unknown end, the client has to send everything again.
            people = sent.setdefault((call.api, upload.target), {})
            self._judge_repeats(list(_people(sample)), call, upload, people)

    def _linked(self) -> Iterator[tuple[KeptSample, Call, Upload]]:
        """Each sample with the request that brought it: the first that was answered since and names its
        target."""
        left = list(self._calls)
        for sample in self.subject.samples:
            target = str(sample.audience if sample.customer_list is None else sample.customer_list)
            for at, (call, upload) in enumerate(left):
                if upload.target == target and call.at_ms >= sample.received_at_ms:
                    del left[at]
                    yield sample, call, upload
                    break

    def _judge_forms(self, sample: KeptSample, call: Call) -> None:
        for report in reports([sample], show_values=self.subject.shows_values):
            for finding in report["findings"]:
                if "plain" in finding["codes"]:
                    values = f"{finding['count']:,} of {counted(report['values'], 'value')}"
                    first = ", ".join(_place(example) for example in finding["first"])
                    lines = "line" if finding["count"] == 1 else "lines"
                    self.report(
                        PLAIN,
                        f"{call} sent {values} of {report['type']} as {finding['what']}: {lines} {first}",
                        [call],
                        about=report["type"],
                    )

    def _judge_repeats(
        self, people: Sequence[bytes], call: Call, upload: Upload, sent: dict[bytes, Call]
    ) -> None:
        if upload.is_removal:
            for person in people:
                sent.pop(person, None)
            return
        within_ms = self.options["again_within_s"] * 1000
        again = [
            before
            for before in map(sent.get, people)
            if before is not None and 0 <= call.at_ms - before.at_ms < within_ms
        ]
        inside = len(people) - len(set(people))
        if again:
            self.report(
                TWICE,
                f"{call} sent {len(again):,} of {counted(len(people), 'value')} that request"
                f" {again[0].number} had sent to the same list",
                [*dict.fromkeys(again), call],
            )
        elif inside:
            self.report(TWICE, f"{call} sent {inside:,} of {counted(len(people), 'value')} twice", [call])
        if not call.is_unanswered:
            sent.update(dict.fromkeys(people, call))


def _place(example: dict[str, Any]) -> str:
    return f"{example['line']} ({example['value']})" if "value" in example else str(example["line"])


def _people(kept: KeptSample) -> Iterator[bytes]:
    """The values of a sample, in lower case; of rows, what they have of a person."""
    sample = kept.sample
    values = (_LINE_ENDS if kept.customer_list is None else _ENDS).split(sample.text)
    for value in values if sample.is_whole else values[:-1]:
        if stripped := value.strip().lower():
            yield stripped
    for row in sample.rows:
        yield repr(sorted((key, str(value).lower()) for key, value in row.items() if value)).encode()
