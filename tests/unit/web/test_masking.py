"""Secrets as the request journal shows them."""

import pytest

from audience_mock.web.masking import (
    MIN_ECHO_CHARACTERS,
    REQUEST_SECRETS,
    RESPONSE_SECRETS,
    hide,
    mask_echoes,
    mask_header,
    mask_json,
    mask_query,
    mask_text,
    masked_values,
)


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("pina_0123456789abcdef", "pina_…"),
        ("0123456789abcdef", "0123…"),
        ("0123456789abcde", "…"),
        ("a_b", "…"),
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
