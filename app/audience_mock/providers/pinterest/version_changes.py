"""What changed in Pinterest's API from version to version, as far as the mock answers otherwise.

`docs/reference/versions.md` has the same as a table. Operations that a version lacks say so on their routes.
"""

from collections.abc import Sequence
from typing import get_args

from audience_mock.providers.pinterest.settings import ApiVersion
from audience_mock.providers.pinterest.sources import CHANGES, NEWEST, OURS, PRODUCTION
from audience_mock.web.api_versions import STATUS, ApiVersions, VersionChange

_RULES = ("audiences/create", "audiences/update", "audiences/create_custom")
_AUDIENCES = ("audiences/*", "shared_audiences_for_business/list")
_LISTS = ("customer_lists/*",)


def changes() -> Sequence[VersionChange]:
    return [
        VersionChange(
            since="5.28",
            what="responses have is_nca, and is_ctv_enabled in lists of audiences",
            evidence=PRODUCTION,
            operations=(*_AUDIENCES, *_LISTS),
            places=("body *.is_nca", "body *.is_ctv_enabled"),
        ),
        VersionChange(
            since="5.28",
            what="exclude_nca is validated; before, it was ignored",
            evidence=CHANGES,
            operations=(*_AUDIENCES, *_LISTS),
            sent=("exclude_nca",),
        ),
        VersionChange(
            since="5.28",
            what="is_nca is validated and kept; before, it was ignored",
            evidence=NEWEST,
            operations=_LISTS,
            sent=("is_nca",),
        ),
        VersionChange(
            since="5.28",
            what="audience_type of a PATCH is validated; before, it was ignored",
            evidence=NEWEST,
            operations=("audiences/update",),
            sent=("audience_type",),
        ),
        VersionChange(
            since="5.28",
            what="records_v2 may replace records, which was required",
            evidence=CHANGES,
            operations=_LISTS,
            sent=("records_v2", "-records"),
        ),
        VersionChange(
            since="5.28",
            what="objective_type takes SALES",
            evidence=CHANGES,
            operations=_RULES,
            sent=("objective_type",),
        ),
        VersionChange(
            since="5.28",
            what="statuses ELIGIBLE, PERSONAS_INITIALIZING and PERSONAS_INELIGIBLE_SIZE are new; which older"
            " one stands for each is chosen",
            evidence=CHANGES,
            operations=_AUDIENCES,
            places=("body *.status",),
        ),
        VersionChange(
            since="5.28",
            what="type LOOKALIKE is new in the list of a business; before, read as ACTALIKE (chosen)",
            evidence=CHANGES,
            operations=_AUDIENCES,
            places=("body *.audience_type",),
        ),
        VersionChange(
            since="5.28",
            what="ad accounts have a time_zone",
            evidence=CHANGES,
            operations=("ad_accounts/*",),
            places=("body *time_zone", STATUS),
        ),
        VersionChange(
            since="5.28",
            what="visitor_source_id is any text or a list of texts; before, digits",
            evidence=CHANGES,
            operations=(*_RULES, *_AUDIENCES),
            places=(STATUS, "body $", "body *.visitor_source_id*"),
            sent=("visitor_source_id",),
        ),
        VersionChange(
            since="5.28",
            what="seed_id may be a list of integers, which is answered as text",
            evidence=CHANGES,
            operations=_RULES,
            places=(STATUS, "body $", "body *.seed_id*"),
            sent=("seed_id",),
        ),
        VersionChange(
            since="5.28",
            what="ad_id, campaign_id and pin_id are texts; before, digits",
            evidence=CHANGES,
            operations=_RULES,
            places=(STATUS, "body $"),
            sent=("ad_id", "campaign_id", "pin_id"),
        ),
        VersionChange(
            since="5.28",
            what="percentage is an integer or a text; before, an integer",
            evidence=CHANGES,
            operations=_RULES,
            places=(STATUS, "body $", "body *.percentage"),
            sent=("percentage",),
        ),
        VersionChange(
            since="5.28",
            what="older clients read rules in the types of their version: one source in place of several",
            evidence=OURS,
            operations=_AUDIENCES,
            places=("body *.rule.*",),
        ),
        VersionChange(
            since="5.28",
            what="ids of audiences and uploads in a path may have more than 18 digits",
            evidence=CHANGES,
            operations=("audiences/get", "audiences/update", "customer_list_uploads/*"),
            places=(STATUS, "body $"),
        ),
        VersionChange(
            since="5.28",
            what="the schema requires no key of a new audience; before: name, audience_type and rule",
            evidence=CHANGES,
            operations=("audiences/create",),
            places=(STATUS, "body $"),
            sent=("-name", "-audience_type", "-rule"),
        ),
        VersionChange(
            since="5.28",
            what="the schema of oauth/token is one for all grants and requires grant_type alone",
            evidence=CHANGES,
            operations=("oauth/token",),
            places=(STATUS, "body $"),
        ),
        VersionChange(
            since="5.28",
            what="GEO_EXCLUDE and LOCATION_EXCLUDE are validated and leave people out; before, ignored",
            evidence=CHANGES,
            operations=("ad_groups/audience_sizing",),
            sent=("GEO_EXCLUDE", "LOCATION_EXCLUDE"),
        ),
        VersionChange(
            since="5.28",
            what="match_type of a keyword may not be null",
            evidence=CHANGES,
            operations=("ad_groups/audience_sizing",),
            places=(STATUS, "body $"),
            sent=("match_type",),
        ),
        VersionChange(
            since="5.28",
            what="record_counts of an upload is not null: zeros until the upload has ended (chosen)",
            evidence=CHANGES,
            operations=("customer_list_uploads/*",),
            places=("body *record_counts",),
        ),
    ]


VERSIONS = ApiVersions(
    setting="pinterest_contract",
    names=tuple(version for choice in get_args(ApiVersion) for version in get_args(choice)),
    default="5.28",
    changes=changes,
)
