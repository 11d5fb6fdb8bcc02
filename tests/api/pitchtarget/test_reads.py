"""PitchTarget's adds, sync, reads, deletes, pixels and tokens over HTTP."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.errors import pitchtarget_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE, USERS, WEBSITE, etag

OF_MAY = FILE_FIELDS | {"subtype": "CUSTOM"}


@pytest.fixture
def april(start: Callable[..., MockServer]) -> Iterator[httpx.Client]:
    """Plain HTTP to a fresh server whose reads and deletes answer in the revision of April."""
    server = start(pitchtarget_revision="2014-04")
    server.world.clock.freeze()
    with httpx.Client(base_url=server.url, headers=PITCHTARGET_TOKEN) as client:
        yield client


def people(first: int, last: int) -> dict[str, Any]:
    lines = [hashlib.sha256(f"{n}@example.com".encode()).hexdigest() for n in range(first, last)]
    return {"file": ("more.csv", "\n".join(lines).encode())}


def upload(client: httpx.Client, **more: str) -> dict[str, Any]:
    response = client.post("/custom_audiences", data=FILE_FIELDS | more, files=FILE)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()["fb_custom_audience"]
    return made


def reports(client: httpx.Client) -> list[dict[str, Any]]:
    uploads: list[dict[str, Any]] = client.get("/__admin/uploads").json()["uploads"]
    return uploads


def test_users_are_added_in_the_shape_of_april(pitchtarget: httpx.Client) -> None:
    """A file alone is an add of April: it answers that shape, and its report says who was new."""
    upload(pitchtarget)
    response = pitchtarget.put("/custom_audiences/54", files=people(3, 8))
    assert response.status_code == 200
    assert response.headers["x-ua-compatible"] == "chrome=1"
    assert list(response.json()["fb_custom_audience"]) == [
        *("id", "name", "description", "opt_out_link", "user_type", "fb_id")
    ]
    last, first = reports(pitchtarget)
    assert (first["lines"], first["added"]) == (5, 5)
    assert (last["audience"], last["lines"], last["distinct"], last["added"]) == (54, 5, 5, 3)


@pytest.mark.both_engines
def test_users_are_added_in_the_shape_of_may(pitchtarget: httpx.Client) -> None:
    """An add with the fields of May answers that shape, by Facebook's id or by the server's own."""
    made = upload(pitchtarget, subtype="CUSTOM")
    fields = {"fb_ad_account_id": "2", "user_type": "email_hash"}
    for id in (made["fb_id"], made["id"]):
        response = pitchtarget.put(f"/custom_audiences/{id}", data=fields, files=people(0, 9))
        assert response.status_code == 200
        assert response.json()["fb_custom_audience"] == made
        assert "x-ua-compatible" not in response.headers


@pytest.mark.parametrize(
    ("id", "fields", "status", "errors"),
    [
        ("54", {"fb_ad_account_id": "2"}, 422, {"user_type": ["can't be blank"]}),
        (
            "54",
            {"fb_ad_account_id": "2", "user_type": "phone_hash"},
            422,
            {"user_type": ["is not the audience's: email_hash"]},
        ),
        (
            "54",
            {"fb_ad_account_id": "3", "user_type": "email_hash"},
            422,
            {"fb_ad_account_id": ["is not the audience's: 2"]},
        ),
        ("55", {}, 422, {"base": ["Users can be added only to an audience that was made from a file"]}),
        ("99", {}, 404, {"base": ["Couldn't find the audience"]}),
        ("abc", {}, 404, {"base": ["Couldn't find the audience"]}),
        ("9" * 40, {}, 404, {"base": ["Couldn't find the audience"]}),
    ],
)
def test_a_wrong_add_changes_nothing(
    pitchtarget: httpx.Client, id: str, fields: dict[str, str], status: int, errors: dict[str, list[str]]
) -> None:
    """An add to no such audience, or with what is not the audience's, is rejected and adds no one."""
    upload(pitchtarget)
    pitchtarget.post("/custom_audiences", json=LOOKALIKE)
    response = pitchtarget.put(f"/custom_audiences/{id}", data=fields, files=people(5, 9))
    assert response.status_code == status
    assert pitchtarget_error(response) == errors
    assert len(reports(pitchtarget)) == 1


def test_an_add_needs_a_file(pitchtarget: httpx.Client) -> None:
    """An add without users, or that is no form, is rejected."""
    upload(pitchtarget)
    empty = pitchtarget.put("/custom_audiences/54", files={"file": ("e.csv", b"")})
    assert (empty.status_code, pitchtarget_error(empty)) == (422, {"file": ["can't be blank"]})
    plain = pitchtarget.put("/custom_audiences/54", json={"users": []})
    assert plain.status_code == 415
    assert pitchtarget_error(plain)


def test_facebook_takes_an_audience_of_april_by_the_clock(
    mock: MockServer, pitchtarget: httpx.Client
) -> None:
    """`fb_id` is null until the build delay is over, then the next of Facebook's ids, as a number."""
    upload(pitchtarget)
    pitchtarget.post("/custom_audiences", json=LOOKALIKE)
    before = pitchtarget.put("/custom_audiences/54", files=people(0, 1)).json()["fb_custom_audience"]
    mock.world.clock.advance(5_000)
    after = pitchtarget.put("/custom_audiences/54", files=people(0, 1)).json()["fb_custom_audience"]
    assert (before["fb_id"], after["fb_id"]) == (None, 6006183285955)


def test_sync_lets_facebook_take_an_accounts_audiences_at_once(pitchtarget: httpx.Client) -> None:
    """After a sync an account's audiences have ids in the order they were made; another's have none."""
    upload(pitchtarget)
    upload(pitchtarget)
    upload(pitchtarget, fb_ad_account_id="3")
    response = pitchtarget.put("/custom_audiences", data={"fb_ad_account_id": "2"})
    assert response.status_code == 204
    assert response.content == b""
    assert response.headers["cache-control"] == "no-cache"
    ids = [
        pitchtarget.put(f"/custom_audiences/{id}", files=people(0, 1)).json()["fb_custom_audience"]["fb_id"]
        for id in (54, 55, 56)
    ]
    assert ids == [6006183285954, 6006183285955, None]
    rejected = pitchtarget.put("/custom_audiences", data={})
    assert (rejected.status_code, pitchtarget_error(rejected)) == (
        422,
        {"fb_ad_account_id": ["can't be blank"]},
    )
    wrong = pitchtarget.put("/custom_audiences", content=b"x", headers={"Content-Type": "text/plain"})
    assert wrong.status_code == 415


@pytest.mark.both_engines
def test_the_list_of_may_has_pages_of_ten(pitchtarget: httpx.Client) -> None:
    """The list has ten audiences a page, the page, the total, and one subtype where it is asked for."""
    for _ in range(11):
        upload(pitchtarget, subtype="CUSTOM")
    website = WEBSITE | {"subtype": "WEBSITE", "fb_ad_account_id": "2"}
    del website["type"]
    pitchtarget.post("/custom_audiences", json=website)

    def page(**query: Any) -> Any:
        response = pitchtarget.get("/custom_audiences", params={"fb_ad_account_id": "2", **query})
        assert response.status_code == 200
        return response.json()

    first, second, third = page(), page(page=2), page(page=3)
    assert [audience["id"] for audience in first["custom_audiences"]] == list(range(54, 64))
    assert [audience["id"] for audience in second["custom_audiences"]] == [64, 65]
    assert third == {"custom_audiences": [], "meta": {"page": 3, "total": 12}}
    assert first["meta"] == {"page": 1, "total": 12}
    websites = page(subtype="WEBSITE")
    assert websites["meta"]["total"] == 1
    assert list(websites["custom_audiences"][0]) == [
        *("id", "name", "fb_id", "subtype", "rule", "retention_days")
    ]
    assert pitchtarget.get("/custom_audiences?fb_ad_account_id=3").json()["meta"]["total"] == 0


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({}, {"fb_ad_account_id": ["can't be blank"]}),
        ({"fb_ad_account_id": "x"}, {"fb_ad_account_id": ["is invalid"]}),
        ({"fb_ad_account_id": "2", "page": "0"}, {"page": ["must be greater than or equal to 1"]}),
        ({"fb_ad_account_id": "2", "page": "x"}, {"page": ["is not a number"]}),
        ({"fb_ad_account_id": "2", "subtype": "x"}, {"subtype": ["is not included in the list"]}),
    ],
)
def test_a_wrong_query_is_rejected(
    pitchtarget: httpx.Client, query: dict[str, str], errors: dict[str, list[str]]
) -> None:
    """A query that does not fit answers 422 with the reasons by parameter."""
    response = pitchtarget.get("/custom_audiences", params=query)
    assert (response.status_code, pitchtarget_error(response)) == (422, errors)


@pytest.mark.both_engines
def test_an_audience_of_may_is_read_and_deleted_by_either_id(pitchtarget: httpx.Client) -> None:
    """GET answers what the create did; DELETE answers 204, and then the audience and its users are gone."""
    made = upload(pitchtarget, subtype="CUSTOM")
    for id in (made["fb_id"], made["id"]):
        assert pitchtarget.get(f"/custom_audiences/{id}").json() == {"fb_custom_audience": made}
    deleted = pitchtarget.delete(f"/custom_audiences/{made['fb_id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert reports(pitchtarget) == []
    for response in (
        pitchtarget.get(f"/custom_audiences/{made['id']}"),
        pitchtarget.delete(f"/custom_audiences/{made['fb_id']}"),
    ):
        assert (response.status_code, pitchtarget_error(response)) == (
            404,
            {"base": ["Couldn't find the audience"]},
        )


def test_april_deletes_with_the_audience_that_was(april: httpx.Client) -> None:
    """In the revision of April DELETE answers 200 and the object."""
    made = upload(april)
    deleted = april.delete("/custom_audiences/54")
    assert deleted.status_code == 200
    assert deleted.json() == {"fb_custom_audience": made}
    assert deleted.headers["x-ua-compatible"] == "chrome=1"
    assert april.delete("/custom_audiences/54").status_code == 404


def test_april_reads_facebooks_own_object(start: Callable[..., MockServer]) -> None:
    """Count, status and run status follow the uploads and the clock, and a lookalike names its origin."""
    server = start(pitchtarget_revision="2014-04")
    server.world.clock.freeze(1_392_808_117_000)
    with httpx.Client(base_url=server.url, headers=PITCHTARGET_TOKEN) as april:
        files = people(0, 150)
        april.post("/custom_audiences", data=FILE_FIELDS, files=files)
        april.put("/custom_audiences", data={"fb_ad_account_id": "2"})
        alike = LOOKALIKE | {
            "fb_ad_account_id": "2",
            "origin_audience_id": 6006183285954,
            "lookalike_spec": {"country": "IT", "ratio": 0.05},
        }
        id = april.post("/custom_audiences", json=alike).json()["id"]
        building = april.get(f"/customaudiences/{id}").json()
        assert (building["approximate_count"], building["status"]) == (0, "updating")
        assert building["run_status"]["code"] == 1
        server.world.clock.advance(5_000)
        custom, lookalike = april.get("/custom_audiences", params={"fb_ad_account_id": "2"}).json()
        assert april.get("/customaudiences?fb_ad_account_id=2").json() == [custom, lookalike]
        assert april.get(f"/custom_audiences/{id}").json() == lookalike
        april.put("/custom_audiences/54", files=people(100, 160))
        grown = april.get("/customaudiences/6006183285954").json()
    assert (custom["approximate_count"], grown["approximate_count"]) == (150, 160)
    assert "lookalike_spec" not in custom
    assert lookalike == {
        "id": id,
        "account_id": "2",
        "approximate_count": lookalike["approximate_count"],
        "description": None,
        "lookalike_spec": {
            "type": "custom_ratio",
            "ratio": 0.05,
            "country": "IT",
            "origin": [{"id": "6006183285954", "name": "Spending users", "type": "custom_audience"}],
        },
        "name": "Boys Apparel_lookalike_US_Similarity",
        "origin_audience_id": 6006183285954,
        "origin_audience_name": "Spending users",
        "parent_audience_id": 0,
        "parent_category": "Custom",
        "status": "ready",
        "run_status": {"code": 0, "description": "This audience is ready to use."},
        "subtype": "LOOKALIKE",
        "type": 4,
        "type_name": "Advertiser Generated",
        "time_updated": 1392808117,
        "data_source": {"type": 3, "sub_type": 3001},
    }


@pytest.mark.parametrize(("asked", "ratio"), [("similarity", 0.01), ("reach", 0.05)])
def test_an_origin_that_is_not_here_is_not_named(april: httpx.Client, asked: str, ratio: float) -> None:
    """A lookalike of an unknown audience has its id and no name."""
    spec = {"type": asked, "country": "US"}
    id = april.post("/custom_audiences", json=LOOKALIKE | {"lookalike_spec": spec}).json()["id"]
    read = april.get(f"/custom_audiences/{id}").json()
    assert read["lookalike_spec"] == {
        "type": "custom_ratio",
        "ratio": ratio,
        "country": "US",
        "origin": [],
    }
    assert (read["origin_audience_id"], read["origin_audience_name"]) == (6006164557194, None)


def test_a_small_audience_of_april_says_so(mock: MockServer, pitchtarget: httpx.Client) -> None:
    """An audience of few people is not ready to use."""
    upload(pitchtarget, subtype="CUSTOM")
    mock.world.clock.advance(5_000)
    read = pitchtarget.get("/customaudiences/6006183285954").json()
    assert (read["status"], read["run_status"]["code"], read["approximate_count"]) == ("too_small", 2, 5)


def test_the_legacy_paths_create_too(pitchtarget: httpx.Client) -> None:
    """/lookalikeaudiences and /websitecustomaudiences answer Facebook's id, with April's header."""
    for path, body in (("/lookalikeaudiences", LOOKALIKE), ("/websitecustomaudiences", WEBSITE)):
        sent = {key: value for key, value in body.items() if key != "type"}
        response = pitchtarget.post(path, json=sent)
        assert response.status_code == 201
        assert list(response.json()) == ["id"]
        assert response.headers["x-ua-compatible"] == "chrome=1"
        rejected = pitchtarget.post(path, json=sent | {"name": ""})
        assert (rejected.status_code, pitchtarget_error(rejected)) == (422, {"name": ["can't be blank"]})


def test_the_remarketing_pixel(pitchtarget: httpx.Client) -> None:
    """Both paths of the remarketing pixel answer its code for an ad account, and want one."""
    for path, chrome in (("/custom_audiences/remarketing_pixel", None), ("/remarketingpixel", "chrome=1")):
        response = pitchtarget.get(path, params={"fb_ad_account_id": "18"})
        assert response.content == b'{"js":"remarketing pixel code here"}'
        assert response.headers.get("x-ua-compatible") == chrome
        assert pitchtarget.get(path).status_code == 422


def test_offsite_pixels_are_made_and_read(pitchtarget: httpx.Client) -> None:
    """A pixel is answered by its id, read by it, and listed in its ad account."""
    form = {"fb_ad_account_id": "17", "name": "Shoes & <more>", "tag": "CHECKOUT"}
    made = pitchtarget.post("/offsite_pixels", data=form)
    assert (made.status_code, made.json()) == (200, {"id": {"id": "6006183285954"}})
    read = pitchtarget.get("/offsite_pixels/6006183285954")
    assert list(read.json()) == ["id", "name", "tag", "status", "creator", "js_pixel"]
    assert (read.json()["name"], read.json()["tag"]) == ("Shoes & <more>", "checkout")
    assert "fb_param.pixel_id = '6006183285954';" in read.json()["js_pixel"]
    assert "<" not in read.text
    assert pitchtarget.get("/offsite_pixels?fb_ad_account_id=17").json() == [read.json()]
    assert pitchtarget.get("/offsite_pixels?fb_ad_account_id=18").json() == []
    missing = pitchtarget.get("/offsite_pixels/1")
    assert (missing.status_code, pitchtarget_error(missing)) == (404, {"base": ["Couldn't find the pixel"]})
    for change, field in (
        ({"tag": "SHOES"}, "tag"),
        ({"name": ""}, "name"),
        ({"fb_ad_account_id": ""}, None),
    ):
        rejected = pitchtarget.post("/offsite_pixels", data=form | change)
        assert rejected.status_code == 422
        assert list(pitchtarget_error(rejected)) == [field or "fb_ad_account_id"]


def test_anyone_gets_a_token(mock: MockServer) -> None:
    """The password grant answers a token of the published form, which the API takes."""
    ask = {"username": "ann", "password": "secret", "grant_type": "password", "client_id": "shop"}
    response = httpx.post(f"{mock.url}/oauth/authorize", json=ask)
    assert response.status_code == 200
    token = response.json()["access_token"]
    assert len(token) == 31
    assert token.isalnum()
    assert token == token.lower()
    listed = httpx.get(
        f"{mock.url}/custom_audiences?fb_ad_account_id=2", headers={"Authorization": f"OAuth {token}"}
    )
    assert listed.status_code == 200
    rejected = httpx.post(f"{mock.url}/oauth/authorize", json=ask | {"grant_type": "code", "password": ""})
    assert (rejected.status_code, pitchtarget_error(rejected)) == (
        422,
        {"grant_type": ["is not included in the list"], "password": ["can't be blank"]},
    )


def test_what_a_client_has_is_not_sent_again(pitchtarget: httpx.Client) -> None:
    """If-None-Match with the current tag answers 304 without a body; another tag answers the whole."""
    path = "/custom_audiences?fb_ad_account_id=2"
    first = pitchtarget.get(path)
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = pitchtarget.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in again.headers
    upload(pitchtarget)
    changed = pitchtarget.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] == etag(changed.content) != tag


def test_head_is_get_without_the_body(pitchtarget: httpx.Client) -> None:
    """HEAD answers the headers of GET, and no body."""
    path = "/custom_audiences?fb_ad_account_id=2"
    got, head = pitchtarget.get(path), pitchtarget.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == str(len(got.content))


def test_uploads_are_reported(pitchtarget: httpx.Client) -> None:
    """The report has what the documented response lacks: how many users were read, new, known and invalid."""
    files = {"file": ("u.csv", USERS + b"nobody\n" + USERS)}
    pitchtarget.post("/custom_audiences", data=OF_MAY, files=files)
    (report,) = reports(pitchtarget)
    assert report.pop("received_at_ms") > 0
    assert report == {
        "audience": 54,
        "facebook_id": "6006183285954",
        "account": "2",
        "user_type": "email_hash",
        "lines": 11,
        "valid": 10,
        "duplicate": 5,
        "distinct": 5,
        "added": 5,
        "matched": 5,
        "invalid": 1,
        "invalid_lines": [{"line": 6, "why": "is not of type email_hash"}],
    }
