"""Seeds: the file format that a world starts from.

A seed is a JSON object of what `Seed` has: audiences and pixels, each with the columns of its table that
a person would write, in our words; businesses, tokens and apps; people whom the providers know; where the
ids go on.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from audience_mock.core import audiences, ids, tokens
from audience_mock.core.errors import AlreadyThere, BadSeed
from audience_mock.core.tables import (
    ACCOUNT,
    BUSINESS,
    KnownUser,
    NextFacebookId,
    Party,
    Pixel,
    Sequence,
    table_of,
)
from audience_mock.core.world import Transaction

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


_SAME_NAME = {
    *("description", "created_by", "facebook_id", "user_type"),
    *("opt_out_link", "origin_id", "retention_days"),
}


class SeedAudience(BaseModel):
    """An audience that is there from the start.

    `id` counts on from the API's sequence if it is left out. `status` holds a status for good; without
    it the audience goes by the clock, `ready_in_s` seconds from the start of the world (0: it is built).
    """

    model_config = ConfigDict(extra="forbid")

    api: Literal["pinterest", "pitchtarget"]
    id: Digits | None = None
    account: Digits
    kind: Text
    name: Text
    description: str | None = None
    definition: dict[str, Any] | str | None = None
    created_by: str | None = None
    created_at: int | None = Field(default=None, ge=0, le=1 << 40, description="Unix seconds")
    ready_in_s: float = Field(default=0, ge=0, le=1e9)
    status: str | None = None
    people: int = Field(default=0, ge=0, le=1 << 40)
    facebook_id: Text | None = None
    user_type: str | None = None
    opt_out_link: str | None = None
    origin_id: Digits | None = None
    retention_days: int | None = Field(default=None, ge=1)
    facebook_object: dict[str, Any] | None = Field(
        default=None, description="Laid over what Facebook's own object would have."
    )


class SeedPixel(BaseModel):
    model_config = ConfigDict(extra="forbid")

    facebook_id: Digits
    account: Digits
    name: Text
    tag: Text
    creator: Text


class SeedToken(BaseModel):
    """A token of Pinterest's API: `access` of a person, `app` of an app itself (client credentials), or
    `refresh`. It is good for `scopes`, in the ad accounts named or in any, until `expires_at` or for good."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:+/-]{1,1000}=*$")]
    kind: Literal["access", "app", "refresh"] = "access"
    scopes: list[Annotated[str, Field(pattern=r"^[a-z_:]+$")]]
    ad_accounts: list[Digits] | None = None
    expires_at: int | None = Field(default=None, ge=0, le=1 << 40, description="Unix seconds")


class SeedApp(BaseModel):
    """An app that may ask for tokens; where a seed names one, strict mode lets no other ask."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    secret: Text


class SeedAdAccount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Digits
    name: Text


class SeedBusiness(BaseModel):
    """A business and the ad accounts that belong to it; for an audience of one of these, no other business
    acts as owner."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    name: Text
    ad_accounts: list[SeedAdAccount] = []


class Seed(BaseModel):
    """`people` are e-mail addresses, or digests of 64 hex digits, that match at any rate. `facebook_ids` are
    the ids that Facebook gives next, before its sequence goes on."""

    model_config = ConfigDict(extra="forbid")

    sequences: dict[Literal["pitchtarget_audience", "facebook", "pinterest_audience"], int] = {}
    facebook_ids: list[Text] = []
    people: list[Text] = []
    audiences: list[SeedAudience] = []
    pixels: list[SeedPixel] = []
    tokens: list[SeedToken] = []
    apps: list[SeedApp] = []
    businesses: list[SeedBusiness] = []


def load(path: Path) -> Seed:
    """Read a seed file. Raises BadSeed, which names the file and the field."""
    try:
        return Seed.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadSeed(f"cannot read the seed {path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadSeed(
            f"the seed {path} is not right{' at ' if where else ''}{where}: {first['msg']}"
        ) from None


def is_untouched(tx: Transaction) -> bool:
    """Whether nothing ever happened in this world: it may be seeded."""
    table = table_of(Sequence)
    moved = [row for row in tx.execute(select(table)).all() if row.next > ids.FIRST[row.name]]
    return not moved and audiences.count(tx) == 0


def plant(tx: Transaction, seed: Seed) -> int:
    """Put a seed into the world; answers how many audiences it had. Raises BadSeed."""
    for name, number in seed.sequences.items():
        _continue_at(tx, name, number)
    for position, given in enumerate(seed.audiences):
        created_at_ms = tx.now_ms if given.created_at is None else given.created_at * 1000
        columns: dict[str, Any] = given.model_dump(include=_SAME_NAME) | {
            "held_status": given.status,
            "created_at_ms": created_at_ms,
            "updated_at_ms": created_at_ms,
            "ready_at_ms": tx.now_ms + round(given.ready_in_s * 1000),
            "definition": _text(given.definition),
            "facebook_object": _text(given.facebook_object),
        }
        if given.id is not None:
            columns["number"] = int(given.id)
        try:
            made = audiences.create(
                tx,
                api=given.api,
                account=given.account,
                kind=given.kind,
                name=given.name,
                people=given.people,
                columns=columns,
            )
        except AlreadyThere:
            raise BadSeed(
                f"the seed has two {given.api} audiences {given.id}, at audiences.{position}"
            ) from None
        sequence = audiences.SEQUENCE_OF[given.api]
        if given.id is not None and sequence not in seed.sequences:
            _continue_at(tx, sequence, made.number + 1)
    for row in (pixel.model_dump() for pixel in seed.pixels):
        tx.execute(insert(Pixel), row)
    _place(tx, seed.businesses)
    for digest in {_digest(person) for person in seed.people}:
        tx.execute(insert(KnownUser), {"digest": digest})
    _plant_tokens(tx, seed)
    for position, facebook_id in enumerate(seed.facebook_ids):
        tx.execute(insert(NextFacebookId), {"position": position, "facebook_id": facebook_id})
    return len(seed.audiences)


def _plant_tokens(tx: Transaction, seed: Seed) -> None:
    for position, given in enumerate(seed.tokens):
        try:
            tokens.keep(
                tx,
                text=given.token,
                kind=given.kind,
                family=tx.new_id(ids.GRANT),
                scopes=given.scopes,
                ad_accounts=given.ad_accounts,
                expires_at_ms=None if given.expires_at is None else given.expires_at * 1000,
            )
        except IntegrityError:
            raise BadSeed(f"the seed has a token twice, at tokens.{position}") from None
    for position, app in enumerate(seed.apps):
        try:
            tokens.keep_app(tx, id=app.id, secret=app.secret)
        except IntegrityError:
            raise BadSeed(f"the seed has the app {app.id} twice, at apps.{position}") from None


def _place(tx: Transaction, businesses: list[SeedBusiness]) -> None:
    """Put businesses and their ad accounts into the world. Raises BadSeed."""
    for position, business in enumerate(businesses):
        parties = [{"kind": BUSINESS, "id": business.id, "name": business.name, "business": None}]
        parties += [
            {"kind": ACCOUNT, "id": account.id, "name": account.name, "business": business.id}
            for account in business.ad_accounts
        ]
        try:
            tx.execute(insert(Party), parties)
        except IntegrityError:
            raise BadSeed(
                f"the seed names business {business.id} or an account of it twice, at businesses.{position}"
            ) from None


def _text(definition: dict[str, Any] | str | None) -> str | None:
    """An object as compact JSON, keys as they came."""
    if isinstance(definition, dict):
        return json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
    return definition


def _digest(person: str) -> bytes:
    """An address is hashed as documented: trimmed and lower-cased, then SHA-256."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", person):
        return bytes.fromhex(person)
    return hashlib.sha256(person.strip().lower().encode()).digest()


def _continue_at(tx: Transaction, name: str, number: int) -> None:
    """A sequence goes on from `number`, but never back."""
    table = table_of(Sequence)
    tx.execute(update(table).where(table.c.name == name, table.c.next < number).values(next=number))
