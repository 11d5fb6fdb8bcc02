"""GET /__admin/lint: what the values in uploads really are."""

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.client import ControlError
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE_FIELDS
from helpers.users import hashed

LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"


def upload(mock: Any, lines: list[str], user_type: str = "email_hash", to: int | None = None) -> int:
    """Upload a file of users to PitchTarget's API; returns the id of its audience."""
    content = "".join(f"{line}\n" for line in lines).encode()
    response = httpx.request(
        "POST" if to is None else "PUT",
        f"{mock.url}/custom_audiences{'' if to is None else f'/{to}'}",
        headers=PITCHTARGET_TOKEN,
        data=FILE_FIELDS | {"user_type": user_type},
        files={"file": ("u.csv", content, "text/csv")},
    )
    assert response.is_success, response.text
    audience: int = mock.control("GET", "/uploads")["uploads"][0]["audience"]
    return audience


def create_list(mock: Any, **body: Any) -> str:
    response = httpx.post(f"{mock.url}{LISTS}", headers=PINTEREST_TOKEN, json={"name": "n"} | body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def codes(report: dict[str, Any]) -> dict[tuple[str, ...], tuple[int, int]]:
    """How many values have each finding, and how many of them are recognized."""
    return {
        tuple(finding["codes"]): (finding["count"], finding["recognized"]) for finding in report["findings"]
    }


def test_a_world_without_uploads(mock: MockServer) -> None:
    """There is nothing to report on."""
    assert mock.lint() == []


def test_a_file_of_users(mock: MockServer) -> None:
    """Hashes of known people tell their spelling, others their form; valid for the API or not."""
    (once,) = hashed("anna@example.com")
    wrong = [once, *hashed("Anna@Example.com", "ben@example.com\n", once, ""), "chloe@example.com"]
    audience = upload(mock, wrong)
    (report,) = mock.lint()
    assert (report["type"], report["values"], report["whole"]) == ("email_hash", 6, True)
    assert report["customer_list"] is None
    assert report["audience"] == audience
    assert codes(report) == {
        ("hashed_upper_case",): (1, 1),
        ("hashed_newline",): (1, 1),
        ("double_hash",): (1, 1),
        ("empty_hash",): (1, 1),
        ("plain",): (1, 1),
    }
    assert report["findings"][0]["first"] == [{"line": 2, "value": f"{wrong[1][:4]}…{wrong[1][-4:]}"}]
    upload(mock, wrong[:2], to=audience)
    newest, oldest = mock.lint()
    assert oldest == report
    assert (newest["audience"], newest["values"]) == (audience, 2)
    assert codes(newest) == {("hashed_upper_case",): (1, 1)}


@pytest.mark.parametrize(
    ("user_type", "right", "wrong", "found"),
    [
        ("phone_hash", hashed("12025550100"), hashed("+12025550100"), ("hashed_plus",)),
        (
            "mobile_advertiser_id",
            ["72c390d6-6cac-5f26-ba61-2d79ee0cbb14"],
            hashed("72c390d6-6cac-5f26-ba61-2d79ee0cbb14"),
            ("hashed",),
        ),
        ("custom_audience_third_party_id", ["crm-7"], ["eve@example.org"], ("wrong_column",)),
        ("fbid", ["100000000000017"], ["1.0E+14"], ("float",)),
    ],
)
def test_each_type_of_users(
    mock: MockServer, user_type: str, right: list[str], wrong: list[str], found: tuple[str, ...]
) -> None:
    """A file of each type is linted as what that type is."""
    upload(mock, [*right, *wrong], user_type)
    (report,) = mock.lint()
    assert (report["type"], report["values"], [*codes(report)]) == (user_type, 2, [found])


def test_customer_lists_in_each_form(mock: MockServer) -> None:
    """Records, rows of identifiers and batches are linted as the list's type permits; the newest is first."""
    (double,) = hashed(*hashed("anna@example.com"))
    md5 = hashlib.md5(b"anna@example.com").hexdigest()
    number = create_list(mock, records=f"anna@example.com, {md5},{double}")
    rows = [
        {"email": "eve@example.org", "external_id": "1"},
        {"email": "+4930123456"},
        {"external_id": "a@b.c"},
    ]
    httpx.patch(
        f"{mock.url}{LISTS}/{number}",
        headers=PINTEREST_TOKEN,
        json={"operation_type": "ADD", "records_v2": rows},
    ).raise_for_status()
    *of_rows, of_records = mock.lint()
    assert {report["customer_list"] for report in mock.lint()} == {number}
    assert (of_records["type"], of_records["values"]) == ("EMAIL", 3)
    assert codes(of_records) == {("double_hash",): (1, 1)}
    assert of_records["findings"][0]["first"][0]["line"] == 3
    assert {report["type"]: [*codes(report)] for report in of_rows} == {
        "email": [("wrong_column",)],
        "external_id": [("wrong_column",)],
    }
    assert {report["type"]: report["findings"][0]["first"][0]["line"] for report in of_rows} == {
        "email": 2,
        "external_id": 3,
    }


def test_an_upload_in_parts(mock: MockServer) -> None:
    """An upload to a customer list is linted when it is run, as one text."""
    number = create_list(mock, records="")
    body = {"operation": "ADD", "total_parts": 2}
    path = f"{mock.url}{LISTS}/{number}/uploads"
    made = httpx.post(path, headers=PINTEREST_TOKEN, json=body).json()
    parts = made["s3_multipart_upload_data"]["file_parts"]
    for part, content in zip(parts, (b"null\nann@exam", b"ple.org\n"), strict=True):
        httpx.put(part["presigned_url"], content=content).raise_for_status()
    upload_id = made["customer_list_upload"]["id"]
    httpx.post(f"{path}/{upload_id}/run", headers=PINTEREST_TOKEN, json={}).raise_for_status()
    report = mock.lint()[0]
    assert (report["customer_list"], report["values"], report["whole"]) == (number, 2, True)
    assert codes(report) == {("placeholder",): (1, 1)}


def test_only_the_newest_uploads_of_this_world_are_kept(mock: MockServer) -> None:
    """A world keeps twenty samples, other worlds see none of them, and a reset drops them."""
    blue = mock.in_world("blue")
    for _ in range(23):
        number = create_list(blue, records="null")
    kept = blue.lint()
    assert len(kept) == 20
    assert kept[0]["customer_list"] == number
    assert mock.lint() == []
    blue.reset()
    assert blue.lint() == []


def test_how_much_is_kept_is_a_setting(start: Callable[..., MockServer]) -> None:
    """`lint_sample_bytes` bounds what is kept of an upload; with 0, nothing is."""
    mock = start(lint_sample_bytes=100)
    create_list(mock, records=",".join(["a@example.org"] * 1000))
    (report,) = mock.lint()
    assert (report["values"], report["whole"]) == (7, False)
    mock.configure(lint_sample_bytes=0)
    create_list(mock, records="null")
    create_list(mock, records_v2=[{"email": "null"}])
    assert len(mock.lint()) == 1


def test_no_value_is_shown_where_users_are_redacted(start: Callable[..., MockServer]) -> None:
    """With `redact_users`, a finding has its lines alone."""
    mock = start(redact_users=True)
    create_list(mock, records="a@example.org,null")
    assert mock.lint()[0]["findings"][0]["first"] == [{"line": 2}]


def test_people_of_a_test_are_recognized(mock: MockServer) -> None:
    """People that the caller names are recognized in any spelling; other keys are rejected."""
    create_list(mock, records=hashed("Eva.Lund@Fixtures.Example")[0])
    assert not mock.lint()[0]["findings"]
    (report,) = mock.lint(people=[{"email": "eva.lund@fixtures.example"}])
    assert codes(report) == {("hashed_upper_case",): (1, 1)}
    with pytest.raises(ControlError) as error:
        mock.lint(people=[{"mail": "eva.lund@fixtures.example"}])
    assert (error.value.status, error.value.field) == (400, "people.0.mail")


def test_people_with_next_to_nothing(mock: MockServer) -> None:
    """People whose phone number has no digits, or whose address is blank, are recognized as nobody."""
    upload(mock, hashed("", "+12025550100"), "phone_hash")
    people = [{"phone": "+"}, {"phone": " + "}, {"phone": ""}, {"email": " "}, {"email": "@"}]
    (report,) = mock.lint(people=people)
    assert codes(report)["empty_hash",] == (1, 1)
