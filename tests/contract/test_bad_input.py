"""Bad input over real HTTP: each API rejects it with its own error and stores nothing of it.

The tests share one server, since a rejected request leaves it unchanged; they assert that.
They write to raw sockets: no client would send most of this.
"""

import json

import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.bad_input import (
    FORM,
    LOOKALIKE,
    NO_OBJECT,
    NOT_JSON,
    PINTEREST,
    PITCHTARGET,
    VISITOR,
    Api,
    both_apis,
    each,
    fields,
    file,
    form,
    part,
    rejected,
    send,
    server,
)

__all__ = ["server"]


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
