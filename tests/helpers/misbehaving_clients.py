"""Clients that each break one rule of the conduct report, over real HTTP."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE_FIELDS

ACCOUNT = f"/ad_accounts/{AD_ACCOUNT}"
VISITORS = {"name": "A", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
APP = ("1234567", "secret")


def pinterest(mock: Any) -> httpx.Client:
    return httpx.Client(base_url=mock.urls.pinterest, headers=PINTEREST_TOKEN)


def pitchtarget(mock: Any) -> httpx.Client:
    return httpx.Client(base_url=mock.urls.pitchtarget, headers=PITCHTARGET_TOKEN)


def seed_audiences(mock: Any, count: int) -> list[str]:
    audience = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "ENGAGEMENT", "definition": {}}
    rows = [{**audience, "name": f"Savers {number}"} for number in range(count)]
    ids: list[str] = mock.seed({"audiences": rows})["ids"]["audiences"]
    return ids


def hashes(numbers: Iterable[int]) -> list[str]:
    return [hashlib.sha256(f"{number}@a.example".encode()).hexdigest() for number in numbers]


def create_list(client: httpx.Client, records: Iterable[str], name: str = "Newsletter") -> str:
    made = client.post(f"{ACCOUNT}/customer_lists", json={"name": name, "records": ",".join(records)})
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    return id


def upload_file(client: httpx.Client, lines: Iterable[str], **fields: str) -> httpx.Response:
    file = {"file": ("users.csv", "".join(f"{line}\n" for line in lines).encode(), "text/csv")}
    made = client.post("/custom_audiences", data=FILE_FIELDS | fields, files=file)
    assert made.status_code == 201, made.text
    return made


def ignores_the_reset(mock: MockServer) -> None:
    mock.faults.add("audiences/list", limit_window_s=60)
    with pinterest(mock) as client:
        for _ in range(2):
            assert client.get(f"{ACCOUNT}/audiences").status_code == 429


def retries_without_pause(mock: MockServer) -> None:
    mock.faults.add("audiences/list", status=503, first=3)
    with pinterest(mock) as client:
        while client.get(f"{ACCOUNT}/audiences").status_code == 503:
            pass


def retries_a_create(mock: MockServer) -> None:
    mock.faults.add("audiences/create", status=500, first=1)
    with pinterest(mock) as client:
        for status in (500, 201):
            assert client.post(f"{ACCOUNT}/audiences", json=VISITORS).status_code == status


def polls_too_fast(mock: MockServer) -> None:
    with pinterest(mock) as client:
        made = client.post(f"{ACCOUNT}/audiences", json=VISITORS).json()["id"]
        for _ in range(5):
            assert client.get(f"{ACCOUNT}/audiences/{made}").json()["status"] == "INITIALIZING"


def polls_without_backoff(mock: MockServer) -> None:
    mock.clock.freeze()
    with pinterest(mock) as client:
        mock.configure(audience_ready="by_hand")
        made = client.post(f"{ACCOUNT}/audiences", json=VISITORS).json()["id"]
        for _ in range(12):
            mock.clock.advance(5)
            client.get(f"{ACCOUNT}/audiences/{made}")


def leaves_pages_unread(mock: MockServer) -> None:
    seed_audiences(mock, 30)
    with pinterest(mock) as client:
        page = client.get(f"{ACCOUNT}/audiences").json()
        for audience in page["items"][:3]:
            client.patch(f"{ACCOUNT}/audiences/{audience['id']}", json={"operation_type": "REMOVE"})


def alters_a_bookmark(mock: MockServer) -> None:
    seed_audiences(mock, 30)
    with pinterest(mock) as client:
        bookmark = client.get(f"{ACCOUNT}/audiences").json()["bookmark"]
        assert client.get(f"{ACCOUNT}/audiences?bookmark={bookmark[::-1]}").status_code == 400
        assert client.get(f"{ACCOUNT}/audiences?bookmark={bookmark}").status_code == 200


def reads_small_pages(mock: MockServer) -> None:
    seed_audiences(mock, 30)
    with pinterest(mock) as client:
        bookmark: str | None = ""
        while bookmark is not None:
            query = {"page_size": "5", "bookmark": bookmark}
            bookmark = client.get(f"{ACCOUNT}/audiences", params=query).json()["bookmark"]


def reads_a_list_again(mock: MockServer) -> None:
    with pitchtarget(mock) as client:
        for _ in range(6):
            assert client.get("/custom_audiences?fb_ad_account_id=2").status_code == 200


def refreshes_too_early(mock: MockServer) -> None:
    token = "pinr_mock.ads:read+ads:write"
    with pinterest(mock) as client:
        for _ in range(3):
            form = {"grant_type": "refresh_token", "refresh_token": token}
            tokens = client.post("/oauth/token", data=form, auth=APP).json()
            token = tokens["refresh_token"]
            for path in ("audiences", "customer_lists"):
                bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
                assert client.get(f"{ACCOUNT}/{path}", headers=bearer).status_code == 200


def refreshes_too_late(mock: MockServer) -> None:
    mock.clock.freeze()
    with pinterest(mock) as client:
        form = {"grant_type": "refresh_token", "refresh_token": "pinr_mock.ads:read"}
        tokens = client.post("/oauth/token", data=form, auth=APP).json()
        mock.clock.advance(31 * 86_400)
        for path in ("audiences", "customer_lists", "audiences/1", "customer_lists/1"):
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            assert client.get(f"{ACCOUNT}/{path}", headers=bearer).status_code == 401


def asks_for_a_token_each_time(mock: MockServer) -> None:
    with pinterest(mock) as client:
        for path in ("audiences", "audience_insights", "insights/audiences", "audiences/1"):
            form = {"grant_type": "client_credentials", "scope": "ads:read"}
            token = client.post("/oauth/token", data=form, auth=APP).json()["access_token"]
            client.get(f"{ACCOUNT}/{path}", headers={"Authorization": f"Bearer {token}"})


def misspells_a_field(mock: MockServer) -> None:
    with pinterest(mock) as client:
        rule = VISITORS["rule"] | {"retention_day": 30}  # type: ignore[operator]
        made = client.post(f"{ACCOUNT}/audiences", json=VISITORS | {"rule": rule})
        assert made.status_code == 201


def sends_plain_addresses(mock: MockServer) -> None:
    with pitchtarget(mock) as client:
        upload_file(client, ["anna@example.com", *hashes(range(5))])


def sends_a_person_twice(mock: MockServer) -> None:
    with pinterest(mock) as client:
        made = create_list(client, hashes(range(5)))
        body = {"operation_type": "ADD", "records": ",".join(hashes(range(4, 8)))}
        assert client.patch(f"{ACCOUNT}/customer_lists/{made}", json=body).status_code == 200


def sends_a_large_batch(mock: MockServer) -> None:
    with pinterest(mock) as client:
        create_list(client, hashes(range(1)) * 1 + [f"{number}@a.example" for number in range(110_000)])


def makes_small_parts(mock: MockServer) -> None:
    with pinterest(mock) as client:
        made = create_list(client, hashes(range(1)))
        path = f"{ACCOUNT}/customer_lists/{made}/uploads"
        upload = client.post(path, json={"operation": "ADD", "total_parts": 2}).json()
        for part, line in zip(upload["s3_multipart_upload_data"]["file_parts"], ("b", "c"), strict=True):
            assert httpx.put(part["presigned_url"], content=f"{line}@a.example\n").status_code == 200
        assert client.post(f"{path}/{upload['customer_list_upload']['id']}/run").status_code == 200


CLIENTS: dict[str, Callable[[MockServer], None]] = {
    "AM101": ignores_the_reset,
    "AM102": retries_without_pause,
    "AM103": retries_a_create,
    "AM201": polls_too_fast,
    "AM202": polls_without_backoff,
    "AM203": leaves_pages_unread,
    "AM204": alters_a_bookmark,
    "AM205": reads_small_pages,
    "AM206": reads_a_list_again,
    "AM301": refreshes_too_early,
    "AM302": refreshes_too_late,
    "AM303": asks_for_a_token_each_time,
    "AM401": misspells_a_field,
    "AM402": sends_plain_addresses,
    "AM403": sends_a_person_twice,
    "AM404": sends_a_large_batch,
    "AM501": makes_small_parts,
}
"""By the rule that it breaks, and breaks alone."""
