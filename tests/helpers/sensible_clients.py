"""Clients that do the same things as the misbehaving ones, as one should: no rule may find anything."""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import httpx

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.misbehaving_clients import (
    ACCOUNT,
    APP,
    VISITORS,
    create_list,
    hashes,
    pinterest,
    pitchtarget,
    seed_audiences,
    upload_file,
)

TOP = Path(__file__).parents[2]
OFFICIAL_CLIENT = Path(sys.prefix) / "official_client"


def the_sync_job_of_the_guide(mock: MockServer) -> None:
    """`docs/guides/sync-job.md`: lists, batches, a rate limit, a minute between polls, and paging."""
    from samples import blocks

    text = (TOP / "docs/guides/sync-job.md").read_text()
    code = next(block.code for block in blocks(text) if block.title == "sync_job.py")
    job_module: dict[str, Any] = {}
    exec(compile(code, "sync_job.py", "exec"), job_module)
    mock.clock.freeze()
    mock.configure(build_delay_s=600)
    job = job_module["SyncJob"](
        mock.urls.pinterest,
        AD_ACCOUNT,
        app=APP,
        refresh_token="pinr_mock.ads:read+ads:write",
        sleep=mock.clock.advance,
    )
    mock.faults.add("customer_lists/update", limit_window_s=30)
    assert job.run("Newsletter", hashes(range(250)), batch_size=100)["status"] == "READY"
    seed_audiences(mock, 60)
    assert len(list(job.audiences())) == 61
    mock.clock.advance(31 * 86_400)
    assert len(list(job.audiences())) == 61
    job._http.close()


def the_official_client(mock: MockServer) -> None:
    """`pinterest-api-sdk`, which reads after each create and change, in a process of its own."""
    code = f"""
from pinterest.ads.audiences import Audience
from pinterest.ads.customer_lists import CustomerList
from pinterest.client import PinterestSDKClient

PinterestSDKClient.create_default_client()
people = CustomerList.create(ad_account_id="{AD_ACCOUNT}", name="News", records="ann@example.com")
for person in ("bob", "cyd", "dan", "eve", "fay"):
    people.add_record(person + "@example.com")
people.remove_record("ann@example.com")
for kind, rule in {{
    "CUSTOMER_LIST": {{"customer_list_id": people.id}},
    "ENGAGEMENT": {{"engager_type": 1}},
    "VISITOR": {{"visitor_source_id": "2612523499806", "retention_days": 30}},
}}.items():
    made = Audience.create(ad_account_id="{AD_ACCOUNT}", name=kind, audience_type=kind, rule=rule)
    for days in (7, 30, 90, 180):
        made.update_fields(name=f"All {{kind}}", description=f"The last {{days}} days")
page, bookmark = Audience.get_all(ad_account_id="{AD_ACCOUNT}", page_size=2)
while bookmark is not None:
    page, bookmark = bookmark.get_next()
"""
    with tempfile.TemporaryDirectory() as parent:
        bare = Path(parent) / "bare"  # the client reads any config.json beneath the parent of its directory
        bare.mkdir()
        environment = os.environ | {
            "PYTHONPATH": str(OFFICIAL_CLIENT),
            "PINTEREST_API_URI": mock.pinterest_url,
            "PINTEREST_ACCESS_TOKEN": "pina_test",
        }
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=bare,
            check=True,
            timeout=60,
            capture_output=True,
        )


def the_generated_client(mock: MockServer) -> None:
    """`pinterestsdk`, generated from Pinterest's newest description."""
    import pinterestsdk as sdk

    client = sdk.ApiClient(sdk.Configuration(host=mock.pinterest_url, access_token="pina_test"))
    api = sdk.AudiencesApi(client)
    seed_audiences(mock, 30)
    rule = {"visitor_source_id": "2612523499806"}
    body: Any = {"ad_account_id": AD_ACCOUNT, "name": "Buyers", "audience_type": "VISITOR", "rule": rule}
    made = api.audiences_create(AD_ACCOUNT, body)
    assert api.audiences_get(made.id, AD_ACCOUNT).name == "Buyers"
    page = api.audiences_list(AD_ACCOUNT, page_size=20)
    while page.bookmark is not None:
        page = api.audiences_list(AD_ACCOUNT, page_size=20, bookmark=page.bookmark)
    client.rest_client.pool_manager.clear()


def a_concurrent_client(mock: MockServer) -> None:
    """Ten tasks that create and read at once, over connections that are kept."""

    async def run() -> None:
        async with httpx.AsyncClient(base_url=mock.urls.pinterest, headers=PINTEREST_TOKEN) as client:

            async def one(number: int) -> None:
                body = VISITORS | {"name": f"Visitors {number}"}
                made = (await client.post(f"{ACCOUNT}/audiences", json=body)).json()["id"]
                await client.get(f"{ACCOUNT}/audiences/{made}")
                await client.patch(f"{ACCOUNT}/audiences/{made}", json={"description": "new"})
                await client.get(f"{ACCOUNT}/audiences/{made}")

            await asyncio.gather(*map(one, range(10)))

    asyncio.run(run())


def a_client_that_backs_off(mock: MockServer) -> None:
    """It doubles its pauses, with chance in them, after errors and between polls, and looks before it
    creates once more."""
    mock.clock.freeze()
    mock.configure(build_delay_s=3600)
    mock.faults.add("audiences/create", answer_lost=True, first=1)
    mock.faults.add("audiences/list", status=503, first=4)
    chance = random.Random(7)
    with pinterest(mock) as client:
        with suppress(httpx.TransportError):
            client.post(f"{ACCOUNT}/audiences", json=VISITORS)
        pause_s = 1.0
        while (listed := client.get(f"{ACCOUNT}/audiences?page_size=250")).status_code != 200:
            mock.clock.advance(pause_s * chance.uniform(0.5, 1))
            pause_s *= 2
        found = [one["id"] for one in listed.json()["items"] if one["name"] == VISITORS["name"]]
        assert len(found) == 1
        pause_s = 2.0
        while client.get(f"{ACCOUNT}/audiences/{found[0]}").json()["status"] == "INITIALIZING":
            mock.clock.advance(pause_s)
            pause_s = min(pause_s * 2, 300)


def a_client_that_waits_for_its_limit(mock: MockServer) -> None:
    """Pinterest's published limits, used up and kept to."""
    mock.clock.freeze()
    mock.configure(rate_limits="standard")
    with pinterest(mock) as client:
        for number in range(105):
            path = f"{ACCOUNT}/audiences/{2542623499806 + number}"
            while (response := client.get(path)).status_code == 429:
                mock.clock.advance(int(response.headers["x-ratelimit-reset"]))


def a_search(mock: MockServer) -> None:
    """It reads pages until it has found one name, and works on that."""
    seed_audiences(mock, 60)
    with pinterest(mock) as client:
        bookmark = ""
        for _ in range(2):
            page = client.get(f"{ACCOUNT}/audiences", params={"bookmark": bookmark}).json()
            bookmark = page["bookmark"]
        (found,) = (one["id"] for one in page["items"] if one["name"] == "Savers 33")
        client.patch(f"{ACCOUNT}/audiences/{found}", json={"name": "Found"})


def a_script_with_the_standard_library(mock: MockServer) -> None:
    """PitchTarget's API by urllib: lookalikes, all pages of the list, and what is there deleted."""

    def call(method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = PITCHTARGET_TOKEN | ({} if body is None else {"Content-Type": "application/json"})
        with urlopen(Request(mock.urls.pitchtarget + path, data, headers, method=method)) as response:
            received = response.read()
        return json.loads(received) if received else None

    for number in range(12):
        rule = {"subtype": "WEBSITE", "retention_days": 15, "rule": '{"url":{"i_contains":"cart"}}'}
        call("POST", "/custom_audiences", {"fb_ad_account_id": "2", "name": f"Cart {number}", **rule})
    audiences: list[Any] = []
    total, page = 1, 1
    while len(audiences) < total:
        listed = call("GET", f"/custom_audiences?fb_ad_account_id=2&page={page}&subtype={quote('WEBSITE')}")
        audiences += listed["custom_audiences"]
        total, page = listed["meta"]["total"], page + 1
    for audience in audiences:
        call("DELETE", f"/custom_audiences/{audience['id']}")


def an_uploader_of_files(mock: MockServer) -> None:
    """Hashes to PitchTarget's API, in a file and more of them in the next one."""
    with pitchtarget(mock) as client:
        made = upload_file(client, hashes(range(200))).json()["fb_custom_audience"]["id"]
        more = {"file": ("more.csv", "\n".join(hashes(range(200, 300))).encode(), "text/csv")}
        assert client.put(f"/custom_audiences/{made}", files=more).status_code == 200
        phones = [f"4670174{number:04}" for number in range(50)]
        upload_file(client, phones, user_type="custom_audience_third_party_id", name="Ids")


def an_upload_in_parts(mock: MockServer) -> None:
    """Records to Pinterest's API: a list, a batch, a correction, and a file in one part."""
    with pinterest(mock) as client:
        made = create_list(client, ["ann@example.com", *hashes(range(10))])
        path = f"{ACCOUNT}/customer_lists/{made}"
        for action, numbers in (("ADD", range(10, 20)), ("REMOVE", range(5)), ("ADD", range(3))):
            body = {"operation_type": action, "records": ",".join(hashes(numbers))}
            assert client.patch(path, json=body).status_code == 200
        upload = client.post(f"{path}/uploads", json={"operation": "ADD", "total_parts": 1}).json()
        (part,) = upload["s3_multipart_upload_data"]["file_parts"]
        content = "\n".join(hashes(range(20, 90))).encode()
        assert httpx.put(part["presigned_url"], content=content).status_code == 200
        assert client.post(f"{path}/uploads/{upload['customer_list_upload']['id']}/run").status_code == 200


def a_web_application(mock: MockServer) -> None:
    """People who log in by a code, a token each; a page that lists, opens and reloads."""
    with httpx.Client(base_url=mock.urls.pinterest) as client:
        for user in range(3):
            form = {
                "continuous_refresh": "true",
                "client_id": APP[0],
                "grant_type": "authorization_code",
                "code": f"code{user}",
                "redirect_uri": "https://a.example",
            }
            token = client.post("/oauth/token", data=form, auth=APP).json()["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            for _ in range(3):
                assert client.get(
                    f"{ACCOUNT}/audiences?page_size=50&order=DESCENDING&_=1795305607", headers=bearer
                ).is_success
            body = {"name": f"Buyers {user}", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
            assert client.post(f"{ACCOUNT}/audiences", json=body, headers=bearer).status_code == 201
            form = {"token": token}
            assert client.post("/oauth/token/revoke", data=form, auth=APP).is_success


def _token(client: httpx.Client, **form: str) -> dict[str, Any]:
    response = client.post("/oauth/token", data=form, auth=APP)
    assert response.is_success, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


def processes_of_one_app(mock: MockServer) -> None:
    """Each starts with a token of its own, and all go on with theirs."""
    with httpx.Client(base_url=mock.urls.pinterest) as client:
        tokens = [_token(client, grant_type="client_credentials", scope="ads:read") for _ in range(4)]
        for path in ("audiences", "audiences?page_size=50"):
            for each in tokens:
                bearer = {"Authorization": f"Bearer {each['access_token']}"}
                assert client.get(f"{ACCOUNT}/{path}", headers=bearer).is_success


def a_monthly_job_for_many_people(mock: MockServer) -> None:
    """It refreshes the token of each of them, shortly before it ends, for the one call that each needs."""
    mock.clock.freeze()
    with httpx.Client(base_url=mock.urls.pinterest) as client:
        login = {"grant_type": "authorization_code", "redirect_uri": "https://a.example"}
        refresh = [_token(client, **login, code=f"code{user}")["refresh_token"] for user in range(4)]
        mock.clock.advance(29 * 86_400)
        for each in refresh:
            token = _token(client, grant_type="refresh_token", refresh_token=each)["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            assert client.get(f"{ACCOUNT}/audiences", headers=bearer).is_success


def reads_while_writes_are_limited(mock: MockServer) -> None:
    """Sizing is a read that is sent by POST, and HEAD is a read: neither counts as a write."""
    mock.faults.add("audiences/create", limit_window_s=30)
    mock.clock.freeze()
    with pinterest(mock) as client:
        assert client.post(f"{ACCOUNT}/audiences", json=VISITORS).status_code == 429
        mock.clock.advance(1)
        assert client.post(f"{ACCOUNT}/ad_groups/audience_sizing", json={}).is_success
        assert client.head(f"{ACCOUNT}/audiences").is_success
        mock.clock.advance(30)
        client.get(f"{ACCOUNT}/audiences")
        assert client.post(f"{ACCOUNT}/audiences", json=VISITORS).status_code == 201


CLIENTS: list[Callable[[MockServer], None]] = [
    the_sync_job_of_the_guide,
    the_official_client,
    the_generated_client,
    a_concurrent_client,
    a_client_that_backs_off,
    a_client_that_waits_for_its_limit,
    a_search,
    a_script_with_the_standard_library,
    an_uploader_of_files,
    an_upload_in_parts,
    a_web_application,
    processes_of_one_app,
    a_monthly_job_for_many_people,
    reads_while_writes_are_limited,
]
