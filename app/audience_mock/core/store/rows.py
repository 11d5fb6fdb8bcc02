"""Rows as the functions of the core return them: a type for each table, with its columns as fields."""

from typing import NamedTuple, Protocol


class AudienceRow(NamedTuple):
    """A row of `tables.Audience`; `people` are those of its customer list, if it has one."""

    key: int
    api: str
    number: int
    account: str
    kind: str
    name: str
    description: str | None
    definition: str | None
    created_by: str | None
    created_at_ms: int
    updated_at_ms: int
    ready_at_ms: int
    held_status: str | None
    policy: str | None
    people: int
    facebook_id: str | None
    user_type: str | None
    user_set: int | None
    opt_out_link: str | None
    origin_id: str | None
    retention_days: int | None
    facebook_object: str | None
    customer_list: int | None


class AudiencePageRow(NamedTuple):
    """What a page of a list shows of an audience: reading all columns takes SQLite and the driver twice as
    long."""

    number: int
    account: str
    kind: str
    name: str
    description: str | None
    definition: str | None
    created_by: str | None
    people: int
    created_at_ms: int
    updated_at_ms: int
    ready_at_ms: int
    held_status: str | None
    policy: str | None


class BuildState(Protocol):
    """What the status and the size of an audience follow from."""

    @property
    def ready_at_ms(self) -> int: ...
    @property
    def held_status(self) -> str | None: ...
    @property
    def policy(self) -> str | None: ...
    @property
    def people(self) -> int: ...


class PixelRow(NamedTuple):
    """A row of `tables.Pixel`."""

    key: int
    facebook_id: str
    account: str
    name: str
    tag: str
    creator: str


class TokenRow(NamedTuple):
    """A row of `tables.Token`."""

    digest: bytes
    kind: str
    family: int
    app: str | None
    scopes: str | None
    ad_accounts: str | None
    expires_at_ms: int | None
    revoked: bool


class CustomerListRow(NamedTuple):
    """A row of `tables.CustomerList`."""

    number: int
    account: str
    name: str
    list_type: str
    is_nca: bool
    created_at_ms: int
    updated_at_ms: int
    ready_at_ms: int
    held_status: str | None
    batches: int
    uploaded_records: int
    removed_records: int
    people: int
    unnamed_people: int
    user_set: int | None
    link_set: int | None


class CustomerSegmentRow(NamedTuple):
    """A row of `tables.CustomerSegment`."""

    number: int
    account: str
    name: str
    members: str
    created_at_ms: int
    updated_at_ms: int


class AdAccountRow(NamedTuple):
    """A row of `tables.AdAccount`."""

    id: str
    created_at_ms: int
    updated_at_ms: int
    name: str | None = None
    business: str | None = None
    owner_id: str | None = None
    owner_username: str | None = None
    country: str | None = None
    currency: str | None = None
    time_zone: str | None = None
    permissions: str | None = None


class ListUploadRow(NamedTuple):
    """A row of `tables.ListUpload`."""

    number: int
    customer_list: int
    operation: str
    total_parts: int
    created_at_ms: int
    started_at_ms: int | None
    ready_at_ms: int | None
    valid: int | None
    invalid: int | None
    errors: str | None


class UploadPartRow(NamedTuple):
    """A row of `tables.UploadPart`."""

    upload: int
    part: int
    file: int
    size_bytes: int
