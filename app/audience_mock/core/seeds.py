"""Seeds: the file format that a world starts from.

A seed is a JSON object of what `Seed` has: audiences and pixels, each with the columns of its table that
a person would write, in our words; businesses, tokens and apps; people whom the providers know; where the
ids go on.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from audience_mock.core import audiences, customer_lists, ids, tokens, user_sets
from audience_mock.core.digests import DIGEST_BYTES, LINK_BYTES, each, sorted_distinct
from audience_mock.core.errors import AlreadyThere, BadSeed, NotInAccount
from audience_mock.core.people import Records, of_hash, of_plain
from audience_mock.core.tables import (
    ACCOUNT,
    BUSINESS,
    Audience,
    CustomerList,
    KnownUser,
    NextFacebookId,
    Party,
    Pixel,
    Sequence,
    table_of,
)
from audience_mock.core.world import Transaction

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
Word = Annotated[str, Field(pattern=r"^[A-Z_]+$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


_SAME_NAME = {
    *("description", "created_by", "facebook_id", "user_type"),
    *("opt_out_link", "origin_id", "retention_days"),
}


def _object_text(value: Any) -> Any:
    """The text of a JSON object: as it is, or compact, keys as they came, where the object itself stands."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if isinstance(value, str):
        try:
            parsed = json.loads(value, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ValueError("not the text of a JSON object")
    return value


def _no_constant(name: str) -> None:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(f"{name} is not JSON")


class SeedAudience(BaseModel):
    """An audience that is there from the start.

    `id` counts on from the API's sequence if it is left out. `status` holds a status for good; without
    it the audience goes by the clock, `ready_in_s` seconds from the start of the world (0: it is built).
    """

    model_config = ConfigDict(extra="forbid")

    api: Literal["pinterest", "pitchtarget"]
    id: Digits | None = None
    account: Digits
    kind: Word
    name: Text
    description: str | None = None
    definition: Annotated[str, BeforeValidator(_object_text)] | None = Field(
        default=None, description="A JSON object, or its text, which is kept to the character."
    )
    created_by: str | None = None
    created_at: int | None = Field(default=None, ge=0, le=1 << 40, description="Unix seconds")
    ready_in_s: float = Field(default=0, ge=0, le=1e9)
    status: Word | None = None
    people: int = Field(default=0, ge=0, le=1 << 40)
    facebook_id: Text | None = None
    user_type: str | None = None
    opt_out_link: str | None = None
    origin_id: Digits | None = None
    retention_days: int | None = Field(default=None, ge=1, le=10_000)
    customer_list: Digits | None = Field(
        default=None, description="One of the seed's, whose people the audience has instead of `people`."
    )
    facebook_object: Annotated[str, BeforeValidator(_object_text)] | None = Field(
        default=None, description="Laid over what Facebook's own object would have."
    )


class SeedCustomerList(BaseModel):
    """A customer list that is there from the start, with `status` and times as for an audience.

    `records` are its people: addresses, or hashes of them. `unnamed_people` are in it besides, all matched,
    so that a list may be large in a small file.
    """

    model_config = ConfigDict(extra="forbid")

    id: Digits | None = None
    account: Digits
    name: Text
    list_type: Literal["EMAIL", "IDFA", "MAID", "LR_ID", "DLX_ID", "HASHED_PINNER_ID"] = "EMAIL"
    is_nca: bool = False
    created_at: int | None = Field(default=None, ge=0, le=1 << 40, description="Unix seconds")
    ready_in_s: float = Field(default=0, ge=0, le=1e9)
    status: Literal["PROCESSING", "READY", "TOO_SMALL", "UPLOADING"] | None = None
    records: list[Text] = []
    unnamed_people: int = Field(default=0, ge=0, le=1 << 40)


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

    sequences: dict[
        Literal[
            "pitchtarget_audience",
            "facebook",
            "pinterest_audience",
            "pinterest_customer_list",
            "pinterest_upload",
        ],
        # Of 17 digits at most: what counts on from there still has the 18 that an id may have.
        Annotated[int, Field(ge=1, lt=10**17)],
    ] = {}
    facebook_ids: list[Text] = []
    people: list[Text] = []
    customer_lists: list[SeedCustomerList] = []
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


def has_a_future(seed: Seed) -> bool:
    """Whether something in it is to be ready some time after the start."""
    return any(given.ready_in_s for group in (seed.audiences, seed.customer_lists) for given in group)


def put_off(tx: Transaction, *, planted_at_ms: int, by_ms: int) -> None:
    """Move what was to be ready after a seed was planted, as if it had been planted later."""
    for model in (Audience, CustomerList):
        table = table_of(model)
        later = update(table).where(table.c.ready_at_ms > planted_at_ms)
        tx.execute(later.values(ready_at_ms=table.c.ready_at_ms + by_ms))


def is_untouched(tx: Transaction) -> bool:
    """Whether nothing ever happened in this world: it may be seeded."""
    table = table_of(Sequence)
    moved = [row for row in tx.execute(select(table)).all() if row.next != ids.FIRST[row.name]]
    return not moved and audiences.count(tx) == 0


def plant(tx: Transaction, seed: Seed) -> int:
    """Put a seed into the world; answers how many audiences it had. Raises BadSeed."""
    for name, number in seed.sequences.items():
        _continue_at(tx, name, number)
    for digest in {digest for person in seed.people for digest in _digests(person)}:
        tx.execute(insert(KnownUser), {"digest": digest})
    _plant_lists(tx, seed)
    for position, given in enumerate(seed.audiences):
        columns: dict[str, Any] = given.model_dump(include=_SAME_NAME) | {
            **_life(tx, given),
            "definition": given.definition,
            "facebook_object": given.facebook_object,
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
                customer_list=given.customer_list,
            )
        except AlreadyThere:
            raise BadSeed(
                f"the seed has two {given.api} audiences {given.id}, at audiences.{position}"
            ) from None
        except NotInAccount as fact:
            raise BadSeed(f"{fact}, which the seed says at audiences.{position}") from None
        sequence = audiences.SEQUENCE_OF[given.api]
        if given.id is not None and sequence not in seed.sequences:
            _continue_at(tx, sequence, made.number + 1)
    for position, pixel in enumerate(seed.pixels):
        try:
            tx.execute(insert(Pixel), pixel.model_dump())
        except IntegrityError:
            raise BadSeed(f"the seed has two pixels {pixel.facebook_id}, at pixels.{position}") from None
    _place(tx, seed.businesses)
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


def _digests(person: str) -> tuple[bytes, ...]:
    """All digests of an address, plain; the one of a SHA-256."""
    raw = person.strip().encode()
    return (of_hash(raw),) if re.fullmatch(rb"[0-9a-fA-F]{64}", raw) else of_plain(raw)


def _life(tx: Transaction, given: SeedAudience | SeedCustomerList) -> dict[str, Any]:
    created_at_ms = tx.now_ms if given.created_at is None else given.created_at * 1000
    return {
        "held_status": given.status,
        "created_at_ms": created_at_ms,
        "updated_at_ms": created_at_ms,
        "ready_at_ms": tx.now_ms + round(given.ready_in_s * 1000),
    }


def _plant_lists(tx: Transaction, seed: Seed) -> None:
    matcher = user_sets.matcher(tx)
    for position, given in enumerate(seed.customer_lists):
        with Records(given.list_type) as records:
            for record in given.records:
                records.feed(record.encode() + b"\n")
            records.finish()
            if records.invalid:
                raise BadSeed(
                    f"a record is of no kind that the list takes, at customer_lists.{position}.records"
                )
            links = b"".join(records.links.parts())
            ends = {link[:-DIGEST_BYTES]: link[-DIGEST_BYTES:] for link in each(links, LINK_BYTES)}
            sent = each(b"".join(records.people.parts()))
        people = sorted_distinct(b"".join(ends.get(digest, digest) for digest in sent))
        columns: dict[str, Any] = given.model_dump(include={"account", "name", "list_type", "is_nca"})
        if given.id is not None:
            columns["number"] = int(given.id)
        try:
            made = customer_lists.insert_list(
                tx,
                **columns,
                **_life(tx, given),
                uploaded_records=records.sent + given.unnamed_people,
                unnamed_people=given.unnamed_people,
                people=given.unnamed_people + matcher.count(people),
                user_set=user_sets.plant(tx, people),
                link_set=user_sets.plant(tx, links) if links else None,
            )
        except IntegrityError:
            raise BadSeed(
                f"the seed has two customer lists {given.id}, at customer_lists.{position}"
            ) from None
        if given.id is not None and ids.PINTEREST_CUSTOMER_LIST not in seed.sequences:
            _continue_at(tx, ids.PINTEREST_CUSTOMER_LIST, made.number + 1)


def _continue_at(tx: Transaction, name: str, number: int) -> None:
    """A sequence goes on from `number`, but never back."""
    table = table_of(Sequence)
    tx.execute(update(table).where(table.c.name == name, table.c.next < number).values(next=number))
