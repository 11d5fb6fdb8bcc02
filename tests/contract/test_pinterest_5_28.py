"""What release 5.28 of Pinterest's API changed: each change is there under 5.28, and not before.

A case is a request and what each version answers. The rows are those of Pinterest's list of changes from 5.23
to 5.28, and of the two schemas of an audience in 5.28. 5.18 answers as 5.23 does.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from audience_mock.testing import MockServer, MockWorld
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.pinterest_resources import create_customer_list, create_seed_audience

ACCOUNT = f"/ad_accounts/{AD_ACCOUNT}"
AUDIENCES, LISTS = f"{ACCOUNT}/audiences", f"{ACCOUNT}/customer_lists"
SIZING = f"{ACCOUNT}/ad_groups/audience_sizing"
SEED, LIST, NCA_LIST, UPLOAD = "2542623499806", "5497558", "5497559", "2680059001"
BUSINESS = "729090764583391194"
OLD, NEW = ("5.18", "5.23"), ("5.28", None)
LONG = "9" * 19
VISITOR = {"name": "a", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}

REJECTED = "rejected"
"""400, code 1."""


class Case(NamedTuple):
    """A request, and what is to be read of its answer: a value at a path of keys, or REJECTED."""

    request: tuple[str, str, Any]
    at: str
    before: Any
    since: Any


class Absent:
    """The key is not there."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


def create(rule: dict[str, Any], kind: str = "VISITOR") -> tuple[str, str, Any]:
    return "POST", AUDIENCES, {"name": "a", "audience_type": kind, "rule": rule}


def alike(**rule: Any) -> tuple[str, str, Any]:
    return create({"seed_id": [SEED], "country": "US", "percentage": 5} | rule, "ACTALIKE")


def size(**body: Any) -> tuple[str, str, Any]:
    return "POST", SIZING, body


def keyword(match_type: Any) -> tuple[str, str, Any]:
    return size(keywords=[{"match_type": match_type, "value": "quilts"}])


def people(spec: dict[str, Any]) -> tuple[str, str, Any]:
    return size(targeting_spec=spec)


CASES: dict[str, Case] = {
    # Per operation
    "audiences/list exclude_nca": Case(
        ("GET", f"{AUDIENCES}?exclude_nca=maybe", None), "bookmark", None, REJECTED
    ),
    "audiences/create is_nca": Case(("POST", AUDIENCES, VISITOR), "is_nca", ABSENT, False),
    "audiences/get is_nca": Case(("GET", f"{AUDIENCES}/{SEED}", None), "is_nca", ABSENT, False),
    "audiences/get of a long id": Case(("GET", f"{AUDIENCES}/{LONG}", None), "code", REJECTED, 4),
    "audiences/update is_nca": Case(("PATCH", f"{AUDIENCES}/{SEED}", {}), "is_nca", ABSENT, False),
    "audiences/update of a long id": Case(("PATCH", f"{AUDIENCES}/{LONG}", {}), "code", REJECTED, 4),
    "audiences/update audience_type": Case(
        ("PATCH", f"{AUDIENCES}/{SEED}", {"audience_type": "nobody"}), "name", "Engaged", REJECTED
    ),
    "shared_audiences_for_business/list is_nca": Case(
        ("GET", f"/businesses/{BUSINESS}/audiences", None), "items.0.is_nca", ABSENT, False
    ),
    "shared_audiences_for_business/list LOOKALIKE": Case(
        ("GET", f"/businesses/{BUSINESS}/audiences?order=DESCENDING", None),
        "items.0.audience_type",
        "ACTALIKE",
        "LOOKALIKE",
    ),
    "audiences/list LOOKALIKE": Case(
        ("GET", f"{AUDIENCES}?order=DESCENDING", None), "items.0.audience_type", "ACTALIKE", "ACTALIKE"
    ),
    "audiences/get LOOKALIKE": Case(
        ("GET", f"{AUDIENCES}/2542623499999", None), "audience_type", "ACTALIKE", "ACTALIKE"
    ),
    "ad_groups/audience_sizing null match_type": Case(
        keyword(None), "audience_size_lower_bound", int, REJECTED
    ),
    "ad_groups/audience_sizing GEO_EXCLUDE of a wrong type": Case(
        people({"GEO_EXCLUDE": "US-CA"}), "audience_size_lower_bound", int, REJECTED
    ),
    "ad_groups/audience_sizing null LOCATION_EXCLUDE": Case(
        people({"LOCATION_EXCLUDE": None}), "audience_size_lower_bound", int, REJECTED
    ),
    "ad_groups/audience_sizing LOCATION_EXCLUDE": Case(
        people({"LOCATION": ["US"], "LOCATION_EXCLUDE": ["US"]}), "audience_size_upper_bound", 120_000_000, 0
    ),
    "ad_groups/audience_sizing GEO_EXCLUDE": Case(
        people({"GEO": ["US-CA"], "GEO_EXCLUDE": ["US-CA"]}), "audience_size_upper_bound", int, 0
    ),
    "ad_groups/audience_sizing null INTEREST": Case(people({"INTEREST": None}), "code", REJECTED, REJECTED),
    "ad_groups/audience_sizing null GEO": Case(
        people({"GEO": None, "TARGETING_STRATEGY": None, "AUDIENCE_INCLUDE": None}),
        "audience_size_lower_bound",
        int,
        int,
    ),
    "customer_lists/list exclude_nca": Case(
        ("GET", f"{LISTS}?exclude_nca=true&order=DESCENDING", None), "items.0.id", NCA_LIST, LIST
    ),
    "customer_lists/list is_nca": Case(("GET", LISTS, None), "items.0.is_nca", ABSENT, False),
    "customer_lists/create is_nca": Case(
        ("POST", LISTS, {"name": "a", "records": "a@b.example", "is_nca": "x"}),
        "status",
        "PROCESSING",
        REJECTED,
    ),
    "customer_lists/create records_v2": Case(
        ("POST", LISTS, {"name": "a", "records_v2": [{"email": "a@b.example"}]}),
        "num_uploaded_user_records",
        REJECTED,
        1,
    ),
    "customer_lists/create records_v2 with an unknown key": Case(
        ("POST", LISTS, {"name": "a", "records": "a@b.example", "records_v2": [{"phone": "1"}]}),
        "num_uploaded_user_records",
        1,
        REJECTED,
    ),
    "customer_lists/update records_v2": Case(
        ("PATCH", f"{LISTS}/{LIST}", {"operation_type": "ADD", "records_v2": [{"email": "a@b.example"}]}),
        "num_batches",
        REJECTED,
        2,
    ),
    "customer_list_uploads/create record_counts": Case(
        ("POST", f"{LISTS}/{LIST}/uploads", {"operation": "ADD", "total_parts": 1}),
        "customer_list_upload.record_counts",
        None,
        {"processed": 0, "valid": 0, "invalid": 0},
    ),
    "customer_list_uploads/get record_counts": Case(
        ("GET", f"{LISTS}/{LIST}/uploads/{UPLOAD}", None),
        "record_counts",
        None,
        {"processed": 0, "valid": 0, "invalid": 0},
    ),
    "customer_list_uploads/get error_counts": Case(
        ("GET", f"{LISTS}/{LIST}/uploads/{UPLOAD}", None), "error_counts", None, None
    ),
    "customer_list_uploads/get of a long id": Case(
        ("GET", f"{LISTS}/{LIST}/uploads/{LONG}", None), "code", REJECTED, 4
    ),
    "customer_list_uploads/run of a long id": Case(
        ("POST", f"{LISTS}/{LIST}/uploads/{LONG}/run", None), "code", REJECTED, 4
    ),
    "customer_lists/get of a long id": Case(("GET", f"{LISTS}/{LONG}", None), "code", REJECTED, REJECTED),
    "ad_accounts/get of a long id": Case(("GET", f"/ad_accounts/{LONG}", None), "code", REJECTED, REJECTED),
    "customer_segment/list": Case(("GET", f"{ACCOUNT}/customer_segments", None), "items", ABSENT, []),
    "ad_accounts/list time_zone": Case(
        ("GET", "/ad_accounts?page_size=1", None), "items.0.time_zone", ABSENT, "Europe/Oslo"
    ),
    "ad_accounts/get time_zone": Case(("GET", "/ad_accounts/1", None), "time_zone", ABSENT, "Europe/Oslo"),
    "ad_accounts/get without a time_zone": Case(("GET", ACCOUNT, None), "time_zone", ABSENT, ABSENT),
    "ad_accounts/create time_zone": Case(
        ("POST", "/ad_accounts", {"time_zone": "Asia/Tokyo"}), "time_zone", ABSENT, "Asia/Tokyo"
    ),
    "ad_accounts/create time_zone of a wrong type": Case(
        ("POST", "/ad_accounts", {"time_zone": 5}), "country", "US", REJECTED
    ),
    # The rule of an ad account's audience
    "percentage in quotes": Case(alike(percentage="10"), "rule.percentage", 10, 10),
    "percentage that is no number": Case(alike(percentage="ten"), "code", REJECTED, REJECTED),
    "seed_id of integers": Case(alike(seed_id=[int(SEED)]), "rule.seed_id", REJECTED, [SEED]),
    "seed_id of both": Case(alike(seed_id=[int(SEED), SEED]), "code", REJECTED, REJECTED),
    "seed_id of strings": Case(alike(), "rule.seed_id", [SEED], [SEED]),
    "visitor_source_id": Case(create({"visitor_source_id": "26"}), "rule.visitor_source_id", "26", "26"),
    "visitor_source_id without digits": Case(
        create({"visitor_source_id": "tag"}), "rule.visitor_source_id", REJECTED, "tag"
    ),
    "visitor_source_id of a list": Case(
        create({"visitor_source_id": ["1", "2"]}), "rule.visitor_source_id", REJECTED, ["1", "2"]
    ),
    "visitor_source_id of a list of one": Case(
        create({"visitor_source_id": ["1"]}), "rule.visitor_source_id", "1", "1"
    ),
    "visitor_source_id of a number": Case(create({"visitor_source_id": 1}), "code", REJECTED, REJECTED),
    "visitor_source_id of nothing": Case(create({"visitor_source_id": []}), "code", REJECTED, REJECTED),
    **{
        f"{key} without digits": Case(
            create({key: ["a", ""]}, "ENGAGEMENT"), f"rule.{key}", REJECTED, ["a", ""]
        )
        for key in ("ad_id", "campaign_id", "pin_id")
    },
    **{
        f"{key} of numbers": Case(create({key: [1]}, "ENGAGEMENT"), "code", REJECTED, REJECTED)
        for key in ("ad_id", "campaign_id", "pin_id")
    },
    "customer_list_id without digits": Case(
        create({"customer_list_id": "a"}, "CUSTOMER_LIST"), "code", REJECTED, REJECTED
    ),
    "retention_days": Case(
        create({"visitor_source_id": "1", "retention_days": 30}), "rule.retention_days", 30, 30
    ),
    "url": Case(create({"url": ["a"]}, "ENGAGEMENT"), "rule.url", ["a"], ["a"]),
    "objective_type SALES": Case(
        create({"objective_type": ["SALES"]}, "ENGAGEMENT"), "rule.objective_type", REJECTED, ["SALES"]
    ),
    "objective_type APP_INSTALL": Case(
        create({"objective_type": ["APP_INSTALL"]}, "ENGAGEMENT"), "code", REJECTED, REJECTED
    ),
    "status ELIGIBLE": Case(("GET", f"{AUDIENCES}/2542623499998", None), "status", "READY", "ELIGIBLE"),
    "audience_type LOOKALIKE in a create": Case(create({}, "LOOKALIKE"), "code", REJECTED, REJECTED),
    "visitor_source_id of a list, for a business": Case(
        ("GET", f"/businesses/{BUSINESS}/audiences?order=DESCENDING", None),
        "items.0.rule.visitor_source_id",
        "1",
        "1",
    ),
    "visitor_source_id of a list, as stored": Case(
        ("GET", f"{AUDIENCES}/2542623499999", None), "rule.visitor_source_id", "1", ["1", "2"]
    ),
}

BY_SCHEMA: dict[str, Case] = {
    "audiences/create without keys": Case(("POST", AUDIENCES, {}), "audience_type", REJECTED, "ENGAGEMENT"),
    "audiences/create without a name": Case(
        ("POST", AUDIENCES, {"audience_type": "VISITOR", "rule": {}}), "name", REJECTED, ""
    ),
    "audiences/create without a type": Case(
        ("POST", AUDIENCES, {"name": "a", "rule": {"visitor_source_id": "1"}}),
        "audience_type",
        REJECTED,
        "VISITOR",
    ),
    "audiences/create without a rule": Case(
        ("POST", AUDIENCES, {"name": "a", "audience_type": "PERSONA"}), "rule", REJECTED, {}
    ),
    "audiences/create with a null name": Case(
        ("POST", AUDIENCES, {"name": None}), "code", REJECTED, REJECTED
    ),
    "percentage that is no number": Case(alike(percentage="ten"), "rule.percentage", REJECTED, "ten"),
    "percentage of another type": Case(alike(percentage=[1]), "code", REJECTED, REJECTED),
    "visitor_source_id of nothing": Case(
        create({"visitor_source_id": []}), "rule.visitor_source_id", REJECTED, []
    ),
    "customer_lists/create without records": Case(
        ("POST", LISTS, {"name": "a"}), "num_uploaded_user_records", REJECTED, 0
    ),
    "customer_lists/create without a name": Case(("POST", LISTS, {}), "code", REJECTED, REJECTED),
    "customer_lists/create records_v2 with an unknown key": Case(
        ("POST", LISTS, {"name": "a", "records_v2": [{"phone": "1"}]}), "code", REJECTED, REJECTED
    ),
    "customer_segment/create of what is not there": Case(
        ("POST", f"{ACCOUNT}/customer_segments", {"name": "", "audience_ids": ["x"]}),
        "audience_ids",
        ABSENT,
        ["x"],
    ),
    "ad_accounts/create": Case(("POST", "/ad_accounts", {}), "currency", "USD", "USD"),
    "ad_accounts/create of a long name": Case(
        ("POST", "/ad_accounts", {"name": "a" * 257}), "code", REJECTED, REJECTED
    ),
}
"""With schema-only validation."""


@pytest.fixture(scope="module")
def clients() -> Iterator[Callable[[str | None, str], httpx.Client]]:
    """Clients of one server that emulates each version in a world of its own, by version and strictness. What
    one case changes in a world, the next one does not find."""
    made: dict[tuple[str | None, str], httpx.Client] = {}
    with MockServer() as mock:

        def client(version: str | None, validation: str) -> httpx.Client:
            world = mock.in_world(f"v{version or ''}-{validation}")
            if (version, validation) in made:
                world.restore("made")
            else:
                made[version, validation] = _client(world, version, validation)
                world.snapshot("made")
            return made[version, validation]

        yield client
        for one in made.values():
            one.close()


def _client(world: MockWorld, version: str | None, validation: str) -> httpx.Client:
    """To a world with an audience, two lists, an upload, an ad account with a time zone, and a LOOKALIKE that
    was shared with a business and has two visitor sources."""
    settings = {"pinterest_contract": version, "pinterest_validation": validation}
    world.control("PUT", f"/worlds/{world.name}", {"settings": settings})
    client = httpx.Client(base_url=world.urls.pinterest, headers=PINTEREST_TOKEN)
    assert create_seed_audience(client) == SEED
    assert create_customer_list(client) == LIST
    of_account = {"api": "pinterest", "account": AD_ACCOUNT, "people": 1000}
    seed = {
        "customer_lists": [{"id": NCA_LIST, "account": AD_ACCOUNT, "name": "n", "is_nca": True}],
        "ad_accounts": [{"id": "1", "time_zone": "Europe/Oslo"}],
        "audiences": [
            of_account | {"id": "2542623499998", "kind": "PERSONA", "name": "p", "status": "ELIGIBLE"},
            of_account
            | {
                "id": "2542623499999",
                "kind": "LOOKALIKE",
                "name": "l",
                "definition": {"visitor_source_id": ["1", "2"]},
            },
        ],
        "shares": [
            {"api": "pinterest", "audience": id, "recipient_kind": "business", "recipient": BUSINESS}
            for id in (SEED, "2542623499999")
        ],
        # What the cases create comes before these.
        "sequences": {"pinterest_audience": 2542623499807},
    }
    world.seed(seed)
    body = {"operation": "ADD", "total_parts": 1}
    upload = client.post(f"{LISTS}/{LIST}/uploads", json=body).json()["customer_list_upload"]
    assert upload["id"] == UPLOAD
    return client


def _value(answer: httpx.Response, at: str) -> Any:
    """The value at a path of keys; ABSENT if a key is not there, REJECTED for a 400."""
    value = answer.json()
    if answer.status_code == 400:
        assert value["code"] == 1
        return REJECTED
    for key in at.split("."):
        if isinstance(value, list):
            value = value[int(key)]
        elif key not in value:
            return ABSENT
        else:
            value = value[key]
    return value


@pytest.mark.parametrize("version", [*OLD, *NEW])
@pytest.mark.parametrize(
    ("validation", "name"),
    [("documented", name) for name in CASES] + [("schema", name) for name in BY_SCHEMA],
)
def test_a_change_is_there_from_its_version_on(
    clients: Callable[[str | None, str], httpx.Client], version: str | None, validation: str, name: str
) -> None:
    """Each version answers a request as its own description has it."""
    case = (CASES if validation == "documented" else BY_SCHEMA)[name]
    method, path, body = case.request
    answer = clients(version, validation).request(method, path, json=body)
    expected, found = case.before if version in OLD else case.since, _value(answer, case.at)
    if expected is int:
        assert found > 0
    else:
        assert found == expected, answer.text


@pytest.mark.parametrize("version", [*OLD, *NEW])
def test_a_grant_needs_what_its_version_requires(
    start: Callable[..., MockServer], version: str | None
) -> None:
    """By the schema of 5.28 alone a grant needs no key but its type: without a code none is given, without
    scopes all are. Before, and by the prose, each grant has required keys."""
    for validation in ("schema", "documented"):
        mock = start(pinterest_contract=version, pinterest_validation=validation)
        with httpx.Client(base_url=mock.pinterest_url, auth=("1", "s")) as client:
            statuses = [
                client.post("/oauth/token", data=form).status_code
                for form in (
                    {"grant_type": "authorization_code"},
                    {"grant_type": "authorization_code", "code": "a"},
                    {"grant_type": "refresh_token"},
                    {"grant_type": "client_credentials"},
                    {},
                )
            ]
        by_schema = validation == "schema" and version in NEW
        assert statuses == ([401, 200, 401, 200, 400] if by_schema else [400] * 5)
