"""Seeds: the file format that a world starts from, and that a state is exported in.

A seed is a JSON object with the sections of `Seed`, in the core's terms. People write few of them: audiences,
customer lists, tokens. A state has all, so that a world that is seeded with it answers as the exported one.
Times are Unix seconds, with a fraction for milliseconds.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from audience_mock.core.apis import ApiName, OneOf
from audience_mock.core.readiness import SEED_POLICY_PATTERN
from audience_mock.core.seeds.fields import (
    AccountDigits,
    Block,
    Count,
    Digits,
    Hex32,
    Links,
    LongText,
    ObjectText,
    Seconds,
    Text,
    Users,
    Word,
)


class _Strict(BaseModel):
    # A server that starts without a seed does not need these.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class _Built(_Strict):
    """Something that takes time to build: it is ready `ready_in_s` seconds after the start of the world (0:
    at once), or at the time `ready_at`."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["ready_at", "ready_in_s"]}})

    created_at: Seconds | None = Field(default=None, description="Unix seconds; without it, the start.")
    updated_at: Seconds | None = Field(default=None, description="Unix seconds; without it, `created_at`.")
    ready_in_s: float = Field(default=0, ge=0, le=1e9)
    ready_at: Seconds | None = Field(default=None, description="Unix seconds; instead of `ready_in_s`.")

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.ready_at is not None and "ready_in_s" in self.model_fields_set:
            raise ValueError("give ready_in_s or ready_at, not both")
        return self


class SeedClock(_Strict):
    """The time that the world's clock shows; it runs on from there, unless it is frozen."""

    now: Seconds
    frozen: bool = False


class SeedAudience(_Built):
    """An audience that exists from the start.

    Without `id` it gets the next one of the API's sequence. `status` is a status that does not change;
    without it, the status follows from the clock. `definition` is Pinterest's rule, which is answered as that
    of a created audience is, with its keys sorted and without nulls; PitchTarget's is answered as it is.
    """

    api: ApiName
    id: Digits | None = None
    account: AccountDigits
    kind: Word
    name: Text
    description: LongText | None = None
    definition: ObjectText | None = None
    created_by: str | None = None
    status: Word | None = None
    policy: Annotated[str, Field(pattern=SEED_POLICY_PATTERN)] | None = Field(
        default=None,
        description="`after_reads:N` or `by_hand`, instead of a time to be ready at; or `failed`.",
    )
    people: Count = Field(
        default=0, description="The people it has once built; by default, the matched ones of `users`."
    )
    users: Users | None = None
    facebook_id: Text | None = None
    user_type: str | None = None
    opt_out_link: str | None = None
    origin_id: Annotated[str, Field(pattern=r'^([0-9]{1,20}|"[0-9]{1,20}")$')] | None = None
    retention_days: int | None = Field(default=None, ge=1, le=10_000)
    customer_list: Digits | None = Field(
        default=None,
        description="Has the people of this list, of the same ad account, instead of `people`.",
    )
    facebook_object: ObjectText | None = Field(
        default=None, description="Overrides keys of the object that Facebook answers."
    )


class SeedCustomerList(_Built):
    """A customer list that exists from the start, with `status` and times as for an audience.

    `records` are its people: addresses, or hashes of them. `unnamed_people` are in it in addition, all
    matched, so that a small file can have a large list. An exported state has digests and counts instead:
    `users` with `links`, `people` (with the unnamed ones) and `uploaded_records`.
    """

    id: Digits | None = None
    account: Digits
    name: Text
    list_type: Literal["EMAIL", "IDFA", "MAID", "LR_ID", "DLX_ID", "HASHED_PINNER_ID"] = "EMAIL"
    is_nca: bool = False
    status: Literal["PROCESSING", "READY", "TOO_SMALL", "UPLOADING"] | None = None
    records: list[Text] = []
    unnamed_people: Count = 0
    users: Users = []
    links: Links = []
    people: Count | None = Field(default=None, description="All matched people; counted by default.")
    batches: int = Field(default=1, ge=1, le=1 << 40)
    uploaded_records: Count | None = Field(default=None, description="Counted by default.")
    removed_records: Count = 0


class SeedPart(_Strict):
    """A part of an upload that was received."""

    part: int = Field(ge=1, le=10_000)
    content: list[Block] = Field(description="Bytes, in blocks of base64.")


class SeedListUpload(_Strict):
    """An upload to a customer list; one that was run has `started_at`, `ready_at` and its counts."""

    id: Digits | None = None
    customer_list: Digits
    operation: Literal["ADD", "REMOVE"]
    total_parts: int = Field(ge=1, le=10_000)
    created_at: Seconds | None = None
    started_at: Seconds | None = None
    ready_at: Seconds | None = None
    valid: Count | None = None
    invalid: Count | None = None
    errors: dict[str, Count] | None = Field(
        default=None, description="How many invalid records, by what they are not."
    )
    parts: list[SeedPart] = []

    @model_validator(mode="after")
    def _run_or_not(self) -> Self:
        if len({one is None for one in (self.started_at, self.ready_at, self.valid, self.invalid)}) > 1:
            raise ValueError("give all of started_at, ready_at, valid and invalid, or none")
        if len({one.part for one in self.parts}) < len(self.parts):
            raise ValueError("a part is there twice")
        return self


class SeedInvalidLine(_Strict):
    line: int = Field(ge=1)
    why: str


class SeedUpload(_Strict):
    """The report on a file of users that was uploaded to an audience."""

    api: ApiName
    audience: Digits
    received_at: Seconds
    user_type: str
    lines: Count
    valid: Count
    distinct: Count
    added: Count
    matched: Count
    invalid: Count
    invalid_lines: list[SeedInvalidLine] = []


class SeedShare(_Strict):
    """An audience that is shared with another ad account or a business. `giver` is the business that passed
    it on; by default, the owner shared it. `position` is its place in the order of sharing; by default, the
    last."""

    api: ApiName
    audience: Digits
    recipient_kind: Literal["account", "business"]
    recipient: AccountDigits
    giver: AccountDigits | None = None
    shared_at: Seconds | None = None
    position: int | None = Field(default=None, ge=1, lt=10**17)


class SeedPixel(_Strict):
    facebook_id: Text
    account: AccountDigits
    name: Text
    tag: Text
    creator: Text


class SeedToken(_Strict):
    """A token of Pinterest's API: `access` of a person, `app` of an app itself (client credentials),
    `refresh`, or a `code` that was redeemed. It is valid for `scopes`, in `ad_accounts` (default: any), until
    `expires_at` (default: forever), for the `app` that it was issued to (default: any).

    An exported state has `digest`, the SHA-256 of its text, instead of `token`. Tokens of one `family` came
    from one grant; the number is changed if the world has that family already.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["token"]}, {"required": ["digest"]}]}
    )

    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:+/-]{1,1000}=*$")] | None = None
    digest: Hex32 | None = None
    kind: Literal["access", "app", "refresh", "code"] = "access"
    family: int | None = Field(default=None, ge=1, lt=10**17)
    app: str | None = None
    scopes: list[Annotated[str, Field(pattern=r"^[a-z_:]+$")]] | None
    ad_accounts: list[Digits] | None = None
    expires_at: Seconds | None = None
    revoked: bool = False

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if (self.token is None) is (self.digest is None):
            raise ValueError("give token or digest, one of them")
        return self


class SeedApp(_Strict):
    """An app that may request tokens; if a seed names one, strict mode rejects all others. An exported state
    has `digest`, the SHA-256 of the secret."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["secret"]}, {"required": ["digest"]}]}
    )

    id: Text
    secret: Text | None = None
    digest: Hex32 | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.secret is None) is (self.digest is None):
            raise ValueError("give secret or digest, one of them")
        return self


class SeedCustomerSegment(_Strict):
    """A customer segment of Pinterest's; `audiences` are ids, in the order in which they are answered."""

    id: Digits | None = None
    account: Digits
    name: Text
    audiences: list[str] = []
    created_at: Seconds | None = Field(default=None, description="Unix seconds; without it, the start.")
    updated_at: Seconds | None = Field(default=None, description="Unix seconds; without it, `created_at`.")


class SeedAdAccount(_Strict):
    """An ad account of Pinterest's. What is left out is as for any ad account that no seed names."""

    id: Digits
    name: Text | None = None
    owner_id: Digits | None = None
    owner_username: Text | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    time_zone: Text | None = Field(default=None, description="An IANA name; without it, the key is absent.")
    permissions: list[Annotated[str, Field(pattern=r"^[A-Z_]+$")]] | None = Field(
        default=None,
        description="The caller's; OWNER by default. Without OWNER, the account is a shared one.",
    )
    created_at: Seconds | None = Field(
        default=None, description="Unix seconds; without it, that of the first thing in it, or the start."
    )
    updated_at: Seconds | None = Field(default=None, description="Unix seconds; without it, `created_at`.")


class SeedBusiness(_Strict):
    """A business and the ad accounts that belong to it: only this business acts as owner of their
    audiences."""

    id: AccountDigits
    name: Text
    ad_accounts: list[SeedAdAccount] = []


class Seed(_Strict):
    """`people` are e-mail addresses, or digests of 64 hex digits, that match at any match rate.
    `facebook_ids` are the ids that Facebook gives next, before those of its sequence. `sequences` are the
    next ids; one is not set back once the world has given an id of it."""

    model_config = ConfigDict(title="The state of a world of Audience Mock")

    schema_url: str | None = Field(default=None, alias="$schema", description="Ignored; for editors.")
    clock: SeedClock | None = None
    sequences: dict[
        Annotated[str, OneOf(sequences=True, more=("grant", "share"))],
        # At most 17 digits, so that later ids stay within the 18 digits that an id may have.
        Annotated[int, Field(ge=1, lt=10**17)],
    ] = {}
    facebook_ids: list[Text] = []
    people: list[Text] = []
    customer_lists: list[SeedCustomerList] = []
    customer_list_uploads: list[SeedListUpload] = []
    audiences: list[SeedAudience] = []
    uploads: list[SeedUpload] = []
    shares: list[SeedShare] = []
    pixels: list[SeedPixel] = []
    tokens: list[SeedToken] = []
    apps: list[SeedApp] = []
    businesses: list[SeedBusiness] = []
    ad_accounts: list[SeedAdAccount] = Field(default=[], description="Those that belong to no business.")
    customer_segments: list[SeedCustomerSegment] = []


def has_pending_builds(seed: Seed) -> bool:
    """Whether something in it becomes ready some time after the start."""
    return any(given.ready_in_s for group in (seed.audiences, seed.customer_lists) for given in group)


def json_schema() -> dict[str, Any]:
    """The format as a JSON Schema of draft 2020-12."""
    described = Seed.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
