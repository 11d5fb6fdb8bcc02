"""What differs between the dated revisions of PitchTarget's documentation."""

import json
from collections.abc import Callable
from typing import Any, get_args

import httpx
import pytest

from audience_mock.providers.pitchtarget.settings import Revision
from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.errors import pitchtarget_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE, etag

BEFORE_APRIL_8 = ("2014-04", "2014-04-03", "2014-04-04")
UNTIL_APRIL_8 = (*BEFORE_APRIL_8, "2014-04-08")
APRIL = (*UNTIL_APRIL_8, "2014-04-15")
MAY = ("2014-05", "2014-05-02", "2014-05-12")
ALL = (*APRIL, *MAY)

ASK = {"username": "ann", "password": "secret", "grant_type": "password", "client_id": "shop"}
PIXEL = {"fb_ad_account_id": "18", "name": "CV uploaded", "tag": "REGISTRATION"}
NAME = "a <b> & c"
UPPER, LOWER = r"a \u003Cb\u003E \u0026 c", r"a \u003cb\u003e \u0026 c"

FIXED = [
    *("X-Frame-Options", "X-XSS-Protection", "X-Content-Type-Options"),
    *("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Request-Method"),
    "Access-Control-Allow-Headers",
]


def client(start: Callable[..., MockServer], revision: str, **more: Any) -> httpx.Client:
    server = start(pitchtarget_revision=revision, **more)
    return httpx.Client(base_url=server.url, headers=PITCHTARGET_TOKEN)


def chrome(answer: httpx.Response) -> str | None:
    value: str | None = answer.headers.get("x-ua-compatible")
    return value


def test_these_are_all_revisions() -> None:
    """The tests below run through every value of the setting."""
    assert set(ALL) == set(get_args(Revision))


@pytest.mark.parametrize("revision", ALL)
def test_a_token_is_not_to_be_stored(start: Callable[..., MockServer], revision: str) -> None:
    """POST /oauth/authorize has Cache-Control: no-store before a content type without charset, and
    X-UA-Compatible in revisions up to 2014-04-08; its other headers are everyone's."""
    with client(start, revision) as http:
        answer = http.post("/oauth/authorize", json=ASK)
        rejected = http.post("/oauth/authorize", json=ASK | {"username": ""})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == etag(answer.content)
    assert chrome(answer) == ("chrome=1" if revision in UNTIL_APRIL_8 else None)
    names = [name.decode() for name, _ in answer.headers.raw]
    fixed = [*FIXED[:3], *(["X-UA-Compatible"] if revision in UNTIL_APRIL_8 else []), *FIXED[3:]]
    last = ["Cache-Control", "Content-Type", "ETag", "X-Request-Id", "X-Runtime", "Content-Length"]
    assert names == [*fixed, *last]
    assert rejected.status_code == 422
    assert rejected.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("revision", ALL)
def test_offsite_pixels_of_april(start: Callable[..., MockServer], revision: str) -> None:
    """/offsitepixels creates, lists and reads the pixels that /offsite_pixels has, in the form and with the
    headers of the date; where a revision of May is set, as on 2014-04-03."""
    april = revision if revision in APRIL else "2014-04-03"
    with client(start, revision) as http:
        made = http.post("/offsitepixels", data=PIXEL)
        id = "6006183285954"
        read, listed = http.get(f"/offsitepixels/{id}"), http.get("/offsitepixels?fb_ad_account_id=18")
        later = http.get(f"/offsite_pixels/{id}")
        known = http.get(f"/offsitepixels/{id}", headers={"If-None-Match": read.headers["etag"]})
    assert made.status_code == 200
    bare = april in BEFORE_APRIL_8
    assert made.content == (b'{"id":"%b"}' if bare else b'{"id":{"id":"%b"}}') % id.encode()
    assert list(read.json()) == ["id", "name", "tag", "status", "creator", "js_pixel"]
    assert listed.json() == [read.json()] == [later.json()]
    assert listed.content == b"[%b]" % read.content
    assert (r"\u003Cscript" if april in UNTIL_APRIL_8 else r"\u003cscript") in read.text
    assert r"\u003cscript" in later.text
    assert "<" not in read.text + later.text
    for answer in (made, read, listed, known):
        assert chrome(answer) == ("chrome=1" if april in UNTIL_APRIL_8 else None)
    for answer in (made, read, listed):
        assert answer.headers["etag"] == etag(answer.content)
        assert answer.headers["cache-control"] == "max-age=0, private, must-revalidate"
    assert chrome(later) is None
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("path", ["/offsite_pixels", "/offsitepixels"])
def test_names_of_pixels_are_unique_in_an_account(pitchtarget: httpx.Client, path: str) -> None:
    """A second pixel of a name is rejected with 422 by either path and stored by neither; another account,
    or a name in another case, is another matter."""
    assert pitchtarget.post("/offsite_pixels", data=PIXEL).status_code == 200
    rejected = pitchtarget.post(path, data=PIXEL | {"tag": "LEAD"})
    assert rejected.status_code == 422
    assert pitchtarget_error(rejected) == {"name": ["has already been taken"]}
    for change in ({"fb_ad_account_id": "19"}, {"name": "cv uploaded"}):
        assert pitchtarget.post(path, data=PIXEL | change).status_code == 200
    listed = pitchtarget.get(path, params={"fb_ad_account_id": "18"}).json()
    assert [(one["name"], one["tag"]) for one in listed] == [
        ("CV uploaded", "registration"),
        ("cv uploaded", "registration"),
    ]
    ids = [int(one["id"]) for one in listed]
    assert ids[1] - ids[0] <= 2, "a rejected create takes no id"


def test_a_pixel_of_april_is_rejected_as_any(pitchtarget: httpx.Client) -> None:
    """The paths of April want what those of May want, and a token."""
    for change, field in (
        ({"tag": "SHOES"}, "tag"),
        ({"name": ""}, "name"),
        ({"fb_ad_account_id": "x"}, None),
    ):
        rejected = pitchtarget.post("/offsitepixels", data=PIXEL | change)
        assert rejected.status_code == 422
        assert list(pitchtarget_error(rejected)) == [field or "fb_ad_account_id"]
    assert pitchtarget.get("/offsitepixels").status_code == 422
    missing = pitchtarget.get("/offsitepixels/1")
    assert (missing.status_code, pitchtarget_error(missing)) == (404, {"base": ["Couldn't find the pixel"]})
    assert httpx.get(f"{pitchtarget.base_url}/offsitepixels/1").status_code == 401


@pytest.mark.parametrize("revision", ALL)
def test_escapes_have_the_case_of_the_date(start: Callable[..., MockServer], revision: str) -> None:
    r"""<, > and & are \u003C, \u003E and \u0026 in shapes up to 2014-04-08, and \u003c, \u003e and \u0026 in
    later ones: in creates, reads and errors."""
    april = LOWER if revision == "2014-04-15" else UPPER
    set_one = UPPER if revision in UNTIL_APRIL_8 else LOWER
    with client(start, revision, build_delay_s=0) as http:
        old = http.post("/custom_audiences", data=FILE_FIELDS | {"name": NAME}, files=FILE)
        form_of_may = FILE_FIELDS | {"name": NAME, "subtype": "CUSTOM"}
        new = http.post("/custom_audiences", data=form_of_may, files=FILE)
        spec = {"country": "US", "type": "reach", "note": NAME}
        body = LOOKALIKE | {"subtype": "LOOKALIKE", "lookalike_spec": spec}
        del body["type"]
        alike = http.post("/custom_audiences", json=body)
        legacy = http.get("/customaudiences?fb_ad_account_id=2")
        read = http.get("/custom_audiences/54")
        lost = http.get("/custom_audiences/1", headers={"Authorization": "Bearer x"})
    assert f'"name":"{april}"' in old.text
    assert f'"name":"{LOWER}"' in new.text
    assert f'"note":"{LOWER}"' in alike.text
    assert f'"name":"{april}"' in legacy.text
    assert f'"name":"{set_one}"' in read.text
    assert lost.status_code == 401
    assert (r"\u003Ctoken\u003E" if set_one is UPPER else r"\u003ctoken\u003e") in lost.text
    for answer in (old, new, alike, legacy, read, lost):
        assert answer.headers["etag"] == etag(answer.content)
        assert json.loads(answer.content) == answer.json()
        assert (chrome(answer) is None) == (r"\u003c" in answer.text)


def test_april_15_has_the_shapes_of_april(start: Callable[..., MockServer]) -> None:
    """With 2014-04-15 the shapes are April's, and no answer has X-UA-Compatible."""
    with client(start, "2014-04-15") as http:
        made = http.post("/custom_audiences", data=FILE_FIELDS, files=FILE)
        listed = http.get("/custom_audiences?fb_ad_account_id=2")
        deleted = http.delete("/custom_audiences/54")
    assert listed.json() == []
    assert deleted.json() == made.json()
    assert not any(chrome(answer) for answer in (made, listed, deleted))


@pytest.mark.parametrize("revision", MAY)
def test_a_date_of_may_is_may(start: Callable[..., MockServer], revision: str) -> None:
    """Reads and deletes answer in the shapes of May at either of its dates."""
    with client(start, revision) as http:
        http.post("/custom_audiences", data=FILE_FIELDS, files=FILE)
        assert list(http.get("/custom_audiences/54").json()) == ["fb_custom_audience"]
        assert list(http.get("/custom_audiences?fb_ad_account_id=2").json()) == ["custom_audiences", "meta"]
        assert http.delete("/custom_audiences/54").status_code == 204
