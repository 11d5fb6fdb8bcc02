"""Audiences of a seed, and reports on uploads to them."""

import json
from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import func, insert, select

from audience_mock.core.apis import registered
from audience_mock.core.audiences import changes, directory
from audience_mock.core.errors import DuplicateRowError, IdTakenError, InvalidSeedError
from audience_mock.core.readiness import BY_HAND, FAILS, NEVER_MS
from audience_mock.core.seeds.schemas import Seed, SeedShare, SeedUpload
from audience_mock.core.seeds.sections.ids import SeedIds
from audience_mock.core.seeds.sections.times import time_columns, to_ms
from audience_mock.core.store.tables import CUSTOMER_LIST_API, Audience, CustomerList, Upload, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import user_sets
from audience_mock.core.users.digests import sorted_distinct

_audiences, _lists = table_of(Audience), table_of(CustomerList)

_SAME_NAME = (
    *("api", "account", "kind", "name", "description", "definition", "created_by", "facebook_id"),
    *("user_type", "opt_out_link", "origin_id", "retention_days", "facebook_object"),
)
"""Columns of an audience that have the same name in a seed."""


def insert_audiences(tx: Transaction, seed: Seed) -> list[str]:
    """Returns their ids. Raises InvalidSeedError."""
    if not seed.audiences:
        return []
    sets = _insert_sets(tx, seed)
    numbers = {
        api.name: SeedIds(
            tx,
            seed,
            api.audience_sequence,
            select(_audiences.c.number).where(_audiences.c.api == api.name),
            _audiences.c.number,
        )
        for api in registered().values()
    }
    people_of_list = _PeopleOfLists(tx)
    key = tx.execute(select(func.coalesce(func.max(_audiences.c.key), 0))).scalar_one()
    made: list[str] = []

    def rows() -> Iterator[dict[str, Any]]:
        for position, given in enumerate(seed.audiences):
            place = f"audiences.{position}"
            number = numbers[given.api].next(given.id, f"{given.api} audience", f"{place}.id")
            row = {name: getattr(given, name) for name in _SAME_NAME} | time_columns(tx, given)
            if given.definition is not None:
                row["definition"] = _definition(given.api, given.definition, f"{place}.definition")
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
    except DuplicateRowError as error:
        position = len(made) - 1 if error.position is None else error.position
        what = f"{seed.audiences[position].api} audience {made[position]}"
        raise IdTakenError(f"the world has a {what} already", f"audiences.{position}.id") from None
    of_pinterest = {given.account for given in seed.audiences if given.api == CUSTOMER_LIST_API}
    directory.enter_all(tx, sorted(of_pinterest))
    for each_api in numbers.values():
        each_api.save()
    return made


def _definition(api: str, text: str, place: str) -> str:
    """As the API answers it. Raises InvalidSeedError."""
    try:
        return registered()[api].definition_text(text)
    except (ValueError, RecursionError):
        raise InvalidSeedError(f"is no object that {api} can answer", place) from None


def _policy(policy: str) -> dict[str, Any]:
    if policy == FAILS:
        return {"policy": policy}
    return {"ready_at_ms": NEVER_MS, "policy": None if policy == BY_HAND else policy}


def _insert_sets(tx: Transaction, seed: Seed) -> dict[int, tuple[int, int]]:
    """By the position of an audience that has users: their set, and how many of them are matched."""
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
    """The number of people of customer lists, each looked up once."""

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


def insert_reports(tx: Transaction, seed: Seed) -> None:
    """Raises InvalidSeedError."""
    for position, given in enumerate(seed.uploads):
        row = given.model_dump(exclude={"api", "audience", "received_at", "invalid_lines"}) | {
            "audience_key": key_at(tx, given, f"uploads.{position}"),
            "received_at_ms": to_ms(given.received_at),
            "invalid_lines": json.dumps([(one.line, one.why) for one in given.invalid_lines]),
        }
        tx.execute(insert(Upload), row)


def key_at(tx: Transaction, given: SeedShare | SeedUpload, place: str) -> int:
    """The key of the audience that a row refers to. Raises InvalidSeedError."""
    key = _audience_key(tx, given.api, given.audience)
    if key is None:
        raise InvalidSeedError(f"there is no {given.api} audience {given.audience}", f"{place}.audience")
    return key


def _audience_key(tx: Transaction, api: str, id: str) -> int | None:
    here = select(_audiences.c.key).where(_audiences.c.api == api, _audiences.c.number == int(id))
    return cast(int | None, tx.execute(here).scalar_one_or_none())
