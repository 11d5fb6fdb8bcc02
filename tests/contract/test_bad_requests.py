"""Bad paths, methods, callers and parameters over real HTTP: each API rejects them with its own error."""

import json

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.bad_input import (
    FORM,
    LISTED,
    LONG,
    NO_OBJECT,
    NOT_JSON,
    PINTEREST,
    PITCHTARGET,
    VISITOR,
    Api,
    both_apis,
    check_no_orphans,
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
