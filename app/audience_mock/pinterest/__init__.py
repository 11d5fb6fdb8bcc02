"""Pinterest's REST API v5, the audience family, as a dialect."""

from collections.abc import Sequence
from dataclasses import dataclass

from audience_mock.pinterest import audiences, auth, customer_list_uploads, customer_lists, errors
from audience_mock.transport.dialects import Dialect

DESCRIBED_RELEASE = "5.28.0"
"""The release of Pinterest's description that answers follow."""


@dataclass(frozen=True, kw_only=True)
class Options:
    create_status: int = 201


def dialect(*, create_status: int, cors_origins: Sequence[str]) -> Dialect:
    return Dialect(
        name="pinterest",
        title="Pinterest REST API, the audience family, as Audience Mock serves it",
        version=DESCRIBED_RELEASE,
        prefixes=("v5", "ad_accounts", "businesses", customer_list_uploads.PARTS),
        routers=(
            audiences.router,
            customer_lists.router,
            customer_list_uploads.router,
            customer_list_uploads.part_router,
        ),
        refuse=errors.refuse,
        options=Options(create_status=create_status),
        about="A double for tests. Not made by Pinterest.",
        servers=({"url": "/v5"}, {"url": "/"}),
        security=auth.SECURITY,
        examples={**audiences.EXAMPLES, **customer_lists.EXAMPLES, **customer_list_uploads.EXAMPLES},
        cors_origins=cors_origins,
    )
