"""Overrides of what the clock decides: an audience's status, size, build policy or time."""

from typing import Any

from sqlalchemy import bindparam, update

from audience_mock.core.apis import registered
from audience_mock.core.audiences import changes, queries
from audience_mock.core.audiences.lifecycle import INITIALIZING
from audience_mock.core.errors import InvalidStateError, InvalidStatusError, NotFoundError
from audience_mock.core.readiness import FAILS, schedule_build
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import Audience, table_of
from audience_mock.core.store.transaction import Transaction

_table = table_of(Audience)
_UPDATE = update(_table).where(_table.c.key == bindparam("of_key"))

MAX_ID_DIGITS = 18
"""The most digits of an id of either API."""


def find(tx: Transaction, *, id: str, api: str | None = None) -> AudienceRow:
    """The audience of one API, or of either, by its number or its Facebook id. Raises NotFoundError, and
    InvalidStateError if both APIs have one."""
    found = []
    if len(id) <= MAX_ID_DIGITS:
        for of_api in registered() if api is None else (api,):
            try:
                found.append(queries.find_by_any_id(tx, api=of_api, id=id))
            except NotFoundError:
                continue
    if not found:
        raise NotFoundError("audience", id)
    if len(found) > 1:
        raise InvalidStateError(
            f"both APIs have an audience {id}: say " + " or ".join(f"?api={each.api}" for each in found)
        )
    return found[0]


def apply(
    tx: Transaction,
    *,
    id: str,
    api: str | None = None,
    status: str | None = None,
    release: bool = False,
    size: int | None = None,
    policy: str | None = None,
    ready_at_ms: int | None = None,
) -> AudienceRow:
    """Override what the clock would decide; returns the audience as it is then.

    A `status` stays until `release`, or until another policy or time is given. `policy` restarts the build
    now; `ready_at_ms` sets its end. `size` are its people once it is built, instead of those of a customer
    list. Raises as `find`, and InvalidStatusError.
    """
    audience = find(tx, id=id, api=api)
    values: dict[str, Any] = {}
    if status is not None:
        values = _hold(tx, audience, status)
    elif release or policy is not None or ready_at_ms is not None:
        values = {"held_status": None}
    if policy is not None:
        values["ready_at_ms"], values["policy"] = schedule_build(policy, tx.now_ms, tx.rules.delay_ms)
    if ready_at_ms is not None:
        values["ready_at_ms"] = ready_at_ms
        values.setdefault("policy", audience.policy if audience.policy == FAILS else None)
    if size is not None:
        values |= {"people": size, "customer_list": None}
    if values:
        tx.execute(_UPDATE, {**values, "of_key": audience.key})
    return queries.find_by_key(tx, key=audience.key)


def delete(tx: Transaction, *, id: str, api: str | None = None) -> AudienceRow:
    """Delete an audience of either API; returns it as it last was. Raises as `find`."""
    return changes.delete_by_key(tx, key=find(tx, id=id, api=api).key)


def _hold(tx: Transaction, audience: AudienceRow, status: str) -> dict[str, Any]:
    known = registered()[audience.api].audience_statuses
    if status not in known:
        raise InvalidStatusError(
            f"an audience of {audience.api} is one of {', '.join(known)}, not {status[:100]!r}"
        )
    values: dict[str, Any] = {"held_status": status, "policy": None}
    if not status.endswith(INITIALIZING):
        # It is built: Facebook takes it, and after a release it stays built.
        values["ready_at_ms"] = min(audience.ready_at_ms, tx.now_ms)
    return values
