"""Seeds: the file format that a world starts from, and that a state is exported in.

A seed is a JSON object with the sections of `Seed`, in the core's terms. People write few of them: audiences,
customer lists, tokens. A state has all, so that a world that is seeded with it answers as the exported one.
Times are Unix seconds, with a fraction for milliseconds.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from audience_mock.core.readiness import SEED_POLICY_PATTERN
from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
Word = Annotated[str, Field(pattern=r"^[A-Z_]+$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
AccountDigits = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
Seconds = Annotated[
    # What a float represents to the millisecond, and later than any clock can be set.
    float,
    Field(ge=0, le=1 << 43, description="Unix seconds"),
]
Count = Annotated[int, Field(ge=0, le=1 << 40)]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="A SHA-256 in hex.")]


def object_text(value: Any) -> Any:
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
    """Reject NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def _from_base64(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return binascii.a2b_base64(value, strict_mode=True)
        except binascii.Error:
            raise ValueError("not base64") from None
    return value


def _of(width: int) -> Callable[[bytes], bytes]:
    def check(value: bytes) -> bytes:
        if len(value) % width:
            raise ValueError(f"not a whole number of {width} bytes each")
        return value

    return check


_WRITTEN = (
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
)
Block = Annotated[bytes, BeforeValidator(_from_base64), *_WRITTEN]
Users = Annotated[
    list[Annotated[Block, AfterValidator(_of(DIGEST_BYTES))]],
    Field(description="Digests of 32 bytes, one after the other, in blocks of base64 of any size."),
]
Links = Annotated[
    list[Annotated[Block, AfterValidator(_of(LINK_BYTES))]],
    Field(description="Digests of other hashes of a person, each with the one that counts, as `users`."),
]
ObjectText = Annotated[
    str,
    BeforeValidator(object_text, json_schema_input_type=dict[str, Any] | str),
    Field(description="A JSON object, or its text, which is kept to the character."),
]


class _Strict(BaseModel):
    # A server that starts without a seed does not need these.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class _Lasting(_Strict):
    """What has a life: `ready_in_s` seconds from the start of the world it is built (0: it is), or at the
    time `ready_at`."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["ready_at", "ready_in_s"]}})

    created_at: Seconds | None = Field(default=None, description="Unix seconds; without it, the start.")
    updated_at: Seconds | None = Field(default=None, description="Unix seconds; without it, `created_at`.")
    ready_in_s: float = Field(default=0, ge=0, le=1e9)
    ready_at: Seconds | None = Field(default=None, description="Unix seconds; in the place of `ready_in_s`.")

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.ready_at is not None and "ready_in_s" in self.model_fields_set:
            raise ValueError("give ready_in_s or ready_at, not both")
        return self


class SeedClock(_Strict):
    """What the world's clock shows; it runs on from there, or stands still if it is frozen."""

    now: Seconds
    frozen: bool = False


class SeedAudience(_Lasting):
    """An audience that is there from the start.

    `id` counts on from the API's sequence if it is left out. `status` holds a status for good; without
    it the audience goes by the clock.
    """

    api: Literal["pinterest", "pitchtarget"]
    id: Digits | None = None
    account: AccountDigits
    kind: Word
    name: Text
    description: str | None = None
    definition: ObjectText | None = None
    created_by: str | None = None
    status: Word | None = None
    policy: Annotated[str, Field(pattern=SEED_POLICY_PATTERN)] | None = Field(
        default=None,
        description="`after_reads:N` or `by_hand`, in the place of a time to be ready at, or `failed`.",
    )
    people: Count = Field(
        default=0, description="Those that it has once built; with `users`, else the matched ones of these."
    )
    users: Users | None = None
    facebook_id: Text | None = None
    user_type: str | None = None
    opt_out_link: str | None = None
    origin_id: Annotated[str, Field(pattern=r'^([0-9]{1,20}|"[0-9]{1,20}")$')] | None = None
    retention_days: int | None = Field(default=None, ge=1, le=10_000)
    customer_list: Digits | None = Field(
        default=None, description="Whose people the audience has instead of `people`; of the same ad account."
    )
    facebook_object: ObjectText | None = Field(
        default=None, description="Laid over what Facebook's own object would have."
    )


class SeedCustomerList(_Lasting):
    """A customer list that is there from the start, with `status` and times as for an audience.

    `records` are its people: addresses, or hashes of them. `unnamed_people` are in it besides, all matched,
    so that a list may be large in a small file. A state has digests instead, and what was counted: `users`
    with `links`, `people` with the unnamed ones, `uploaded_records`, which all count what `records` are not.
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
    people: Count | None = Field(default=None, description="All matched ones; without it, counted.")
    batches: int = Field(default=1, ge=1, le=1 << 40)
    uploaded_records: Count | None = Field(default=None, description="Without it, counted.")
    removed_records: Count = 0


class SeedPart(_Strict):
    """A part of an upload that has arrived."""

    part: int = Field(ge=1, le=10_000)
    content: list[Block] = Field(description="Bytes, in blocks of base64.")


class SeedListUpload(_Strict):
    """An upload to a customer list; one that was run has `started_at`, `ready_at` and what was counted."""

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
        default=None, description="How many records, by what they are not."
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
    """A report on a file of users that was uploaded to an audience."""

    api: Literal["pinterest", "pitchtarget"]
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
    """An audience that another ad account, or a business, may use. `giver` is the business that passed it on;
    without it, the owner shared it. `position` is its place in the order of sharing, without it the next."""

    api: Literal["pinterest", "pitchtarget"]
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
    `refresh`, or a `code` that was given in. It is good for `scopes`, in the ad accounts named or in any,
    until `expires_at` or for good, and for the `app` that it was given to or any.

    A state has `digest`, the SHA-256 of its text, in the place of that. Tokens of one `family` came of one
    grant; the number is another where the world has given it already.
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
    """An app that may ask for tokens; where a seed names one, strict mode lets no other ask. A state has
    `digest`, the SHA-256 of the secret."""

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


class SeedAdAccount(_Strict):
    id: Digits
    name: Text


class SeedBusiness(_Strict):
    """A business and the ad accounts that belong to it; for an audience of one of these, no other business
    acts as owner."""

    id: AccountDigits
    name: Text
    ad_accounts: list[SeedAdAccount] = []


class Seed(_Strict):
    """`people` are e-mail addresses, or digests of 64 hex digits, that match at any rate. `facebook_ids` are
    the ids that Facebook gives next, before its sequence goes on. A sequence goes on from what it says, but
    not back from an id that the world gave."""

    model_config = ConfigDict(title="The state of a world of Audience Mock")

    schema_url: str | None = Field(default=None, alias="$schema", description="Not looked at; for editors.")
    clock: SeedClock | None = None
    sequences: dict[
        Literal[
            "pitchtarget_audience",
            "facebook",
            "pinterest_audience",
            "pinterest_customer_list",
            "pinterest_upload",
            "grant",
            "share",
        ],
        # Of 17 digits at most: what counts on from there still has the 18 that an id may have.
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


def has_pending_builds(seed: Seed) -> bool:
    """Whether something in it becomes ready some time after the start."""
    return any(given.ready_in_s for group in (seed.audiences, seed.customer_lists) for given in group)


def json_schema() -> dict[str, Any]:
    """The format as a JSON Schema of draft 2020-12."""
    described = Seed.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
