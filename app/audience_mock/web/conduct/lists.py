"""Lists in pages: bookmarks, the size of pages, and lists that are read again and again."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from audience_mock.core.counting import counted
from audience_mock.web.conduct.calls import Call, elapsed_s
from audience_mock.web.conduct.checks import Check, Subject, numbered, seconds
from audience_mock.web.conduct.facts import Page
from audience_mock.web.conduct.rules import Option, Rule
from audience_mock.web.evidence import chosen, inferred
from audience_mock.web.request import FormSummary

ABANDONED = Rule(
    id="AM203",
    name="list-not-read-to-the-end",
    severity="warning",
    summary="A list had more pages, which were never asked for.",
    fix="ask for the next page until the response names none",
    evidence=inferred(
        "what is on the other pages is missing; a search may end at the one thing that is used then"
    ),
)
ALTERED = Rule(
    id="AM204",
    name="bookmark-altered",
    severity="error",
    summary="A bookmark was sent that no response had, or with other filters than it was given for.",
    fix="send each bookmark as it came, URL-encoded, with the filters of the first page",
    evidence=inferred("a bookmark is documented as opaque"),
)
SMALL_PAGES = Rule(
    id="AM205",
    name="pages-too-small",
    severity="warning",
    summary="A list was read in more pages than necessary.",
    fix="ask for the largest page that the API gives, where the whole list is read",
    evidence=chosen("each page is a call that counts against the rate limit"),
    options=(
        Option(
            name="spare_pages",
            default=3,
            help="Number of pages to save that is a finding.",
        ),
    ),
)
READ_AGAIN = Rule(
    id="AM206",
    name="list-read-again",
    severity="warning",
    summary="A list was read again and again within a short time, and had not changed.",
    fix="read the list once and keep it, or poll it as slowly as it changes",
    evidence=chosen("a reader who reloads a page does it a few times a minute"),
    options=(
        Option(name="reads", default=5, help="Number of reads that is a finding."),
        Option(name="reads_window_s", default=60, help="Seconds within which they come."),
    ),
)

_ID = re.compile(r"[0-9A-Za-z_-]{1,40}")
_SEARCHED_BYTES = 4096
"""Of a request's body, for ids that came from a list. Chosen: more than those that name one."""


@dataclass
class Walk:
    """One reading of a list, page by page."""

    pages: list[Call] = field(default_factory=list)
    items: int = 0
    max_items: int | None = None
    following: str | None = None
    last_ids: Sequence[str] = ()
    used_ids: set[str] = field(default_factory=set)
    """What later requests have of the ids on these pages."""

    @property
    def is_search(self) -> bool:
        """Whether it ended at what it was looking for: the only thing that was used, on the last page."""
        return len(self.used_ids) == 1 and self.used_ids <= set(self.last_ids)


class Pages(Check):
    RULES = (ABANDONED, ALTERED, SMALL_PAGES)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._walks: list[Walk] = []
        self._waiting: dict[tuple[Any, ...], deque[Walk]] = {}
        """By API, list, filters and bookmark: the walks that go on with it. Those who walk at the same time
        may have the same bookmarks."""
        self._given: dict[tuple[str, str, str], tuple[Call, Any]] = {}
        """By API, list and bookmark: the response that had it, and the filters that it was given for."""
        self._by_id: dict[tuple[str, str], list[Walk]] = {}
        self._unknown: set[tuple[str, str]] = set()
        """By API, the lists of which the journal has a page in part: what follows on it is not known."""

    def see(self, call: Call) -> None:
        listing = self.facts(call).listings.get(call.operation or "")
        if listing is None:
            self._note_use(call)
            return
        page = listing.page(call)
        path = call.recorded.path.decode("latin-1")
        filters = {name: value for name, value in call.query.items() if name not in listing.parameters}
        if page is not None:
            self._see_page(call, page, path, filters)
        elif call.is_success:
            self._unknown.add((call.api, path))
        else:
            self._judge_rejected(call, path, filters)

    def _see_page(self, call: Call, page: Page, path: str, filters: dict[str, str]) -> None:
        of_list = call.api, path, frozenset(filters.items())
        waiting = self._waiting.setdefault((*of_list, page.asked), deque())
        if page.asked is not None and waiting:
            walk = waiting.popleft()
        elif page.asked is not None and (call.api, path, page.asked) in self._given:
            return  # a page that is read once more
        else:
            walk = Walk()
            self._walks.append(walk)
        walk.pages.append(call)
        walk.items += page.items
        walk.last_ids = page.ids
        walk.max_items, walk.following = page.max_items, page.following
        if page.following is not None:
            self._waiting.setdefault((*of_list, page.following), deque()).append(walk)
            self._given[call.api, path, page.following] = call, filters
        for id in page.ids:
            walks = self._by_id.setdefault((call.api, id), [])
            if not walks or walks[-1] is not walk:
                # Older walks of the same list end as this one does.
                self._by_id[call.api, id] = [*walks[-1:], walk]

    def _note_use(self, call: Call) -> None:
        recorded = call.recorded
        ids = {value for value in (recorded.path_params or {}).values() if isinstance(value, str)}
        if isinstance(recorded.body, FormSummary):
            ids.update(recorded.body.fields.values())
        elif recorded.body:
            ids.update(_ID.findall(recorded.body[:_SEARCHED_BYTES].decode("latin-1")))
        for id in ids:
            for walk in self._by_id.get((call.api, id), ()):
                walk.used_ids.add(id)

    def _judge_rejected(self, call: Call, path: str, filters: Any) -> None:
        """A page that was rejected, perhaps for its bookmark."""
        listing = self.facts(call).listings[call.operation or ""]
        asked = next((call.query[name] for name in listing.parameters[:1] if call.query.get(name)), None)
        if call.status != 400 or asked is None or call.recorded.fault is not None:
            return
        known = self._given.get((call.api, path, asked))
        if known is None:
            if self.subject.is_whole and (call.api, path) not in self._unknown:
                self.report(ALTERED, f"{call} sent a bookmark that no response had: {asked[:60]!r}", [call])
        elif known[1] != filters:
            given, its_filters = known
            changed = sorted(name for name, _ in filters.items() ^ its_filters.items())
            self.report(
                ALTERED,
                f"{call} sent the bookmark of request {given.number} with other filters than that:"
                f" {', '.join(dict.fromkeys(changed))}",
                [given, call],
            )

    def finish(self) -> Iterator[None]:
        for walk in self._walks:
            yield
            pages, last = walk.pages, walk.pages[-1]
            if walk.following is not None and not walk.is_search and not self.subject.ends_early:
                self.report(
                    ABANDONED,
                    f"{numbered(pages)} read {counted(len(pages), 'page')} of"
                    f" {counted(walk.items, 'item')}, and never the page that the last response names",
                    [last],
                )
            if walk.max_items is None:
                continue
            needed = max(1, -(-walk.items // walk.max_items))
            if len(pages) - needed >= self.options["spare_pages"]:
                self.report(
                    SMALL_PAGES,
                    f"{numbered(pages)} read {counted(walk.items, 'item')} in {len(pages)} pages; {needed} of"
                    f" {walk.max_items} would have sufficed",
                    pages,
                )


class ReadAgain(Check):
    RULES = (READ_AGAIN,)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._reads: dict[tuple[Any, ...], list[Call]] = {}

    def see(self, call: Call) -> None:
        listing = self.facts(call).listings.get(call.operation or "")
        if listing is None or call.status != 200:
            return
        key = call.identity
        reads = self._reads.setdefault(key, [])
        if reads and not self._is_again(reads[-1], call):
            self._judge(reads)
            reads = self._reads[key] = []
        reads.append(call)

    def _is_again(self, before: Call, call: Call) -> bool:
        """Whether a read followed soon, and found the same."""
        between_s = elapsed_s(before, call)
        first, second = before.recorded, call.recorded
        return (
            between_s is not None
            and between_s < self.options["reads_window_s"] / max(1, self.options["reads"] - 1)
            and first.answer_bytes == second.answer_bytes
            and first.answer_body == second.answer_body
        )

    def finish(self) -> Iterator[None]:
        for reads in self._reads.values():
            yield
            self._judge(reads)

    def _judge(self, reads: list[Call]) -> None:
        if len(reads) < max(2, self.options["reads"]):
            return
        took_s = (reads[-1].at_ms - reads[0].at_ms) / 1000
        self.report(
            READ_AGAIN,
            f"{numbered(reads)} ({reads[-1].operation}) read the same list {len(reads)} times in"
            f" {seconds(took_s)}, and found the same",
            reads,
        )
