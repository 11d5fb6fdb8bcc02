"""Bad input over real HTTP: each API rejects it with its own error and stores nothing of it.

The tests share one server, since a rejected request leaves it unchanged; they assert that.
They write to raw sockets: no client would send most of this.
"""

import contextlib
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPResponse
from typing import Any, NamedTuple

import httpx
import pytest
from sqlmodel import SQLModel

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import pinterest_error, pitchtarget_error

WITHIN_S = 50
LISTED = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
HASH = b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BOUNDARY = "----8b2c1e"
FORM = f"multipart/form-data; boundary={BOUNDARY}"

VISITOR = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
ACTALIKE = {
    "name": "Like buyers",
    "audience_type": "ACTALIKE",
    "rule": {"seed_id": ["2542623499806"], "country": "US", "percentage": 5},
}
LOOKALIKE = {
    "subtype": "LOOKALIKE",
    "fb_ad_account_id": "27",
    "name": "Like buyers",
    "origin_audience_id": 6006164557194,
    "lookalike_spec": {"type": "similarity", "country": "US"},
}
WEBSITE = {
    "subtype": "WEBSITE",
    "fb_ad_account_id": "28",
    "name": "Cart",
    "retention_days": 15,
    "rule": '{"url":{"i_contains":"cart"}}',
}
FIELDS = {"fb_ad_account_id": "2", "name": "Buyers", "user_type": "email_hash"}


class Api(NamedTuple):
    name: str
    path: str
    token: Mapping[str, str]
    invalid: int
    """The status of a body that does not fit."""
    error: Callable[[httpx.Response], Any]
    """The one shape of its rejections."""


PINTEREST = Api("pinterest", LISTED, PINTEREST_TOKEN, 400, pinterest_error)
PITCHTARGET = Api("pitchtarget", "/custom_audiences", PITCHTARGET_TOKEN, 422, pitchtarget_error)

both_apis = pytest.mark.parametrize("api", [PINTEREST, PITCHTARGET], ids=lambda api: api.name)


def each(cases: Mapping[str, Any]) -> pytest.MarkDecorator:
    """A test for each case, with its readable id."""
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server that has an audience of each API, its clock standing still."""
    with MockServer() as mock:
        mock.world.clock.freeze()
        assert send(mock, "POST", LISTED, PINTEREST_TOKEN, json.dumps(VISITOR)).status_code == 201
        assert post_form(mock, FIELDS, HASH).status_code == 201
        listed = send(mock, "GET", LISTED, PINTEREST_TOKEN).content
        yield mock
        assert send(mock, "GET", LISTED, PINTEREST_TOKEN).content == listed
        assert post_form(mock, FIELDS, HASH).json()["fb_custom_audience"]["id"] == 55


def send(
    mock: MockServer,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | Iterable[bytes] | None = None,
    *,
    cut_off: bool = False,
) -> httpx.Response:
    """Write a request as it is and read the answer.

    A body of pieces is sent chunked; `cut_off` sends no length and no body, but what `headers` say.
    """
    head = {"Host": "127.0.0.1", **(headers or {})}
    raw = body.encode() if isinstance(body, str) else body
    if isinstance(raw, bytes):
        head["Content-Length"] = str(len(raw))
        pieces: Iterable[bytes] = [raw]
    elif raw is not None:
        head["Transfer-Encoding"] = "chunked"
        pieces = [*(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in raw), b"0\r\n\r\n"]
    else:
        if not cut_off:
            head.setdefault("Content-Length", "0")
        pieces = []
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    host, port = mock.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # an early rejection need not read the rest
            for piece in pieces:
                connection.sendall(piece)
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/plain'
    return f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value


def form(*parts: bytes, boundary: str = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + one + b"\r\n" for one in parts) + line + end


def fields(**values: str) -> list[bytes]:
    """The valid fields of a create from a file, with these instead."""
    return [part(name, value.encode()) for name, value in {**FIELDS, **values}.items()]


def file(content: bytes = HASH, name: str = "file") -> bytes:
    return part(name, content, "users.csv")


def post_form(mock: MockServer, values: Mapping[str, str], content: bytes) -> httpx.Response:
    parts = [part(name, value.encode()) for name, value in values.items()]
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    return send(mock, "POST", "/custom_audiences", headers, form(*parts, file(content)))


def held(mock: MockServer) -> dict[str, list[tuple[Any, ...]]]:
    """All that the world holds, the next ids too."""
    run = mock.world.database.connection.exec_driver_sql
    tables = [table.name for table in SQLModel.metadata.sorted_tables]
    return {table: [tuple(row) for row in run(f"SELECT * FROM {table}")] for table in tables}


def check_no_orphans(mock: MockServer) -> None:
    """Every set of users and every report of an upload belongs to an audience."""
    run = mock.world.database.connection.exec_driver_sql
    sets = {row[0] for row in run("SELECT user_set FROM audiences")}
    keys = {row[0] for row in run('SELECT "key" FROM audiences')}
    assert {row[0] for row in run("SELECT user_set FROM user_blocks")} <= sets
    assert {row[0] for row in run("SELECT audience_key FROM uploads")} <= keys


def rejected(
    mock: MockServer,
    api: Api,
    status: int,
    body: bytes | str | Iterable[bytes] | None = None,
    *,
    method: str = "POST",
    target: str | None = None,
    headers: Mapping[str, str] | None = None,
    cut_off: bool = False,
) -> httpx.Response:
    """Sends a request that its API must reject with this status and its own error, storing nothing."""
    before = held(mock)
    head = {**api.token, "Content-Type": "application/json"} if headers is None else headers
    answer = send(mock, method, target or api.path, head, body, cut_off=cut_off)
    assert answer.status_code == status, answer.text[:500]
    api.error(answer)
    assert held(mock) == before
    return answer


NOT_JSON: dict[str, bytes | str] = {
    "empty": "",
    "blank": "  \n",
    "word": "hello",
    "NUL": b"\x00",
    "bytes": bytes(range(256)),
    "cut-off": json.dumps(VISITOR)[:-1],
    "two-documents": "{}{}",
    "trailing-comma": '{"name":"a",}',
    "comment": "{/* */}",
    "single-quotes": "{'name':'a'}",
    "byte-order-mark": "\ufeff{}",
    "utf-16": json.dumps(VISITOR).encode("utf-16"),
    "utf-32": json.dumps(LOOKALIKE).encode("utf-32"),
    "latin-1": '{"name":"é"}'.encode("latin-1"),
    "latin-1-key": '{"é":1}'.encode("latin-1"),
    "utf-8-surrogate": b'{"name":"\xed\xa0\x80"}',
    "overlong-utf-8": b'{"name":"\xc0\x80"}',
    "raw-NUL": b'{"name":"a\x00"}',
    "raw-newline": b'{"name":"a\nb"}',
    "lone-surrogate": r'{"name":"\ud800"}',
    "lone-surrogate-key": r'{"\udfff":1}',
    "leading-zero": '{"name":01}',
    "hexadecimal": '{"name":0x1}',
    "5000-digits": f'{{"name":{"1" * 5000}}}',
    "5000-digits-and-a-half": f'{{"name":{"1" * 5000}.5}}',
    "10000-arrays": "[" * 10_000,
    "10000-arrays-closed": "[" * 10_000 + "]" * 10_000,
    "10000-objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "10000-deep-in-a-key-unread": '{"zzz":' + "[" * 10_000 + "]" * 10_000 + "}",
}
NO_OBJECT = {
    "array": "[]",
    "array-of-objects": "[{}]",
    "null": "null",
    "text": '"name"',
    "number": "5",
    "true": "true",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "object-without-keys": "{}",
}


@both_apis
@each(NOT_JSON | NO_OBJECT)
def test_body_that_is_no_json_object(server: MockServer, api: Api, case: bytes | str) -> None:
    """A body that is no JSON, or no object, is rejected and nothing is kept."""
    rejected(server, api, api.invalid, case)


ODD_VALUES = {
    "NUL": r'"a\u0000b"',
    "NUL-in-a-key": r'{"a\u0000":1}',
    "NUL-deep-down": r'[{"a":[[{"b":"\u0000"}]]}]',
    "lone-surrogate": r'"\ud800"',
    "reversed-surrogates": r'"\udc00\ud800"',
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus-Infinity": "[-Infinity]",
    "1e999": "1e999",
    "minus-1E+400": "-1E+400",
    "exponent-with-zeros": "1e00999",
    "400-digits-and-a-fraction": "1" * 400 + ".0",
    "300-digits-and-a-small-exponent": "1" + "0" * 300 + "e50",
    "5000-digits": "1" * 5000,
}


@pytest.mark.parametrize("place", ["rule", "event_data", "line_items", "top"])
@each(ODD_VALUES)
def test_pinterest_keeps_no_value_that_json_cannot_carry(server: MockServer, place: str, case: str) -> None:
    """A NUL, a lone surrogate or a number that is not finite is rejected wherever Pinterest lets keys be."""
    body = {
        "rule": '"rule":{"visitor_source_id":"1","more":%s}',
        "event_data": '"rule":{"visitor_source_id":"1","event":"lead","event_data":{"more":%s}}',
        "line_items": '"rule":{"event":"lead","visitor_source_id":"1","event_data":{"line_items":{"a":%s}}}',
        "top": '"rule":{"visitor_source_id":"1"},"more":%s',
    }[place]
    rejected(server, PINTEREST, 400, '{"name":"a","audience_type":"VISITOR",' + body % case + "}")


@pytest.mark.parametrize("kind", ['"subtype":"LOOKALIKE"', '"type":"lookalike"'], ids=["2014-05", "2014-04"])
@pytest.mark.parametrize("place", ["spec", "top"])
@each(ODD_VALUES)
def test_pitchtarget_keeps_no_value_that_json_cannot_carry(
    server: MockServer, kind: str, place: str, case: str
) -> None:
    """A NUL, a lone surrogate or a number that is not finite is rejected in and beside a lookalike spec."""
    more = f',"more":{case}'
    spec = '{"type":"similarity","country":"US"' + (more if place == "spec" else "") + "}"
    body = f'{{{kind},"fb_ad_account_id":"1","name":"a","origin_audience_id":1,"lookalike_spec":{spec}'
    rejected(server, PITCHTARGET, 422, body + (more if place == "top" else "") + "}")


@pytest.mark.parametrize("key", ["order_id", "value"])
@each({"400-digits-and-a-fraction": "1" * 400 + ".0", "1e999": "1e999", "NaN": "NaN"})
def test_a_number_for_a_text_is_finite(server: MockServer, key: str, case: str) -> None:
    """Where Pinterest reads a number for a text, one that is not finite is rejected, not written as inf."""
    rule = f'{{"visitor_source_id":"1","event":"lead","event_data":{{"{key}":{case}}}}}'
    rejected(server, PINTEREST, 400, f'{{"name":"a","audience_type":"VISITOR","rule":{rule}}}')


ABSENT = object()
LONG = "9" * 40


def _wrong(**values: Any) -> dict[str, tuple[str, Any]]:
    """Cases by id, from `field__what=value`."""
    return {key.replace("__", "-"): (key.partition("__")[0], value) for key, value in values.items()}


def _with(body: Mapping[str, Any], within: str | None, key: str, value: Any) -> str:
    """The body with another value for a key, or without it."""
    changed = json.loads(json.dumps(body))
    place = changed if within is None else changed[within]
    place[key] = value
    if value is ABSENT:
        del place[key]
    return json.dumps(changed)


_PINTEREST_TEXT: dict[str, Any] = {"null": None, "number": 5, "true": True, "list": ["a"], "object": {"a": 1}}
_NAMES = {**_PINTEREST_TEXT, "blank": "", "spaces": " \t", "no-break-space": "\u00a0", "NUL": "a\x00"}
_NOT_DIGITS = {
    "text": "abc",
    "blank": "",
    "space": " 1",
    "minus": "-1",
    "newline": "1\n",
    "unicode-digit": "٣",
    "NUL": "1\x00",
    "true": True,
    "object": {},
    "empty-list": [],
}


@each({"absent": ABSENT, **_NAMES})
@pytest.mark.parametrize("target", ["", "/custom"])
def test_pinterest_name(server: MockServer, target: str, case: Any) -> None:
    """An audience of Pinterest has a name that is a text and not blank."""
    body = {**VISITOR, "sharing_type": "CUSTOM", "data_party": "1p"}
    rejected(server, PINTEREST, 400, _with(body, None, "name", case), target=LISTED + target)


@each(
    {
        "absent": ABSENT,
        **_PINTEREST_TEXT,
        "blank": "",
        "lower-case": "visitor",
        "unknown": "EVERYBODY",
        "space": "VISITOR ",
        "persona": "PERSONA",
        "lookalike": "LOOKALIKE",
        "NUL": "VISITOR\x00",
    }
)
def test_pinterest_audience_type(server: MockServer, case: Any) -> None:
    """A type that cannot be created, misspelt ones among them, is rejected."""
    rejected(server, PINTEREST, 400, _with(VISITOR, None, "audience_type", case))


@each({"number": 5, "true": True, "list": [], "object": {}, "NUL": "\x00"})
def test_pinterest_description(server: MockServer, case: Any) -> None:
    """A description is a text or null."""
    rejected(server, PINTEREST, 400, _with(VISITOR, None, "description", case))


@each({"absent": ABSENT, "null": None, "list": [], "text": "x", "number": 5, "true": True, "object": {}})
def test_pinterest_rule(server: MockServer, case: Any) -> None:
    """A rule is an object that has what its type needs."""
    rejected(server, PINTEREST, 400, _with(VISITOR, None, "rule", case))


@pytest.mark.parametrize("key", ["customer_list_id", "ad_account_id", "seed_id"])
@each(
    {name: value for name, value in _NOT_DIGITS.items() if name != "empty-list"} | {"two-texts": ["1", "x"]}
)
def test_pinterest_ids_in_a_rule(server: MockServer, key: str, case: Any) -> None:
    """An id in a rule is ASCII digits and nothing else."""
    rejected(server, PINTEREST, 400, _with(VISITOR, "rule", key, case))


@pytest.mark.parametrize("key", ["visitor_source_id", "ad_id", "campaign_id", "pin_id"])
@each({"true": True, "object": {}, "number": 5, "number-in-a-list": [1], "list-in-a-list": [["1"], ["2"]]})
def test_pinterest_texts_in_a_rule(server: MockServer, key: str, case: Any) -> None:
    """Where 5.28 dropped the pattern, an id is a text or a list of texts."""
    rejected(server, PINTEREST, 400, _with(VISITOR, "rule", key, case))


_DAYS: dict[str, Any] = {
    "zero": 0,
    "negative": -1,
    "fraction": 1.5,
    "text": "ten",
    "blank": "",
    "true": True,
    "list": [5, 6],
    "object": {},
    "unicode-digit": "٣",
    "40-digits": int(LONG),
    "40-digits-in-quotes": LONG,
    "underscore": "1_0",
    "hexadecimal": "0x10",
    "NUL": "5\x00",
}


@each(
    {
        **{f"retention_days-{name}": ("retention_days", value) for name, value in _DAYS.items()},
        **{f"engager_type-{name}": ("engager_type", value) for name, value in _DAYS.items()},
        **_wrong(
            retention_days__541=541,
            retention_days__541_in_quotes="541",
            engager_type__3=3,
            event__blank="",
            event__number=5,
            event__list=["checkout"],
            event_data__text="x",
            event_data__list=[],
            event_data__without_event={"value": "1"},
            event_source__unknown={"=": ["tv"]},
            event_source__operator={"!=": ["web"]},
            event_source__text="web",
            ingestion_source__unknown={"=": ["pigeon"]},
            ingestion_source__null_inside={"=": [None]},
            url__number=5,
            url__list_of_numbers=[5],
            url__operator={"like": "x"},
            url__operand={"=": 5},
            prefill__text="true",
            prefill__number=1,
            objective_type__unknown=["NOPE"],
            objective_type__number=5,
            engagement_type__shouting="PIN_SAVE",
            engagement_type__list=["click"],
            engagement_domain__number=5,
            engagement_domain__list_of_null=[None],
            country__short="U",
            country__number=1,
        ),
    }
)
def test_pinterest_rule_values(server: MockServer, case: tuple[str, Any]) -> None:
    """A value of a rule that is of the wrong type, out of range or not in its list is rejected."""
    rejected(server, PINTEREST, 400, _with(VISITOR, "rule", *case))


@each(
    {
        **{f"percentage-{name}": ("percentage", value) for name, value in _DAYS.items()},
        **_wrong(
            percentage__11=11,
            percentage__11_in_quotes="11",
            percentage__absent=ABSENT,
            percentage__null=None,
            country__absent=ABSENT,
            country__null=None,
            country__blank="",
            seed_id__absent=ABSENT,
            seed_id__null=None,
            seed_id__empty=[],
        ),
    }
)
def test_pinterest_actalike(server: MockServer, case: tuple[str, Any]) -> None:
    """An ACTALIKE audience has a seed, a country and a percentage from 1 to 10."""
    rejected(server, PINTEREST, 400, _with(ACTALIKE, "rule", *case))


@each(
    {
        "type-for-audience_type": {"name": "a", "type": "VISITOR", "rule": VISITOR["rule"]},
        "actalike-source_id": {**ACTALIKE, "rule": {"source_id": "1", "country": "US", "percentage": 5}},
        "actalike-seed-beside-rule": {
            **ACTALIKE,
            "seed_id": ["1"],
            "rule": {"country": "US", "percentage": 5},
        },
        "customer-list-by-type": {
            "name": "a",
            "audience_type": "CUSTOMER_LIST",
            "rule": {"list_type": "EMAIL"},
        },
        "engagement-shouting": {
            "name": "a",
            "audience_type": "ENGAGEMENT",
            "rule": {"engagement_type": "PIN_SAVE"},
        },
        "wrapped": {"data": VISITOR},
    }
)
def test_pinterest_payloads_that_clients_get_wrong(server: MockServer, case: dict[str, Any]) -> None:
    """The wrong payloads that are often seen are rejected."""
    rejected(server, PINTEREST, 400, json.dumps(case))


@each(
    _wrong(
        sharing_type__absent=ABSENT,
        sharing_type__unknown="ALL",
        data_party__absent=ABSENT,
        data_party__2p="2p",
    )
)
def test_pinterest_custom(server: MockServer, case: tuple[str, Any]) -> None:
    """A data partner's audience says how it is shared and whose data it is."""
    body = {"name": "a", "sharing_type": "CUSTOM", "data_party": "1p", "rule": VISITOR["rule"]}
    rejected(server, PINTEREST, 400, _with(body, None, *case), target=f"{LISTED}/custom")


@each(
    {
        **{f"name-{name}": ("name", value) for name, value in _NAMES.items()},
        **_wrong(
            description__number=5,
            description__NUL="\x00",
            audience_type__unknown="X",
            ad_account_id__text="x",
            operation_type__unknown="DELETE",
            operation_type__null=None,
            operation_type__lower_case="remove",
            rule__null=None,
            rule__text="x",
            rule__of_another_type={"seed_id": ["1"]},
            rule__retention={"visitor_source_id": "1", "retention_days": 0},
            rule__empty={},
        ),
    }
)
def test_pinterest_update(server: MockServer, case: tuple[str, Any]) -> None:
    """A PATCH with a value that does not fit changes nothing, its right values neither."""
    key, value = case
    body = json.dumps({"description": "changed", key: value})
    rejected(server, PINTEREST, 400, body, method="PATCH", target=f"{LISTED}/2542623499806")


@both_apis
@each({"name-twice": '"name":5,"name":"a"', "name-twice-the-last-is-wrong": '"name":"a","name":5'})
def test_key_that_is_sent_twice(mock: MockServer, api: Api, case: str) -> None:
    """Of a key that is sent twice the last value counts, as in most readers of JSON."""
    rest = json.dumps({**(VISITOR if api is PINTEREST else LOOKALIKE), "name": None})
    body = rest.replace('"name": null', case)
    if case.endswith("5"):
        rejected(mock, api, api.invalid, body)
        return
    answer = send(mock, "POST", api.path, {**api.token, "Content-Type": "application/json"}, body)
    assert answer.status_code == 201
    assert '"name":"a"' in answer.text


def _cases(**values: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Cases by id, from the values for each field."""
    return {f"{field}-{what}": (field, value) for field in values for what, value in values[field].items()}


@each(
    _cases(
        name={**_NAMES, "absent": ABSENT},
        fb_ad_account_id={
            **_NOT_DIGITS,
            "absent": ABSENT,
            "null": None,
            "40-digits": LONG,
            "number-minus": -1,
        },
        origin_audience_id={
            **_NOT_DIGITS,
            "absent": ABSENT,
            "null": None,
            "40-digits": int(LONG),
            "half": 0.5,
        },
        lookalike_spec={"absent": ABSENT, "null": None, "text": "{}", "list": [], "number": 5, "empty": {}},
        subtype={
            "absent": ABSENT,
            "null": None,
            "number": 5,
            "list": ["LOOKALIKE"],
            "lower-case": "lookalike",
            "of-a-form": "CUSTOM",
            "blank": "",
        },
    )
)
def test_pitchtarget_lookalike(server: MockServer, case: tuple[str, Any]) -> None:
    """A lookalike create with a value that does not fit is rejected under the name of the field."""
    answer = rejected(server, PITCHTARGET, 422, _with(LOOKALIKE, None, *case))
    for field in answer.json()["errors"]:
        # A NUL is told of the body as a whole; without a subtype, the 2014-04 name of it is asked for.
        assert field.split(".")[0] in (case[0], "base", "type")


@each(
    _cases(
        country={
            **_PINTEREST_TEXT,
            "absent": ABSENT,
            "blank": "",
            "three-letters": "USA",
            "lower-case": "us",
            "newline": "US\n",
        },
        type={"absent": ABSENT, "null": None, "unknown": "same", "number": 5, "shouting": "SIMILARITY"},
        ratio={
            "zero": 0,
            "over": 0.21,
            "between-steps": 0.015,
            "text": "0.05",
            "true": True,
            "list": [0.05],
            "huge": 1e300,
        },
    )
)
def test_pitchtarget_lookalike_spec(server: MockServer, case: tuple[str, Any]) -> None:
    """A spec has a country of two capital letters, and says how alike by a known type or ratio."""
    rejected(server, PITCHTARGET, 422, _with(LOOKALIKE, "lookalike_spec", *case))


@pytest.mark.parametrize("subtype", ["WEBSITE", "APP"])
@each(
    _cases(
        retention_days={**_DAYS, "absent": ABSENT, "null": None, "181": 181},
        rule={
            "absent": ABSENT,
            "null": None,
            "object": {},
            "number": 5,
            "blank": "",
            "word": "cart",
            "array": "[]",
            "cut-off": '{"url":',
            "deep": '{"a":' + "[" * 10_000,
            "raw-NUL": '{"a":"\x00"}',
            "NaN": '{"a":NaN}',
            "Infinity": '{"a":-Infinity}',
            "5000-digits": f'{{"a":{"1" * 5000}}}',
        },
    )
)
def test_pitchtarget_website_and_app(server: MockServer, subtype: str, case: tuple[str, Any]) -> None:
    """Retention is 1 to 180 days, and a rule is a JSON object written as a text."""
    rejected(server, PITCHTARGET, 422, _with({**WEBSITE, "subtype": subtype}, None, *case))


BAD_FORMS: dict[str, tuple[str, bytes]] = {
    "empty": (FORM, b""),
    "garbage": (FORM, bytes(range(256)) * 10),
    "only-the-end": (FORM, form()),
    "json": (FORM, json.dumps(LOOKALIKE).encode()),
    "no-boundary": ("multipart/form-data", form(*fields(), file())),
    "blank-boundary": ("multipart/form-data; boundary=", form(*fields(), file())),
    "another-boundary": ("multipart/form-data; boundary=other", form(*fields(), file())),
    "boundary-of-300": (
        f"multipart/form-data; boundary={'b' * 300}",
        form(*fields(), file(), boundary="b" * 300),
    ),
    "boundary-of-bytes": ("multipart/form-data; boundary=\xff\xfe", form(*fields(), file())),
    "cut-off-in-the-end": (FORM, form(*fields(), file(), end=b"-")),
    "cut-off-before-the-end": (FORM, form(*fields(), file(), end=b"")),
    "cut-off-in-the-file": (FORM, form(*fields(), file())[:-40]),
    "cut-off-in-a-head": (FORM, form(*fields(), file())[:60]),
    "two-files": (FORM, form(*fields(), file(), file())),
    "empty-file": (FORM, form(*fields(), file(b""))),
    "no-file": (FORM, form(*fields())),
    "file-of-another-name": (FORM, form(*fields(), file(name="users"))),
    "file-named-with-NUL": (FORM, form(*fields(), file(name="file\x00"))),
    "text-part-named-file": (FORM, form(*fields(), part("file", HASH))),
    "part-without-a-name": (FORM, form(*fields(), b"Content-Disposition: form-data\r\n\r\nx", file())),
    "part-without-a-head": (FORM, form(*fields(), b"\r\nx", file())),
    "part-that-is-an-attachment": (
        FORM,
        form(*fields(), b'Content-Disposition: attachment; name="a"\r\n\r\nx', file()),
    ),
    "head-without-a-colon": (FORM, form(b"Content-Disposition\r\n\r\nx", *fields(), file())),
    "100-head-lines": (FORM, form(b"A: b\r\n" * 100 + part("a", b"x"), *fields(), file())),
    "head-of-100-kB": (FORM, form(part("a" * 100_000, b"x"), *fields(), file())),
    "name-that-is-not-utf-8": (
        FORM,
        form(b'Content-Disposition: form-data; name="\xff"\r\n\r\nx', *fields(), file()),
    ),
    "value-that-is-not-utf-8": (FORM, form(part("description", b"\xff"), *fields(), file())),
    "value-that-is-a-surrogate": (FORM, form(part("description", b"\xed\xa0\x80"), *fields(), file())),
    "name-NUL": (FORM, form(*fields(name="a\x00"), file())),
    "description-NUL": (FORM, form(*fields(description="a\x00"), file())),
    "link-NUL": (FORM, form(*fields(opt_out_link="http://example.com/\x00"), file())),
    "account-NUL": (FORM, form(*fields(fb_ad_account_id="2\x00"), file())),
    "user_type-NUL": (FORM, form(*fields(user_type="email_hash\x00"), file())),
    "name-blank": (FORM, form(*fields(name=" \t "), file())),
    "name-empty": (FORM, form(*fields(name=""), file())),
    "account-of-letters": (FORM, form(*fields(fb_ad_account_id="abc"), file())),
    "account-of-40-digits": (FORM, form(*fields(fb_ad_account_id=LONG), file())),
    "account-unicode-digit": (FORM, form(*fields(fb_ad_account_id="٣"), file())),
    "account-newline": (FORM, form(*fields(fb_ad_account_id="2\n"), file())),
    "user_type-unknown": (FORM, form(*fields(user_type="shoe_size"), file())),
    "user_type-unknown-behind-the-file": (FORM, form(file(), *fields(user_type="shoe_size"))),
    "user_type-empty": (FORM, form(*fields(user_type=""), file())),
    "link-that-is-none": (FORM, form(*fields(opt_out_link="javascript:alert(1)"), file())),
    "subtype-of-json": (FORM, form(*fields(subtype="LOOKALIKE"), file())),
    "user_type-another-behind-the-file": (
        FORM,
        form(*fields(user_type="phone_hash"), file(), fields()[2]),
    ),
    "100,000-parts": (FORM, form(*(part("a", b"") for _ in range(100_000)), *fields(), file())),
}


@each(BAD_FORMS)
def test_pitchtarget_form(server: MockServer, case: tuple[str, bytes]) -> None:
    """A form that cannot be read, or that lacks what a create needs, is rejected; its file is not kept."""
    content_type, body = case
    rejected(server, PITCHTARGET, 422, body, headers={**PITCHTARGET_TOKEN, "Content-Type": content_type})
    check_no_orphans(server)


def test_form_whose_connection_breaks_leaves_nothing(server: MockServer) -> None:
    """A connection that breaks within the file leaves no audience, no users and no report."""
    before = held(server)
    body = form(*fields(), file(HASH * 100))
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as connection:
        token = PITCHTARGET_TOKEN["Authorization"]
        head = f"POST /custom_audiences HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        head += f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:2000])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "the server has nothing to say to a client that left"
    assert held(server) == before


def _valid(parts: list[bytes], valid: int = 1) -> tuple[bytes, int]:
    return form(*parts), valid


@each(
    {
        "file-first": _valid([file(), *fields()]),
        "field-behind-the-file": _valid(
            [*fields(), file(), part("opt_out_link", b"https://example.com/out")]
        ),
        "user_type-behind-the-file": _valid([*fields()[:2], file(), fields()[2]]),
        "two-files-of-other-names": _valid([file(name="a"), *fields(), file(), file(name="b")]),
        "text-part-named-file-beside-the-file": _valid([part("file", b"x"), *fields(), file()]),
        "thousands-of-fields": _valid([part(f"f{n}", b"") for n in range(3000)] + [*fields(), file()]),
        "name-twice": _valid([part("name", b"First"), *fields(), file()]),
        "file-of-wrong-lines": _valid([*fields(), file(b"anna@example.com\n\x00\xff\n")], valid=0),
        "file-of-a-blank-line": _valid([*fields(), file(b"\n")], valid=0),
        "file-of-a-byte-order-mark": _valid([*fields(), file(b"\xef\xbb\xbf")], valid=0),
        "user_type-phone-lines-unhashed": _valid(
            [*fields(user_type="phone_hash"), file(b"5551234")], valid=0
        ),
    }
)
def test_odd_form_that_works(mock: MockServer, case: tuple[bytes, int]) -> None:
    """A form may have any order and more than is asked for; every right line of its file counts."""
    body, valid = case
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    answer = send(mock, "POST", "/custom_audiences", headers, body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["fb_custom_audience"]["name"] == "Buyers"
    rows = mock.world.database.connection.exec_driver_sql("SELECT valid FROM uploads").all()
    assert [tuple(row) for row in rows] == [(valid,)]
    check_no_orphans(mock)


@pytest.fixture(scope="module")
def small() -> Iterator[MockServer]:
    """A server that takes files of 1,000 bytes at most."""
    with MockServer(max_upload_bytes=1000) as mock:
        yield mock


@pytest.mark.parametrize("order", ["fields-first", "file-first"])
@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("size", [1001, 300_000])
def test_file_over_the_limit(small: MockServer, size: int, chunked: bool, order: str) -> None:
    """A file over `max_upload_bytes` is rejected with 413, however it is sent, and nothing of it is kept."""
    content = (HASH + b"\n") * (size // 65) + b"x" * (size % 65)
    body = form(*fields(), file(content)) if order == "fields-first" else form(file(content), *fields())
    sent = [body[at : at + 700] for at in range(0, len(body), 700)] if chunked else body
    answer = rejected(small, PITCHTARGET, 413, sent, headers={**PITCHTARGET_TOKEN, "Content-Type": FORM})
    assert list(answer.json()["errors"]) == ["file"]
    check_no_orphans(small)


def test_length_over_the_limit_is_rejected_unread(small: MockServer) -> None:
    """A Content-Length that no file within the limit can have is rejected before a byte of it is sent."""
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM, "Content-Length": str(20 << 20)}
    rejected(small, PITCHTARGET, 413, headers=headers, cut_off=True)


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_file_at_the_limit(start: Callable[..., MockServer], chunked: bool) -> None:
    """A file of exactly `max_upload_bytes` is taken."""
    mock = start(max_upload_bytes=1000)
    body = form(*fields(), file((HASH + b"\n") * 15 + b"x" * 25))
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    answer = send(mock, "POST", "/custom_audiences", headers, [body[:500], body[500:]] if chunked else body)
    assert answer.status_code == 201, answer.text


BIG = 10 << 20


@both_apis
@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_10_megabytes_of_json(server: MockServer, api: Api, chunked: bool) -> None:
    """A JSON body of 10 MB is rejected with 413."""
    body = b'{"name":"' + b"x" * BIG + b'"}'
    rejected(
        server, api, 413, [body[at : at + (1 << 20)] for at in range(0, BIG, 1 << 20)] if chunked else body
    )


@both_apis
def test_length_of_json_over_the_limit_is_rejected_unread(server: MockServer, api: Api) -> None:
    """A JSON body whose length is over the limit is rejected before a byte of it is sent."""
    headers = {**api.token, "Content-Type": "application/json", "Content-Length": str(1 << 40)}
    rejected(server, api, 413, headers=headers, cut_off=True)


@each(
    {
        "one-huge-field": [part("description", b"x" * BIG)],
        "many-fields": [part("description", b"x" * 100_000)] * 110,
        "many-long-names": [part(f"{n}{'n' * 4000}", b"") for n in range(2600)],
    }
)
def test_form_whose_fields_are_huge(server: MockServer, case: list[bytes]) -> None:
    """Fields of 10 MB, their names counted, are rejected with 413."""
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    rejected(server, PITCHTARGET, 413, form(*fields(), *case, file()), headers=headers)


@both_apis
@each(
    {
        "text": "text/plain",
        "xml": "application/xml",
        "form-urlencoded": "application/x-www-form-urlencoded",
        "multipart-mixed": "multipart/mixed; boundary=a",
        "almost-json": "application/jsonp",
        "text-json": "text/json",
        "any": "*/*",
        "no-type-at-all": "json",
        "bytes": "\xff\xfe",
    }
)
def test_content_type_that_is_not_served(server: MockServer, api: Api, case: str) -> None:
    """A body that says it is neither JSON nor a form is rejected with 415, though it were JSON."""
    body = json.dumps(VISITOR if api is PINTEREST else LOOKALIKE)
    rejected(server, api, 415, body, headers={**api.token, "Content-Type": case})


def test_pinterest_takes_no_form(server: MockServer) -> None:
    """Pinterest's API rejects a form with 415."""
    headers = {**PINTEREST_TOKEN, "Content-Type": FORM}
    rejected(server, PINTEREST, 415, form(*fields(), file()), headers=headers)


@both_apis
@each(
    {
        "none": {},
        "charset": {"Content-Type": "application/json; charset=utf-8"},
        "shouting": {"Content-Type": "APPLICATION/JSON"},
        "json-by-suffix": {"Content-Type": "application/vnd.api+json"},
    }
)
def test_content_type_that_counts_as_json(mock: MockServer, api: Api, case: dict[str, str]) -> None:
    """No content type at all counts as JSON, as do its other spellings."""
    body = json.dumps(VISITOR if api is PINTEREST else LOOKALIKE)
    assert send(mock, "POST", api.path, {**api.token, **case}, body).status_code == 201


UNKNOWN_PATHS = {
    "pinterest-trailing-slash": (PINTEREST, f"{LISTED}/"),
    "pinterest-trailing-slash-behind-an-id": (PINTEREST, f"{LISTED}/2542623499806/"),
    "pinterest-double-slash": (PINTEREST, f"/v5//ad_accounts/{AD_ACCOUNT}/audiences"),
    "pinterest-no-account": (PINTEREST, "/v5/ad_accounts//audiences"),
    "pinterest-base-alone": (PINTEREST, "/v5"),
    "pinterest-base-with-slash": (PINTEREST, "/v5/"),
    "pinterest-base-twice": (PINTEREST, f"/v5{LISTED}"),
    "pinterest-dots": (PINTEREST, f"/v5/../v5/ad_accounts/{AD_ACCOUNT}/audiences"),
    "pinterest-other-resource": (PINTEREST, f"/v5/ad_accounts/{AD_ACCOUNT}/pigeons"),
    "pinterest-without-base": (PINTEREST, f"/ad_accounts/{AD_ACCOUNT}/pigeons"),
    "pinterest-shouting": (PINTEREST, LISTED.replace("audiences", "AUDIENCES")),
    "pinterest-percent": (PINTEREST, "/v5/%"),
    "pinterest-NUL": (PINTEREST, "/v5/%00"),
    "pitchtarget-trailing-slash": (PITCHTARGET, "/custom_audiences/"),
    "pitchtarget-double-slash": (PITCHTARGET, "//custom_audiences"),
    "pitchtarget-double-slash-behind": (PITCHTARGET, "/custom_audiences//"),
    "pitchtarget-encoded-slash": (PITCHTARGET, "/custom_audiences%2F"),
    "pitchtarget-NUL": (PITCHTARGET, "/custom_audiences%00"),
    "pitchtarget-shouting": (PITCHTARGET, "/CUSTOM_AUDIENCES"),
    "pitchtarget-bytes": (PITCHTARGET, "/%FF%FE"),
    "pitchtarget-dots": (PITCHTARGET, "/%2e%2e/%2e%2e/etc/passwd"),
    "pitchtarget-matrix": (PITCHTARGET, "/custom_audiences;a=b"),
    "pitchtarget-anything": (PITCHTARGET, "/nowhere"),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@each(UNKNOWN_PATHS)
def test_unknown_path(server: MockServer, method: str, case: tuple[Api, str]) -> None:
    """A path that no operation has gets 404, with the error of the API that it belongs to."""
    api, target = case
    rejected(server, api, 404, b"{}", method=method, target=target)


@pytest.mark.parametrize("method", ["COPY", "TRACE", "PROPFIND", "MERGE"])
@each(
    {
        "pitchtarget-collection": (PITCHTARGET, "/custom_audiences", {"POST"}),
        "pinterest-collection": (PINTEREST, LISTED, {"GET", "POST"}),
        "pinterest-audience": (PINTEREST, f"{LISTED}/2542623499806", {"GET", "PATCH"}),
    }
)
def test_unknown_method(server: MockServer, method: str, case: tuple[Api, str, set[str]]) -> None:
    """A method that a path does not have is rejected with 405; Allow names those that it has."""
    api, target, served = case
    answer = rejected(server, api, 405, b"", method=method, target=target)
    assert served <= set(answer.headers["allow"].split(", "))
    assert method not in answer.headers["allow"]


_WRONG_TOKENS = {
    "none": None,
    "blank": "",
    "scheme-alone": "{scheme}",
    "scheme-and-space": "{scheme} ",
    "other-scheme": "Basic eA==",
    "token-alone": "pina_test",
    "two-tokens": "{scheme} a b",
    "two-tokens-with-comma": "{scheme} a, {scheme} b",
    "quotes": '{scheme} "a"',
    "bytes": "{scheme} \xff",
    "tab": "{scheme}\ta",
    "text-before": "x{scheme} a",
}


@both_apis
@each(_WRONG_TOKENS)
def test_wrong_token(server: MockServer, api: Api, case: str | None) -> None:
    """Without a token of the API's own form the answer is 401, before the body is looked at."""
    headers = {"Content-Type": "application/json"}
    if case is not None:
        scheme = api.token["Authorization"].split()[0]
        headers["Authorization"] = case.format(scheme=scheme)
    answer = rejected(server, api, 401, b"\xff{garbage", headers=headers)
    if api is PINTEREST:
        assert len(answer.content) == 64


@both_apis
@each(
    {
        "nothing": ("", b""),
        "text": ("text/plain", b"x"),
        "form": (FORM, form(*fields(), file())),
        "broken-form": (FORM, b"x"),
        "form-without-a-boundary": ("multipart/form-data", b"x"),
        "10-megabytes": ("application/json", b"x" * (10 << 20)),
    }
)
def test_no_token_and_no_right_body(server: MockServer, api: Api, case: tuple[str, bytes]) -> None:
    """Without a token the answer is 401, whatever else is wrong with the request."""
    rejected(server, api, 401, case[1], headers={"Content-Type": case[0]})


@both_apis
def test_token_of_the_other_api(server: MockServer, api: Api) -> None:
    """A token in the form of the other API is rejected with 401."""
    other = PITCHTARGET if api is PINTEREST else PINTEREST
    rejected(server, api, 401, b"garbage", headers={**other.token, "Content-Type": "application/json"})


@both_apis
@each({"huge": str(1 << 40), "chunked": None})
def test_caller_is_checked_before_the_body_is_read(server: MockServer, api: Api, case: str | None) -> None:
    """The answer to a caller without a token comes while its body is still to be sent."""
    more = {"Transfer-Encoding": "chunked"} if case is None else {"Content-Length": case}
    rejected(server, api, 401, headers={"Content-Type": "application/json", **more}, cut_off=True)


def test_caller_is_checked_before_the_path_is_read(server: MockServer) -> None:
    """Without a token a wrong id, a wrong query and an unknown audience are all 401."""
    for target in ("/v5/ad_accounts/abc/audiences", f"{LISTED}?page_size=0", f"{LISTED}/1"):
        rejected(server, PINTEREST, 401, method="GET", target=target, headers={})


BAD_IDS = {
    "letters": "abc",
    "40-digits": LONG,
    "19-digits": "1" * 19,
    "unicode-digit": "%D9%A3",
    "fullwidth-digit": "%EF%BC%93",
    "NUL": "%00",
    "digits-and-NUL": "12%00",
    "newline": "12%0A",
    "space": "%2012",
    "minus": "-12",
    "fraction": "1.0",
    "exponent": "1e3",
    "underscore": "1_2",
    "bytes": "%FF",
    "surrogate": "%ED%A0%80",
    "percent": "%",
    "quote": "1'--",
    "template": "%7Bad_account_id%7D",
}


@pytest.mark.parametrize("place", ["account", "audience", "create", "update"])
@each(BAD_IDS)
def test_pinterest_ids_in_the_path(server: MockServer, place: str, case: str) -> None:
    """An id in the path is ASCII digits, those of an ad account at most 18; any other is rejected before the
    body is looked at."""
    method, target = {
        "account": ("GET", f"/v5/ad_accounts/{case}/audiences"),
        "audience": ("GET", f"{LISTED}/{case}"),
        "create": ("POST", f"/v5/ad_accounts/{case}/audiences"),
        "update": ("PATCH", f"{LISTED}/{case}"),
    }[place]
    if case.isdecimal() and place in ("audience", "update"):
        # Of any length since 5.28: no audience has it.
        rejected(server, PINTEREST, 404, None if method == "GET" else b"{}", method=method, target=target)
        return
    rejected(server, PINTEREST, 400, b"" if method == "GET" else b"garbage", method=method, target=target)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@each({"never-made": f"{LISTED}/1", "18-digits": f"{LISTED}/{'9' * 18}", "zero": f"{LISTED}/0"})
def test_pinterest_audience_that_is_not_there(server: MockServer, method: str, case: str) -> None:
    """An audience that is not there is 404, to read and to change."""
    rejected(server, PINTEREST, 404, b"{}" if method == "PATCH" else None, method=method, target=case)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_pinterest_audience_of_another_account(server: MockServer, method: str) -> None:
    """An audience of another ad account is 404."""
    target = "/v5/ad_accounts/549755885176/audiences/2542623499806"
    rejected(server, PINTEREST, 404, b"{}" if method == "PATCH" else None, method=method, target=target)


@each(
    {
        f"{name}-{what}": f"{name}={value}"
        for name, values in {
            "page_size": {
                "0": "0",
                "251": "251",
                "minus": "-1",
                "abc": "abc",
                "blank": "",
                "fraction": "2.5",
                "exponent": "1e1",
                "underscore": "1_0",
                "unicode-digit": "%D9%A3",
                "NUL": "%00",
                "5000-digits": "9" * 5000,
                "text-true": "true",
                "hexadecimal": "0x10",
            },
            "order": {"x": "x", "blank": "", "lower-case": "ascending", "NUL": "ASCENDING%00"},
            "ownership_type": {"x": "x", "blank": ""},
            "exclude_nca": {"x": "x", "blank": ""},
            "bookmark": {
                "garbage": "garbage",
                "not-base64": "%21%21%21%21",
                "too-short": "AAAA",
                "zeros": "A" * 22 + "%3D%3D",
                "NUL": "%00",
                "bytes": "%FF",
                "not-ascii": "%C3%A9",
                "long": "A" * 10_000,
            },
        }.items()
        for what, value in values.items()
    }
)
def test_pinterest_query(server: MockServer, case: str) -> None:
    """A query parameter that does not fit is rejected."""
    rejected(server, PINTEREST, 400, method="GET", target=f"{LISTED}?{case}")


def test_pinterest_bookmark_of_another_list(mock: MockServer) -> None:
    """A bookmark is good for the account and the query that it came from, and for no other."""
    headers = {**PINTEREST_TOKEN, "Content-Type": "application/json"}
    for _ in range(2):
        assert send(mock, "POST", LISTED, headers, json.dumps(VISITOR)).status_code == 201
    page = send(mock, "GET", f"{LISTED}?page_size=1", PINTEREST_TOKEN).json()
    query = str(httpx.QueryParams({"bookmark": page["bookmark"]}))
    assert send(mock, "GET", f"{LISTED}?{query}", PINTEREST_TOKEN).status_code == 200
    other_account = LISTED.replace(AD_ACCOUNT, "549755885176")
    for target in (
        f"{other_account}?{query}",
        f"{LISTED}?{query}&order=DESCENDING",
        f"{LISTED}?{query}&ownership_type=RECEIVED",
        f"{LISTED}?{query}&exclude_nca=true",
        f"{LISTED}?{query[:-1]}",
        f"{LISTED}?{query}=",
        f"{LISTED}?{query}A",
    ):
        rejected(mock, PINTEREST, 400, method="GET", target=target)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/custom_audiences"),
        ("DELETE", "/custom_audiences"),
        ("PUT", "/custom_audiences"),
        ("GET", "/customaudiences"),
        ("GET", "/offsite_pixels"),
    ],
    ids=["get", "delete", "add-users", "get-2014-04", "pixel"],
)
@each(
    BAD_IDS
    | {"never-made": "999", "largest": "9223372036854775807", "over-the-largest": "9223372036854775808"}
)
def test_pitchtarget_ids_in_the_path(server: MockServer, method: str, path: str, case: str) -> None:
    """An id that nothing has, digits or not, is 404."""
    body = form(file()) if method == "PUT" else None
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    rejected(server, PITCHTARGET, 404, body, method=method, target=f"{path}/{case}", headers=headers)


_ACCOUNTS = {
    "absent": "",
    "blank": "fb_ad_account_id=",
    "letters": "fb_ad_account_id=abc",
    "40-digits": f"fb_ad_account_id={LONG}",
    "unicode-digit": "fb_ad_account_id=%D9%A3",
    "NUL": "fb_ad_account_id=1%00",
    "bytes": "fb_ad_account_id=%FF",
    "surrogate": "fb_ad_account_id=%ED%A0%80",
    "list": "fb_ad_account_id[]=1",
}


@pytest.mark.parametrize(
    "path",
    ["/custom_audiences", "/customaudiences", "/offsite_pixels", "/remarketingpixel"],
)
@each(_ACCOUNTS)
def test_pitchtarget_account_in_the_query(server: MockServer, path: str, case: str) -> None:
    """What belongs to an ad account is read with the account's id, which is digits."""
    rejected(server, PITCHTARGET, 422, method="GET", target=f"{path}?{case}")


@each(
    {
        **{
            f"page-{what}": f"page={value}"
            for what, value in {
                "0": "0",
                "minus": "-1",
                "letters": "abc",
                "blank": "",
                "fraction": "1.5",
                "unicode-digit": "%D9%A3",
                "5000-digits": "9" * 5000,
                "NUL": "%00",
            }.items()
        },
        "subtype-unknown": "subtype=X",
        "subtype-lower-case": "subtype=custom",
    }
)
def test_pitchtarget_list_query(server: MockServer, case: str) -> None:
    """A page is a number from 1, a subtype one that there is."""
    rejected(server, PITCHTARGET, 422, method="GET", target=f"/custom_audiences?fb_ad_account_id=2&{case}")


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/custom_audiences"), ("POST", "/offsite_pixels")], ids=["sync", "pixel"]
)
@each(
    {f"form-{name}": (URLENCODED, value) for name, value in _ACCOUNTS.items()}
    | {f"json-{name}": ("application/json", value) for name, value in (NOT_JSON | NO_OBJECT).items()}
    | {
        "form-garbage": (URLENCODED, b"\xff\x00&&&==%"),
        "form-raw-bytes": (URLENCODED, b"fb_ad_account_id=\xff"),
    }
)
def test_pitchtarget_parameters(
    server: MockServer, method: str, path: str, case: tuple[str, bytes | str]
) -> None:
    """Parameters of a form or of JSON that do not fit are rejected."""
    content_type, body = case
    headers = {**PITCHTARGET_TOKEN, "Content-Type": content_type}
    rejected(server, PITCHTARGET, 422, body, method=method, target=path, headers=headers)


@each(
    {
        "name-blank": "fb_ad_account_id=17&name=%20&tag=CHECKOUT",
        "name-absent": "fb_ad_account_id=17&tag=CHECKOUT",
        "name-NUL": "fb_ad_account_id=17&name=a%00&tag=CHECKOUT",
        "name-bytes": "fb_ad_account_id=17&name=%FF&tag=CHECKOUT",
        "tag-lower-case": "fb_ad_account_id=17&name=a&tag=checkout",
        "tag-absent": "fb_ad_account_id=17&name=a",
    }
)
def test_pitchtarget_pixel(server: MockServer, case: str) -> None:
    """A pixel has a name and one of the known tags."""
    headers = {**PITCHTARGET_TOKEN, "Content-Type": URLENCODED}
    rejected(server, PITCHTARGET, 422, case, target="/offsite_pixels", headers=headers)


@each(
    {
        "empty-file": form(file(b"")),
        "no-file": form(*fields()),
        "two-files": form(file(), file()),
        "cut-off": form(file())[:-20],
        "other-account": form(part("fb_ad_account_id", b"3"), part("user_type", b"email_hash"), file()),
        "other-type": form(part("fb_ad_account_id", b"2"), part("user_type", b"phone_hash"), file()),
        "other-type-behind-the-file": form(
            part("fb_ad_account_id", b"2"), file(), part("user_type", b"phone_hash")
        ),
        "type-alone": form(part("user_type", b"email_hash"), file()),
        "garbage": b"garbage",
    }
)
def test_pitchtarget_users_that_cannot_be_added(server: MockServer, case: bytes) -> None:
    """An invalid form adds no users to the audience."""
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    rejected(server, PITCHTARGET, 422, case, method="PUT", target="/custom_audiences/54", headers=headers)
    check_no_orphans(server)


@both_apis
@each(
    {
        "bracket": "[",
        "half-an-address": "[::1",
        "space": "a b",
        "blank": "",
        "bytes": "\xff",
        "long": "x" * 9000,
    }
)
def test_odd_host(server: MockServer, api: Api, case: str) -> None:
    """A Host header that is no host changes nothing about a rejection."""
    rejected(
        server,
        api,
        404,
        method="GET",
        target=f"{api.path}/nowhere/at/all",
        headers={**api.token, "Host": case},
    )


@both_apis
def test_brackets_by_the_ten_thousand(server: MockServer, api: Api) -> None:
    """A body of very many arrays or objects is rejected before it is worked through."""
    nests = "[" + ",".join(["[" * 100 + "]" * 100] * 200) + "]"
    body = VISITOR | LOOKALIKE | {"extra": 0}
    rejected(server, api, api.invalid, json.dumps(body).replace('"extra": 0', f'"extra": {nests}'))


def test_errors_repeat_little_of_what_was_sent(server: MockServer) -> None:
    """A rejection of megabytes is short."""
    answer = rejected(server, PINTEREST, 400, json.dumps({**VISITOR, "audience_type": "X" * (1 << 19)}))
    assert len(answer.content) < 1000
    answer = rejected(server, PITCHTARGET, 422, json.dumps({**LOOKALIKE, "subtype": "X" * (1 << 19)}))
    assert len(answer.content) < 1000
