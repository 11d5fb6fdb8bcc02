"""When the rules of Pinterest's API make a response, by their text: see `web.strict_evidence`."""

from collections.abc import Iterator, Mapping
from typing import Any

from audience_mock.core.audiences import accounts, queries, segments
from audience_mock.core.audiences.lifecycle import INITIALIZING, READY, status_and_size_at
from audience_mock.core.errors import NotFoundError
from audience_mock.core.readiness import schedule_build
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.responses import status_of_create
from audience_mock.providers.pinterest.schema_types import audience_number
from audience_mock.web.strict_evidence import Condition, Exchange, always, never, sends


def _creates_with_201(exchange: Exchange) -> bool:
    return status_of_create(exchange.request) == 201


def _shown(exchange: Exchange) -> Iterator[tuple[str, int]]:
    """Status and size of each audience in the response; a POST or PATCH is asked before it has one."""
    answer, request = exchange.answer, exchange.request
    world = request.world
    if isinstance(answer, dict):
        for each in answer.get("items", [answer]):
            if "status" in each and "size" in each:
                yield each["status"], each["size"]
    elif request.method == "PATCH" and "audience_id" in request.path_params:
        account, id = request.path_params["ad_account_id"], request.path_params["audience_id"]
        if not (id.isascii() and id.isdigit()):
            return  # which the operation rejects
        try:
            row = world.read_now(queries.find, api=NAME, account=account, number=audience_number(id))
        except NotFoundError:
            return
        yield status_and_size_at(row, world.clock.now_ms())
    elif request.method == "POST":
        now_ms = world.clock.now_ms()
        ready_at_ms, _ = schedule_build(world.rules.audience_ready, now_ms, world.rules.delay_ms)
        if ready_at_ms <= now_ms:
            # How many people it has is not known before; one is enough for a guess.
            yield READY, 1


def _is_built(exchange: Exchange) -> bool:
    return any(not status.endswith(INITIALIZING) for status, _ in _shown(exchange))


def _has_people(exchange: Exchange) -> bool:
    return any(size for _, size in _shown(exchange))


def _is_unfinished(exchange: Exchange) -> bool:
    """An upload: a response to its create or run shows it so, always."""
    if exchange.request.method == "POST":
        return True
    return isinstance(exchange.answer, dict) and exchange.answer.get("error_counts") is None


def _has_other_error_code(exchange: Exchange) -> bool:
    counts = exchange.answer.get("error_counts") if isinstance(exchange.answer, dict) else None
    return any(each["error_code"] != 42 for each in counts or ())


def _has_list_of_line_items(exchange: Exchange) -> bool:
    rule = _body(exchange).get("rule")
    data = rule.get("event_data") if isinstance(rule, dict) else None
    return isinstance(data, dict) and isinstance(data.get("line_items"), list)


def _names_somebody_twice(exchange: Exchange) -> bool:
    return any(
        isinstance(value, list) and len({str(each) for each in value}) < len(value)
        for value in _body(exchange).values()
    )


def _keeps_members(exchange: Exchange) -> bool:
    return "body audience_ids" not in exchange.fields


def _has_name_of_another(exchange: Exchange) -> bool:
    name, request = _body(exchange).get("name"), exchange.request
    if not isinstance(name, str):
        return False
    found, _ = request.world.read_now(
        segments.list_page,
        account=request.path_params["ad_account_id"],
        named=name,
        cursor=None,
        limit=1000,
    )
    return any(segment.name == name for segment in found)


def _is_undescribed(exchange: Exchange) -> bool:
    account = exchange.request.path_params["ad_account_id"]
    return not exchange.request.world.read_now(accounts.is_listed, account=account)


def _may_use_some_accounts(exchange: Exchange) -> bool:
    return getattr(exchange.request.caller, "ad_accounts", None) is not None


def _is_read(exchange: Exchange) -> bool:
    return exchange.request.method == "GET"


def _body(exchange: Exchange) -> Mapping[str, Any]:
    return exchange.body if isinstance(exchange.body, dict) else {}


GUESSES: Mapping[str, Condition] = {
    # Of operations
    "success is 201, or 200 by setting or Prefer": _creates_with_201,
    "after REMOVE: 404, and absent from the list": sends(operation_type="REMOVE"),
    "after REMOVE it is not found": sends(operation_type="REMOVE"),
    "each recipient once, and at most 100": _names_somebody_twice,
    "a token for some ad accounts creates others, and does not see them": _may_use_some_accounts,
    "every ad account exists": _is_undescribed,
    # It is about two calls, and each by itself is known.
    "what was written is read at once": never,
    # Of fields: sent, whatever their value is
    "sent along, and ignored": always,
    "ignored: a type cannot be changed": always,
    "ignored": always,
    "replaces the one before as a whole": always,
    "any text, though an IANA name is asked for": always,
    "adds nothing: no key for it is described": always,
    "a part of the name, in capitals or not: what it matches is unknown": always,
    "a shared one is one whose permissions lack OWNER": always,
    "any word, or `code_mock.` and scopes": always,
    # Of fields: some of their values
    "of a list, the first": _has_list_of_line_items,
    "equal names are allowed": _has_name_of_another,
    "kept where it is not sent": _keeps_members,
    # Of responses
    "then READY, or TOO_SMALL under 100 matched people": _is_built,
    "a made-up number once it is built, or the matched people of a customer list": _has_people,
    "null until the upload has ended": _is_unfinished,
    "0 until the upload has ended": _is_unfinished,
    "43 for a wrong device id, 44 for another": _has_other_error_code,
    "then OWNER, or a seed's": _is_read,
    # Another call would show it.
    "a removed one is not listed": never,
}
