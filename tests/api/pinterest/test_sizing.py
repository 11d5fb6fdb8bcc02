"""Pinterest's audience sizing over HTTP, and properties that hold for any targeting."""

import copy
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience_mock.providers.pinterest.population import ALL_USERS
from audience_mock.providers.pinterest.sizing.estimates import bounds, people_reached
from audience_mock.providers.pinterest.sizing.schemas import AdGroupAudienceSizingRequest
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_customer_list

SIZING = f"/ad_accounts/{AD_ACCOUNT}/ad_groups/audience_sizing"
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
OTHER = "549755885176"
SPEC: dict[str, Any] = {
    "AGE_BUCKET": ["25-34", "35-44"],
    "APPTYPE": ["iphone", "ipad"],
    "GENDER": ["female", "unknown"],
    "GEO": ["BE-VOV", "US-94107"],
    "INTEREST": ["925056443165", "918105274631"],
    "LOCALE": ["en-US", "de"],
    "LOCATION": ["US", "807"],
    "GEO_EXCLUDE": [f"US-{number}" for number in range(94100, 94200)],
    "LOCATION_EXCLUDE": ["BE", "807"],
    "SHOPPING_RETARGETING": [{"lookback_window": 30, "exclusion_window": 14, "tag_types": [0, 6]}],
    "TARGETING_STRATEGY": ["CHOOSE_YOUR_OWN"],
}
NOT_NULL = {"GEO_EXCLUDE", "INTEREST", "LOCATION_EXCLUDE", "MINIMUM_AGE", "MAXIMUM_AGE"}
"""Keys of the description that may be left out, and may not be null."""
WHOLE: dict[str, Any] = {
    "auto_targeting_enabled": True,
    "creative_types": ["REGULAR", "VIDEO"],
    "keywords": [
        {"match_type": "BROAD", "value": "quilts"},
        {"match_type": "EXACT_NEGATIVE", "value": "cheap quilts"},
    ],
    "placement_group": "ALL",
    "product_group_ids": ["23423422123"],
    "targeting_spec": SPEC,
}


def size(client: httpx.Client, **body: Any) -> tuple[int, int]:
    response = client.post(SIZING, json=body)
    assert response.status_code == 200, response.text
    told = response.json()
    assert list(told) == ["audience_size_lower_bound", "audience_size_upper_bound"]
    lower, upper = told.values()
    assert 0 <= lower <= upper
    return lower, upper


def create(client: httpx.Client, account: str = AD_ACCOUNT, **more: Any) -> str:
    body = {"name": "Engaged", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}} | more
    id: str = client.post(f"/ad_accounts/{account}/audiences", json=body).json()["id"]
    return id


def test_each_key_narrows(pinterest: httpx.Client) -> None:
    """Each additional targeting key reaches fewer people; the same request gets the same response."""
    everyone = size(pinterest)
    assert everyone[0] <= ALL_USERS <= everyone[1]
    assert size(pinterest, targeting_spec={}) == size(pinterest, targeting_spec=None) == everyone
    assert size(pinterest, **dict.fromkeys(WHOLE)) == everyone
    assert size(pinterest, targeting_spec=dict.fromkeys(SPEC.keys() - NOT_NULL)) == everyone
    for key, value in SPEC.items():
        assert size(pinterest, targeting_spec={key: value}) < everyone, key
        assert size(pinterest, targeting_spec={key: []}) == everyone, key
    for key in ("creative_types", "keywords"):
        assert size(pinterest, **{key: WHOLE[key]}) < everyone, key
    assert size(pinterest, placement_group="SEARCH") < everyone
    assert size(pinterest, **WHOLE) == size(pinterest, **WHOLE) < everyone


def test_auto_targeting_and_product_groups_need_something_to_work_on(pinterest: httpx.Client) -> None:
    """Without auto targeting keywords and interests reach fewer; product groups need retargeting."""
    for body in ({"keywords": WHOLE["keywords"]}, {"targeting_spec": {"INTEREST": ["1"]}}):
        assert size(pinterest, auto_targeting_enabled=False, **body) < size(pinterest, **body)
    assert size(pinterest, auto_targeting_enabled=False) == size(pinterest)
    groups = {"product_group_ids": ["1"]}
    assert size(pinterest, **groups) == size(pinterest)
    retargeting: dict[str, Any] = {"targeting_spec": {"SHOPPING_RETARGETING": [{}]}}
    assert size(pinterest, **groups, **retargeting) < size(pinterest, **retargeting)


def test_ages_are_buckets_or_a_range(pinterest: httpx.Client) -> None:
    """A range reaches whom its buckets reach, "65+" is more than "65", and all ages are everyone."""

    def ages(**spec: Any) -> tuple[int, int]:
        return size(pinterest, targeting_spec=spec)

    assert ages(MINIMUM_AGE="25", MAXIMUM_AGE="44") == ages(AGE_BUCKET=["25-34", "35-44"])
    assert ages(MINIMUM_AGE="18", MAXIMUM_AGE="65+") == ages()
    assert ages(MINIMUM_AGE="65", MAXIMUM_AGE="65+") == ages(AGE_BUCKET=["65+"])
    assert ages(MINIMUM_AGE="65", MAXIMUM_AGE="65") < ages(MINIMUM_AGE="65", MAXIMUM_AGE="65+")
    assert ages(AGE_BUCKET=["21+"]) < ages(AGE_BUCKET=["20+", "21+"]) < ages(AGE_BUCKET=["19+"]) < ages()


def test_included_audiences_are_a_ceiling(mock: MockServer, pinterest: httpx.Client) -> None:
    """Only people of the included audiences are reached, once these are built; excluded ones are left out."""
    first, second = create(pinterest), create(pinterest, rule={"engager_type": 2})
    include = {"targeting_spec": {"AUDIENCE_INCLUDE": [first]}}
    assert size(pinterest, **include) == (0, 0)
    mock.world.clock.advance(5_000)
    people = [pinterest.get(f"{AUDIENCES}/{id}").json()["size"] for id in (first, second)]
    one = size(pinterest, **include)
    assert one == bounds(people[0])
    assert size(pinterest, targeting_spec={"AUDIENCE_INCLUDE": [first, first]}) == one
    both = {"AUDIENCE_INCLUDE": [first, second]}
    assert size(pinterest, targeting_spec=both) == bounds(sum(people))
    assert size(pinterest, targeting_spec=both | {"AUDIENCE_EXCLUDE": [second]}) == one
    assert size(pinterest, targeting_spec={"AUDIENCE_INCLUDE": [first], "AUDIENCE_EXCLUDE": [first]}) == (
        0,
        0,
    )
    assert size(pinterest, targeting_spec={"AUDIENCE_INCLUDE": [first], "GENDER": ["male"]}) < one


def test_an_audience_under_a_hundred_people_is_no_target(mock: MockServer, pinterest: httpx.Client) -> None:
    """An audience that is TOO_SMALL reaches no one if included, and leaves out no one if excluded."""
    empty = create_customer_list(pinterest, "ann@example.com")
    small = create(pinterest, audience_type="CUSTOMER_LIST", rule={"customer_list_id": empty})
    mock.world.clock.advance(5_000)
    assert size(pinterest, targeting_spec={"AUDIENCE_INCLUDE": [small]}) == (0, 0)
    assert size(pinterest, targeting_spec={"AUDIENCE_EXCLUDE": [small]}) == size(pinterest)


def test_an_audience_of_another_ad_account_is_rejected_until_it_is_shared(
    mock: MockServer, pinterest: httpx.Client
) -> None:
    """An unknown audience gets 403 with the description's message; one that was received can be targeted."""
    others = create(pinterest, account=OTHER)
    mock.world.clock.advance(5_000)
    for key in ("AUDIENCE_INCLUDE", "AUDIENCE_EXCLUDE"):
        for ids in ([others], ["1"], ["9" * 18], ["9" * 5000], [create(pinterest), others]):
            response = pinterest.post(SIZING, json={"targeting_spec": {key: ids}})
            assert response.status_code == 403
            assert pinterest_error(response) == {
                "code": 29,
                "message": "You don't have access to the requested audience list or product group.",
            }
    body = {"audience_id": others, "recipient_account_ids": [AD_ACCOUNT], "operation_type": "SHARE"}
    pinterest.patch(f"/ad_accounts/{OTHER}/audiences/ad_accounts/shared", json=body)
    assert size(pinterest, targeting_spec={"AUDIENCE_INCLUDE": [others]}) > (0, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"auto_targeting_enabled": "yes"}, "'yes' is not of type 'boolean'"),
        ({"placement_group": "FEED"}, "'FEED' is not one of ['ALL', 'SEARCH', 'BROWSE', 'OTHER']"),
        ({"creative_types": ["PIN"]}, "'PIN' is not one of ['REGULAR', "),
        ({"keywords": [{"value": "quilts"}]}, "'match_type' is a required property"),
        ({"keywords": [{"match_type": "BROAD"}]}, "'value' is a required property"),
        ({"keywords": [{"match_type": "broad", "value": "a"}]}, "'broad' is not one of ['BROAD', "),
        ({"keywords": [{"match_type": "BROAD", "value": "a" * 121}]}, f"'{'a' * 121}' is too long"),
        ({"product_group_ids": ["x"]}, r"'x' does not match '^\\d+$'"),
        ({"targeting_spec": []}, "[] is not of type 'object'"),
        ({"targeting_spec": {"GENDER": ["FEMALE"]}}, "'FEMALE' is not one of ['unknown', 'male', 'female']"),
        ({"targeting_spec": {"GENDER": "female"}}, "'female' is not of type 'array'"),
        ({"targeting_spec": {"AGE_BUCKET": ["18-25"]}}, "'18-25' is not one of ['18-24', '19+', "),
        ({"targeting_spec": {"APPTYPE": ["ios"]}}, "'ios' is not one of ['android_mobile', "),
        ({"targeting_spec": {"AUDIENCE_INCLUDE": ["x"]}}, r"'x' does not match '^\\d+$'"),
        ({"targeting_spec": {"AUDIENCE_INCLUDE": ["1"] * 1001}}, "['1', '1', "),
        ({"targeting_spec": {"LOCATION": [501]}}, "501 is not of type 'string'"),
        ({"targeting_spec": {"TARGETING_STRATEGY": ["ALL"]}}, "'ALL' is not one of ['CHOOSE_YOUR_OWN', "),
        (
            {"targeting_spec": {"SHOPPING_RETARGETING": [{"lookback_window": "30"}]}},
            "'30' is not of type 'integer'",
        ),
        ({"targeting_spec": {"MINIMUM_AGE": "18"}}, "'MAXIMUM_AGE' is a dependency of 'MINIMUM_AGE'"),
        ({"targeting_spec": {"MAXIMUM_AGE": "18"}}, "'MINIMUM_AGE' is a dependency of 'MAXIMUM_AGE'"),
        (
            {"targeting_spec": {"MINIMUM_AGE": "18", "MAXIMUM_AGE": "20", "AGE_BUCKET": ["19+"]}},
            "'AGE_BUCKET' cannot be combined with 'MINIMUM_AGE' and 'MAXIMUM_AGE'",
        ),
        (
            {"targeting_spec": {"MINIMUM_AGE": "17", "MAXIMUM_AGE": "20"}},
            "'17' is less than the minimum of 18",
        ),
        (
            {"targeting_spec": {"MINIMUM_AGE": "18", "MAXIMUM_AGE": "66"}},
            "'66' is greater than the maximum of 65",
        ),
        (
            {"targeting_spec": {"MINIMUM_AGE": "18", "MAXIMUM_AGE": "64+"}},
            "'64+' is greater than the maximum of 65",
        ),
        (
            {"targeting_spec": {"MINIMUM_AGE": "65+", "MAXIMUM_AGE": "65+"}},
            r"'65+' does not match '^\\d+$'",
        ),
        (
            {"targeting_spec": {"MINIMUM_AGE": "30", "MAXIMUM_AGE": "29"}},
            "'29' is less than the minimum of 30, which is 'MINIMUM_AGE'",
        ),
        ({"targeting_spec": {"MINIMUM_AGE": "18", "MAXIMUM_AGE": "x"}}, r"'x' does not match '^\\d+\\+?$'"),
    ],
)
def test_a_wrong_body_is_rejected(pinterest: httpx.Client, body: dict[str, Any], message: str) -> None:
    """A body that is not valid gets 400 with code 1 and says what is wrong."""
    response = pinterest.post(SIZING, json=body)
    assert response.status_code == 400
    told = pinterest_error(response)
    assert told["code"] == 1
    assert told["message"].startswith(f"Invalid request: {message}")


def reached(body: dict[str, Any], **audiences: int | None) -> int:
    included, excluded = audiences.get("included"), audiences.get("excluded") or 0
    return people_reached(
        AdGroupAudienceSizingRequest.model_validate(body), included=included, excluded=excluded
    )


def lists(*values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=6)


windows = st.fixed_dictionaries(
    {},
    optional={
        "lookback_window": st.integers(-5, 600),
        "exclusion_window": st.integers(-5, 600),
        "tag_types": st.lists(st.integers(0, 9), max_size=3),
    },
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "AGE_BUCKET": lists("18-24", "19+", "25-34", "45-49", "55-64", "65+"),
        "APPTYPE": lists("android_mobile", "ipad", "iphone", "web"),
        "GENDER": lists("unknown", "male", "female"),
        "GEO": lists("BE-VOV", "US-CA", "US-94107", "elsewhere", ""),
        "GEO_EXCLUDE": lists("BE-VOV", "US-CA", "elsewhere", ""),
        "LOCATION_EXCLUDE": lists("US", "BE", "501"),
        "INTEREST": st.lists(st.text(max_size=3), min_size=1, max_size=6),
        "LOCALE": lists("en", "en-US", "de", "fr"),
        "LOCATION": lists("US", "CA", "BE", "FR", "ZZ", "501", "807"),
        "SHOPPING_RETARGETING": st.lists(windows, min_size=1, max_size=3),
        "TARGETING_STRATEGY": lists("CHOOSE_YOUR_OWN", "FIND_NEW_CUSTOMERS", "RECONNECT_WITH_USERS"),
    },
)
words = st.sampled_from(["quilts", "Quilts ", "boots", "cakes", ""])
positive = st.sampled_from(["BROAD", "PHRASE", "EXACT"])
negative = st.sampled_from(["EXACT_NEGATIVE", "PHRASE_NEGATIVE"])


def keywords(match_types: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    keyword = st.fixed_dictionaries({"match_type": match_types, "value": words})
    return st.lists(keyword, min_size=1, max_size=4)


bodies = st.fixed_dictionaries(
    {"targeting_spec": specs},
    optional={
        "auto_targeting_enabled": st.booleans(),
        "creative_types": lists("REGULAR", "VIDEO", "IDEA"),
        "keywords": st.tuples(keywords(positive), st.just([]) | keywords(negative)).map(
            lambda both: both[0] + both[1]
        ),
        "placement_group": st.sampled_from(["ALL", "SEARCH", "BROWSE", "OTHER"]),
        "product_group_ids": lists("1", "2", "3"),
    },
)
EXACTER = {"BROAD": "PHRASE", "PHRASE": "EXACT", "EXACT_NEGATIVE": "PHRASE_NEGATIVE"}


def narrower(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The body with one thing narrowed, in each way that there is."""
    found: list[dict[str, Any]] = []

    def changed(key: str, value: Any, *, spec: bool) -> None:
        one = copy.deepcopy(body)
        (one["targeting_spec"] if spec else one)[key] = value
        found.append(one)

    spec = body["targeting_spec"]
    for key, value in SPEC.items():
        if key not in spec and {key, *spec} & {"LOCATION", "GEO"} != {"LOCATION", "GEO"}:
            changed(key, value, spec=True)
        for position in range(len(spec.get(key, ()))):
            if len(spec[key]) > 1 and not key.endswith("_EXCLUDE"):
                changed(key, spec[key][:position] + spec[key][position + 1 :], spec=True)
    for key in ("GEO_EXCLUDE", "LOCATION_EXCLUDE"):
        changed(key, [*spec.get(key, ()), "CA", "US-NY"], spec=True)
    for key in ("creative_types", "product_group_ids"):
        if key not in body:
            changed(key, WHOLE[key], spec=False)
        elif len(body[key]) > 1:
            changed(key, body[key][1:], spec=False)
    given_words = body.get("keywords", [])
    changed("keywords", [*given_words, {"match_type": "EXACT_NEGATIVE", "value": "more"}], spec=False)
    for position, keyword in enumerate(given_words):
        if (match_type := EXACTER.get(keyword["match_type"])) is not None:
            exacter = keyword | {"match_type": match_type}
            changed("keywords", [*given_words[:position], exacter, *given_words[position + 1 :]], spec=False)
    changed("auto_targeting_enabled", False, spec=False)
    if body.get("placement_group", "ALL") == "ALL":
        changed("placement_group", "OTHER", spec=False)
    for position, window in enumerate(spec.get("SHOPPING_RETARGETING", ())):
        for shorter in (
            {"lookback_window": window.get("lookback_window", 540) - 1},
            {"exclusion_window": window.get("exclusion_window", 0) + 1},
        ):
            windows = [*spec["SHOPPING_RETARGETING"]]
            windows[position] = window | shorter
            changed("SHOPPING_RETARGETING", windows, spec=True)
    return found


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(body=bodies, included=st.none() | st.integers(0, 10**7), excluded=st.integers(0, 10**7))
def test_narrower_targeting_never_reaches_more(
    body: dict[str, Any], included: int | None, excluded: int
) -> None:
    """Whatever is targeted, a filter more or a value less in one reaches no more people."""
    people = reached(body, included=included, excluded=excluded)
    assert 0 <= people <= ALL_USERS
    for one in narrower(body):
        assert reached(one, included=included, excluded=excluded) <= people, one
    assert reached(body, included=included, excluded=excluded + 1) <= people
    assert people <= reached(body, included=None, excluded=excluded)
    if included is not None:
        assert people <= reached(body, included=included + 1, excluded=excluded)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(people=st.integers(0, ALL_USERS), more=st.integers(0, 10_000))
def test_bounds_enclose_and_rise(people: int, more: int) -> None:
    """The bounds lie around the people reached, and more people never lower either."""
    lower, upper = bounds(people)
    assert 0 <= lower <= people <= upper
    assert bounds(people + more)[0] >= lower
    assert bounds(people + more)[1] >= upper
