"""What the conduct report has to know of Pinterest's API."""

from collections.abc import Callable, Iterator
from typing import Any

from audience_mock.providers.pinterest.schema_types import MAX_PAGE_SIZE
from audience_mock.providers.pinterest.sources import DESCRIPTION, DOCUMENTATION, PRODUCTION
from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check, Subject
from audience_mock.web.conduct.facts import Conduct, IssuedToken, Listing, Page, Upload
from audience_mock.web.conduct.rules import Rule

_LISTS = (
    *("audiences/list", "customer_lists/list", "customer_segment/list", "ad_accounts/list"),
    *("ad_accounts_audiences_shared_accounts/list", "shared_audiences_for_business/list"),
    "business_account_audiences_shared_accounts/list",
)

MIN_PART_BYTES = 5_000_000
"""The description has "5mb"; S3 means 5 MiB. The lesser one, so that nothing right is a finding."""

SMALL_PART = Rule(
    id="AM501",
    name="upload-part-too-small",
    severity="error",
    summary="A part of an upload, other than the last, was smaller than 5 MB.",
    fix="make as many parts as the size divided by 5 MB or more; a small file has one part",
    evidence=DESCRIPTION.says("each part but the last has at least 5 MB"),
)


def _page(call: Call) -> Page | None:
    answer = call.answer
    if not call.is_success:
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
        # The journal has the beginning of a long page alone, and `bookmark` is at the end.
        return None
    items = (item.get("id", item.get("account_id")) for item in answer["items"] if isinstance(item, dict))
    return Page(
        asked=call.query.get("bookmark") or None,
        following=answer.get("bookmark"),
        items=len(answer["items"]),
        ids=[str(id) for id in items if id is not None],
        max_items=MAX_PAGE_SIZE,
    )


_LISTING = Listing(page=_page, parameters=("bookmark", "page_size"))


def _state_in(key: str, *unfinished: str) -> Callable[[Any], str | None]:
    def state(answer: Any) -> str | None:
        found = answer.get(key) if isinstance(answer, dict) else None
        return found if found in unfinished else None

    return state


def _reset(call: Call) -> tuple[str, float] | None:
    value = call.answer_headers.get("x-ratelimit-reset", "")
    return ("x-ratelimit-reset", float(value)) if value.isascii() and value.isdigit() else None


def _issued(call: Call) -> IssuedToken | None:
    form, answer = call.body, call.answer
    if call.operation != "oauth/token" or not isinstance(form, dict) or not isinstance(answer, dict):
        return None
    access = answer.get("access_token")
    if not isinstance(access, str):
        return None
    return IssuedToken(
        access=access,
        lifetime_s=answer.get("expires_in"),
        refresh=answer.get("refresh_token"),
        refreshed=form.get("refresh_token"),
        is_user=form.get("grant_type") == "authorization_code",
    )


def _created(call: Call) -> Upload | None:
    answer = call.answer
    if not call.is_success or not isinstance(answer, dict):
        return None
    return Upload(target=str(answer.get("id")), records=answer.get("num_uploaded_user_records"))


def _changed(call: Call) -> Upload | None:
    if not call.is_success:
        return None
    return Upload(
        target=str(call.recorded.path_params.get("customer_list_id")),
        is_removal=b'"REMOVE"' in _kept(call),
        records=_records(call),
    )


def _run(call: Call) -> Upload | None:
    """What the parts of an upload brought. The journal has none of it."""
    answer = call.answer
    if not call.is_success or not isinstance(answer, dict):
        return None
    return Upload(target=str(answer.get("customer_list_id")), is_removal=answer.get("operation") == "REMOVE")


def _kept(call: Call) -> bytes:
    return call.recorded.body if isinstance(call.recorded.body, bytes) else b""


def _records(call: Call) -> int | None:
    """How many records a body has; of one that the journal has in part, an estimate by its size."""
    kept = _kept(call)
    if not kept:
        return None
    mark = b"{" if b'"records_v2"' in kept else b","
    return kept.count(mark) * (call.recorded.body_bytes or 0) // len(kept)


class SmallParts(Check):
    RULES = (SMALL_PART,)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._parts: dict[str, dict[int, Call]] = {}

    def see(self, call: Call) -> None:
        if call.operation != "customer_list_uploads/put_part" or not call.is_success:
            return
        params = call.recorded.path_params
        self._parts.setdefault(params["upload_id"], {})[int(params["part_number"])] = call

    def finish(self) -> Iterator[None]:
        for parts in self._parts.values():
            for number in sorted(parts)[:-1]:
                yield
                size = parts[number].recorded.body_bytes or 0
                if size < MIN_PART_BYTES:
                    self.report(
                        SMALL_PART,
                        f"{parts[number]} sent part {number} of {max(parts)} with {size:,} bytes",
                        [parts[number]],
                    )


CONDUCT = Conduct(
    creates={
        "audiences/create": ("audiences/list",),
        "audiences/create_custom": ("audiences/list",),
        "customer_lists/create": ("customer_lists/list",),
        "customer_segment/create": ("customer_segment/list",),
        "ad_accounts/create": ("ad_accounts/list",),
    },
    listings=dict.fromkeys(_LISTS, _LISTING),
    builds={
        "audiences/get": _state_in("status", "INITIALIZING", "PERSONAS_INITIALIZING"),
        "customer_lists/get": _state_in("status", "PROCESSING", "UPLOADING"),
        "customer_list_uploads/get": _state_in("state", "RUNNING"),
    },
    uploads={
        "customer_lists/create": _created,
        "customer_lists/update": _changed,
        "customer_list_uploads/run": _run,
    },
    reads=("ad_groups/audience_sizing",),
    reset=_reset,
    issued=_issued,
    is_expired=lambda call: call.status == 401 and call.recorded.reason == "expired token",
    # RFC 6749 lets an app send its id and secret in the form, too.
    more_fields={
        "oauth/token": ("continuous_refresh", "client_id", "client_secret"),
        "token/revoke": ("client_id", "client_secret"),
    },
    evidence={
        "AM101": PRODUCTION.says("x-ratelimit-reset: whole seconds until the limit begins again"),
        "AM103": PRODUCTION.says("equal names are allowed"),
        "AM202": DOCUMENTATION.says("an audience takes up to 24 hours"),
        "AM204": DESCRIPTION.says("a bookmark is a cursor to the next page"),
        "AM205": DESCRIPTION.says("page_size is 250 at most, 25 by default"),
        "AM403": DESCRIPTION.says("counters rise for a user who is in the list already"),
    },
    checks=(SmallParts,),
)
