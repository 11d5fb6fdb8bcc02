"""The tables: what a world keeps, in our own words. The statements that use them live beside their users."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 2
"""Written into each database file; raise it with every change of a table."""

PITCHTARGET = "pitchtarget"
PINTEREST = "pinterest"


WAITING = f"api = '{PITCHTARGET}' AND facebook_id IS NULL"
"""What Facebook has not taken yet. A query has to write it in these words to get the index: SQLite does not
look into bound values for that."""


class Row(SQLModel):
    """Nothing is validated by a table, so what pydantic would do that with is never built."""

    model_config = {"defer_build": True}


class Audience(Row, table=True):
    """An audience of either API.

    `number` is the id that its provider shows, unique within that provider's API. `people` are those it
    holds once built. `definition` is the JSON text of what selects its people: Pinterest's rule,
    Facebook's lookalike spec. `facebook_object` is JSON that a seed lays over what Facebook would answer.
    With a `customer_list`, its number, the people are that list's, whatever `people` says.
    `policy` is what the build goes by if that is not `ready_at_ms` alone: `after_reads:N`, with N counting
    down, or `failed`.
    Times are milliseconds since 1970.
    """

    __tablename__ = "audiences"
    __table_args__ = (
        UniqueConstraint("api", "number"),
        Index("audiences_by_account", "api", "account", "number"),
        Index("audiences_by_facebook_id", "facebook_id", sqlite_where=text("facebook_id IS NOT NULL")),
        Index("audiences_waiting", "api", "ready_at_ms", sqlite_where=text(WAITING)),
    )

    key: int | None = Field(default=None, primary_key=True)
    api: str
    number: int = Field(sa_type=BigInteger)
    account: str
    kind: str
    name: str
    description: str | None = None
    definition: str | None = None
    created_by: str | None = None
    created_at_ms: int = Field(sa_type=BigInteger)
    updated_at_ms: int = Field(sa_type=BigInteger)
    ready_at_ms: int = Field(sa_type=BigInteger)
    held_status: str | None = None
    policy: str | None = None
    people: int = Field(default=0, sa_type=BigInteger)
    facebook_id: str | None = None
    user_type: str | None = None
    user_set: int | None = None
    opt_out_link: str | None = None
    origin_id: str | None = None
    retention_days: int | None = None
    facebook_object: str | None = None
    customer_list: int | None = Field(default=None, sa_type=BigInteger)


class UserBlock(Row, table=True):
    """Part of a set of users: distinct 32-byte digests, sorted, one after the other.

    The parts of a set, in order, are sorted and distinct as a whole. A set never changes once an
    audience refers to it: adding users makes a new set.
    """

    __tablename__ = "user_blocks"

    user_set: int = Field(primary_key=True)
    part: int = Field(primary_key=True)
    digests: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Upload(Row, table=True):
    """What was found in one uploaded file.

    `valid` lines are the `distinct` users and their repetitions; `added` of these were not in the audience
    before, `matched` of the distinct are people whom the provider knows. `invalid_lines` is JSON: the first
    ten, with why.
    """

    __tablename__ = "uploads"

    key: int | None = Field(default=None, primary_key=True)
    audience_key: int = Field(index=True)
    received_at_ms: int = Field(sa_type=BigInteger)
    user_type: str
    lines: int
    valid: int
    distinct: int
    added: int
    matched: int
    invalid: int
    invalid_lines: str


class Pixel(Row, table=True):
    """A conversion pixel of an ad account; `facebook_id` is the only id that it has."""

    __tablename__ = "pixels"

    key: int | None = Field(default=None, primary_key=True)
    facebook_id: str = Field(unique=True)
    account: str = Field(index=True)
    name: str
    tag: str
    creator: str


class KnownUser(Row, table=True):
    """A person whom a seed puts on Facebook and Pinterest, whatever the match rate says."""

    __tablename__ = "known_users"

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))


class NextFacebookId(Row, table=True):
    """An id that a seed makes Facebook give, before the sequence goes on."""

    __tablename__ = "next_facebook_ids"

    position: int = Field(primary_key=True)
    facebook_id: str


class Sequence(Row, table=True):
    """The next id of each kind. A table of our own, since databases differ in what a wipe does to theirs."""

    __tablename__ = "sequences"

    name: str = Field(primary_key=True)
    next: int = Field(sa_type=BigInteger)


class Token(Row, table=True):
    """A token of an API, or a code that was given in for one.

    `digest` is the SHA-256 of its text: the file of a shared sandbox gives no token away. `kind` is access,
    refresh, app (an access token of an app itself, without a person) or code. `family` is what came of one
    grant: the tokens of a code and of all refreshes after it. `scopes` and `ad_accounts` are separated by
    spaces; null is any. Used codes and refresh tokens are revoked ones.
    """

    __tablename__ = "tokens"

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    kind: str
    family: int = Field(sa_type=BigInteger, index=True)
    app: str | None = None
    scopes: str | None = None
    ad_accounts: str | None = None
    expires_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    revoked: bool = False


class App(Row, table=True):
    """An app that a seed lets ask for tokens; `digest` is the SHA-256 of its secret."""

    __tablename__ = "apps"

    id: str = Field(primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class WorldMetadata(Row, table=True):
    """What a world keeps of itself, as JSON: its clock, what of its settings is its own."""

    __tablename__ = "remembered"

    name: str = Field(primary_key=True)
    value: str


ACCOUNT = "account"
BUSINESS = "business"
"""Who may hold an audience: the kinds of a Party and of a share's recipient."""


class Party(Row, table=True):
    """An ad account or a business that a seed names; `business` is the one that an ad account belongs to."""

    __tablename__ = "parties"

    kind: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    name: str
    business: str | None = None


class Share(Row, table=True):
    """An audience that another ad account or a business may use.

    `position` rises with the time of sharing and is not used again. `giver` is the business that passed on
    what it had received; None: the owner shared it.
    """

    __tablename__ = "shares"
    __table_args__ = (
        UniqueConstraint("audience_key", "recipient_kind", "recipient"),
        Index("shares_by_recipient", "recipient_kind", "recipient", "position"),
    )

    position: int = Field(sa_type=BigInteger, primary_key=True)
    audience_key: int
    recipient_kind: str
    recipient: str
    giver: str | None = None
    shared_at_ms: int = Field(sa_type=BigInteger)


class CustomerList(Row, table=True):
    """A customer list of Pinterest's: a set of people that grows and shrinks by batches of records.

    `people` are the matched ones of `user_set` and the `unnamed_people` that a seed puts beside them.
    `link_set` links other hashes of a person to the one in `user_set`.
    """

    __tablename__ = "customer_lists"
    __table_args__ = (Index("customer_lists_by_account", "account", "number"),)

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    account: str
    name: str
    list_type: str
    is_nca: bool = False
    created_at_ms: int = Field(sa_type=BigInteger)
    updated_at_ms: int = Field(sa_type=BigInteger)
    ready_at_ms: int = Field(sa_type=BigInteger)
    held_status: str | None = None
    batches: int = 1
    uploaded_records: int = 0
    removed_records: int = 0
    people: int = 0
    unnamed_people: int = 0
    user_set: int | None = None
    link_set: int | None = None


class ListUpload(Row, table=True):
    """An upload to a customer list, of a file in parts.

    `operation` is ADD or REMOVE. `started_at_ms` is when it was run, `ready_at_ms` when it is to be done;
    `valid`, `invalid` and `errors` (JSON: how many by what they are not) are there once it was read.
    """

    __tablename__ = "list_uploads"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    customer_list: int = Field(sa_type=BigInteger)
    operation: str
    total_parts: int
    created_at_ms: int = Field(sa_type=BigInteger)
    started_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    ready_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    valid: int | None = None
    invalid: int | None = None
    errors: str | None = None


class UploadPart(Row, table=True):
    """A part of an upload's file that has arrived whole: its pieces are those of `file`."""

    __tablename__ = "upload_parts"

    upload: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    part: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    file: int
    size_bytes: int = Field(sa_type=BigInteger)


class UploadPiece(Row, table=True):
    """Some bytes of a part, in order."""

    __tablename__ = "upload_pieces"

    file: int = Field(primary_key=True)
    piece: int = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model, for statements that are built once."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
