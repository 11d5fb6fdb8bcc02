"""Customer lists of a seed, and uploads to them."""

import json
from collections.abc import Iterator

from sqlalchemy import insert, select

from audience_mock.core.errors import DuplicateRowError, IdTakenError, InvalidSeedError
from audience_mock.core.seeds.schemas import Seed, SeedCustomerList
from audience_mock.core.seeds.sections.ids import SeedIds
from audience_mock.core.seeds.sections.times import time_columns, to_ms, to_ms_or_none
from audience_mock.core.store import ids
from audience_mock.core.store.tables import CustomerList, ListUpload, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import customer_lists, list_uploads, user_sets
from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES, each, sorted_distinct
from audience_mock.core.users.records import Records

_lists = table_of(CustomerList)


def insert_lists(tx: Transaction, seed: Seed) -> Iterator[str]:
    """Yields their ids. Raises InvalidSeedError."""
    if not seed.customer_lists:
        return
    matcher = user_sets.matcher(tx)
    numbers = SeedIds(tx, seed, ids.CUSTOMER_LIST, select(_lists.c.number), _lists.c.number)
    for position, given in enumerate(seed.customer_lists):
        place = f"customer_lists.{position}"
        users, links, sent = _people_of(given, place)
        people, uploaded = given.people, given.uploaded_records
        number = numbers.next(given.id, "customer list", f"{place}.id")
        try:
            customer_lists.insert_list(
                tx,
                **given.model_dump(include={"account", "name", "list_type", "is_nca", "batches"}),
                **time_columns(tx, given),
                number=number,
                uploaded_records=sent + given.unnamed_people if uploaded is None else uploaded,
                removed_records=given.removed_records,
                unnamed_people=given.unnamed_people,
                people=given.unnamed_people + matcher.count(users) if people is None else people,
                user_set=user_sets.insert_set(tx, users),
                link_set=user_sets.insert_set(tx, links, LINK_BYTES) if links else None,
            )
        except DuplicateRowError:
            raise IdTakenError(f"the world has a customer list {number} already", f"{place}.id") from None
        yield str(number)
    numbers.save()


def _people_of(given: SeedCustomerList, place: str) -> tuple[bytes, bytes, int]:
    """The sorted digests and links of a list, and its number of records. Raises InvalidSeedError."""
    with Records(given.list_type) as records:
        for record in given.records:
            records.feed(record.encode() + b"\n")
        records.finish()
        if records.invalid:
            raise InvalidSeedError("a record is of no kind that the list takes", f"{place}.records")
        links = sorted_distinct(b"".join([*records.links.parts(), *given.links]), LINK_BYTES)
        ends = {link[:-DIGEST_BYTES]: link[-DIGEST_BYTES:] for link in each(links, LINK_BYTES)}
        sent = each(b"".join([*records.people.parts(), *given.users]))
        users = sorted_distinct(b"".join(ends.get(digest, digest) for digest in sent))
        return users, links, records.sent + sum(map(len, given.users)) // DIGEST_BYTES


def insert_list_uploads(tx: Transaction, seed: Seed) -> Iterator[str]:
    """Yields their ids. Raises InvalidSeedError."""
    if not seed.customer_list_uploads:
        return
    table = table_of(ListUpload)
    numbers = SeedIds(tx, seed, ids.CUSTOMER_LIST_UPLOAD, select(table.c.number), table.c.number)
    for position, given in enumerate(seed.customer_list_uploads):
        place = f"customer_list_uploads.{position}"
        there = select(_lists.c.number).where(_lists.c.number == int(given.customer_list))
        if tx.execute(there).first() is None:
            raise InvalidSeedError(
                f"there is no customer list {given.customer_list}", f"{place}.customer_list"
            )
        number = numbers.next(given.id, "customer list upload", f"{place}.id")
        was_run = given.started_at is not None
        row = {
            "number": number,
            "customer_list": int(given.customer_list),
            "created_at_ms": tx.now_ms if given.created_at is None else to_ms(given.created_at),
            "started_at_ms": to_ms_or_none(given.started_at),
            "ready_at_ms": to_ms_or_none(given.ready_at),
            "errors": json.dumps(given.errors or {}) if was_run else None,
            **given.model_dump(include={"operation", "total_parts", "valid", "invalid"}),
        }
        try:
            tx.execute(insert(table), row)
        except DuplicateRowError:
            raise IdTakenError(
                f"the world has a customer list upload {number} already", f"{place}.id"
            ) from None
        for at, part in enumerate(given.parts):
            if not 1 <= part.part <= given.total_parts:
                raise InvalidSeedError(
                    f"the upload has {given.total_parts} parts", f"{place}.parts.{at}.part"
                )
            list_uploads.insert_part(tx, upload=number, part=part.part, pieces=part.content)
        yield str(number)
    numbers.save()
