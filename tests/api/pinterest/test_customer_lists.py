"""Pinterest's customer lists over HTTP, and the audiences that they feed."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.users.records import digests_of_plain
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_customer_list, create_seed_audience

LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"

ONE = [
    *("ad_account_id", "created_time", "id", "name", "num_batches", "num_removed_user_records"),
    *("num_uploaded_user_records", "type", "updated_time", "exceptions", "status"),
]

ANN = "ann@example.com"
MD5, SHA1, SHA256 = (
    hashlib.new(algorithm, ANN.encode()).hexdigest() for algorithm in ("md5", "sha1", "sha256")
)
DEVICE = "AEBE52E7-03EE-455A-B3C4-E57283966239"


def create(pinterest: httpx.Client, records: str = ANN, **more: Any) -> dict[str, Any]:
    response = pinterest.post(LISTS, json={"name": "Newsletter", "records": records} | more)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def change(pinterest: httpx.Client, id: str, operation_type: str, **records: Any) -> dict[str, Any]:
    response = pinterest.patch(f"{LISTS}/{id}", json={"operation_type": operation_type} | records)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


def size(mock: MockServer, pinterest: httpx.Client, list_id: str) -> int:
    """How many people a list feeds into an audience."""
    body = {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": list_id}}
    made = pinterest.post(AUDIENCES, json=body)
    assert made.status_code == 201, made.text
    mock.world.clock.advance(5_000)
    found: int = pinterest.get(f"{AUDIENCES}/{made.json()['id']}").json()["size"]
    return found


def people(count: int, first: int = 0) -> str:
    return ",".join(f"shopper{number}@example.com" for number in range(first, first + count))


def test_a_created_list_has_every_key_in_the_recorded_order(
    mock: MockServer, pinterest: httpx.Client
) -> None:
    """A new list is PROCESSING; its counter has all records that were sent, the wrong and double ones too."""
    made = create(pinterest, f"{ANN}, {ANN},nobody,,")
    assert list(made) == ONE
    now_s = mock.world.clock.now_ms() // 1000
    assert made == {
        "ad_account_id": AD_ACCOUNT,
        "created_time": now_s,
        "id": "5497558",
        "name": "Newsletter",
        "num_batches": 1,
        "num_removed_user_records": 0,
        "num_uploaded_user_records": 3,
        "type": "customerlist",
        "updated_time": now_s,
        "exceptions": {},
        "status": "PROCESSING",
    }
    assert pinterest.get(f"{LISTS}/{made['id']}").json() == made


@pytest.mark.parametrize(("count", "status"), [(100, "READY"), (99, "TOO_SMALL")])
def test_the_status_of_a_list_follows_the_clock(
    mock: MockServer, pinterest: httpx.Client, count: int, status: str
) -> None:
    """After the build delay a list is READY, or TOO_SMALL under 100 people."""
    path = f"{LISTS}/{create(pinterest, people(count))['id']}"
    mock.world.clock.advance(4_999)
    assert pinterest.get(path).json()["status"] == "PROCESSING"
    mock.world.clock.advance(1)
    assert pinterest.get(path).json()["status"] == status


def test_each_batch_counts_what_was_sent(mock: MockServer, pinterest: httpx.Client) -> None:
    """ADD and REMOVE are a batch more each, and count all their records at once, unknown ones too."""
    made = create(pinterest)
    mock.world.clock.advance(2_000)
    added = change(pinterest, made["id"], "ADD", records=f"{ANN},bob@example.com")
    assert added == made | {
        "num_batches": 2,
        "num_uploaded_user_records": 3,
        "updated_time": made["updated_time"] + 2,
    }
    removed = change(pinterest, made["id"], "REMOVE", records="cyd@example.com,bob@example.com")
    assert removed == added | {"num_batches": 3, "num_removed_user_records": 2}
    assert pinterest.get(f"{LISTS}/{made['id']}").json() == removed
    assert size(mock, pinterest, made["id"]) == 1


def test_lists_are_listed_page_by_page(pinterest: httpx.Client) -> None:
    """Bookmarks lead through an account's lists by id; an item has `is_nca`, by which it can be left out."""
    ids = [create(pinterest, name=str(number), is_nca=number == 2)["id"] for number in range(5)]
    create_customer_list(pinterest, account="1")
    for order, expected in (("ASCENDING", ids), ("DESCENDING", ids[::-1])):
        seen: list[str] = []
        query: dict[str, Any] = {"page_size": 2, "order": order}
        while True:
            page = pinterest.get(LISTS, params=query).json()
            assert list(page) == ["items", "bookmark"]
            for item in page["items"]:
                assert list(item) == [*ONE[:-1], "is_nca", "status"]
                assert item["is_nca"] == (item["id"] == ids[2])
                seen.append(item["id"])
            if page["bookmark"] is None:
                break
            query["bookmark"] = page["bookmark"]
        assert seen == expected
    without = pinterest.get(LISTS, params={"exclude_nca": "true"}).json()["items"]
    assert [item["id"] for item in without] == [*ids[:2], *ids[3:]]
    rejected = pinterest.get(LISTS, params={"order": "ASCENDING", "bookmark": query["bookmark"]})
    assert rejected.status_code == 400
    assert pinterest_error(rejected)["code"] == 1


@pytest.mark.parametrize("status", [201, 200])
def test_a_list_is_answered_as_it_is_set(pinterest: httpx.Client, status: int) -> None:
    """A create gets 201, or 200 where that is preferred."""
    response = pinterest.post(LISTS, json={"name": "a", "records": ANN}, headers={"Prefer": f"code={status}"})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("batches", "count"),
    [
        ([f"{ANN},{MD5},{SHA1},{SHA256}"], 1),
        ([MD5, SHA1, SHA256, ANN], 1),
        ([ANN, SHA256, SHA1, MD5], 1),
        ([f" {ANN.upper()} ", MD5.upper()], 1),
        ([f"{ANN},bob@example.com", f"{MD5},{SHA1}"], 2),
        ([MD5, SHA256], 2),
        ([MD5, SHA1], 2),
        ([MD5, MD5.upper()], 1),
        ([DEVICE, DEVICE.lower(), hashlib.md5(DEVICE.lower().encode()).hexdigest()], 1),
        (["nobody,,@,a@b c@d", "ann example.com"], 0),
    ],
)
def test_forms_of_one_address_are_one_person(
    mock: MockServer, pinterest: httpx.Client, batches: list[str], count: int
) -> None:
    """Plain and hashed forms of an address count once as soon as the plain form is known; two hashes whose
    plain form nobody sent are two people."""
    id = create(pinterest, batches[0])["id"]
    for batch in batches[1:]:
        change(pinterest, id, "ADD", records=batch)
    assert size(mock, pinterest, id) == count


@pytest.mark.parametrize(
    ("added", "removed", "left"),
    [
        (ANN, MD5, 0),
        (ANN, SHA1, 0),
        (ANN, SHA256, 0),
        (MD5, ANN, 0),
        (f"{MD5},{SHA1},{SHA256}", ANN, 0),
        (MD5, SHA256, 1),
        (f"{ANN},{people(3)}", f"{MD5},{people(9, first=1)}", 1),
    ],
)
def test_an_address_is_removed_in_any_form(
    mock: MockServer, pinterest: httpx.Client, added: str, removed: str, left: int
) -> None:
    """A person goes by any form, if the plain one came with either batch, and comes back as one."""
    id = create(pinterest, added)["id"]
    change(pinterest, id, "REMOVE", records=removed)
    assert size(mock, pinterest, id) == left
    change(pinterest, id, "ADD", records=ANN)
    back = size(mock, pinterest, id)
    change(pinterest, id, "ADD", records=MD5)
    assert size(mock, pinterest, id) == back


SPELLINGS = [
    *(f'"{ANN}"', f"'{ANN}'", f'" {ANN} "', f'"""{ANN}"""', f'\t"{ANN.upper()}" ', f'"{ANN}', f"{ANN}'"),
    *(f"\ufeff{ANN}", f'\ufeff"{ANN}"', f'"\ufeff{ANN}"', f"\xa0{ANN}\u3000", f"\u201c{ANN}\u201d"),
    *(f'"{MD5}"', f"'{SHA1.upper()}'", f"\ufeff{SHA256}", f'"{SHA256.upper()}"'),
]
"""Of one address, as spreadsheets, exports and shells write it."""


@pytest.mark.parametrize("form", ["records", "records_v2"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_of_an_address_is_no_second_person(
    mock: MockServer, pinterest: httpx.Client, spelling: str, form: str
) -> None:
    """Quotes, byte order marks, white space and case do not make another person of an address or its hash,
    in a first batch, in a later one, or where they are removed."""
    sent: dict[str, Any] = {"records": spelling}
    if form == "records_v2":
        sent = {"records_v2": [{"email": spelling}]}
    id = pinterest.post(LISTS, json={"name": "Newsletter"} | sent).json()["id"]
    assert size(mock, pinterest, id) == 1
    change(pinterest, id, "ADD", records=ANN)
    assert size(mock, pinterest, id) == 1
    change(pinterest, id, "REMOVE", **sent)
    assert size(mock, pinterest, id) == 0


@pytest.mark.parametrize(
    "record",
    [
        *(f"<{ANN}>", f"Ann <{ANN}>", f"mailto:{ANN}", f"{ANN};", f"({ANN})", f"[{ANN}]", f"`{ANN}`"),
        *('"ann"@example.com', 'ann@"example.com"', "ann\\@example.com"),
    ],
)
def test_what_encloses_an_address_otherwise_is_invalid(
    mock: MockServer, pinterest: httpx.Client, record: str
) -> None:
    """What is neither an address nor one in quotes is no person."""
    assert size(mock, pinterest, create(pinterest, f"{record},{ANN}")["id"]) == 1


@pytest.mark.parametrize(
    ("text", "sent", "count"),
    [
        (f'"{ANN}","bob@example.com"\r\n"cyd@example.com",""\r\n', 3, 3),
        (f'"{ANN},bob@example.com"', 2, 2),
        (f'"Doe, Ann","{ANN}"', 3, 1),
        ("o'neill@example.com,oneill@example.com", 2, 2),
        (f"\ufeff{ANN},\ufeff,\ufeff{ANN}", 2, 1),
        (f"{DEVICE},'{DEVICE.lower()}',\ufeff{DEVICE}", 3, 1),
    ],
)
def test_records_may_be_fields_of_csv(
    mock: MockServer, pinterest: httpx.Client, text: str, sent: int, count: int
) -> None:
    """Quoted fields are the records that they quote, and a field of nothing but quotes or a mark is none."""
    made = create(pinterest, text)
    assert made["num_uploaded_user_records"] == sent
    assert size(mock, pinterest, made["id"]) == count


@pytest.mark.parametrize("list_type", ["LR_ID", "DLX_ID"])
def test_a_quoted_opaque_id_is_the_same(mock: MockServer, pinterest: httpx.Client, list_type: str) -> None:
    """An id that no rule describes is one person with quotes around it and without."""
    records = "Xi1,\"Xi1\",'Xi1',\ufeffXi1"
    assert size(mock, pinterest, create(pinterest, records, list_type=list_type)["id"]) == 1


def test_a_row_is_one_person(mock: MockServer, pinterest: httpx.Client) -> None:
    """Rows of several identifiers are distinguished by the first valid one; a row without any matches no
    person."""
    rows: list[dict[str, Any]] = [
        {"email": ANN, "maid": DEVICE},
        {"email": MD5, "external_id": "17"},
        {"email": "", "external_id": "17"},
        {"email": None, "external_id": "17", "ip_address": "192.0.2.1"},
        {"hashed_phone_number": SHA1[::-1]},
        {"ip_address": "192.0.2.1", "user_agent": "x"},
        {},
    ]
    made = pinterest.post(LISTS, json={"name": "a", "records_v2": rows}).json()
    assert made["num_uploaded_user_records"] == 7
    assert size(mock, pinterest, made["id"]) == 3
    changed = change(pinterest, made["id"], "REMOVE", records_v2=[{"email": SHA256}])
    assert changed["num_removed_user_records"] == 1
    assert size(mock, pinterest, made["id"]) == 2


@pytest.mark.parametrize(
    ("list_type", "records", "count"),
    [
        ("EMAIL", f"{ANN},{DEVICE},{SHA256[::-1]},nobody", 3),
        ("IDFA", f"{DEVICE},{SHA1}", 2),
        ("MAID", f"{DEVICE.lower()},{DEVICE}", 1),
        ("LR_ID", "Xi1,xi1,Xi1", 2),
        ("DLX_ID", "5,6", 2),
        ("HASHED_PINNER_ID", f"{SHA256},{SHA256},{ANN}", 1),
        (None, f"{ANN},{SHA256}", 1),
    ],
)
def test_lists_of_each_type(
    mock: MockServer, pinterest: httpx.Client, list_type: str | None, records: str, count: int
) -> None:
    """A list of each type takes what its type has; null is EMAIL, and case counts in opaque ids only."""
    assert size(mock, pinterest, create(pinterest, records, list_type=list_type)["id"]) == count


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"records": ANN}, "'name' is a required property"),
        ({"name": "", "records": ANN}, "'' is too short"),
        ({"name": "a"}, "'records' is a required property"),
        ({"name": "a", "records": None, "records_v2": None}, "'records' is a required property"),
        ({"name": "a", "records": [ANN]}, f"['{ANN}'] is not of type 'string'"),
        ({"name": "a", "records": ANN, "records_v2": []}, "'records' and 'records_v2' exclude each other"),
        ({"name": "a", "records_v2": {}}, "{} is not of type 'array'"),
        ({"name": "a", "records_v2": [ANN]}, f"'{ANN}' is not of type 'object'"),
        ({"name": "a", "records_v2": [{"email": 5}]}, "5 is not of type 'string'"),
        (
            {"name": "a", "records": ANN, "list_type": "PHONE"},
            "'PHONE' is not one of ['EMAIL', 'IDFA', 'MAID', 'LR_ID', 'DLX_ID', 'HASHED_PINNER_ID']",
        ),
        ({"name": "a", "records": ANN, "is_nca": "yes"}, "'yes' is not of type 'boolean'"),
    ],
)
def test_a_wrong_list_is_rejected(pinterest: httpx.Client, body: dict[str, Any], message: str) -> None:
    """A create that is not valid gets 400 with code 1 and makes nothing."""
    response = pinterest.post(LISTS, json=body)
    assert response.status_code == 400
    assert pinterest_error(response) == {"code": 1, "message": f"Invalid request: {message}"}
    assert pinterest.get(LISTS).json() == {"items": [], "bookmark": None}


@pytest.mark.parametrize(
    "body",
    [
        {"records": ANN},
        {"operation_type": "ADD"},
        {"operation_type": "UPDATE", "records": ANN},
        {"operation_type": "add", "records": ANN},
        {"operation_type": "ADD", "records": 5},
    ],
)
def test_a_wrong_batch_changes_nothing(pinterest: httpx.Client, body: dict[str, Any]) -> None:
    """A PATCH that is not valid gets 400, and the list stays as it was."""
    made = create(pinterest)
    response = pinterest.patch(f"{LISTS}/{made['id']}", json=body)
    assert response.status_code == 400
    assert pinterest_error(response)["code"] == 1
    assert pinterest.get(f"{LISTS}/{made['id']}").json() == made


def test_a_list_belongs_to_its_ad_account(pinterest: httpx.Client) -> None:
    """A list that does not exist, or is another account's, gets 404 from every operation."""
    id = create(pinterest)["id"]
    for path in (f"{LISTS}/1", f"{LISTS}/{'9' * 18}", f"/ad_accounts/1/customer_lists/{id}"):
        for response in (
            pinterest.get(path),
            pinterest.patch(path, json={"operation_type": "ADD", "records": ANN}),
            pinterest.post(f"{path}/uploads", json={"operation": "ADD", "total_parts": 1}),
            pinterest.get(f"{path}/uploads/1"),
            pinterest.post(f"{path}/uploads/1/run"),
        ):
            assert response.status_code == 404
            words = {"code": 4, "message": "Sorry! We could not find your customer list."}
            assert pinterest_error(response) == words
    response = pinterest.get(f"{LISTS}/x")
    assert pinterest_error(response)["message"] == (
        r"'customer_list_id' value 'x' must match the pattern: ^\d+$"
    )


def test_an_audience_has_the_people_that_its_list_has_now(mock: MockServer, pinterest: httpx.Client) -> None:
    """A CUSTOMER_LIST audience grows and shrinks with its list, in GET, list and PATCH alike."""
    id = create_customer_list(pinterest, *people(99).split(","))
    body = {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": id}}
    path = f"{AUDIENCES}/{pinterest.post(AUDIENCES, json=body).json()['id']}"
    assert pinterest.get(path).json()["size"] == 0
    mock.world.clock.advance(5_000)
    for operation, records, expected in (
        ("ADD", "", (99, "TOO_SMALL")),
        ("ADD", ANN, (100, "READY")),
        ("REMOVE", SHA256, (99, "TOO_SMALL")),
    ):
        change(pinterest, id, operation, records=records)
        (item,) = pinterest.get(AUDIENCES).json()["items"]
        for told in (pinterest.get(path).json(), item, pinterest.patch(path, json={}).json()):
            assert (told["size"], told["status"]) == expected
    other = create_customer_list(pinterest, ANN)
    pinterest.patch(path, json={"rule": {"customer_list_id": other}})
    assert pinterest.get(path).json()["size"] == 1
    removed = pinterest.patch(path, json={"operation_type": "REMOVE"}).json()
    assert removed["size"] == 1
    assert pinterest.get(f"{LISTS}/{id}").status_code == 200


def test_an_audience_of_a_list_that_is_not_there_is_rejected(pinterest: httpx.Client) -> None:
    """A rule that names a list or a seed which the ad account lacks is rejected, and nothing is written."""
    elsewhere = create_customer_list(pinterest, account="1")
    other_seed = create_seed_audience(pinterest, account="1")
    own_list, own_seed = create_customer_list(pinterest), create_seed_audience(pinterest)
    listed = pinterest.get(AUDIENCES).content

    def alike(*ids: str) -> dict[str, Any]:
        return {"seed_id": list(ids), "country": "US", "percentage": 1}

    cases: list[tuple[str, dict[str, Any], str]] = [
        *(
            ("CUSTOMER_LIST", {"customer_list_id": id}, f"customer list {id}")
            for id in (elsewhere, "1", "9" * 30)
        ),
        *(("ACTALIKE", alike(own_seed, id), f"audience {id}") for id in (other_seed, "1", "9" * 30)),
    ]
    for kind, rule, what in cases:
        body = {"name": "a", "audience_type": kind, "rule": rule}
        custom = {"name": "a", "rule": rule, "sharing_type": "CUSTOM", "data_party": "1p"}
        for response in (
            pinterest.post(AUDIENCES, json=body),
            pinterest.post(f"{AUDIENCES}/custom", json=custom),
        ):
            assert response.status_code == 400
            message = f"Invalid request: {what} is not in this ad account"
            assert pinterest_error(response) == {"code": 1, "message": message}
    assert pinterest.get(AUDIENCES).content == listed
    for kind, rule, wrong in (
        ("CUSTOMER_LIST", {"customer_list_id": own_list}, {"customer_list_id": elsewhere}),
        ("ACTALIKE", alike(own_seed), alike(other_seed)),
    ):
        made = pinterest.post(AUDIENCES, json={"name": "a", "audience_type": kind, "rule": rule}).json()
        path = f"{AUDIENCES}/{made['id']}"
        before = pinterest.get(path).content
        response = pinterest.patch(path, json={"name": "b", "rule": wrong})
        assert response.status_code == 400
        assert pinterest_error(response)["code"] == 1
        assert pinterest.get(path).content == before


def test_the_match_rate_says_who_of_a_list_is_known(start: Callable[..., MockServer]) -> None:
    """A person of a list is matched by the digest that stands for them, so a test can know it beforehand."""
    addresses = people(200).split(",")
    limit = round(0.3 * (1 << 32))
    expected = sum(int.from_bytes(digests_of_plain(one.encode())[0][-4:], "big") < limit for one in addresses)
    mock = start(match_rate=0.3)
    mock.world.clock.freeze()
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        assert size(mock, client, create_customer_list(client, *addresses)) == expected
    assert 0 < expected < 200


@pytest.fixture
def seeded(start: Callable[..., MockServer], tmp_path: Path) -> Iterator[tuple[MockServer, httpx.Client]]:
    """A server where Ann alone is known, whose seed has lists with her in them."""
    content = {
        "people": [ANN],
        "customer_lists": [
            {"account": AD_ACCOUNT, "name": "Forms", "records": [ANN, MD5, SHA1, SHA256, "bob@example.com"]},
            {"id": "5500000", "account": AD_ACCOUNT, "name": "Held", "status": "UPLOADING", "is_nca": True},
            {"account": AD_ACCOUNT, "name": "Large", "unnamed_people": 5000, "records": [MD5]},
        ],
        "audiences": [
            {
                "api": "pinterest",
                "account": AD_ACCOUNT,
                "kind": "CUSTOMER_LIST",
                "name": "Large",
                "definition": {"customer_list_id": "5500001"},
                "customer_list": "5500001",
            }
        ],
    }
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(content))
    mock = start(seed=str(file), match_rate=0)
    mock.world.clock.freeze()
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        yield mock, client


def test_lists_can_be_seeded(seeded: tuple[MockServer, httpx.Client]) -> None:
    """Seeded lists have their people in any form, matched by what the seed knows, and can be changed."""
    mock, client = seeded
    forms, held, large = client.get(LISTS).json()["items"]
    assert [forms["id"], held["id"], large["id"]] == ["5497558", "5500000", "5500001"]
    assert [item["status"] for item in (forms, held, large)] == ["TOO_SMALL", "UPLOADING", "READY"]
    assert [item["num_uploaded_user_records"] for item in (forms, held, large)] == [5, 0, 5001]
    assert held["is_nca"] is True
    (audience,) = client.get(AUDIENCES).json()["items"]
    assert (audience["size"], audience["status"]) == (5001, "READY")
    change(client, large["id"], "REMOVE", records=ANN)
    assert client.get(f"{AUDIENCES}/{audience['id']}").json()["size"] == 5000
    assert size(mock, client, forms["id"]) == 1
    change(client, forms["id"], "REMOVE", records=SHA1)
    assert size(mock, client, forms["id"]) == 0
    assert create(client)["id"] == "5500002"


def test_a_large_body_of_records_blocks_no_request(mock: MockServer, pinterest: httpx.Client) -> None:
    """200,000 hashed records, over 12 MiB, make a list; other requests are answered meanwhile."""
    hashes = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(200_000)]
    body = json.dumps({"name": "a", "records": ",".join(hashes)}).encode()
    sending = threading.Event()
    sending.set()
    answered_meanwhile: list[int] = []

    def ask_meanwhile() -> None:
        with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
            while sending.is_set():
                status = client.get(AUDIENCES).status_code
                if sending.is_set():
                    answered_meanwhile.append(status)

    asking = threading.Thread(target=ask_meanwhile)
    asking.start()
    try:
        response = pinterest.post(
            LISTS, content=body, headers={"Content-Type": "application/json"}, timeout=60
        )
    finally:
        sending.clear()
        asking.join()
    assert response.status_code == 201, response.text
    assert response.json()["num_uploaded_user_records"] == 200_000
    assert size(mock, pinterest, response.json()["id"]) == 200_000
    assert set(answered_meanwhile) == {200}


def test_a_body_of_records_has_a_limit_of_its_own(pinterest: httpx.Client) -> None:
    """Over 32 MiB, or 100,000 rows, a list is rejected; other bodies keep their limit of 1 MiB."""
    large = b'{"name":"a","records":"%b"}' % (b"x" * (32 << 20))
    rows = b'{"name":"a","records_v2":[%b]}' % b",".join([b"{}"] * 100_000)
    for path, content, status in (
        (LISTS, large, 413),
        (LISTS, rows, 400),
        (AUDIENCES, large[: 2 << 20], 413),
    ):
        response = pinterest.post(path, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == status
        assert pinterest_error(response)["code"] == 1
    fits = b'{"name":"a","records_v2":[%b]}' % b",".join([b"{}"] * 20_000)
    made = pinterest.post(LISTS, content=fits, headers={"Content-Type": "application/json"})
    assert made.json()["num_uploaded_user_records"] == 20_000
