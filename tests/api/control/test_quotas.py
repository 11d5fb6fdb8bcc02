"""Quotas: what is over one is rejected as the API rejects, logged with quota and tenant, and bothers nobody
else."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.control import state
from audience_mock.core.errors import NotFoundError, QuotaExceededError, StorageQuotaExceededError
from audience_mock.core.worlds.tenants import Tenants
from audience_mock.testing import MockServer
from audience_mock.web.mounting import ProviderMount
from audience_mock.web.provider_app import ProviderApp
from audience_mock.web.request_quotas import RequestQuotas
from audience_mock.web.turns import Turns
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error
from helpers.tenants import OPERATOR, bearer, two_teams, write_tenants
from helpers.waiting import until

ACCOUNT = f"/v5/ad_accounts/{AD_ACCOUNT}"
AUDIENCES, LISTS = f"{ACCOUNT}/audiences", f"{ACCOUNT}/customer_lists"
SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
PEOPLE = {"name": "n", "records": "a@a.example\nb@b.example", "list_type": "EMAIL"}
CODE = {"grant_type": "authorization_code", "redirect_uri": "https://a.example"}
ADMIN = bearer("team-a-admin")

Start = Callable[..., MockServer]


@pytest.fixture
def limited(start: Start, tmp_path: Path) -> Callable[..., MockServer]:
    """Starts a server whose team a has these quotas; `server` are those of all."""

    def started(server: dict[str, int] | None = None, /, **quotas: int) -> MockServer:
        file = write_tenants(
            tmp_path / "t.toml",
            server={"quotas": server or {}},
            defaults={"quotas": {}},
            tenants=two_teams(quotas=quotas),
        )
        return start(tenants=file, admin_token=OPERATOR)

    return started


def create(mock: MockServer, world: str, path: str = AUDIENCES, body: Any = SAVERS) -> httpx.Response:
    return httpx.post(f"{mock.url}/worlds/{world}{path}", json=body, headers=PINTEREST_TOKEN)


def control(mock: MockServer, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, mock.url + path, json=body, headers=ADMIN)


def upload_to(mock: MockServer, world: str, users: int) -> httpx.Response:
    return httpx.post(
        f"{mock.url}/worlds/{world}/custom_audiences",
        data={"fb_ad_account_id": "2", "name": "n", "user_type": "fbid", "description": "d"}
        | {"opt_out_link": "http://a.example"},
        files={"file": ("u.csv", b"".join(b"%d\n" % number for number in range(1, users + 1)))},
        headers=PITCHTARGET_TOKEN,
    )


def test_worlds(limited: Callable[..., MockServer], caplog: pytest.LogCaptureFixture) -> None:
    """A tenant makes no more worlds than its quota, by no way; the log names quota and tenant; others make
    theirs; a deleted world makes room."""
    mock = limited(worlds=2)
    for world in ("team-a", "team-a.1", "team-b.1", "team-b.2", "team-b.3"):
        assert create(mock, world).status_code == 201
    with caplog.at_level(logging.INFO, "audience_mock"):
        refused = (
            create(mock, "team-a.2"),
            control(mock, "PUT", "/__admin/worlds/team-a.2", {}),
            control(mock, "POST", "/__admin/worlds/team-a/fork", {"name": "team-a.2"}),
            control(mock, "POST", "/worlds/team-a.2/__admin/reset"),
        )
        for answer in refused:
            assert "tenant team-a may have 2 worlds at most" in control_error(answer, 429)["error"]
    assert sum("quota worlds=2 of tenant team-a" in each.getMessage() for each in caplog.records) == 4
    assert control(mock, "GET", "/__admin/worlds").json() == {"worlds": ["team-a", "team-a.1"]}
    assert control(mock, "DELETE", "/__admin/worlds/team-a.1").status_code == 204
    assert create(mock, "team-a.2").status_code == 201


def test_audiences_of_both_apis_in_all_worlds(limited: Callable[..., MockServer]) -> None:
    """Audiences of both APIs and of all worlds of the tenant count together, and each API has its own 429."""
    mock = limited(audiences=3)
    assert create(mock, "team-a.1").status_code == 201
    assert create(mock, "team-a.2").status_code == 201
    assert upload_to(mock, "team-a.2", 3).status_code == 201
    refused = create(mock, "team-a.3")
    assert (refused.status_code, refused.json()["code"]) == (429, 8)
    refused = upload_to(mock, "team-a.1", 3)
    assert (refused.status_code, refused.json()) == (429, {"errors": {"base": ["Too Many Requests"]}})
    assert create(mock, "team-b.1").status_code == 201
    seed = {"api": "pinterest", "id": "1", "account": AD_ACCOUNT, "kind": "ENGAGEMENT", "name": "b"}
    refused = control(mock, "POST", "/worlds/team-a.3/__admin/seed", {"audiences": [seed]})
    assert "3 audiences at most" in control_error(refused, 429)["error"]
    assert control(mock, "POST", "/worlds/team-a.2/__admin/reset").status_code == 204
    assert create(mock, "team-a.3").status_code == 201


def test_what_makes_nothing_more_passes(limited: Callable[..., MockServer]) -> None:
    """At its quota, a tenant reads, changes and deletes, and what it deleted makes room."""
    mock = limited(audiences=1)
    made = create(mock, "team-a").json()["id"]
    url = f"{mock.url}/worlds/team-a{AUDIENCES}/{made}"
    assert httpx.get(url, headers=PINTEREST_TOKEN).status_code == 200
    changed = httpx.patch(url, headers=PINTEREST_TOKEN, json={"name": "Other", "operation_type": "UPDATE"})
    assert changed.status_code == 200, changed.text
    assert create(mock, "team-a").status_code == 429
    removed = httpx.patch(url, headers=PINTEREST_TOKEN, json={"operation_type": "REMOVE"})
    assert removed.status_code == 200, removed.text
    control(mock, "POST", "/worlds/team-a/__admin/reset")
    assert create(mock, "team-a").status_code == 201


def test_lists_and_uploads_that_were_not_run(limited: Callable[..., MockServer]) -> None:
    """Customer lists, and uploads to them that nobody ran, have a quota each."""
    mock = limited(lists=1, uploads=1)
    made = create(mock, "team-a", LISTS, PEOPLE)
    assert made.status_code in (200, 201), made.text
    assert create(mock, "team-a.2", LISTS, PEOPLE).status_code == 429
    uploads = f"{LISTS}/{made.json()['id']}/uploads"
    body = {"operation": "ADD", "total_parts": 1}
    answers = [create(mock, "team-a", uploads, body) for _ in range(2)]
    assert answers[0].status_code in (200, 201), answers[0].text
    assert answers[1].status_code == 429


def test_tokens(limited: Callable[..., MockServer]) -> None:
    """Tokens that a world issued have a quota; a code that was rejected for it can be used later."""
    mock = limited(tokens=3)

    def redeem(code: str) -> int:
        url = f"{mock.url}/worlds/team-a/v5/oauth/token"
        return httpx.post(url, data={**CODE, "code": code}, auth=("1", "s")).status_code

    assert redeem("first") == 200  # the code, an access and a refresh token
    assert redeem("second") == 429
    control(mock, "POST", "/worlds/team-a/__admin/reset")
    assert redeem("second") == 200


def details(mock: MockServer, tenant: str) -> int:
    query = {"details": "true", "match": f"{tenant}*"}
    listed = httpx.get(f"{mock.url}/__admin/worlds", params=query, headers=bearer(OPERATOR)).json()
    return sum(each["bytes"] for each in listed["details"])


@pytest.mark.parametrize("whose", ["tenant", "server"])
def test_bytes(limited: Callable[..., MockServer], whose: str) -> None:
    """Users, snapshots and forks do not exceed the budget of bytes: uploads get 413, the control API's calls
    507, and nothing of them is kept. A reset makes room."""
    budget = 3_000_000
    mock = limited(
        {"bytes": budget} if whose == "server" else {}, **({} if whose == "server" else {"bytes": budget})
    )
    assert upload_to(mock, "team-a", 100).status_code == 201
    refused = upload_to(mock, "team-a", 500_000)
    assert refused.status_code == 413, refused.text
    assert f"may have {budget} bytes at most" in refused.json()["errors"]["base"][0]
    assert upload_to(mock, "team-a", 60_000).status_code == 201
    for number in range(20):
        taken = control(mock, "PUT", f"/worlds/team-a/__admin/snapshots/s{number}")
        if taken.status_code != 204:
            break
    assert control_error(taken, 507)
    refused = control(mock, "POST", "/__admin/worlds/team-a/fork", {"name": "team-a.f"})
    assert control_error(refused, 507)
    assert details(mock, "") <= budget
    for taken_before in range(number):
        control(mock, "DELETE", f"/worlds/team-a/__admin/snapshots/s{taken_before}")
    assert control(mock, "POST", "/worlds/team-a/__admin/reset").status_code == 204
    assert upload_to(mock, "team-a", 60_000).status_code == 201


def test_the_journal_gives_way(limited: Callable[..., MockServer]) -> None:
    """At the budget of bytes, requests are served as before, and the journal drops its oldest entries, once
    the response is sent."""
    mock = limited(bytes=1_000_000)
    long = {"Authorization": PINTEREST_TOKEN["Authorization"], "X-Long": "x" * 40_000}
    with httpx.Client() as client:
        for _ in range(60):
            url = f"{mock.url}/worlds/team-a{AUDIENCES}"
            assert client.get(url, headers=long).status_code == 200
    until(lambda: details(mock, "team-a") <= 1_000_000, "a journal within the budget")
    journal = control(mock, "GET", "/worlds/team-a/__admin/journal").json()
    assert journal["dropped"] > 0
    assert journal["entries"]


def test_a_large_import_is_checked_before_it_is_kept(
    limited: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that runs beside the event loop is rejected as a whole when it exceeds a quota."""
    monkeypatch.setattr(state, "LARGE_BYTES", 0)
    mock = limited(audiences=50)
    seed = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "ENGAGEMENT", "name": "b"}
    audiences = [{**seed, "id": str(number)} for number in range(1, 52)]
    refused = control(mock, "POST", "/worlds/team-a/__admin/seed", {"audiences": audiences})
    assert "50 audiences at most" in control_error(refused, 429)["error"]
    kept = control(mock, "POST", "/worlds/team-a/__admin/seed", {"audiences": audiences[:50]})
    assert kept.status_code == 200, kept.text
    assert create(mock, "team-a").status_code == 429


def waits(mock: MockServer, name: str) -> bool:
    """Whether a request of a world waits, as a fault has it."""
    worlds = mock.app.state.worlds
    try:
        return worlds.has_opened(name) and len(worlds.find(name).long_operations) > 0
    except NotFoundError:
        return False


def test_stalls(limited: Callable[..., MockServer]) -> None:
    """Requests that a fault keeps waiting have a quota; one more gets 429 at once, and so does none of
    another tenant."""
    mock = limited(stalls=1)
    slow = {**PINTEREST_TOKEN, "X-Audience-Mock-Fault": "latency_ms=60000"}
    quick = {**PINTEREST_TOKEN, "X-Audience-Mock-Fault": "latency_ms=1"}
    url = f"{mock.url}/worlds/team-a{AUDIENCES}"

    async def calls() -> tuple[int, int, int]:
        async with httpx.AsyncClient(timeout=30) as client:
            waiting = asyncio.create_task(client.get(url, headers=slow))
            while not waits(mock, "team-a"):
                await asyncio.sleep(0.005)
            mine = await client.get(url, headers=quick)
            other = await client.get(url.replace("team-a", "team-b"), headers=quick)
            control(mock, "POST", "/worlds/team-a/__admin/reset")
            interrupted = await waiting
            return mine.status_code, other.status_code, interrupted.status_code

    assert asyncio.run(calls()) == (429, 200, 500)
    assert httpx.get(url, headers=quick).status_code == 200


def test_requests_under_way(limited: Callable[..., MockServer], caplog: pytest.LogCaptureFixture) -> None:
    """Requests under way have a quota: one more gets the API's 429, the control API still answers, and other
    tenants are served."""
    mock = limited(requests=1)
    slow = {**PINTEREST_TOKEN, "X-Audience-Mock-Fault": "latency_ms=60000"}
    url = f"{mock.url}/worlds/team-a{AUDIENCES}"

    async def calls() -> tuple[httpx.Response, int, int]:
        async with httpx.AsyncClient(timeout=30) as client:
            waiting = asyncio.create_task(client.get(url, headers=slow))
            while not waits(mock, "team-a"):
                await asyncio.sleep(0.005)
            mine = await client.get(url, headers=PINTEREST_TOKEN)
            other = await client.get(url.replace("team-a", "team-b"), headers=PINTEREST_TOKEN)
            reset = await client.post(f"{mock.url}/worlds/team-a/__admin/reset", headers=ADMIN)
            await waiting
            return mine, other.status_code, reset.status_code

    with caplog.at_level(logging.INFO, "audience_mock"):
        mine, other, reset = asyncio.run(calls())
    assert (mine.status_code, mine.json()["code"], other, reset) == (429, 8, 200, 204)
    assert [each for each in caplog.records if "quota requests=1 of tenant team-a" in each.getMessage()]
    assert httpx.get(url, headers=PINTEREST_TOKEN).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_bytes_in_flight(limited: Callable[..., MockServer], chunked: bool) -> None:
    """A body that alone exceeds the bytes in flight gets 413, in either transfer coding; a smaller one is
    served."""
    mock = limited(bytes_in_flight=1_000)
    large, small = (b'{"name": "%s"}' % (b"x" * size) for size in (2_000, 10))
    url = f"{mock.url}/worlds/team-a{AUDIENCES}"
    headers = {**PINTEREST_TOKEN, "Content-Type": "application/json"}

    def sent(body: bytes) -> int:
        content: Any = iter([body]) if chunked else body
        return httpx.post(url, content=content, headers=headers).status_code

    assert [sent(large), sent(small), sent(large), sent(small)] == [413, 400, 413, 400]
    refused = control(mock, "POST", "/worlds/team-a/__admin/seed", {"audiences": [], "schema": "x" * 2_000})
    assert "1000 bytes in flight" in control_error(refused, 413)["error"]


def test_what_is_held_is_given_back(tmp_path: Path) -> None:
    """What a tenant and the server hold returns to nothing, also after rejections; what never fits is told
    from what does not fit now."""
    file = write_tenants(
        tmp_path / "t.toml",
        server={"quotas": {"bytes_in_flight": 15}},
        defaults={"quotas": {"bytes_in_flight": 10}},
    )
    quotas = RequestQuotas(Tenants(file))

    @contextmanager
    def holding(world: str, amount: int) -> Iterator[None]:
        with quotas.holding("bytes_in_flight", world, amount):
            yield

    for _ in range(3):
        with ExitStack() as held:
            held.enter_context(holding("a.x", 6))
            for world, amount, error in (
                ("a.y", 5, QuotaExceededError),
                ("a.y", 11, StorageQuotaExceededError),
                ("b", 10, QuotaExceededError),
            ):
                with pytest.raises(QuotaExceededError) as raised, holding(world, amount):
                    pass
                assert type(raised.value) is error
            held.enter_context(holding("b", 9))


def test_new_quotas_count_after_a_reload(limited: Callable[..., MockServer], tmp_path: Path) -> None:
    """A reload sets other quotas, which count what was made before; a world that has more than them keeps
    it."""
    mock = limited()
    for _ in range(3):
        assert create(mock, "team-a").status_code == 201
    write_tenants(tmp_path / "t.toml", tenants=two_teams(quotas={"audiences": 2}))
    mock.app.state.tenants.reload()
    assert create(mock, "team-a").status_code == 429
    write_tenants(tmp_path / "t.toml", tenants=two_teams(quotas={"audiences": 4}))
    mock.app.state.tenants.reload()
    assert [create(mock, "team-a").status_code for _ in range(2)] == [201, 429]


def test_files_count_after_a_restart(start: Start, tmp_path: Path) -> None:
    """The bytes and worlds of files count before anybody opened them."""
    file = write_tenants(tmp_path / "t.toml", tenants=two_teams(quotas={"worlds": 1, "bytes": 1_000_000}))
    settings: Any = {"tenants": file, "admin_token": OPERATOR, "database": f"sqlite:///{tmp_path / 'a.db'}"}
    with MockServer(**settings) as mock:
        assert create(mock, "team-a").status_code == 201
    mock = start(**settings)
    assert control_error(create(mock, "team-a.2"), 429)
    assert create(mock, "team-a").status_code == 201


def test_nothing_of_it_is_on_the_path_without_tenants(mock: MockServer) -> None:
    """Without a file of tenants, requests go to the applications of the APIs themselves, and worlds check
    nothing."""
    routes = [route for route in mock.app.routes if isinstance(route, ProviderMount)]
    names = {route.name for route in routes if isinstance(route.app, ProviderApp)}
    assert names == {"pinterest", "pitchtarget"}
    assert mock.world.quotas is None


def test_turns_rotate_among_tenants() -> None:
    """A tenant that waits alone has its turn after one request of the one that floods."""

    async def served() -> list[str]:
        turns, order = Turns(), []

        async def request(tenant: str) -> None:
            await turns.wait(tenant)
            order.append(tenant)

        flood = [asyncio.create_task(request("noisy")) for _ in range(20)]
        await asyncio.sleep(0)
        quiet = asyncio.create_task(request("quiet"))
        await asyncio.gather(*flood, quiet)
        return order

    order = asyncio.run(served())
    assert order.index("quiet") <= 3
    assert len(order) == 21


def test_pieces_of_large_bodies_take_turns(
    limited: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small request has one turn; a file has one for each piece that arrives, and for each step of what is
    done with it."""
    taken: list[str] = []
    wait = Turns.wait

    async def counted(turns: Turns, tenant: str) -> None:
        taken.append(tenant)
        await wait(turns, tenant)

    mock = limited()
    assert create(mock, "team-a").status_code == 201
    monkeypatch.setattr(Turns, "wait", counted)
    assert create(mock, "team-a").status_code == 201
    assert taken == ["team-a"]
    assert upload_to(mock, "team-a", 1_000_000).status_code == 201
    assert {*taken} == {"team-a"}
    assert len(taken) > 5


def test_a_caller_that_gave_up_takes_no_turn() -> None:
    """Cancelled requests leave the queue to the others."""

    async def served() -> int:
        turns = Turns()
        requests = [asyncio.create_task(turns.wait("a")) for _ in range(5)]
        await asyncio.sleep(0)
        for request in requests[1:4]:
            request.cancel()
        done = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 10)
        await turns.wait("b")
        return sum(each is None for each in done)

    assert asyncio.run(served()) == 2
