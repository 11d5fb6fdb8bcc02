"""Pixels of a seed, and the ids that Facebook gives next."""

from sqlalchemy import func, insert, select

from audience_mock.core.audiences import pixels
from audience_mock.core.errors import IdTakenError, InvalidSeedError
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.sections.ids import insert_once
from audience_mock.core.store.tables import NextFacebookId, Pixel, table_of
from audience_mock.core.store.transaction import Transaction


def insert_pixels(tx: Transaction, seed: Seed) -> None:
    """Raises InvalidSeedError."""
    used: set[str] = set()
    names: set[tuple[str, str]] = set()
    for position, pixel in enumerate(seed.pixels):
        what, place = f"pixel {pixel.facebook_id}", f"pixels.{position}"
        name_is_taken = pixels.has_name(tx, account=pixel.account, name=pixel.name)
        insert_once(tx, Pixel, pixel.model_dump(), used=used, what=what, place=f"{place}.facebook_id")
        if (pixel.account, pixel.name) in names:
            why = f"the seed has two pixels of this name in the ad account {pixel.account}"
            raise InvalidSeedError(why, f"{place}.name")
        if name_is_taken:
            raise IdTakenError(f"the ad account {pixel.account} has a pixel of this name", f"{place}.name")
        names.add((pixel.account, pixel.name))


def insert_facebook_ids(tx: Transaction, seed: Seed) -> None:
    last = tx.execute(select(func.max(table_of(NextFacebookId).c.position))).scalar_one()
    for position, facebook_id in enumerate(seed.facebook_ids, start=0 if last is None else last + 1):
        tx.execute(insert(NextFacebookId), {"position": position, "facebook_id": facebook_id})
