"""The tables of a world. The statements that use them are in the modules that run them."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 4
"""Written into each database file; raise it with every change of a table."""

FACEBOOK_API = "pitchtarget"
"""The API whose audiences Facebook gives an id: the condition of an index has to name it."""

CUSTOMER_LIST_API = "pinterest"
"""The API that customer lists belong to."""

WAITING = f"api = '{FACEBOOK_API}' AND facebook_id IS NULL"
"""What Facebook has not taken yet. A query must contain this text to use the partial index: SQLite does not
compare bound values with the index's condition."""


class Row(SQLModel):
    """Tables validate nothing, so their pydantic validators are never built."""

    model_config = {"defer_build": True}


class Audience(Row, table=True):
    """An audience of either API.

    `number` is the id that its provider shows, unique within that provider's API. `people` are those it
    has once built. `definition` is the JSON text of what selects its people: Pinterest's rule, Facebook's
    lookalike spec. `facebook_object` is JSON by which a seed overrides keys of Facebook's answer.
    With a `customer_list`, its number, the people are that list's, whatever `people` says.
    `policy` decides when it is built, if not `ready_at_ms` alone: `after_reads:N`, with N counting down, or
    `failed`.
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
    audience refers to it: adding users creates a new set.
    """

    __tablename__ = "user_blocks"

    user_set: int = Field(primary_key=True)
    part: int = Field(primary_key=True)
    digests: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Upload(Row, table=True):
    """The report on one uploaded file.

    `valid` lines are the `distinct` users and their duplicates; `added` of the distinct ones were new in the
    audience, `matched` are people whom the provider knows. `invalid_lines` is JSON: the first ten, each with
    the reason.
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
    """An id that a seed makes Facebook give next, before those of the sequence."""

    __tablename__ = "next_facebook_ids"

    position: int = Field(primary_key=True)
    facebook_id: str


class Sequence(Row, table=True):
    """The next id of each kind. An own table: what a wipe does to sequences differs between databases."""

    __tablename__ = "sequences"

    name: str = Field(primary_key=True)
    next: int = Field(sa_type=BigInteger)


class Token(Row, table=True):
    """A token of an API, or a code that was exchanged for one.

    `digest` is the SHA-256 of its text: the file of a shared sandbox reveals no token. `kind` is access,
    refresh, app (an access token of an app itself, without a person) or code. `family` groups what came from
    one grant: the tokens of a code and of all refreshes after it. `scopes` and `ad_accounts` are separated by
    spaces; null is any. Used codes and refresh tokens are revoked.
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
    """An app that may request tokens, from a seed; `digest` is the SHA-256 of its secret."""

    __tablename__ = "apps"

    id: str = Field(primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class WorldMetadata(Row, table=True):
    """Metadata of a world, as JSON: its clock, and the settings that differ from the server's."""

    __tablename__ = "world_metadata"

    name: str = Field(primary_key=True)
    value: str


ACCOUNT = "account"
BUSINESS = "business"
"""The kinds of a share's recipient."""


class Business(Row, table=True):
    """A business that a seed names."""

    __tablename__ = "businesses"

    id: str = Field(primary_key=True)
    name: str


class AdAccount(Row, table=True):
    """An ad account of Pinterest's that a seed describes or a call created; `audiences.accounts` says what
    any other one is, and what stands for a null. `business` is the one that it belongs to; `permissions` are
    the caller's, separated by spaces."""

    __tablename__ = "ad_accounts"

    id: str = Field(primary_key=True)
    created_at_ms: int = Field(sa_type=BigInteger)
    updated_at_ms: int = Field(sa_type=BigInteger)
    name: str | None = None
    business: str | None = None
    owner_id: str | None = None
    owner_username: str | None = None
    country: str | None = None
    currency: str | None = None
    time_zone: str | None = None
    permissions: str | None = None


class ListedAccount(Row, table=True):
    """An ad account of Pinterest's that is described, or in which something was made: the order of the list.
    `digits` is their number, since ids are text."""

    __tablename__ = "listed_accounts"

    digits: int = Field(primary_key=True)
    id: str = Field(primary_key=True)


class Share(Row, table=True):
    """An audience that another ad account or a business may use.

    `position` increases with the time of sharing and is not reused. `giver` is the business that passed on an
    audience it had received; None: the owner shared it.
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
    """A customer list of Pinterest's: a set of people, changed by batches of records.

    `people` are the matched ones of `user_set` and the `unnamed_people` that a seed adds.
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


class CustomerSegment(Row, table=True):
    """A customer segment of Pinterest's: a name for some audiences. `members` is the JSON text of their ids,
    as they were sent."""

    __tablename__ = "customer_segments"
    __table_args__ = (Index("customer_segments_by_account", "account", "number"),)

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    account: str
    name: str
    members: str
    created_at_ms: int = Field(sa_type=BigInteger)
    updated_at_ms: int = Field(sa_type=BigInteger)


class ListUpload(Row, table=True):
    """An upload of a file in parts to a customer list.

    `operation` is ADD or REMOVE. `started_at_ms` is when it was run, `ready_at_ms` when it is to be done;
    `valid`, `invalid` and `errors` (JSON: counts by what the records are not) are null until it was read.
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
    """A part of an upload's file that has arrived completely; its bytes are the pieces of `file`."""

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
