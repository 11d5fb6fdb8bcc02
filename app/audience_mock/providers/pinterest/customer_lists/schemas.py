"""Customer lists: requests and responses."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, ValidationInfo, model_validator
from typing_extensions import TypedDict

from audience_mock.providers.pinterest.api_versions import is_before_5_28, since_5_28
from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.providers.pinterest.schema_types import Digits, Name, PageQuery
from audience_mock.providers.pinterest.sources import CLIENTS, DESCRIPTION, NEEDED, NEWEST, PRODUCTION
from audience_mock.providers.pinterest.strictness import is_schema_only
from audience_mock.web.schema import ApiModel

ListType = Literal["EMAIL", "IDFA", "MAID", "LR_ID", "DLX_ID", "HASHED_PINNER_ID"]
OperationType = Literal["ADD", "REMOVE"]
ListStatus = Literal["PROCESSING", "READY", "TOO_SMALL", "UPLOADING"]


class CustomerListRecordRow(TypedDict, total=False):
    """One person by several identifiers; those whose names say so are hashed. The schema allows no others."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    email: Annotated[str | None, NEWEST]
    maid: Annotated[str | None, NEWEST]
    ip_address: Annotated[str | None, NEWEST]
    user_agent: Annotated[str | None, NEWEST]
    external_id: Annotated[str | None, NEWEST]
    hashed_pinner_id: Annotated[str | None, NEWEST]
    hashed_phone_number: Annotated[str | None, NEWEST]
    liveramp_envelope: Annotated[str | None, NEWEST]


class _Records(ApiModel):
    """Either form of records; not both, and not neither. Null counts as not sent. With schema-only validation
    both or neither are accepted, except before 5.28, where `records` is the only form and required."""

    records: Annotated[str | None, DESCRIPTION] = Field(
        default=None, description="Addresses or mobile advertising ids, plain or hashed, separated by commas."
    )
    records_v2: Annotated[
        list[CustomerListRecordRow] | None,
        since_5_28(None),
        NEWEST,
        NEWEST.says("either this or records, not both"),
    ] = None

    @model_validator(mode="after")
    def _check_records(self, info: ValidationInfo) -> Self:
        if is_schema_only(info.context) and not is_before_5_28(info.context):
            return self
        if self.records is None and self.records_v2 is None:
            raise InvalidRequestError("'records' is a required property")
        if self.records is not None and self.records_v2 is not None:
            # Documented as a rule; the message is chosen.
            raise InvalidRequestError("'records' and 'records_v2' exclude each other")
        return self


class CustomerListCreate(_Records):
    ad_account_id: Annotated[Digits | None, CLIENTS] = Field(
        default=None, description="Ignored: the path says whose list it is."
    )
    name: Annotated[Name, DESCRIPTION, NEEDED.says("not blank")]
    list_type: Annotated[ListType | None, DESCRIPTION] = "EMAIL"
    is_nca: Annotated[StrictBool | None, since_5_28(False), NEWEST] = False

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Newsletter", "records": "ann@example.com,bob@example.com", "list_type": "EMAIL"},
                {"name": "App users", "records_v2": [{"email": "ann@example.com", "external_id": "17"}]},
            ]
        }
    )


class CustomerListUpdate(_Records):
    operation_type: Annotated[OperationType, DESCRIPTION]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"operation_type": "ADD", "records": "cyd@example.com"}]}
    )


class CustomerListListQuery(PageQuery):
    exclude_nca: Annotated[bool, since_5_28(False), NEWEST] = False


class CustomerList(ApiModel):
    """The response to POST, PATCH and GET of one; recorded key order."""

    ad_account_id: Digits
    created_time: Annotated[int, PRODUCTION.says("whole Unix seconds")]
    id: Annotated[Digits, PRODUCTION.says("7 digits")]
    name: str
    num_batches: Annotated[int, PRODUCTION.says("one more with each batch")]
    num_removed_user_records: int
    num_uploaded_user_records: Annotated[
        int, PRODUCTION.says("what was sent, duplicates and unknown ones too, at once")
    ]
    type: Literal["customerlist"]
    updated_time: int
    exceptions: Annotated[dict[str, Any], PRODUCTION.says("{}")]
    status: Annotated[ListStatus, PRODUCTION.says("PROCESSING at first")]


class ListedCustomerList(ApiModel):
    """An item of the list; recorded key order."""

    ad_account_id: Digits
    created_time: int
    id: Digits
    name: str
    num_batches: int
    num_removed_user_records: int
    num_uploaded_user_records: int
    type: Literal["customerlist"]
    updated_time: int
    exceptions: dict[str, Any]
    is_nca: Annotated[bool, PRODUCTION.says("in a list alone")]
    status: ListStatus


class CustomerListPage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[ListedCustomerList]
    bookmark: str | None


CREATED_EXAMPLE: dict[str, Any] = {
    "ad_account_id": "549755885175",
    "created_time": 1795305607,
    "id": "5497558",
    "name": "Newsletter",
    "num_batches": 1,
    "num_removed_user_records": 0,
    "num_uploaded_user_records": 2,
    "type": "customerlist",
    "updated_time": 1795305607,
    "exceptions": {},
    "status": "PROCESSING",
}
UPDATED_EXAMPLE = {**CREATED_EXAMPLE, "num_batches": 2, "num_uploaded_user_records": 3}
PAGE_EXAMPLE = {
    "items": [{key: (UPDATED_EXAMPLE | {"is_nca": False})[key] for key in ListedCustomerList.model_fields}],
    "bookmark": None,
}
