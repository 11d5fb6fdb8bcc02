"""What holds for every input: properties that hypothesis looks for holes in, over HTTP.

One server for all of them, its clock frozen. Examples are the same on every run.
"""

import json
from collections.abc import Sequence
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.properties import COLLECTION, HEADERS, api_of, call, check, examples, http, mock, numbers

__all__ = ["http", "mock"]

AUDIENCE = f"{COLLECTION}/2542623499806"
SHARED = f"{COLLECTION}/ad_accounts/shared"
SIZING = f"/v5/ad_accounts/{AD_ACCOUNT}/ad_groups/audience_sizing"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
CUSTOMER_LIST = f"{LISTS}/5497558"
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


def _object(items: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in items) + "}"


# Any Unicode but lone surrogates, which only JSON's escapes can write.
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
surrogates = st.text(max_size=6)
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
