"""Secrets as the request journal shows them."""

from time import process_time
from typing import Any

import pytest

from audience_mock.web.masking import (
    MIN_ECHO_CHARACTERS,
    header_secrets,
    hide,
    mask_echoes,
    mask_header,
    mask_json,
    mask_query,
    mask_subset,
    mask_text,
    masked_values,
)
from audience_mock.web.redaction import redact_users, redact_users_in_text
from audience_mock.web.secret_names import REQUEST_SECRETS, RESPONSE_SECRETS

SECRET = "hunter2hunter"


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("pina_0123456789abcdef", "pina_…"),
        ("0123456789abcdef", "0123…"),
        ("0123456789abcde", "…"),
        ("a_b", "…"),
        ("p4ss_word", "…"),
        ("pina_abc", "pina_…"),
        ("", "…"),
    ],
)
def test_a_secret_keeps_its_kind_alone(secret: str, shown: str) -> None:
    """A prefix stays, or four characters of a long secret; nothing of a short one."""
    assert hide(secret) == shown


def test_names_decide_which_values_are_secret() -> None:
    """In a request `code` is a secret, in a response that of an error; spelling does not matter."""
    body = {"code": "c0de", "accessToken": "t", "tokens": [{"refresh_token": "r", "scope": "ads:read"}]}
    in_request = mask_json(body, REQUEST_SECRETS)
    assert in_request == {
        "code": "…",
        "accessToken": "…",
        "tokens": [{"refresh_token": "…", "scope": "ads:read"}],
    }
    assert mask_json(body, RESPONSE_SECRETS) == in_request | {"code": "c0de"}
    assert sorted(masked_values(body, in_request)) == ["c0de", "r", "t"]


def test_headers_queries_and_text_are_masked() -> None:
    """The scheme of a header and the other parameters of a query stay."""
    assert mask_header("authorization", "Bearer pina_0123456789") == "Bearer pina_…"
    assert mask_header("x-api-key", "0123456789abcdef") == "0123…"
    assert mask_header("location", "/next?code=c0de&page=2") == "/next?code=…&page=2"
    assert mask_query("page=2&access%5Ftoken=t") == "page=2&access%5Ftoken=…"
    assert mask_query("") == ""
    assert mask_text('{"password": "p", "name": "n"') == '{"password": "…", "name": "n"'


def test_what_a_response_repeats_is_masked() -> None:
    """A secret within a text is hidden; one that is as short as a word is not."""
    short = "s" * (MIN_ECHO_CHARACTERS - 1)
    secrets = ["pina_0123456789", "0123456789", short]
    value = {"message": [f"unknown token pina_0123456789 or 0123456789, {short}", 5]}
    assert mask_echoes(value, secrets) == {"message": [f"unknown token pina_… or …, {short}", 5]}


SECRET_NAMES = [
    *("token", "access_token", "accessToken", "ACCESS-TOKEN", "access_token[]", "access_token[0]", "tokens"),
    *("refresh_token", "id_token", "oauth_token", "client_secret", "app_secret", "appSecret", "secret"),
    *("password", "user[password]", "user.password", "new_password", "passwd", "pwd", "db_pwd", "pass"),
    *("passwords", "passphrase", "api_key", "apiKey", "x-api-key", "access_key", "secretKey", "private_key"),
    *("X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential", "X-Auth-Token", "X-Auth-Key", "x_auth"),
    *("signature", "sig", "client_assertion", "code_verifier", "code", "authCode", "auth_code", "auth"),
    *("session_id", "sessionid", "jwt", "cookie", "authorization", "bearer", "otp", "credentials"),
]
HARMLESS_NAMES = [
    *("token_type", "token_type_hint", "refresh_token_expires_in", "refresh_token_expires_at", "scope"),
    *(
        "bookmark",
        "passage",
        "bypass",
        "country_code",
        "zip_code",
        "error_code",
        "codes_of_conduct",
        "author",
    ),
    *(
        "authors",
        "key",
        "keywords",
        "seed_id",
        "design",
        "status",
        "X-Amz-Expires",
        "X-Amz-Date",
        "client_id",
    ),
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_the_value_of_a_secret_is_hidden_wherever_it_is_named(name: str) -> None:
    """In JSON, at any depth and in lists; in queries and forms; in text that is not parsed."""
    for value in (
        {name: SECRET},
        {"a": [{"b": {name: SECRET}}]},
        {name: [SECRET, [SECRET]]},
        {name: {"value": SECRET, "more": [SECRET]}},
        {"fields": [{"name": name, "value": SECRET}]},
    ):
        assert SECRET not in str(mask_json(value, REQUEST_SECRETS)), value
    assert SECRET not in mask_query(f"a=1&{name}={SECRET}&b=2")
    assert mask_query(f"a=1&{name}={SECRET}&b=2").endswith("&b=2")


@pytest.mark.parametrize("name", [name for name in SECRET_NAMES if name not in ("authCode", "user.password")])
@pytest.mark.parametrize(
    "text",
    [
        '{"NAME": "SECRET", "n": 1',
        '{"NAME":["x", "SECRET", "y',
        '{"NAME": {"x": "y", "z": ["SECRET',
        '{"NAME"\n : \n"SECRET',
        "{'NAME': 'SECRET', 'n': 1}",
        "{'NAME': ['a', 'SECRET'], 'n': 1}",
        '{"payload": "{\\"NAME\\": \\"SECRET\\"}"',
        '{"NAME": "a\\"SECRET", "n": 1',
        "NAME=SECRET&n=1",
        "https://a.example/?n=1&NAME=SECRET",
        "https%3A%2F%2Fa.example%2F%3FNAME%3DSECRET",
        '--b\r\nContent-Disposition: form-data; name="NAME"\r\n\r\nSECRET\r\n--b--',
        '--b\nContent-Disposition: form-data; name="NAME"\nContent-Type: text/plain\n\nSECRET\n--b--',
        "<NAME>SECRET</NAME>",
    ],
)
def test_a_secret_in_text_is_hidden(name: str, text: str) -> None:
    """Truncated and malformed JSON, JSON within JSON, forms, addresses, multipart and XML."""
    if text.startswith("<"):  # XML has no brackets
        name = {"user[password]": "password"}.get(name, name.partition("[")[0])
    given = text.replace("NAME", name).replace("SECRET", SECRET)
    assert SECRET not in mask_text(given), given


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_what_only_looks_like_a_secret_is_shown(name: str) -> None:
    """A name that contains the word of a secret and is none keeps its value, in any form."""
    value = {name: "bearer-value", "n": [{name: 5}]}
    assert mask_json(value, REQUEST_SECRETS) == value
    assert mask_query(f"{name}=value") == f"{name}=value"
    for text in (f'{{"{name}": "value"', f"{name}=value&n=1", f"<{name}>value"):
        assert mask_text(text) == text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("cookie", "session=hunter2hunter; theme=hunter2hunter", "session=…; theme=…"),
        ("cookie", "hunter2hunter", " …"),
        ("set-cookie", "sid=hunter2hunter; Path=/; HttpOnly", "sid=…; Path=/; HttpOnly"),
        ("authorization", "Basic aHVudGVyMmh1bnRlcg==", "Basic aHVu…"),
        ("authorization", "bearer  pina_hunter2hunter", "bearer  pina_…"),
        ("authorization", "hunter2hunter and=more", "hunt…"),
        ("authorization", "hunter2hunter", "…"),
        ("proxy-authorization", "Digest hunter2hunter", "Digest …"),
        ("x-auth", "hunter2hunter", "…"),
        ("x-auth-token", "hunter2hunter", "…"),
        ("x-auth-key", "hunter2hunter", "…"),
        ("x-amz-security-token", "hunter2hunter", "…"),
        ("x-csrf-token", "hunter2hunter", "…"),
        ("authentication", "hunter2hunter", "…"),
        ("x-session", "hunter2hunter", "…"),
        ("api_key", "hunter2hunter", "…"),
        ("referer", "https://ann:hunter2hunter@a.example/?pwd=hunter2hunter", "https://…@a.example/?pwd=…"),
        ("x-forwarded-uri", "/x?X-Amz-Signature=hunter2hunter&a=1", "/x?X-Amz-Signature=…&a=1"),
        ("x-note", "sent Bearer pina_hunter2hunter", "sent Bearer pina_…"),
        ("prefer", "code=200", "code=200"),
        ("access-control-allow-credentials", "true", "true"),
        ("www-authenticate", "Bearer", "Bearer"),
        ("x-author", "Ann", "Ann"),
    ],
)
def test_headers_keep_what_opens_nothing(name: str, value: str, shown: str) -> None:
    """Schemes, the names and attributes of cookies, and preferences stay; each secret goes."""
    assert mask_header(name, value) == shown
    if shown != value and name not in ("referer", "x-forwarded-uri", "x-note"):
        assert all(secret in value for secret in header_secrets(name, value))
    assert SECRET not in shown


def test_a_planned_fault_hides_what_it_matches() -> None:
    """Headers by their kind, all else by its names; other values stay."""
    subset = {
        "method": "GET",
        "headers": {"authorization": f"Bearer pina_{SECRET}", "x-run": "7"},
        "query": {"access_token[]": SECRET, "page_size": "5"},
        "body": {"user": {"pwd": SECRET}, "name": "n"},
    }
    assert mask_subset(subset) == {
        "method": "GET",
        "headers": {"authorization": "Bearer pina_…", "x-run": "7"},
        "query": {"access_token[]": "…", "page_size": "5"},
        "body": {"user": {"pwd": "…"}, "name": "n"},
    }


@pytest.mark.parametrize(
    "piece",
    [
        *("token[", 'name="token\n', "token", "x-auth", "://a", "<token", 'name="', '"token": ', "%5B", "\\"),
        *(
            '"password": "',
            "Bearer ",
            "Bearer abcdefgh",
            "pass=",
            "%3D",
            "a@",
            "records",
            '"records": [',
            "@a.",
        ),
    ],
)
def test_hostile_text_is_masked_in_linear_time(piece: str) -> None:
    """What is repeated to 64 KiB takes under a second of the processor (a tenth, as measured)."""
    text = (piece * (1 << 16))[: 1 << 16]
    start = process_time()
    mask_text(text)
    redact_users_in_text(text)
    assert process_time() - start < 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"name": "n", "records": "ann@example.com,bob@example.com"}, {"name": "n", "records": "…"}),
        ({"records_v2": [{"email": "ann@example.com", "external_id": "17"}]}, {"records_v2": "…"}),
        ({"records": ""}, {"records": ""}),
        ({"deep": [{"email": "9f86d081884c7d65"}]}, {"deep": [{"email": "…"}]}),
        ({"message": "'ann@example.com' is no id"}, {"message": "'…' is no id"}),
        ("to=ann%40example.com&a=1", "to=…&a=1"),
        ('{"name": "n", "records": "9f86d081,60303ae2', '{"name": "n", "records": …'),
        ('{"records_v2": [{"email": "9f86d081"}, {"em', '{"records_v2": …'),
        ({"num_uploaded_user_records": 2, "a": [None, 5, "x"]},) * 2,
    ],
)
def test_people_can_be_left_out(value: Any, shown: Any) -> None:
    """Records and addresses go, in any form; everything else stays."""
    assert redact_users(value) == shown
