"""Magic identities: addresses that decide how an upload ends, in both APIs and in each form."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.core.users.magic import identities
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE_FIELDS
from helpers.users import hashed

LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
FORMS = ("plain", "md5", "sha1", "sha256")
REJECTING = [name for name, each in identities().items() if each.rejected_with is not None]


def form_of(name: str, form: str = "sha256", kind: str = "email") -> str:
    identity = identities()[name]
    return identity.forms()[kind][form]


def people(count: int) -> list[str]:
    return hashed(*(f"person{number}@example.com" for number in range(count)))


def post_list(mock: Any, records: list[str], **body: Any) -> httpx.Response:
    return httpx.post(
        f"{mock.url}{LISTS}", headers=PINTEREST_TOKEN, json={"name": "n", "records": ",".join(records)} | body
    )


def post_rows(mock: Any, records: list[str]) -> httpx.Response:
    rows = [{"email": record} for record in records]
    return httpx.post(f"{mock.url}{LISTS}", headers=PINTEREST_TOKEN, json={"name": "n", "records_v2": rows})


def patch_list(
    mock: Any, records: list[str], operation: str = "ADD", to: str | None = None
) -> httpx.Response:
    to = to or post_list(mock, people(1)).json()["id"]
    body = {"operation_type": operation, "records": ",".join(records)}
    return httpx.patch(f"{mock.url}{LISTS}/{to}", headers=PINTEREST_TOKEN, json=body)


def run_upload(mock: Any, records: list[str]) -> httpx.Response:
    """Upload the records in two parts to a new list; the response to the run."""
    list_id = post_list(mock, people(1)).json()["id"]
    uploads = f"{mock.url}{LISTS}/{list_id}/uploads"
    body = {"operation": "ADD", "total_parts": 2}
    created = httpx.post(uploads, headers=PINTEREST_TOKEN, json=body).json()
    lines = "".join(f"{record}\n" for record in records).encode()
    for part, content in zip(
        created["s3_multipart_upload_data"]["file_parts"], (lines[:40], lines[40:]), strict=True
    ):
        assert httpx.put(part["presigned_url"], content=content).status_code == 200
    number = created["customer_list_upload"]["id"]
    return httpx.post(f"{uploads}/{number}/run", headers=PINTEREST_TOKEN)


def post_file(mock: Any, lines: list[str], user_type: str = "email_hash", **fields: str) -> httpx.Response:
    content = "".join(f"{line}\n" for line in lines).encode()
    return httpx.post(
        f"{mock.url}/custom_audiences",
        headers=PITCHTARGET_TOKEN,
        data=FILE_FIELDS | {"user_type": user_type} | fields,
        files={"file": ("u.csv", content, "text/csv")},
    )


def put_file(mock: Any, lines: list[str]) -> httpx.Response:
    id = post_file(mock, people(1)).json()["fb_custom_audience"]["id"]
    return httpx.put(
        f"{mock.url}/custom_audiences/{id}",
        headers=PITCHTARGET_TOKEN,
        files={"file": ("u.csv", "".join(f"{line}\n" for line in lines).encode(), "text/csv")},
    )


SENDERS: list[Callable[[Any, list[str]], httpx.Response]] = [
    *(post_list, post_rows, patch_list, run_upload, post_file, put_file)
]


def state_without_sequences(mock: MockServer) -> dict[str, Any]:
    return {name: value for name, value in mock.state().items() if name not in ("ids", "clock")}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["email", "device"])
def test_every_form_is_the_same_person_for_a_customer_list(mock: MockServer, form: str, kind: str) -> None:
    """Pinterest's lists take addresses and devices in plain, MD5, SHA-1, SHA-256, in either case of hex."""
    mock.configure(match_rate=0)
    for spell in (str, str.upper, "  {} ".format):
        records = [spell(form_of("always-match", form, kind)), *people(2)]
        post_list(mock, records, list_type="EMAIL" if kind == "email" else "MAID")
        assert mock.customer_lists()[0]["people"] == 1
    mock.configure(match_rate=1)
    post_list(mock, [form_of("never-match", form, kind), *people(2)])
    assert mock.customer_lists()[0]["people"] == 2


@pytest.mark.parametrize(
    ("user_type", "line"),
    [
        ("email_hash", form_of("never-match")),
        ("phone_hash", form_of("never-match").upper()),
        ("mobile_advertiser_id", form_of("never-match", "plain", "device").upper()),
        ("mobile_advertiser_id", form_of("never-match", "plain", "device").replace("-", "")),
        ("custom_audience_third_party_id", form_of("never-match", "plain")),
        ("custom_audience_third_party_id", form_of("never-match", "md5")),
    ],
)
def test_every_type_of_users_has_a_form(mock: MockServer, user_type: str, line: str) -> None:
    """PitchTarget takes hashes, advertiser ids and an advertiser's own ids; each can be an identity."""
    assert post_file(mock, [line], user_type).status_code == 201
    (report,) = mock.control("GET", "/uploads")["uploads"]
    assert (report["valid"], report["matched"]) == (1, 0)


@pytest.mark.parametrize("send", SENDERS, ids=lambda send: send.__name__)
def test_who_always_and_never_matches(mock: MockServer, send: Any) -> None:
    """The match rate has no say, neither in creates nor in adds, in any content type."""
    for rate, expected in ((1, 1), (0, 1)):
        mock.reset("empty")
        mock.configure(match_rate=rate)
        response = send(mock, [form_of("always-match"), form_of("never-match")])
        assert response.is_success
        sizes = [each["people"] for each in mock.customer_lists()] + [
            each["people"] for each in mock.audiences()
        ]
        others = rate if send in (patch_list, run_upload, put_file) else 0
        assert sizes == [expected + others]


@pytest.mark.parametrize("send", SENDERS, ids=lambda send: send.__name__)
@pytest.mark.parametrize("name", REJECTING)
def test_a_rejected_upload_leaves_nothing(mock: MockServer, send: Any, name: str) -> None:
    """The status is the named one, in the API's own shape, and the world is as it was."""
    if send in (patch_list, run_upload, put_file):
        # They make what they change first: what is compared is what holds people.
        def kept() -> Any:
            return [each["people"] for each in (*mock.customer_lists(), *mock.audiences())] or [1]
    else:

        def kept() -> Any:
            return state_without_sequences(mock)

    before = kept()
    response = send(mock, [*people(2), form_of(name)])
    assert response.status_code == int(name.split("-")[1])
    assert kept() == before
    body = response.json()
    if send in (post_file, put_file):
        assert [*body] == ["errors"]
    else:
        assert {*body} >= {"code", "message"}
    (entry,) = mock.journal.entries(status=response.status_code)
    assert entry["reason"] == f"magic identity {name}@audience-mock.example"


@pytest.mark.parametrize(
    ("name", "status", "code", "message"),
    [
        ("reject-401", 401, 2, "Authentication failed."),
        ("reject-401-scopes", 401, 3, "Missing: ['ads:write']"),
        ("reject-403", 403, 29, "You are not permitted to access that resource."),
        ("reject-429", 429, 8, "You have exceeded your rate limit. Try again later."),
        ("reject-400-limit", 400, 8, "You have exceeded your rate limit. Try again later."),
        ("reject-500", 500, 12, "Something went wrong on our end. Sorry about that."),
    ],
)
def test_pinterests_errors_are_its_own(
    mock: MockServer, name: str, status: int, code: int, message: str
) -> None:
    """An identity brings about the error of Pinterest's that has the status, with its code and message."""
    response = post_list(mock, [form_of(name, "md5")])
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert message in response.json()["message"]


@pytest.mark.parametrize("form", FORMS)
def test_an_invalid_record_is_counted(mock: MockServer, form: str) -> None:
    """A well-formed record of the invalid person is counted as an invalid address, which is code 42."""
    mock.configure(build_delay_s=0)
    running = run_upload(mock, [form_of("invalid", form), *people(3)]).json()
    found = httpx.get(
        f"{mock.url}{LISTS}/{running['customer_list_id']}/uploads/{running['id']}", headers=PINTEREST_TOKEN
    ).json()
    assert found["state"] == "SUCCEEDED"
    assert found["record_counts"] == {"processed": 4, "valid": 3, "invalid": 1}
    assert found["error_counts"] == [{"error_code": 42, "message": "Invalid email", "count": 1}]


def test_an_invalid_line_is_counted(mock: MockServer) -> None:
    """In a file of users, too; it is no user of the audience."""
    post_file(mock, [form_of("invalid"), *people(3)])
    (report,) = mock.control("GET", "/uploads")["uploads"]
    assert (report["lines"], report["valid"], report["invalid"], report["matched"]) == (4, 3, 1, 3)


@pytest.mark.parametrize(
    ("name", "of_list", "of_audience"),
    [
        ("too-small", "TOO_SMALL", "TOO_SMALL"),
        ("ready", "READY", "READY"),
        ("processing", "PROCESSING", "INITIALIZING"),
        ("uploading", "UPLOADING", "INITIALIZING"),
    ],
)
@pytest.mark.parametrize("added", [False, True])
def test_an_identity_sets_the_end_state(
    mock: MockServer, name: str, of_list: str, of_audience: str, added: bool
) -> None:
    """A list, the audiences of it and an audience from a file have the state, however the clock stands and
    however many people there are; an audience of the list has it whether it was made before or after."""
    many = people(120) if name == "too-small" else people(2)
    first = post_list(mock, many if added else [form_of(name, "sha1"), *many]).json()["id"]

    def audience_of_list() -> None:
        body = {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": first}}
        url = f"{mock.url}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
        assert httpx.post(url, headers=PINTEREST_TOKEN, json=body).status_code == 201

    audience_of_list()
    if added:
        assert patch_list(mock, [form_of(name, "plain")], to=first).is_success
        audience_of_list()
    mock.clock.advance(3600)
    assert [each["status"] for each in mock.customer_lists()] == [of_list]
    assert {each["status"] for each in mock.audiences()} == {of_audience}
    assert patch_list(mock, [form_of(name)], "REMOVE", to=first).is_success
    by_clock = "READY" if name == "too-small" else "TOO_SMALL"
    assert [each["status"] for each in mock.customer_lists()] == [by_clock]
    assert {each["status"] for each in mock.audiences()} == {by_clock}
    post_file(mock, [form_of(name), *many])
    mock.clock.advance(3600)
    assert mock.audiences(api="pitchtarget")[0]["status"] == of_audience


def test_pitchtarget_shows_the_end_state(mock: MockServer) -> None:
    """Facebook's object says too_small at once, and an audience that is ready has its Facebook id."""
    mock.configure(pitchtarget_revision="2014-04")
    for name, status in (("too-small", "too_small"), ("ready", "ready")):
        post_file(mock, [form_of(name)])
        number = mock.audiences()[0]["id"]
        httpx.put(f"{mock.url}/custom_audiences", headers=PITCHTARGET_TOKEN, data={"fb_ad_account_id": "2"})
        shown = httpx.get(f"{mock.url}/custom_audiences/{number}", headers=PITCHTARGET_TOKEN).json()
        assert shown["status"] == status


@pytest.mark.parametrize("send", [post_list, patch_list, post_file, put_file], ids=lambda each: each.__name__)
def test_half_of_an_upload_is_kept(mock: MockServer, send: Any) -> None:
    """The response is 500, and half of the people are there: what a job finds after a server broke down."""
    response = send(mock, [*people(9)[1:], form_of("fail-half-way")])
    assert response.status_code == 500
    before = 0 if send in (post_list, post_file) else 1
    assert [each["people"] for each in (*mock.customer_lists(), *mock.audiences())] == [before + 4]


def test_an_upload_in_parts_fails_half_way(mock: MockServer) -> None:
    """It runs, then it has FAILED, and says how many records it has processed."""
    running = run_upload(mock, [*people(9)[1:], form_of("fail-half-way")])
    assert (running.status_code, running.json()["state"]) == (200, "RUNNING")
    mock.clock.advance(3600)
    url = f"{mock.url}{LISTS}/{running.json()['customer_list_id']}/uploads/{running.json()['id']}"
    found = httpx.get(url, headers=PINTEREST_TOKEN).json()
    assert found["state"] == "FAILED"
    assert found["record_counts"] == {"processed": 4, "valid": 4, "invalid": 0}
    assert found["error_counts"] == []
    assert mock.customer_lists()[0]["people"] == 5


def test_large_uploads_are_searched_too(mock: MockServer) -> None:
    """An identity is found among digests of which most are in a temporary file already, wherever it is."""
    block = b"".join(f"{number:064x}\n".encode() for number in range(1, 300_001))
    line = form_of("reject-429").encode() + b"\n"
    for at in (0, len(block) // 130 * 65, len(block)):
        response = httpx.post(
            f"{mock.url}/custom_audiences",
            headers=PITCHTARGET_TOKEN,
            data=FILE_FIELDS,
            files={"file": ("u.csv", block[:at] + line + block[at:], "text/csv")},
            timeout=60,
        )
        assert response.status_code == 429
    assert mock.audiences() == []


def test_they_can_be_turned_off(mock: MockServer) -> None:
    """Without them, an identity is a person as any other; for one world or the server."""
    mock.configure(magic_identities=False)
    records = [form_of("reject-500"), form_of("never-match"), form_of("too-small")]
    assert post_list(mock, records).status_code == 201
    assert post_file(mock, records).status_code == 201
    assert mock.customer_lists()[0]["people"] == 3
    assert mock.audiences()[0]["held_status"] is None
    assert mock.control("GET", "/identities")["enabled"] is False


def test_they_are_listed(mock: MockServer) -> None:
    """A test finds them by name with their digests."""
    listed = mock.identities()
    assert [*listed] == [*identities()]
    for name, each in listed.items():
        assert each["email"]["plain"] == f"{name}@audience-mock.example"
        assert each["email"]["sha256"] == hashed(each["email"]["plain"])[0]
        assert each["device"]["sha256"] == hashed(each["device"]["plain"])[0]
    assert len({each["device"]["plain"] for each in listed.values()}) == len(listed)
