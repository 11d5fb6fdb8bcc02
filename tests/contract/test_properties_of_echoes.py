"""Properties of what is stored: an API keeps what it is given, and lists hold each audience once."""

import hashlib
import json
import math
from typing import Any

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.properties import (
    COLLECTION,
    call,
    check,
    examples,
    http,
    mock,
    numbers,
)

__all__ = ["http", "mock"]

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
