"""What holds for every input: properties that hypothesis looks for holes in, over HTTP.

One server for all of them, its clock frozen. Examples are the same on every run.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import pinterest_error, pitchtarget_error
from helpers.pinterest_resources import create_customer_list

COLLECTION = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
AUDIENCE = f"{COLLECTION}/2542623499806"
SHARED = f"{COLLECTION}/ad_accounts/shared"
SIZING = f"/v5/ad_accounts/{AD_ACCOUNT}/ad_groups/audience_sizing"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
CUSTOMER_LIST = f"{LISTS}/5497558"
HEADERS = {"pinterest": PINTEREST_TOKEN, "pitchtarget": PITCHTARGET_TOKEN}
OPERATIONS = (
    ("POST", COLLECTION),
    ("POST", f"{COLLECTION}/custom"),
    ("PATCH", AUDIENCE),
    ("PATCH", SHARED),
    ("POST", SIZING),
    ("POST", LISTS),
    ("PATCH", CUSTOMER_LIST),
    ("POST", f"{CUSTOMER_LIST}/uploads"),
    ("POST", "/custom_audiences"),
)


def examples(count: int) -> settings:
    """At most so many, without shrinking's long tail and without a store of old failures."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    """One server for the file, whose clock stands still unless a test moves it, and nothing gets ready."""
    with MockServer(build_delay_s=1e6) as server:
        server.world.clock.freeze()
        yield server


@pytest.fixture(scope="module")
def http(mock: MockServer) -> Iterator[httpx.Client]:
    """Plain HTTP to the server, with an audience and a customer list of Pinterest's there to be changed."""
    with httpx.Client(base_url=mock.url, timeout=60) as client:
        body = {"name": "a", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}
        assert client.post(COLLECTION, json=body, headers=PINTEREST_TOKEN).status_code == 201
        assert create_customer_list(client) == "5497558"
        yield client


def api_of(path: str) -> str:
    """The API that a path lies in; the paths of the control API lie in none."""
    first = path.split("/")[1]
    return "pinterest" if first in ("v5", "ad_accounts", "businesses") else "pitchtarget"


def check(answer: httpx.Response, api: str) -> httpx.Response:
    """No server error, and each rejection in its API's shape."""
    assert answer.status_code < 500, answer.text[:500]
    if answer.status_code >= 400:
        (pinterest_error if api == "pinterest" else pitchtarget_error)(answer)
    elif answer.content:
        answer.json(parse_constant=_reject_constant)
    return answer


def _reject_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def call(http: httpx.Client, method: str, path: str, body: bytes, content_type: str) -> httpx.Response:
    api = api_of(path)
    headers = {**HEADERS[api], "Content-Type": content_type}
    return check(http.request(method, path, content=body, headers=headers), api)


def _object(items: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in items) + "}"


# Any Unicode but lone surrogates, which only JSON's escapes can write.
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
surrogates = st.text(max_size=6)
numbers = st.one_of(
    st.integers().map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["1" * 400, "1" * 400 + ".0", "1e400", "NaN", "-Infinity", "-0.0", "5e-324", "1" * 5000, "1e5"]
    ),
)
json_text: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(["null", "true", "false"]) | numbers | (anything | surrogates).map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(anything | surrogates, inner), max_size=3).map(_object)
    ),
    max_leaves=8,
)


NAMES = ("name", "rule", "audience_type", "description", "type", "subtype", "ad_account_id", "operation_type")


@examples(120)
@given(
    operation=st.sampled_from(OPERATIONS),
    body=json_text | st.lists(st.tuples(st.sampled_from(NAMES), json_text), max_size=6).map(_object),
)
def test_any_json(http: httpx.Client, operation: tuple[str, str], body: str) -> None:
    """Whatever JSON an operation gets, it answers in its API's own shapes."""
    call(http, *operation, body.encode(), "application/json")


VALID: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("POST", COLLECTION): [
        {
            "name": "Buyers",
            "audience_type": "VISITOR",
            "description": "d",
            "rule": {
                "visitor_source_id": "2612523499806",
                "retention_days": 30,
                "event": "checkout",
                "event_data": {"value": "9.5", "line_items": {"product_id": 5, "product_price": "1"}},
                "event_source": {"=": ["web"]},
                "ingestion_source": {"=": ["tag"]},
                "url": ["https://example.com"],
                "prefill": True,
            },
        },
        {
            "name": "Like buyers",
            "audience_type": "ACTALIKE",
            "rule": {"seed_id": ["2542623499806"], "country": "US", "percentage": 5},
        },
        {
            "name": "Engaged",
            "audience_type": "ENGAGEMENT",
            "rule": {
                "engagement_domain": ["example.com"],
                "engagement_type": "click",
                "engager_type": 1,
                "pin_id": ["1"],
                "campaign_id": ["1"],
                "ad_id": ["1"],
                "objective_type": ["SALES"],
            },
        },
    ],
    ("POST", f"{COLLECTION}/custom"): [
        {
            "name": "Quilters",
            "sharing_type": "SYNDICATED",
            "data_party": "3p",
            "category": "c",
            "rule": {"customer_list_id": "5497558"},
        }
    ],
    ("PATCH", AUDIENCE): [
        {
            "name": "Changed",
            "description": None,
            "rule": {"visitor_source_id": "2"},
            "operation_type": "UPDATE",
        }
    ],
    ("PATCH", SHARED): [
        {
            "audience_id": "2542623499806",
            "recipient_account_ids": ["549755885176"],
            "operation_type": "SHARE",
        }
    ],
    ("POST", SIZING): [
        {
            "auto_targeting_enabled": True,
            "creative_types": ["REGULAR"],
            "keywords": [{"match_type": "BROAD", "value": "quilts"}],
            "placement_group": "ALL",
            "product_group_ids": ["1"],
            "targeting_spec": {
                "AUDIENCE_INCLUDE": ["2542623499806"],
                "GENDER": ["female"],
                "INTEREST": ["1"],
                "LOCATION": ["US"],
                "MINIMUM_AGE": "18",
                "MAXIMUM_AGE": "65+",
                "SHOPPING_RETARGETING": [{"lookback_window": 30, "tag_types": [0]}],
            },
        }
    ],
    ("POST", LISTS): [
        {"name": "Newsletter", "records": "ann@example.com,bob@example.com", "list_type": "EMAIL"},
        {
            "name": "App users",
            "records_v2": [{"email": "ann@example.com", "maid": None}, {"external_id": "17"}],
            "is_nca": True,
        },
    ],
    ("PATCH", CUSTOMER_LIST): [{"operation_type": "REMOVE", "records": "ann@example.com"}],
    ("POST", f"{CUSTOMER_LIST}/uploads"): [{"operation": "ADD", "total_parts": 2}],
    ("POST", "/custom_audiences"): [
        {
            "subtype": "LOOKALIKE",
            "fb_ad_account_id": "27",
            "name": "Like buyers",
            "origin_audience_id": 6006164557194,
            "lookalike_spec": {"country": "US", "ratio": 0.05},
        },
        {
            "type": "website",
            "fb_ad_account_id": "28",
            "name": "Cart",
            "retention_days": 15,
            "rule": '{"url":{"i_contains":"cart"}}',
        },
    ],
}


@st.composite
def mutated(draw: st.DrawFn) -> tuple[tuple[str, str], str]:
    """A valid body with one to three places changed: a value, a missing key, a new key, a key twice."""
    operation = draw(st.sampled_from(list(VALID)))
    text = json.dumps(draw(st.sampled_from(VALID[operation])))
    for _ in range(draw(st.integers(1, 3))):
        body = json.loads(text, parse_int=_kept, parse_float=_kept, parse_constant=_kept)
        place = body
        while True:
            key = draw(st.sampled_from(sorted(place)))
            if not (isinstance(place[key], dict) and place[key] and draw(st.booleans())):
                break
            place = place[key]
        match draw(st.sampled_from(["value", "value", "absent", "new", "renamed"])):
            case "value":
                place[key] = _Text(draw(json_text))
            case "absent":
                del place[key]
            case "new":
                place[draw(anything)] = _Text(draw(json_text))
            case _:
                place[draw(anything | st.sampled_from(NAMES))] = place.pop(key)
        text = _written(body)
        if not body:
            break
    return operation, text


class _Text(str):
    """JSON that is already written."""


def _kept(written: str) -> str:
    return _Text(written)


def _written(value: Any) -> str:
    match value:
        case _Text():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{_written(one)}" for key, one in value.items()) + "}"
        case list():
            return f"[{','.join(map(_written, value))}]"
        case _:
            return json.dumps(value)


@examples(150)
@given(case=mutated())
def test_any_mutation_of_a_right_body(http: httpx.Client, case: tuple[tuple[str, str], str]) -> None:
    """A right body with anything changed in it is taken or rejected, in the API's own shapes."""
    operation, body = case
    call(http, *operation, body.encode(), "application/json")
    page = http.get(COLLECTION, params={"page_size": 1, "order": "DESCENDING"}, headers=PINTEREST_TOKEN)
    check(page, "pinterest")


BOUNDARY = b"b0undary"
part_names = st.sampled_from(
    [b"file", b"name", b"user_type", b"fb_ad_account_id", b"description", b"opt_out_link", b"subtype"]
)
part_values = st.binary(max_size=40) | st.sampled_from(
    [b"email_hash", b"phone_hash", b"fbid", b"2", b"Buyers", b"CUSTOM", b"https://example.com", b"a" * 64]
)
part_heads = st.one_of(
    st.tuples(part_names, st.sampled_from([b"", b'; filename="a.csv"', b'; filename=""'])).map(
        lambda of: b'Content-Disposition: form-data; name="%b"%b' % of
    ),
    st.binary(max_size=30).map(lambda name: b'Content-Disposition: form-data; name="%b"' % name),
    st.binary(max_size=40),
)


@examples(120)
@given(
    parts=st.lists(st.tuples(part_heads, part_values), max_size=8),
    content_type=st.sampled_from(
        [BOUNDARY.decode(), '"b0undary"', "b0undary; charset=utf-8", "other", '"', ""]
    ),
    cut=st.integers(0, 60) | st.just(0),
)
def test_any_form(http: httpx.Client, parts: list[tuple[bytes, bytes]], content_type: str, cut: int) -> None:
    """Whatever parts a form has, wherever it ends, the answer is in PitchTarget's own shapes."""
    body = b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY, head, value) for head, value in parts)
    body += b"--%b--\r\n" % BOUNDARY
    call(
        http,
        "POST",
        "/custom_audiences",
        body[: len(body) - cut],
        f"multipart/form-data; boundary={content_type}",
    )


@examples(80)
@given(
    operation=st.sampled_from(OPERATIONS),
    body=st.binary(max_size=200),
    content_type=st.sampled_from(
        ["application/json", "multipart/form-data; boundary=a", "multipart/form-data", "text/plain", ""]
    )
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip),
)
def test_any_bytes(http: httpx.Client, operation: tuple[str, str], body: bytes, content_type: str) -> None:
    """Whatever bytes come, under whatever content type, the answer is in the API's own shapes."""
    assert call(http, *operation, body, content_type).status_code >= 400 or body


def _quoted(raw: bytes) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in raw)


known_segments = st.sampled_from(
    [
        b"v5",
        b"ad_accounts",
        b"businesses",
        AD_ACCOUNT.encode(),
        b"audiences",
        b"custom",
        b"shared",
        b"accounts",
        b"custom_audiences",
        b"",
    ]
)
segments = known_segments | st.binary(max_size=12).map(_quoted) | st.integers(0, 10**20).map(b"%d".__mod__)
query_names = st.sampled_from([b"page_size", b"order", b"bookmark", b"ownership_type", b"exclude_nca"])
query_values = st.sampled_from([b"1", b"250", b"ASCENDING", b"OWNED", b"true", b""]) | st.binary(
    max_size=12
).map(_quoted)
queries = st.lists(
    st.tuples(query_names | st.binary(max_size=5).map(_quoted), query_values).map(b"=".join), max_size=5
).map(b"&".join)


@examples(120)
@given(
    method=st.sampled_from(["GET", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]),
    first=st.sampled_from([b"v5", b"v5", b"ad_accounts", b"businesses", b"custom_audiences", b"x"]),
    rest=st.lists(segments, max_size=5),
    query=queries,
)
def test_any_path(http: httpx.Client, method: str, first: bytes, rest: list[bytes], query: bytes) -> None:
    """Whatever path and query are asked for, the answer is in the shapes of the API that they lie in."""
    url = http.base_url.copy_with(raw_path=b"/" + b"/".join([first, *rest]) + b"?" + query)
    api = api_of(f"/{first.decode()}")
    check(http.request(method, url, headers=HEADERS[api]), api)


@examples(100)
@given(query=queries)
def test_any_query(http: httpx.Client, query: bytes) -> None:
    """Whatever query a list gets, it answers with a page or with a rejection."""
    url = http.base_url.copy_with(raw_path=COLLECTION.encode() + b"?" + query)
    answer = check(http.get(url, headers=PINTEREST_TOKEN), "pinterest")
    assert answer.status_code == 400 or list(answer.json()) == ["items", "bookmark"]


# What a client may well write: no NUL, and a name that is not blank.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
names = texts.filter(lambda text: bool(text.strip()))
digits = st.text(st.sampled_from("0123456789"), min_size=1, max_size=18)
values = st.recursive(
    st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
unknown_keys = st.dictionaries(texts.map(lambda text: f"x{text}"), values, max_size=3)
optional: dict[str, st.SearchStrategy[Any]] = {
    "retention_days": st.integers(1, 540),
    "event": texts.filter(bool),
    "event_source": st.fixed_dictionaries(
        {"=": st.lists(st.sampled_from(["web", "mobile", "offline"]), max_size=3)}
    ),
    "url": st.lists(texts, max_size=3),
    "prefill": st.booleans(),
    "ad_account_id": digits,
    "engagement_domain": st.lists(texts, max_size=2),
    "engager_type": st.integers(1, 2),
    "pin_id": st.lists(digits, max_size=2),
}
required: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "VISITOR": {"visitor_source_id": digits},
    "ENGAGEMENT": {},
    # What the fixture made.
    "CUSTOMER_LIST": {"customer_list_id": st.just("5497558")},
    "ACTALIKE": {
        "seed_id": st.lists(st.just("2542623499806"), min_size=1, max_size=2),
        "country": texts.filter(lambda text: len(text) > 1),
        "percentage": st.integers(1, 10),
    },
}


def rules(audience_type: str) -> st.SearchStrategy[dict[str, Any]]:
    known = st.fixed_dictionaries(required[audience_type], optional=optional)
    return st.tuples(known, unknown_keys).map(lambda both: {**both[1], **both[0]})


creates = st.sampled_from(sorted(required)).flatmap(
    lambda audience_type: st.fixed_dictionaries(
        {"name": names, "audience_type": st.just(audience_type), "rule": rules(audience_type)},
        optional={"description": texts | st.none(), "ad_account_id": digits},
    )
)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


@examples(120)
@given(body=creates)
def test_pinterest_keeps_what_it_is_given(http: httpx.Client, body: dict[str, Any]) -> None:
    """An audience is read back, alone and in the list, as it was created; its rule's keys are sorted."""
    made = http.post(COLLECTION, json=body, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    check(made, "pinterest")
    got = check(http.get(f"{COLLECTION}/{made.json()['id']}", headers=PINTEREST_TOKEN), "pinterest").json()
    for key in ("name", "audience_type"):
        assert got[key] == made.json()[key] == body[key]
    assert got["description"] == body.get("description")
    # As text, since 1 == 1.0 == True: the order of the keys and the types of the numbers count.
    assert json.dumps(got["rule"]) == json.dumps(made.json()["rule"]) == json.dumps(_sorted(body["rule"]))
    newest = http.get(COLLECTION, params={"page_size": 1, "order": "DESCENDING"}, headers=PINTEREST_TOKEN)
    assert newest.json()["items"] == [{**got, "is_ctv_enabled": False}]


visitor_changes = st.fixed_dictionaries(
    {},
    optional={
        "name": names,
        "description": texts | st.none(),
        "rule": rules("VISITOR"),
        "operation_type": st.just("UPDATE"),
        "ad_account_id": digits,
        "audience_type": st.sampled_from(["VISITOR", "ACTALIKE"]),
    },
)


@examples(60)
@given(rule=rules("VISITOR"), change=visitor_changes)
def test_pinterest_update_changes_what_was_sent(
    mock: MockServer, http: httpx.Client, rule: dict[str, Any], change: dict[str, Any]
) -> None:
    """A PATCH changes the keys that were sent, and the time of the change if one of them is other than it
    was, and nothing else."""
    body = {"name": "a", "audience_type": "VISITOR", "description": "d", "rule": rule}
    made = http.post(COLLECTION, json=body, headers=PINTEREST_TOKEN).json()
    path = f"{COLLECTION}/{made['id']}"
    before = http.get(path, headers=PINTEREST_TOKEN).json()
    mock.world.clock.advance(1000)
    answer = http.patch(path, json=change, headers=PINTEREST_TOKEN)
    assert answer.status_code == 200, answer.text
    expected = {**before, **{key: change[key] for key in ("name", "description", "rule") if key in change}}
    if expected != before:
        expected["updated_timestamp"] = mock.world.clock.now_ms() // 1000
    assert http.get(path, headers=PINTEREST_TOKEN).json() == expected
    assert answer.json() == {**expected, "created_by_company_name": None}


@examples(80)
@given(number=numbers, place=st.sampled_from(["rule", "event_data", "lookalike_spec"]))
def test_numbers_are_echoed_or_rejected(http: httpx.Client, number: str, place: str) -> None:
    """A number where any value may stand comes back as it went in; if it is not finite it is rejected."""
    path, body = {
        "rule": (COLLECTION, '{"name":"a","audience_type":"ENGAGEMENT","rule":{"x":%s}}'),
        "event_data": (
            COLLECTION,
            '{"name":"a","audience_type":"ENGAGEMENT","rule":{"event":"e","event_data":{"x":%s}}}',
        ),
        "lookalike_spec": (
            "/custom_audiences",
            '{"subtype":"LOOKALIKE","fb_ad_account_id":"1","name":"a","origin_audience_id":1,'
            '"lookalike_spec":{"country":"US","type":"reach","x":%s}}',
        ),
    }[place]
    answer = call(http, "POST", path, (body % number).encode(), "application/json")
    # A whole number may have any length, up to what a reader of JSON takes.
    value = None if len(number) > 4000 else json.loads(number)
    right = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    assert (answer.status_code == 201) == right, answer.text
    if right:
        said = answer.json().get("fb_custom_audience", answer.json())
        inner = said.get("lookalike_spec") or said["rule"].get("event_data") or said["rule"]
        assert inner["x"] == value


@pytest.fixture(scope="module")
def listed(http: httpx.Client) -> tuple[str, list[str]]:
    """An ad account, and the ids of its 23 audiences in the order that they were made."""
    account = "549755885177"
    path = f"/v5/ad_accounts/{account}/audiences"
    body = {"name": "Equal names are allowed", "audience_type": "ENGAGEMENT", "rule": {}}
    made = [http.post(path, json=body, headers=PINTEREST_TOKEN).json()["id"] for _ in range(23)]
    return path, made


@examples(40)
@given(page_size=st.integers(1, 30) | st.integers(1, 250), descending=st.booleans())
def test_pinterest_pages_hold_each_audience_once(
    http: httpx.Client, listed: tuple[str, list[str]], page_size: int, descending: bool
) -> None:
    """Over pages of any size a list gives each audience once, by rising or falling id."""
    path, made = listed
    assert made == sorted(made, key=int)
    query: dict[str, Any] = {"page_size": page_size, "order": "DESCENDING" if descending else "ASCENDING"}
    seen: list[str] = []
    while True:
        page = check(http.get(path, params=query, headers=PINTEREST_TOKEN), "pinterest").json()
        assert len(page["items"]) <= page_size
        seen += [item["id"] for item in page["items"]]
        if page["bookmark"] is None:
            break
        assert len(page["items"]) == page_size
        query["bookmark"] = page["bookmark"]
    assert seen == (made[::-1] if descending else made)


@examples(25)
@given(page_size=st.integers(1, 5), gone=st.integers(0, 5), descending=st.booleans())
def test_pinterest_pages_while_the_list_changes(
    http: httpx.Client, page_size: int, gone: int, descending: bool
) -> None:
    """An audience that is removed between two pages leaves the others each once, in order."""
    path = "/v5/ad_accounts/549755885178/audiences"
    body = {"name": "a", "audience_type": "ENGAGEMENT", "rule": {}}
    made = [http.post(path, json=body, headers=PINTEREST_TOKEN).json()["id"] for _ in range(6)]
    query = {"page_size": page_size, "order": "DESCENDING" if descending else "ASCENDING"}
    first = http.get(path, params=query, headers=PINTEREST_TOKEN).json()
    remove = {"operation_type": "REMOVE"}
    assert http.patch(f"{path}/{made[gone]}", json=remove, headers=PINTEREST_TOKEN).status_code == 200
    seen, bookmark = [item["id"] for item in first["items"]], first["bookmark"]
    while bookmark is not None:
        more = {**query, "bookmark": bookmark}
        page = check(http.get(path, params=more, headers=PINTEREST_TOKEN), "pinterest").json()
        seen += [item["id"] for item in page["items"]]
        bookmark = page["bookmark"]
    order = made[::-1] if descending else made
    assert seen == [one for one in order if one != made[gone] or one in order[:page_size]]
    for one in made:
        http.patch(f"{path}/{one}", json=remove, headers=PINTEREST_TOKEN)


spec_extras = st.dictionaries(texts.map(lambda text: f"x{text}"), values, max_size=2)
specs = st.tuples(
    st.text(st.sampled_from("ABCXYZ"), min_size=2, max_size=2).map(lambda text: ("country", text)),
    st.sampled_from(["similarity", "reach"]).map(lambda text: ("type", text))
    | st.integers(1, 20).map(lambda number: ("ratio", number / 100)),
    spec_extras.map(lambda extras: ("", extras)),
).flatmap(lambda pairs: st.permutations([pairs[0], pairs[1], *pairs[2][1].items()]).map(dict))
pitchtarget_creates = st.one_of(
    st.fixed_dictionaries(
        {
            "subtype": st.just("LOOKALIKE"),
            "fb_ad_account_id": digits,
            "name": names,
            "origin_audience_id": st.integers(0, 10**17) | digits,
            "lookalike_spec": specs,
        }
    ),
    st.fixed_dictionaries(
        {
            "subtype": st.sampled_from(["WEBSITE", "APP"]),
            "fb_ad_account_id": digits,
            "name": names,
            "retention_days": st.integers(1, 180),
            "rule": st.dictionaries(texts, values, max_size=3).map(json.dumps)
            | st.dictionaries(texts, values, max_size=3).map(lambda rule: json.dumps(rule, indent=1)),
        }
    ),
)
ECHOED = {
    "LOOKALIKE": ("id", "name", "fb_id", "subtype", "origin_audience_id", "lookalike_spec"),
    "WEBSITE": ("id", "name", "fb_id", "subtype", "rule", "retention_days"),
    "APP": ("id", "name", "fb_id", "subtype"),
}


@examples(120)
@given(body=pitchtarget_creates)
def test_pitchtarget_echoes_what_it_is_given(http: httpx.Client, body: dict[str, Any]) -> None:
    """A create of 2014-05 answers with what was sent, under the next ids, its ETag made of its bytes."""
    answers = [http.post("/custom_audiences", json=body, headers=PITCHTARGET_TOKEN) for _ in range(2)]
    first, second = (check(answer, "pitchtarget").json()["fb_custom_audience"] for answer in answers)
    for answer in answers:
        assert answer.status_code == 201, answer.text
        assert answer.headers["etag"] == f'"{hashlib.md5(answer.content).hexdigest()}"'
        assert not set(b"<>&") & set(answer.content)
    assert second["id"] == first["id"] + 1
    assert int(second["fb_id"]) == int(first["fb_id"]) + 1
    assert tuple(first) == ECHOED[body["subtype"]]
    for key in set(first) - {"id", "fb_id"}:
        assert json.dumps(first[key]) == json.dumps(body[key]), "to the order of keys"


HASHES = [hashlib.sha256(f"user{number}@example.com".encode()).hexdigest() for number in range(6)]
WRONG_LINES = ["", "user0@example.com", "é", "0" * 63, "0" * 65, "0" * 32 + " " + "0" * 31]
file_lines = st.lists(st.sampled_from([*HASHES, *WRONG_LINES]))


@st.composite
def forms(draw: st.DrawFn) -> tuple[dict[str, str], list[str], str, bytes]:
    """Fields and lines of a form, and its content type and body; its parts in any order."""
    boundary = draw(st.text(st.sampled_from("abcXYZ019'()+_,-./:=?"), min_size=1, max_size=70))
    lines, end = draw(file_lines), draw(st.sampled_from(["\n", "\r\n"]))
    closed = draw(st.booleans())
    content = end.join(lines) + (end if closed and lines else "")
    fields = {"fb_ad_account_id": "2", "name": draw(names), "user_type": "email_hash", "description": "d"}
    assume(content)
    assume(boundary not in content + fields["name"])
    body = b""
    for field in draw(st.permutations([*fields, "file"])):
        file = '; filename="a.csv"' if field == "file" else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{file}\r\n\r\n'
        body += f"{head}{fields.get(field, content)}\r\n".encode()
    body += f"--{boundary}--\r\n".encode()
    return fields, lines, f'multipart/form-data; boundary="{boundary}"', body


@examples(80)
@given(form=forms())
def test_pitchtarget_counts_the_lines_of_a_file(
    mock: MockServer, http: httpx.Client, form: tuple[dict[str, str], list[str], str, bytes]
) -> None:
    """A file's lines are counted, wrong and double ones apart, whatever stands where in the form."""
    fields, lines, content_type, body = form
    answer = call(http, "POST", "/custom_audiences", body, content_type)
    assert answer.status_code == 201, answer.text
    assert answer.json()["fb_custom_audience"]["name"] == fields["name"]
    newest = 'SELECT lines, valid, "distinct", invalid FROM uploads ORDER BY "key" DESC LIMIT 1'
    written = [line for line in lines if line]
    right = [line for line in written if line in HASHES]
    counts = (len(written), len(right), len(set(right)), len(written) - len(right))
    assert tuple(mock.world.database.connection.exec_driver_sql(newest).one()) == counts
