"""Planting: a seed put into a world as it is, all of it or nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from sqlite3 import IntegrityError
from typing import Any, cast

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError as RowRefused
from sqlmodel import SQLModel

from audience_mock.core import tokens
from audience_mock.core.audiences import changes
from audience_mock.core.errors import IdTakenError, InvalidSeedError
from audience_mock.core.readiness import BY_HAND, FAILS, NEVER_MS
from audience_mock.core.seeds.schemas import Seed, SeedAudience, SeedCustomerList, SeedShare, SeedUpload
from audience_mock.core.store import ids
from audience_mock.core.store.tables import (
    ACCOUNT,
    BUSINESS,
    App,
    Audience,
    CustomerList,
    KnownUser,
    ListUpload,
    NextFacebookId,
    Party,
    Pixel,
    Sequence,
    Share,
    Token,
    Upload,
    table_of,
)
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import customer_lists, list_uploads, user_sets
from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES, each, sorted_distinct
from audience_mock.core.users.records import Records, digest_of_hash, digests_of_plain
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.world import World

_sequences = table_of(Sequence)
_audiences, _lists, _shares = table_of(Audience), table_of(CustomerList), table_of(Share)

_SAME_NAME = (
    *(
        "api",
        "account",
        "kind",
        "name",
        "description",
        "definition",
        "created_by",
        "facebook_id",
        "user_type",
    ),
    *("opt_out_link", "origin_id", "retention_days", "facebook_object"),
)
"""Columns of an audience that a seed has under their own names."""


@dataclass
class AppliedSeed:
    """What a seed became: the ids of its audiences, customer lists and their uploads, each in the seed's
    order, and how many rows each section had."""

    counts: dict[str, int] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)


def apply_seed(world: World, seed: Seed) -> AppliedSeed:
    """Add a seed to a world that may hold something already, and set its clock to the seed's first, if that
    has one. Raises InvalidSeedError; then nothing is changed."""
    before = world.clock.state
    set_clock(world.clock, seed)
    try:
        applied = world.transact_now(insert_seed, seed)
    except BaseException:
        world.clock.state = before
        raise
    if seed.clock is not None:
        world.save_metadata()
    return applied


def set_clock(clock: Clock, seed: Seed) -> None:
    """Let a clock show what the seed says, if it says something."""
    if seed.clock is not None:
        clock.freeze(to_ms(seed.clock.now))
        if not seed.clock.frozen:
            clock.run()


def insert_seed(tx: Transaction, seed: Seed) -> AppliedSeed:
    """Put the rows of a seed into the world. Raises InvalidSeedError, which names the field."""
    applied = AppliedSeed()
    for name in sorted(seed.model_fields_set - {"schema_url", "clock"}):
        applied.counts[name] = len(getattr(seed, name))
    for name, number in seed.sequences.items():
        _begin_at(tx, name, number)
    _insert_people(tx, seed)
    applied.ids["customer_lists"] = list(_insert_lists(tx, seed))
    applied.ids["audiences"] = _insert_audiences(tx, seed)
    applied.ids["customer_list_uploads"] = list(_insert_list_uploads(tx, seed))
    _insert_reports(tx, seed)
    _insert_pixels(tx, seed)
    _insert_businesses(tx, seed)
    _insert_shares(tx, seed)
    _insert_tokens(tx, seed)
    first = tx.execute(select(func.max(table_of(NextFacebookId).c.position))).scalar_one()
    for position, facebook_id in enumerate(seed.facebook_ids, start=0 if first is None else first + 1):
        tx.execute(insert(NextFacebookId), {"position": position, "facebook_id": facebook_id})
    return applied


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)


def _ms_or_none(seconds: float | None) -> int | None:
    return None if seconds is None else to_ms(seconds)


def _begin_at(tx: Transaction, name: str, number: int) -> None:
    """A sequence goes on from `number`: never back, once the world has given an id of it."""
    here = _sequences.c.name == name
    may = (_sequences.c.next < number) | (_sequences.c.next == ids.FIRST[name])
    tx.execute(update(_sequences).where(here, may).values(next=number))


def _continue_at(tx: Transaction, name: str, number: int) -> None:
    """A sequence goes on from `number`, but never back."""
    tx.execute(
        update(_sequences).where(_sequences.c.name == name, _sequences.c.next < number).values(next=number)
    )


class _Numbers:
    """Ids as a seed gives them, or from a sequence, which goes on behind those that are given unless the seed
    says where it goes on. An id is given once."""

    def __init__(self, tx: Transaction, seed: Seed, sequence: str, taken: Select[Any], column: Any) -> None:
        self._tx, self._sequence, self._moves = tx, sequence, sequence not in seed.sequences
        now = select(_sequences.c.next).where(_sequences.c.name == sequence)
        self._next: int = tx.execute(now).scalar_one()
        # Something may stand ahead of its sequence.
        self._ahead = set(tx.execute(taken.where(column >= self._next)).scalars())
        self._used: set[int] = set()

    def take(self, id: str | None, what: str, place: str) -> int:
        """Raises InvalidSeedError if the seed has it twice."""
        if id is None:
            while self._next in self._ahead or self._next in self._used:
                self._next += 1
            number = self._next
            self._next += 1
        else:
            number = int(id)
            if number in self._used:
                raise InvalidSeedError(f"the seed has the {what} {id} twice", place)
            if self._moves:
                self._next = max(self._next, number + 1)
        self._used.add(number)
        return number

    def done(self) -> None:
        _continue_at(self._tx, self._sequence, self._next)


def _insert_people(tx: Transaction, seed: Seed) -> None:
    known = insert(KnownUser).prefix_with("OR IGNORE")
    rows = [
        {"digest": digest} for digest in {digest for person in seed.people for digest in _digests(person)}
    ]
    if rows:
        tx.execute(known, rows)


def _digests(person: str) -> tuple[bytes, ...]:
    """All digests of an address, plain; the one of a SHA-256."""
    raw = person.strip().encode()
    return (digest_of_hash(raw),) if re.fullmatch(rb"[0-9a-fA-F]{64}", raw) else digests_of_plain(raw)


def _life(tx: Transaction, given: SeedAudience | SeedCustomerList) -> dict[str, Any]:
    created_at_ms = tx.now_ms if given.created_at is None else to_ms(given.created_at)
    ready_at_ms = tx.now_ms + to_ms(given.ready_in_s) if given.ready_at is None else to_ms(given.ready_at)
    return {
        "held_status": given.status,
        "created_at_ms": created_at_ms,
        "updated_at_ms": created_at_ms if given.updated_at is None else to_ms(given.updated_at),
        "ready_at_ms": ready_at_ms,
    }


def _policy(policy: str) -> dict[str, Any]:
    if policy == FAILS:
        return {"policy": policy}
    return {"ready_at_ms": NEVER_MS, "policy": None if policy == BY_HAND else policy}


def _insert_lists(tx: Transaction, seed: Seed) -> Iterator[str]:
    if not seed.customer_lists:
        return
    matcher = user_sets.matcher(tx)
    numbers = _Numbers(tx, seed, ids.PINTEREST_CUSTOMER_LIST, select(_lists.c.number), _lists.c.number)
    for position, given in enumerate(seed.customer_lists):
        place = f"customer_lists.{position}"
        users, links, sent = _people_of(given, place)
        people, uploaded = given.people, given.uploaded_records
        number = numbers.take(given.id, "customer list", f"{place}.id")
        try:
            customer_lists.insert_list(
                tx,
                **given.model_dump(include={"account", "name", "list_type", "is_nca", "batches"}),
                **_life(tx, given),
                number=number,
                uploaded_records=sent + given.unnamed_people if uploaded is None else uploaded,
                removed_records=given.removed_records,
                unnamed_people=given.unnamed_people,
                people=given.unnamed_people + matcher.count(users) if people is None else people,
                user_set=user_sets.insert_set(tx, users),
                link_set=user_sets.insert_set(tx, links, LINK_BYTES) if links else None,
            )
        except RowRefused:
            raise IdTakenError(f"the world has a customer list {number} already", f"{place}.id") from None
        yield str(number)
    numbers.done()


def _people_of(given: SeedCustomerList, place: str) -> tuple[bytes, bytes, int]:
    """The digests and the links of a list, sorted, and its number of records. Raises InvalidSeedError."""
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


def _insert_audiences(tx: Transaction, seed: Seed) -> list[str]:
    if not seed.audiences:
        return []
    sets = _insert_sets(tx, seed)
    numbers = {
        api: _Numbers(
            tx,
            seed,
            sequence,
            select(_audiences.c.number).where(_audiences.c.api == api),
            _audiences.c.number,
        )
        for api, sequence in changes.SEQUENCE_OF.items()
    }
    people_of_list = _PeopleOfLists(tx)
    key = tx.execute(select(func.coalesce(func.max(_audiences.c.key), 0))).scalar_one()
    made: list[str] = []

    def rows() -> Iterator[dict[str, Any]]:
        for position, given in enumerate(seed.audiences):
            place = f"audiences.{position}"
            number = numbers[given.api].take(given.id, f"{given.api} audience", f"{place}.id")
            row = {name: getattr(given, name) for name in _SAME_NAME} | _life(tx, given)
            if given.policy is not None:
                row |= _policy(given.policy)
            row |= {"key": key + position + 1, "number": number, "people": given.people}
            if position in sets:
                row["user_set"], matched = sets[position]
                row["people"] = given.people if "people" in given.model_fields_set else matched
            if given.customer_list is not None:
                row["customer_list"] = int(given.customer_list)
                row["people"] = people_of_list(given.account, given.customer_list, f"{place}.customer_list")
            made.append(str(number))
            yield row

    try:
        changes.insert_many(tx, rows())
    except IntegrityError:
        # The row that was made last is the one that was refused.
        position = len(made) - 1
        what = f"{seed.audiences[position].api} audience {made[position]}"
        raise IdTakenError(f"the world has a {what} already", f"audiences.{position}.id") from None
    for each_api in numbers.values():
        each_api.done()
    return made


def _insert_sets(tx: Transaction, seed: Seed) -> dict[int, tuple[int, int]]:
    """The users of audiences by position: their set, and how many of them are matched."""
    sets: dict[int, tuple[int, int]] = {}
    matcher = None
    for position, given in enumerate(seed.audiences):
        if given.users is not None:
            matcher = matcher or user_sets.matcher(tx)
            users = sorted_distinct(b"".join(given.users))
            matched = 0 if "people" in given.model_fields_set else matcher.count(users)
            sets[position] = user_sets.insert_set(tx, users), matched
    return sets


class _PeopleOfLists:
    """How many people the customer lists of the world have, each looked up once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[tuple[str, str], int | None] = {}

    def __call__(self, account: str, id: str, place: str) -> int:
        """Raises InvalidSeedError if the ad account has no such list."""
        if (account, id) not in self._known:
            here = select(_lists.c.people).where(_lists.c.number == int(id), _lists.c.account == account)
            self._known[account, id] = self._tx.execute(here).scalar_one_or_none()
        people = self._known[account, id]
        if people is None:
            raise InvalidSeedError(f"the ad account {account} has no customer list {id}", place)
        return people


def _insert_list_uploads(tx: Transaction, seed: Seed) -> Iterator[str]:
    if not seed.customer_list_uploads:
        return
    table = table_of(ListUpload)
    numbers = _Numbers(tx, seed, ids.PINTEREST_UPLOAD, select(table.c.number), table.c.number)
    for position, given in enumerate(seed.customer_list_uploads):
        place = f"customer_list_uploads.{position}"
        there = select(_lists.c.number).where(_lists.c.number == int(given.customer_list))
        if tx.execute(there).first() is None:
            raise InvalidSeedError(
                f"there is no customer list {given.customer_list}", f"{place}.customer_list"
            )
        number = numbers.take(given.id, "customer list upload", f"{place}.id")
        was_run = given.started_at is not None
        row = {
            "number": number,
            "customer_list": int(given.customer_list),
            "created_at_ms": tx.now_ms if given.created_at is None else to_ms(given.created_at),
            "started_at_ms": _ms_or_none(given.started_at),
            "ready_at_ms": _ms_or_none(given.ready_at),
            "errors": json.dumps(given.errors or {}) if was_run else None,
            **given.model_dump(include={"operation", "total_parts", "valid", "invalid"}),
        }
        try:
            tx.execute(insert(table), row)
        except RowRefused:
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
    numbers.done()


def _audience_key(tx: Transaction, api: str, id: str) -> int | None:
    here = select(_audiences.c.key).where(_audiences.c.api == api, _audiences.c.number == int(id))
    return cast(int | None, tx.execute(here).scalar_one_or_none())


def _key_at(tx: Transaction, given: SeedShare | SeedUpload, place: str) -> int:
    """Raises InvalidSeedError."""
    key = _audience_key(tx, given.api, given.audience)
    if key is None:
        raise InvalidSeedError(f"there is no {given.api} audience {given.audience}", f"{place}.audience")
    return key


def _insert_reports(tx: Transaction, seed: Seed) -> None:
    for position, given in enumerate(seed.uploads):
        row = given.model_dump(exclude={"api", "audience", "received_at", "invalid_lines"}) | {
            "audience_key": _key_at(tx, given, f"uploads.{position}"),
            "received_at_ms": to_ms(given.received_at),
            "invalid_lines": json.dumps([(one.line, one.why) for one in given.invalid_lines]),
        }
        tx.execute(insert(Upload), row)


def _insert_pixels(tx: Transaction, seed: Seed) -> None:
    used: set[str] = set()
    for position, pixel in enumerate(seed.pixels):
        what, place = f"pixel {pixel.facebook_id}", f"pixels.{position}.facebook_id"
        _add(tx, Pixel, pixel.model_dump(), used=used, what=what, place=place)


def _add(
    tx: Transaction, model: type[SQLModel], row: Mapping[str, Any], *, used: set[str], what: str, place: str
) -> None:
    """Raises InvalidSeedError: another row of the seed or of the world has the id already."""
    if what in used:
        raise InvalidSeedError(f"the seed has the {what} twice", place)
    used.add(what)
    try:
        tx.execute(insert(model), row)
    except RowRefused:
        raise IdTakenError(f"the world has the {what} already", place) from None


def _insert_businesses(tx: Transaction, seed: Seed) -> None:
    used: set[str] = set()
    for position, business in enumerate(seed.businesses):
        place = f"businesses.{position}"
        row = {"kind": BUSINESS, "id": business.id, "name": business.name, "business": None}
        _add(tx, Party, row, used=used, what=f"business {business.id}", place=f"{place}.id")
        for at, account in enumerate(business.ad_accounts):
            row = {"kind": ACCOUNT, "id": account.id, "name": account.name, "business": business.id}
            _add(
                tx,
                Party,
                row,
                used=used,
                what=f"ad account {account.id}",
                place=f"{place}.ad_accounts.{at}.id",
            )


def _insert_shares(tx: Transaction, seed: Seed) -> None:
    used: set[str] = set()
    for position, given in enumerate(seed.shares):
        place = f"shares.{position}"
        row = {
            "position": tx.new_id(ids.SHARE) if given.position is None else given.position,
            "audience_key": _key_at(tx, given, place),
            "recipient_kind": given.recipient_kind,
            "recipient": given.recipient,
            "giver": given.giver,
            "shared_at_ms": tx.now_ms if given.shared_at is None else to_ms(given.shared_at),
        }
        if given.position is not None:
            _continue_at(tx, ids.SHARE, given.position + 1)
            here = select(_shares.c.position).where(_shares.c.position == given.position)
            if tx.execute(here).first() is not None:
                raise IdTakenError(f"the position {given.position} is another share's", f"{place}.position")
        shared = f"{given.api} audience {given.audience} shared with {given.recipient_kind} {given.recipient}"
        _add(tx, Share, row, used=used, what=shared, place=f"{place}.recipient")


def _insert_tokens(tx: Transaction, seed: Seed) -> None:
    used: set[str] = set()
    families = {row.family: None for row in tx.execute(select(table_of(Token).c.family).distinct())}
    here: dict[int | None, int] = {}
    for position, given in enumerate(seed.tokens):
        family = here.get(given.family)
        if family is None:
            family = given.family
            if family is None or family in families:
                family = tx.new_id(ids.GRANT)
            if given.family is not None:
                here[given.family] = family
                _continue_at(tx, ids.GRANT, family + 1)
        row = given.model_dump(include={"kind", "app", "revoked"}) | {
            "digest": _digest(given.token, given.digest),
            "family": family,
            "scopes": None if given.scopes is None else " ".join(given.scopes),
            "ad_accounts": None if given.ad_accounts is None else " ".join(given.ad_accounts),
            "expires_at_ms": _ms_or_none(given.expires_at),
        }
        what = f"token whose SHA-256 begins with {row['digest'].hex()[:8]}"
        _add(tx, Token, row, used=used, what=what, place=f"tokens.{position}")
    tx.callers.clear()
    for position, app in enumerate(seed.apps):
        row = {"id": app.id, "digest": _digest(app.secret, app.digest)}
        _add(tx, App, row, used=used, what=f"app {app.id}", place=f"apps.{position}.id")


def _digest(text: str | None, digest: str | None) -> bytes:
    return tokens.digest(text) if text is not None else bytes.fromhex(digest or "")
