"""What an audience is shared with, as Pinterest writes it."""

from collections.abc import Sequence

from pydantic_core import to_json

from audience_mock.core.audiences.sharing import Recipient
from audience_mock.providers.pinterest.sharing.schemas import (
    PERMISSIONS,
    AccountType,
    SharedAudienceAccount,
    SharingUpdate,
)
from audience_mock.web.templates import JsonText, ResponseTemplate, json_string

_RECIPIENT = ResponseTemplate(
    SharedAudienceAccount,
    {
        "account_id": '"%s"',
        "account_name": "%s",
        "account_type": '"%s"',
        "shared_on_timestamp": "%d",
    },
)


def updated_sharing(body: SharingUpdate) -> bytes:
    permissions = PERMISSIONS[body.recipient_kind] if body.operation_type == "SHARE" else ()
    return to_json(
        {
            "audience_id": body.audience_id,
            "permissions": permissions,
            body.recipients_key: body.recipients,
        }
    )


def recipients(rows: Sequence[Recipient], account_type: AccountType) -> list[JsonText]:
    return [
        _RECIPIENT.render((row.id, json_string(row.name), account_type, row.shared_at_ms // 1000))
        for row in rows
    ]
