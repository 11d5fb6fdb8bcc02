"""Several servers behind nginx, each with the worlds of some tenants: deploy/nginx/shards.conf."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.installed_proxies import Proxy, find, nginx

Start = Callable[..., MockServer]
pytestmark = pytest.mark.skipif(
    find("nginx") is None, reason="nginx is not installed (Debian: apt-get install nginx)"
)
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
TENANTS = [f"team-{letter}" for letter in "abcdefghijkl"]
SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}


@pytest.fixture
def shards(start: Start, tmp_path: Path) -> list[MockServer]:
    """Two servers over a file each, as they run in production."""
    return [
        start(trusted_proxies="127.0.0.1", database=f"sqlite:///{tmp_path}/{name}.db")
        for name in ("first", "second")
    ]


@pytest.fixture
def proxy(shards: list[MockServer], tmp_path: Path) -> Iterator[Proxy]:
    with nginx(tmp_path, [shard.url for shard in shards]) as running:
        yield running


@pytest.fixture
def client(proxy: Proxy) -> Iterator[httpx.Client]:
    with httpx.Client(
        verify=proxy.trusting, trust_env=False, base_url=proxy.url, headers=PINTEREST_TOKEN
    ) as client:
        yield client


def names(call: Callable[..., httpx.Response], world: str) -> Iterator[httpx.Response]:
    """The list of audiences, asked for by each way to name a world, and by several at once: of path, header
    and token, the first counts."""
    path = f"/worlds/{world}{AUDIENCES}"
    header = {"X-Audience-Mock-World": world}
    token = {"Authorization": f"Bearer pina_anything~{world}"}
    other = {"Authorization": "Bearer pina_anything~other-tenant"}
    yield call("GET", path)
    yield call("GET", AUDIENCES, headers=header)
    yield call("GET", AUDIENCES, headers=token)
    yield call("GET", AUDIENCES, headers={"Authorization": f"Bearer pina~any~{world}=="})
    yield call("GET", path.replace("team", "te%61m"))
    yield call("GET", path, headers={"X-Audience-Mock-World": "other-tenant", **other})
    yield call("GET", AUDIENCES, headers=header | other)


def worlds_of(shard: MockServer) -> set[str]:
    return set(httpx.get(f"{shard.url}/__admin/worlds").json()["worlds"])


def test_a_tenant_sticks_to_one_shard(shards: list[MockServer], client: httpx.Client) -> None:
    """Each world of a tenant is found by path, header and token alike, on the one server that has all worlds
    of the tenant; each server has some tenants."""
    for tenant in TENANTS:
        for world in (tenant, f"{tenant}.green", f"{tenant}.blue.1"):
            made = client.post(f"/worlds/{world}{AUDIENCES}", json=SAVERS)
            assert made.status_code == 201
            for response in names(client.request, world):
                assert [item["id"] for item in response.json()["items"]] == [made.json()["id"]]
    first, second = ({name.partition(".")[0] for name in worlds_of(shard)} for shard in shards)
    assert first & second == {"default"}, "which every server has"
    assert first | second == {*TENANTS, "default"}
    assert len(first) > 1
    assert len(second) > 1


def test_requests_that_name_no_world_share_a_shard(shards: list[MockServer], client: httpx.Client) -> None:
    """`default` is a tenant as any other, whether it is named or not."""
    made = client.post(AUDIENCES, json=SAVERS).json()["id"]
    for path, headers in (
        (AUDIENCES, {}),
        (f"/worlds/default{AUDIENCES}", {}),
        (AUDIENCES, {"X-Audience-Mock-World": "default"}),
        (AUDIENCES, {"Authorization": "Bearer pina_anything~default"}),
    ):
        assert [item["id"] for item in client.get(path, headers=headers).json()["items"]] == [made]


def test_upload_parts_reach_the_shard_of_their_upload(client: httpx.Client) -> None:
    """The URL of a part names the world in its path, also where the upload was made by header or token."""
    for tenant in TENANTS[:4]:
        headers = {"Authorization": f"Bearer pina_anything~{tenant}"}
        lists = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
        made = client.post(lists, json={"name": "l", "records": "a@example.com"}, headers=headers)
        upload = client.post(
            f"{lists}/{made.json()['id']}/uploads",
            json={"operation": "ADD", "total_parts": 1},
            headers=headers,
        )
        (part,) = upload.json()["s3_multipart_upload_data"]["file_parts"]
        assert f"/worlds/{tenant}/v5/__uploads/" in part["presigned_url"]
        assert client.put(part["presigned_url"], content=b"ann@example.com").status_code == 200


def test_a_shard_that_is_down_hands_nothing_over(start: Start, tmp_path: Path) -> None:
    """While a server is down its tenants get 502, as often as they ask; the other's go on, and none of the
    missing worlds appears there."""
    second = start(trusted_proxies="127.0.0.1")
    with ExitStack() as opened:
        with MockServer(trusted_proxies="127.0.0.1") as first:
            proxy = opened.enter_context(nginx(tmp_path, [first.url, second.url]))
            client = opened.enter_context(
                httpx.Client(
                    verify=proxy.trusting, trust_env=False, base_url=proxy.url, headers=PINTEREST_TOKEN
                )
            )
            for tenant in TENANTS:
                assert client.get(f"/worlds/{tenant}{AUDIENCES}").status_code == 200
            lost, kept = worlds_of(first) - {"default"}, worlds_of(second)
            assert lost
        for tenant in TENANTS * 3:
            status = client.get(f"/worlds/{tenant}{AUDIENCES}").status_code
            assert status == (502 if tenant in lost else 200)
        assert worlds_of(second) == kept


def test_the_control_api_is_called_at_the_world_of_the_tenant(start: Start, tmp_path: Path) -> None:
    """With the control API open at the proxy, a call about a world goes to its tenant's server, by either
    path. A list has the worlds of the server that answers, no others."""
    authorized = {"Authorization": "Bearer open-sesame"}
    shards = [start(admin_token="open-sesame", trusted_proxies="127.0.0.1") for _ in range(2)]
    with (
        nginx(tmp_path, [shard.url for shard in shards], inside=False) as proxy,
        httpx.Client(
            verify=proxy.trusting, trust_env=False, base_url=proxy.url, headers=authorized
        ) as client,
    ):
        assert client.get("/__admin/worlds", headers={"Authorization": "Bearer other"}).status_code == 401
        for tenant in TENANTS:
            worlds = {f"{tenant}.green", f"{tenant}.blue"}
            for path in ("/__admin/worlds", f"/worlds/{tenant}/__admin/worlds"):
                put = client.put(f"{path}/{tenant}.green", json={"settings": {"build_delay_s": 0}})
                assert put.is_success, put.text
            forked = client.post(f"/__admin/worlds/{tenant}.green/fork", json={"name": f"{tenant}.blue"})
            assert forked.is_success, forked.text
            assert worlds <= set(client.get(f"/worlds/{tenant}/__admin/worlds").json()["worlds"])
    first, second = (
        {
            name.partition(".")[0]
            for name in httpx.get(f"{shard.url}/__admin/worlds", headers=authorized).json()["worlds"]
        }
        - {"default"}
        for shard in shards
    )
    assert first.isdisjoint(second)
    assert first | second == set(TENANTS)
