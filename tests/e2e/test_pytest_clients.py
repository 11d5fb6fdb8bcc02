"""What the pytest plugin offers to clients: fixtures, patched hosts, the log, asyncio and faked clocks."""

import pytest

from helpers.pytest_runs import Project, outcomes

pytest_plugins = ["pytester"]


def test_client_fixtures(project: Project) -> None:
    """Both clients ask the test's own world for paths without a host, with a token good in strict mode."""
    project.ini(audience_mock_settings="auth_mode = strict")
    project.write(
        test_clients="""
            import pytest

            SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
            AUDIENCES = "/ad_accounts/549755885175/audiences"

            @pytest.fixture(params=["audience_mock_httpx", "audience_mock_requests"])
            def client(request, monkeypatch):
                monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
                return request.getfixturevalue(request.param)

            def test_client(client, audience_mock):
                assert client.post(AUDIENCES, json=SAVERS).json()["id"] == "2542623499806"
                assert len(client.get(AUDIENCES, params={"page_size": 1}).json()["items"]) == 1
                assert client.get(f"{audience_mock.urls.pinterest}/ad_accounts").status_code == 200
                audience_mock.verify("audiences/create", count=1)
        """
    )
    assert outcomes(project.run()) == {"passed": 2}


def test_a_library_that_is_missing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixture whose library is not installed is an error that names the library, not a skip."""
    for library in ("httpx", "requests"):
        monkeypatch.setitem(__import__("sys").modules, library, None)
        project.write(test_missing=f"def test_missing(audience_mock_{library}): pass")
        ran = project.run()
        assert outcomes(ran) == {"errors": 1}
        ran.stdout.fnmatch_lines(
            [f"*UsageError: *needs {library}, which is not installed: pip install {library}"]
        )


def test_patched_hosts_of_marker_and_configuration(project: Project) -> None:
    """The hosts of the configuration lead each test to its own world, those of a marker take their place, and
    a test may patch more."""
    project.ini(audience_mock_patch_hosts="api.pinterest.com")
    project.write(
        test_patched="""
            import pytest
            import requests

            def ask(host):
                return requests.get(f"https://{host}/v5/ad_accounts", timeout=60).status_code

            @pytest.mark.parametrize("number", range(2))
            def test_configured(audience_mock, number):
                assert ask("api.pinterest.com") == 401
                audience_mock.verify("ad_accounts/list", count=1)

            @pytest.mark.audience_mock(patch_hosts=["pinterest.example"])
            def test_marked(audience_mock):
                assert ask("pinterest.example") == 401
                with audience_mock.patch_hosts("more.example"):
                    assert ask("more.example") == 401
                audience_mock.verify("ad_accounts/list", count=2)

            @pytest.mark.audience_mock(patch_hosts="https://pinterest.example")
            def test_wrong(audience_mock):
                pass

            def test_over():
                import urllib3
                assert "host_patches" not in urllib3.HTTPConnectionPool.urlopen.__code__.co_filename
        """
    )
    ran = project.run()
    assert outcomes(ran) == {"passed": 4, "errors": 1}
    ran.stdout.fnmatch_lines(["*ValueError: 'https://pinterest.example' is not a host*"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_log(project: Project, workers: tuple[str, ...]) -> None:
    """With --audience-mock-log each test shows all of its requests once, those that pass, too; without it
    none does that passes."""
    project.write(
        test_logged="""
            import pytest
            from ad_accounts import *

            def test_passes(audience_mock):
                for number in range(12):
                    create(audience_mock, str(number))

            def test_is_skipped(audience_mock):
                names(audience_mock)
                pytest.skip()

            def test_fails(audience_mock):
                names(audience_mock)
                raise ValueError

            def test_without():
                pass
        """
    )
    run = project.start if workers else project.run
    ran = run("--audience-mock-log", *workers)
    assert outcomes(ran) == {"passed": 2, "skipped": 1, "failed": 1}
    ran.stdout.fnmatch_lines(
        [
            "*_ test_fails _*",
            "World test_logged.py-test_fails-*, 1 of 1 requests, the newest last:",
            "*- Audience Mock requests: test_logged.py::test_passes -*",
            "World test_logged.py-test_passes-*, 12 of 12 requests, the newest last:",
            "    1 201 POST /v5/ad_accounts/549755885175/audiences (audiences/create)",
        ]
    )
    said = ran.stdout.str()
    for name in ("passes", "is_skipped", "fails"):
        assert said.count(f"World test_logged.py-test_{name}-") == 1
    if not workers:
        assert "World test_logged.py-test_passes" not in project.run().stdout.str()


ASYNCHRONOUS = """
    import asyncio
    import httpx
    import pytest

    async def ask(world):
        headers = {"Authorization": "Bearer pina_test"}
        async with httpx.AsyncClient(base_url=world.urls.pinterest, headers=headers) as client:
            answers = await asyncio.gather(*(client.get("/ad_accounts") for _ in range(5)))
        with world.patch_hosts("api.pinterest.com"):
            async with httpx.AsyncClient(headers=headers) as client:
                answers.append(await client.get("https://api.pinterest.com/v5/ad_accounts"))
        assert {answer.status_code for answer in answers} == {200}
        world.verify("ad_accounts/list", count=6)

    def test_plain(audience_mock):
        asyncio.run(ask(audience_mock))
"""

BY_PLUGINS = """
    @pytest.mark.asyncio
    async def test_by_pytest_asyncio(audience_mock):
        await ask(audience_mock)

    @pytest.mark.anyio
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    async def test_by_anyio(audience_mock, anyio_backend):
        await ask(audience_mock)
"""


def test_asyncio(project: Project) -> None:
    """The fixture works in tests of pytest-asyncio and anyio, and where neither is installed."""
    project.write(test_asynchronous=ASYNCHRONOUS)
    assert outcomes(project.run()) == {"passed": 1}
    plugins = ("-p", "asyncio", "-p", "anyio", "-o", "asyncio_default_fixture_loop_scope=function")
    project.write(test_both=ASYNCHRONOUS + BY_PLUGINS)
    assert outcomes(project.run(*plugins, "test_both.py")) == {"passed": 3}


def test_a_faked_clock(project: Project) -> None:
    """A clock that freezegun or time-machine stops, ahead or behind, is the client's alone: the server
    starts, answers, waits and stops, and its world keeps the system's time, so no token expires;
    `clock.freeze` hands it over."""
    project.write(
        test_faked="""
            import time
            from datetime import UTC, datetime

            import pytest
            import time_machine
            from ad_accounts import *
            from audience_mock.testing import MockServer
            from freezegun import freeze_time

            REAL = time.time()
            TOKEN = {"token": "pina_test", "scopes": ["ads:read", "ads:write"], "expires_at": 4102444800}

            @pytest.fixture(autouse=True, scope="module", params=[
                lambda: freeze_time("2001-01-01"),
                lambda: freeze_time("2101-01-01"),
                lambda: time_machine.travel("2001-01-01", tick=False),
                lambda: time_machine.travel("2101-01-01", tick=False),
            ])
            def stopped(request):
                with request.param():
                    yield

            @pytest.mark.audience_mock(settings={"build_delay_s": 60})
            def test_world(audience_mock):
                assert abs(time.time() - REAL) > 2e9 or time.time() < 1e9
                audience_mock.seed({"tokens": [TOKEN]})
                assert abs(audience_mock.clock.get()["unix"] - REAL) < 600
                made = create(audience_mock)
                assert made["created_timestamp"] >= int(REAL)
                audience_mock.clock.advance(60)
                read = asked(audience_mock.urls.pinterest + f"{AUDIENCES}/{made['id']}")
                assert read["status"] != "INITIALIZING"

            def test_waiting(audience_mock):
                audience_mock.faults.add("audiences/list", latency_ms=20, first=1)
                assert names(audience_mock) == []
                audience_mock.faults.add("audiences/list", stall="before")
                with pytest.raises(TimeoutError):
                    urlopen(Request(audience_mock.urls.pinterest + AUDIENCES, headers={
                        "Authorization": "Bearer pina_test"}), timeout=0.05)
                assert [kind for kind, _ in audience_mock.events(for_s=0.05)][-1] == "end"

            def test_handed_over(audience_mock):
                audience_mock.clock.freeze(datetime.now(UTC))
                assert audience_mock.clock.get()["unix"] == time.time()

            def test_server():
                with MockServer() as mock:
                    create(mock)
        """,
    )
    ran = project.start()
    assert outcomes(ran) == {"passed": 16}, ran.stdout.str()
