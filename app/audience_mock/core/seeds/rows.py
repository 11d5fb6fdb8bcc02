"""The rows of a world, by the sections of a seed and in its terms."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from audience_mock.core.audiences.lifecycle import policy_of
from audience_mock.core.readiness import AFTER_DELAY, NEVER_MS
from audience_mock.core.seeds.fields import object_text
from audience_mock.core.store import ids
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.statements import Query
from audience_mock.core.store.tables import (
    AdAccount,
    App,
    Audience,
    Business,
    CustomerList,
    CustomerSegment,
    KnownUser,
    ListUpload,
    NextFacebookId,
    Pixel,
    Sequence,
    Share,
    Token,
    Upload,
    UploadPart,
    UploadPiece,
    UserBlock,
    table_of,
)
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES

_audiences, _blocks = table_of(Audience), table_of(UserBlock)
_parts, _pieces = table_of(UploadPart), table_of(UploadPiece)
_ALL_AUDIENCES = Query(AudienceRow, select(_audiences).order_by(_audiences.c.key))
_INTERNAL = (ids.USER_SET, ids.UPLOADED_FILE)
"""Sequences of numbers that no answer shows."""
LONGEST_CACHED = 1024
"""Characters of a JSON text that is parsed once and kept: it is what a caller sent. Chosen."""


class Row(NamedTuple):
    """A row of a section: what identifies it there, and its other fields, in a seed's terms."""

    section: str
    identity: dict[str, Any]
    fields: dict[str, Any]


Large = Mapping[str, Any] | list[str]
WriteLarge = Callable[[Iterable[bytes], int], Large]
"""Turns parts of bytes, with entries of a width, into what stands for them in a row."""


def seconds(ms: int) -> float:
    return ms / 1000 if ms % 1000 else ms // 1000


def _seconds_or_none(ms: int | None) -> float | None:
    return None if ms is None else seconds(ms)


def _present(**fields: Any) -> dict[str, Any]:
    """The fields that have a value: a seed without the others means the same."""
    return {name: value for name, value in fields.items() if value is not None}


def _as_object(text: str | None) -> Any:
    """A JSON text as an object, if that is written as the same text again; else the text."""
    if text is None or len(text) > LONGEST_CACHED:
        return _parsed(text)
    return _cached(text)


@lru_cache(maxsize=1024)
def _cached(text: str) -> Any:
    """Most audiences have one of a few rules."""
    return _parsed(text)


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        parsed = json.loads(text)
        same = object_text(parsed) == text
    except ValueError:
        same = False
    return parsed if same else text


def rows(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    """All rows of a state, each after those that it refers to; users and files as `large` writes them."""
    for section in (
        *(_sequences, _facebook_ids, _people, _customer_lists, _list_uploads, _audience_rows, _uploads),
        *(_shares, _pixels, _tokens, _apps, _businesses, _ad_accounts, _segments),
    ):
        yield from section(tx, large)


def _all(tx: Transaction, model: Any, *columns: str) -> Any:
    table = table_of(model)
    return tx.execute(select(table).order_by(*(table.c[name] for name in columns)))


def _set(tx: Transaction, user_set: int | None, large: WriteLarge, width: int = DIGEST_BYTES) -> Any:
    """None without a set; an empty set has no blocks."""
    if user_set is None:
        return None
    parts = select(_blocks.c.digests).where(_blocks.c.user_set == user_set).order_by(_blocks.c.part)
    return large(tx.execute(parts).scalars(), width)


def _sequences(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, Sequence, "name"):
        if row.name not in _INTERNAL:
            yield Row("sequences", {"name": row.name}, {"next": row.next})


def _facebook_ids(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, NextFacebookId, "position"):
        yield Row("facebook_ids", {"position": row.position}, {"facebook_id": row.facebook_id})


def _people(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, KnownUser, "digest"):
        yield Row("people", {"digest": row.digest.hex()}, {})


def _changed_times(row: Any) -> dict[str, Any]:
    """A seed without `updated_at` has it as `created_at`."""
    changed = row.updated_at_ms != row.created_at_ms
    return _present(
        created_at=seconds(row.created_at_ms),
        updated_at=seconds(row.updated_at_ms) if changed else None,
    )


def _times(row: Any) -> dict[str, Any]:
    return _changed_times(row) | _present(
        ready_at=seconds(row.ready_at_ms) if row.ready_at_ms < NEVER_MS else None,
        status=row.held_status,
    )


def _customer_lists(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, CustomerList, "number"):
        fields = {"account": row.account, "name": row.name, "list_type": row.list_type} | _times(row)
        fields |= _present(
            is_nca=row.is_nca or None,
            users=_set(tx, row.user_set, large),
            links=_set(tx, row.link_set, large, LINK_BYTES),
            unnamed_people=row.unnamed_people or None,
            people=row.people,
            batches=row.batches,
            uploaded_records=row.uploaded_records,
            removed_records=row.removed_records or None,
        )
        yield Row("customer_lists", {"id": str(row.number)}, fields)


def _list_uploads(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, ListUpload, "number"):
        # One that is being read can be run again, as after a restart.
        done = row.valid is not None
        fields = {
            "customer_list": str(row.customer_list),
            "operation": row.operation,
            "total_parts": row.total_parts,
            "created_at": seconds(row.created_at_ms),
        } | _present(
            started_at=_seconds_or_none(row.started_at_ms) if done else None,
            ready_at=_seconds_or_none(row.ready_at_ms) if done else None,
            valid=row.valid,
            invalid=row.invalid,
            errors=json.loads(row.errors) if row.errors else None,
        )
        if parts := [
            {"part": part.part, "content": _content(tx, part.file, large)}
            for part in tx.execute(
                select(_parts).where(_parts.c.upload == row.number).order_by(_parts.c.part)
            )
        ]:
            fields["parts"] = parts
        yield Row("customer_list_uploads", {"id": str(row.number)}, fields)


def _content(tx: Transaction, file: int, large: WriteLarge) -> Any:
    pieces = select(_pieces.c.content).where(_pieces.c.file == file).order_by(_pieces.c.piece)
    return large(tx.execute(pieces).scalars(), 1)


def _audience_rows(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in tx.each(_ALL_AUDIENCES, {}):
        fields = {"account": row.account, "kind": row.kind, "name": row.name} | _times(row)
        fields |= _present(
            description=row.description,
            definition=_as_object(row.definition),
            created_by=row.created_by,
            policy=None if (policy := policy_of(row)) == AFTER_DELAY else policy,
            people=row.people if row.customer_list is None else None,
            users=_set(tx, row.user_set, large),
            facebook_id=row.facebook_id,
            user_type=row.user_type,
            opt_out_link=row.opt_out_link,
            origin_id=row.origin_id,
            retention_days=row.retention_days,
            customer_list=None if row.customer_list is None else str(row.customer_list),
            facebook_object=_as_object(row.facebook_object),
        )
        yield Row("audiences", {"api": row.api, "id": str(row.number)}, fields)


def _of_audience(model: Any, *order: Any) -> Select[Any]:
    table = table_of(model)
    return (
        select(table, _audiences.c.api, _audiences.c.number)
        .join_from(table, _audiences, table.c.audience_key == _audiences.c.key)
        .order_by(*(table.c[name] for name in order))
    )


def _uploads(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    """A report has no id: it is the n-th one of its audience."""
    seen: dict[tuple[str, int], int] = {}
    for row in tx.execute(_of_audience(Upload, "key")):
        number = seen[row.api, row.number] = seen.get((row.api, row.number), 0) + 1
        fields = {
            "received_at": seconds(row.received_at_ms),
            "user_type": row.user_type,
            "lines": row.lines,
            "valid": row.valid,
            # `distinct` and `count` are methods of a row too.
            "distinct": row._mapping["distinct"],
            "added": row.added,
            "matched": row.matched,
            "invalid": row.invalid,
        }
        if invalid := json.loads(row.invalid_lines):
            fields["invalid_lines"] = [{"line": line, "why": why} for line, why in invalid]
        yield Row("uploads", {"api": row.api, "audience": str(row.number), "number": number}, fields)


def _shares(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in tx.execute(_of_audience(Share, "position")):
        identity = {
            "api": row.api,
            "audience": str(row.number),
            "recipient_kind": row.recipient_kind,
            "recipient": row.recipient,
        }
        fields = _present(giver=row.giver, shared_at=seconds(row.shared_at_ms), position=row.position)
        yield Row("shares", identity, fields)


def _pixels(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, Pixel, "key"):
        fields = {"account": row.account, "name": row.name, "tag": row.tag, "creator": row.creator}
        yield Row("pixels", {"facebook_id": row.facebook_id}, fields)


def _tokens(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, Token, "family", "digest"):
        fields = {
            "kind": row.kind,
            "family": row.family,
            "scopes": None if row.scopes is None else row.scopes.split(),
        } | _present(
            app=row.app,
            ad_accounts=None if row.ad_accounts is None else row.ad_accounts.split(),
            expires_at=_seconds_or_none(row.expires_at_ms),
            revoked=row.revoked or None,
        )
        yield Row("tokens", {"digest": row.digest.hex()}, fields)


def _apps(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, App, "id"):
        yield Row("apps", {"id": row.id}, {"digest": row.digest.hex()})


def _businesses(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    accounts: dict[str, list[dict[str, Any]]] = {}
    for row in _all(tx, AdAccount, "id"):
        if row.business is not None:
            accounts.setdefault(row.business, []).append({"id": row.id} | _of_ad_account(row))
    for row in _all(tx, Business, "id"):
        fields = {"name": row.name} | _present(ad_accounts=accounts.get(row.id))
        yield Row("businesses", {"id": row.id}, fields)


def _ad_accounts(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    """Those that belong to no business."""
    for row in _all(tx, AdAccount, "id"):
        if row.business is None:
            yield Row("ad_accounts", {"id": row.id}, _of_ad_account(row))


def _of_ad_account(row: Any) -> dict[str, Any]:
    return _present(
        name=row.name,
        owner_id=row.owner_id,
        owner_username=row.owner_username,
        country=row.country,
        currency=row.currency,
        time_zone=row.time_zone,
        permissions=None if row.permissions is None else row.permissions.split(),
    ) | _changed_times(row)


def _segments(tx: Transaction, large: WriteLarge) -> Iterator[Row]:
    for row in _all(tx, CustomerSegment, "number"):
        fields = {"account": row.account, "name": row.name, "audiences": json.loads(row.members)}
        yield Row("customer_segments", {"id": str(row.number)}, fields | _changed_times(row))
