"""Businesses and ad accounts of a seed."""

from collections.abc import Iterator

from audience_mock.core.audiences import directory
from audience_mock.core.audiences.accounts import first_made_ms
from audience_mock.core.seeds.schemas import Seed, SeedAdAccount
from audience_mock.core.seeds.sections.ids import insert_once
from audience_mock.core.seeds.sections.times import to_ms
from audience_mock.core.store.tables import AdAccount, Business
from audience_mock.core.store.transaction import Transaction


def insert_accounts(tx: Transaction, seed: Seed) -> None:
    """After what the ad accounts hold, which may say how old they are. Raises InvalidSeedError."""
    used: set[str] = set()
    for position, business in enumerate(seed.businesses):
        row = {"id": business.id, "name": business.name}
        what, place = f"business {business.id}", f"businesses.{position}.id"
        insert_once(tx, Business, row, used=used, what=what, place=place)
    for given, owner, where in _ad_accounts(seed):
        account = _row(tx, given, owner)
        what, place = f"ad account {given.id}", f"{where}.id"
        insert_once(tx, AdAccount, account, used=used, what=what, place=place)
        directory.enter(tx, given.id)


def _ad_accounts(seed: Seed) -> Iterator[tuple[SeedAdAccount, str | None, str]]:
    """Each with its business and its place."""
    for position, business in enumerate(seed.businesses):
        for at, account in enumerate(business.ad_accounts):
            yield account, business.id, f"businesses.{position}.ad_accounts.{at}"
    for position, account in enumerate(seed.ad_accounts):
        yield account, None, f"ad_accounts.{position}"


def _row(tx: Transaction, given: SeedAdAccount, business: str | None) -> dict[str, str | int | None]:
    if given.created_at is None:
        created_at_ms = first_made_ms(tx, account=given.id) or tx.now_ms
    else:
        created_at_ms = to_ms(given.created_at)
    return {
        **given.model_dump(exclude={"permissions", "created_at", "updated_at"}),
        "business": business,
        "permissions": None if given.permissions is None else " ".join(given.permissions),
        "created_at_ms": created_at_ms,
        "updated_at_ms": created_at_ms if given.updated_at is None else to_ms(given.updated_at),
    }
