"""What the conduct report has to know of PitchTarget's API."""

from typing import Any

from audience_mock.providers.pitchtarget.custom_audiences.routes import PAGE_SIZE
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION
from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.facts import Conduct, Listing, Page, Upload

_LISTS = ("custom_audiences/list", "customaudiences/list")


def _page(call: Call) -> Page | None:
    """2014-05 has pages, by number; the list of 2014-04 is whole."""
    answer = call.answer
    if not call.is_success or not isinstance(answer, dict) or "meta" not in answer:
        return None
    audiences, meta = answer.get("custom_audiences", []), answer["meta"]
    number, total = int(meta.get("page", 1)), int(meta.get("total", 0))
    has_more = bool(audiences) and number * PAGE_SIZE < total
    ids = [str(each[key]) for each in audiences for key in ("id", "fb_id") if each.get(key) is not None]
    return Page(
        asked=str(number) if number > 1 else None,
        following=str(number + 1) if has_more else None,
        items=len(audiences),
        ids=ids,
    )


def _build_state(answer: Any) -> str | None:
    """2014-05 shows an audience without its Facebook id until Facebook has taken it."""
    audience = answer.get("fb_custom_audience") if isinstance(answer, dict) else None
    if isinstance(audience, dict):
        return "no fb_id" if audience.get("fb_id", "") is None else None
    status = answer.get("status") if isinstance(answer, dict) else None
    return status if status == "updating" else None


def _upload(call: Call) -> Upload | None:
    audience = call.answer.get("fb_custom_audience") if isinstance(call.answer, dict) else None
    if not call.is_success or not isinstance(audience, dict):
        return None
    return Upload(target=str(audience.get("id")))


CONDUCT = Conduct(
    creates=dict.fromkeys(
        ("custom_audiences/create", "lookalikeaudiences/create", "websitecustomaudiences/create"), _LISTS
    ),
    listings=dict.fromkeys(_LISTS, Listing(page=_page, parameters=("page",))),
    builds=dict.fromkeys(("custom_audiences/get", "customaudiences/get"), _build_state),
    uploads=dict.fromkeys(("custom_audiences/create", "custom_audiences/add_users"), _upload),
    evidence={
        "AM203": DOCUMENTATION.says("10 a page, from 1, with the total"),
        "AM402": DOCUMENTATION.says("e-mail and phone as SHA-256 in hex"),
    },
)
