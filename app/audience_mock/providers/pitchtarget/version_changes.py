"""What changed in PitchTarget's API between the dates of its documentation, as far as the mock answers
otherwise; `docs/reference/versions.md` has the same as a table."""

from collections.abc import Sequence
from typing import get_args

from audience_mock.providers.pitchtarget.settings import Revision
from audience_mock.providers.pitchtarget.sources import ANSWERS, AT_ALL_DATES, IN_BOTH, exchanges
from audience_mock.web.api_versions import STATUS, ApiVersions, VersionChange

_READS = ("custom_audiences/*", "customaudiences/*")


def changes() -> Sequence[VersionChange]:
    return [
        VersionChange(
            since="2014-04-15",
            what="X-UA-Compatible is no longer sent",
            evidence=AT_ALL_DATES,
            places=("header x-ua-compatible",),
        ),
        VersionChange(
            since="2014-04-15",
            what="<, > and & are written \\u003c, \\u003e and \\u0026; before, in upper case",
            evidence=AT_ALL_DATES,
            places=("body $ as text",),
        ),
        VersionChange(
            since="2014-04-08",
            what='the create of a pixel answers {"id":{"id":"…"}}',
            evidence=exchanges("2014-04-03", "2014-04-15"),
            operations=("offsite_pixels/create", "offsitepixels/create"),
        ),
        VersionChange(
            since="2014-05-02",
            what="reads answer in May's shapes, with fb_id and subtype; before, Facebook's own object",
            evidence=IN_BOTH,
            operations=_READS,
            places=(STATUS, "body*", "header content-*", "header cache-control"),
        ),
        VersionChange(
            since="2014-05-02",
            what="a delete answers 204; before, 200 with the audience",
            evidence=ANSWERS,
            operations=("custom_audiences/delete",),
            places=(STATUS, "body*", "header *"),
        ),
    ]


_ALIASES = {"2014-04": "2014-04-03", "2014-05": "2014-05-12"}

VERSIONS = ApiVersions(
    setting="pitchtarget_revision",
    names=tuple(sorted(set(get_args(Revision)) - _ALIASES.keys())),
    aliases=_ALIASES,
    default="2014-05-12",
    default_is_own=False,
    changes=changes,
)
