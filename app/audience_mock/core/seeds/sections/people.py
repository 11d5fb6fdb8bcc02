"""The people that a seed makes known to the providers."""

import re

from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.store.statements import insert_missing
from audience_mock.core.store.tables import KnownUser, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users.records import digest_of_hash, digests_of_plain, trimmed


def insert_people(tx: Transaction, seed: Seed) -> None:
    known = insert_missing(table_of(KnownUser))
    rows = [
        {"digest": digest} for digest in {digest for person in seed.people for digest in _digests(person)}
    ]
    if rows:
        tx.execute(known, rows)


def _digests(person: str) -> tuple[bytes, ...]:
    """All digests of a plain address, or the one of a SHA-256."""
    raw = trimmed(person.encode())
    return (digest_of_hash(raw),) if re.fullmatch(rb"[0-9a-fA-F]{64}", raw) else digests_of_plain(raw)
