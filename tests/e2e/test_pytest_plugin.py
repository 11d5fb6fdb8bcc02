"""The pytest plugin, in runs of pytest of their own."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.pytest_runs import Project, outcomes

pytest_plugins = ["pytester"]

README = Path(__file__).parents[2] / "README.md"

FAULTY = """
import pytest
from ad_accounts import *


def test_spent(audience_mock):
    audience_mock.faults.add("audiences/create", status=503, first=1)
    with pytest.raises(HTTPError, match="503"):
        create(audience_mock)


def test_unused(audience_mock):
    audience_mock.faults.add("audiences/create", status=503, first=1)


def test_broken_and_unused(audience_mock):
    audience_mock.faults.add("audiences/create", status=503, first=1)
    raise ValueError("its own error")


@pytest.mark.audience_mock(unused_faults="{0}")
def test_marked(audience_mock):
    audience_mock.faults.add("audiences/create", status=503, first=1)


def test_asked_for(request):
    world = request.getfixturevalue("audience_mock")
    world.faults.expect_used()
    world.faults.add("audiences/list", latency_ms=1)
    with pytest.raises(AssertionError, match="audiences/list"):
        world.faults.expect_used()
    names(world)
"""


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.ci)])
def test_many_tests_in_parallel(project: Project, count: int) -> None:
    """Tests in two workers find in both APIs what they made themselves, under the ids that a fresh server
    gives, and no world but their own."""
    project.write(
        test_all=f"COUNT = {count}\n"
        + dedent("""
            import pytest
            from ad_accounts import *

            @pytest.mark.parametrize("number", range(COUNT))
            def test_alone(audience_mock, number):
                mine = [f"{number} of {part}" for part in range(number % 3 + 1)]
                made = [create(audience_mock, name)["id"] for name in mine]
                assert made[0] == "2542623499806"
                assert sorted(names(audience_mock)) == mine
                assert audience_mock.control("GET", "/worlds")["worlds"] == ["default", audience_mock.name]
                assert audience_mock.clock.get()["frozen"] is False
                audience_mock.clock.freeze(number)
                assert audience_mock.clock.get()["unix"] == number
                entries = audience_mock.journal.entries(operation="audiences/create")
                assert [entry["request"]["body"]["name"] for entry in entries] == mine
                assert audience_mock.faults.list() == []
                audience_mock.faults.add("*", status=503)
        """)
    )
    assert outcomes(project.start("-n", "2", "-q")) == {"passed": count}


def test_many_workers_on_one_server(project: Project, start: Callable[..., MockServer]) -> None:
    """Tests of several workers on one server that runs already have their own worlds, and leave none."""
    server = start()
    project.write(
        test_all="""
            import pytest
            from ad_accounts import *

            @pytest.mark.parametrize("number", range(6))
            def test_alone(audience_mock, audience_mock_server, number):
                assert audience_mock_server.url == "URL"
                assert audience_mock.name in audience_mock_server.control("GET", "/worlds")["worlds"]
                create(audience_mock, str(number))
                assert names(audience_mock) == [str(number)]
        """.replace("URL", server.url)
    )
    ran = project.start("-n", "2", "--audience-mock-url", server.url)
    assert outcomes(ran) == {"passed": 6}
    assert list(server.app.state.worlds) == ["default"]


def test_the_server_of_exec(
    project: Project, start: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the option, the server is the one of the environment, with its token."""
    server = start(admin_token="open-sesame")
    project.write(
        test_it="def test_it(audience_mock): assert audience_mock.url.startswith('URL')".replace(
            "URL", server.url
        )
    )
    monkeypatch.setenv("AUDIENCE_MOCK_URL", server.url)
    monkeypatch.setenv("AUDIENCE_MOCK_ADMIN_TOKEN", "open-sesame")
    assert outcomes(project.run()) == {"passed": 1}
    monkeypatch.setenv("AUDIENCE_MOCK_ADMIN_TOKEN", "open-barley")
    ran = project.run()
    assert outcomes(ran) == {"errors": 1}
    ran.stdout.fnmatch_lines(["*ControlError: send Authorization: Bearer*"])


def test_names_of_worlds(project: Project) -> None:
    """Whatever a test is called, its world has a name that tells it and that no other has."""
    project.write(
        test_names="""
            import pytest

            NAMES = []

            @pytest.mark.parametrize("text", ["a/b", "a?b", "a b", "ä%~", "x" * 300, "x" * 301, "", "."])
            def test_name(audience_mock, text):
                NAMES.append(audience_mock.name)
                audience_mock.reset()

            class TestMore:
                def test_name(self, audience_mock):
                    assert audience_mock.name.startswith("test_names.py-TestMore-test_name-")
                    assert len({*NAMES, audience_mock.name}) == 9
        """
    )
    assert outcomes(project.run()) == {"passed": 9}


@pytest.mark.parametrize(
    ("ini", "marked", "failed"),
    [
        ({}, "error", ["test_broken_and_unused", "test_marked"]),
        ({"audience_mock_unused_faults": "ignore"}, "ignore", ["test_broken_and_unused"]),
        ({"audience_mock_unused_faults": "error"}, "ignore", ["test_unused", "test_broken_and_unused"]),
    ],
)
def test_unused_faults(project: Project, ini: dict[str, str], marked: str, failed: list[str]) -> None:
    """If the configuration or a marker says so, a test that passes but leaves a fault unused fails and names
    the fault; a test that fails by itself reports its own error."""
    project.ini(**ini)
    project.write(test_faults=FAULTY.replace("{0}", marked))
    ran = project.run("-rf")
    assert re.findall(r"^FAILED \S+::(\w+)", ran.stdout.str(), re.MULTILINE) == failed
    assert outcomes(ran) == {"failed": len(failed), "passed": 5 - len(failed)}
    assert ("UnusedFaultsError: never fired, or not as often as planned: fault-1" in ran.stdout.str()) == (
        len(failed) > 1
    )
    ran.stdout.fnmatch_lines(["*ValueError: its own error"])


def test_marker(project: Project) -> None:
    """The nearest marker decides on the settings and the clock of the world; the next test has its own."""
    project.ini(audience_mock_settings="\n  build_delay_s = 0\n  auth_mode = lenient")
    project.write(
        test_marked="""
            import pytest
            from ad_accounts import *

            pytestmark = pytest.mark.audience_mock(frozen="2026-07-01T12:00:00Z")

            def settings(world):
                return world.control("GET", f"/worlds/{world.name}")["settings"]

            def test_of_the_configuration(audience_mock):
                assert settings(audience_mock) == {"build_delay_s": 0, "auth_mode": "lenient"}
                assert create(audience_mock)["status"] == "READY"
                assert audience_mock.clock.get()["now"] == "2026-07-01T12:00:00.000Z"

            @pytest.mark.audience_mock(settings={"build_delay_s": 60}, frozen=True)
            def test_marked(audience_mock):
                assert settings(audience_mock) == {"build_delay_s": 60, "auth_mode": "lenient"}
                clock = audience_mock.clock.get()
                assert clock["frozen"]
                assert not clock["now"].startswith("2026-07-01T12:00:00")
                made = create(audience_mock)["id"]
                audience_mock.clock.advance(60)
                assert asked(f"{audience_mock.urls.pinterest}{AUDIENCES}/{made}")["status"] != "INITIALIZING"

            @pytest.mark.audience_mock(frozen=False)
            def test_running(audience_mock):
                assert not audience_mock.clock.get()["frozen"]
        """
    )
    assert outcomes(project.run("--strict-markers")) == {"passed": 3}


FAILING = """
from urllib.request import Request, urlopen

import pytest
from ad_accounts import *


def test_rejected(audience_mock):
    audience_mock.faults.add("audiences/list", status=503, first=1)
    with pytest.raises(HTTPError):
        names(audience_mock)
    with pytest.raises(HTTPError):
        asked(audience_mock.urls.pinterest + "/ad_account/549755885175/audiences")
    for number in range(12):
        create(audience_mock, f"Savers {number}")
    with pytest.raises(HTTPError):
        create(audience_mock, "")
    assert names(audience_mock) == []


def test_expired(audience_mock):
    token = {"Authorization": "Bearer pina_mock_expired.ads:read"}
    urlopen(Request(audience_mock.urls.pinterest + "/ad_accounts", headers=token))


def test_silent(audience_mock):
    raise ValueError("no request")


def test_deleted(audience_mock):
    create(audience_mock)
    audience_mock.delete()
    raise ValueError("no world")


def test_unused(audience_mock):
    audience_mock.faults.add("audiences/create", status=503)
    create(audience_mock.in_world("another"))
    audience_mock.faults.expect_used()


def test_passes(audience_mock):
    with pytest.raises(HTTPError):
        asked(audience_mock.urls.pinterest + "/nowhere")


@pytest.fixture
def broken(audience_mock):
    with pytest.raises(HTTPError):
        asked(audience_mock.urls.pinterest + "/from-the-fixture")
    raise ValueError("a fixture's error")


def test_after_a_broken_fixture(broken):
    pass
"""


LINTED = """
import hashlib

from ad_accounts import *

LISTS = "/ad_accounts/549755885175/customer_lists"


def test_wrong_hashes(audience_mock):
    people = "Anna@Example.com", "ben@example.com"
    records = ",".join(hashlib.sha256(person.encode()).hexdigest() for person in people)
    asked(audience_mock.urls.pinterest + LISTS, {"name": "n", "records": records})
    assert False


def test_right_hashes(audience_mock):
    asked(audience_mock.urls.pinterest + LISTS, {"name": "n", "records": "ben@example.com"})
    assert False


def test_without_a_world(audience_mock):
    audience_mock.delete()
    assert False
"""


def test_a_failing_test_shows_suspicious_uploads(project: Project) -> None:
    """The report of a failure says what its uploads really were, if there is something wrong with them."""
    project.write(test_linted=LINTED)
    ran = project.run()
    assert outcomes(ran) == {"failed": 3}
    ran.stdout.fnmatch_lines(
        [
            "*_ test_wrong_hashes _*",
            "*- Audience Mock lint -*",
            "customer list *, EMAIL, 2 values:",
            "  1 value: hashed without lower-casing (1 recognized)",
            "      change: trim and lower-case the value before hashing it",
            "      line 1 (*)",
        ]
    )
    assert ran.stdout.str().count("Audience Mock lint") == 1


def test_a_failing_test_shows_the_rules_that_its_client_broke(project: Project) -> None:
    """The report of a failure has the findings of the conduct report, if there are any; an assertion has
    them in its text."""
    project.write(
        test_conduct="""
        from ad_accounts import *


        def test_retried(audience_mock):
            audience_mock.faults.add("audiences/create", status=500, first=1)
            for _ in range(2):
                try:
                    create(audience_mock)
                except HTTPError:
                    pass
            audience_mock.expect_conduct("error")


        def test_conducted(audience_mock):
            create(audience_mock)
            audience_mock.expect_conduct()
            assert False


        def test_without_a_world(audience_mock):
            audience_mock.delete()
            assert False
        """
    )
    ran = project.run()
    assert outcomes(ran) == {"failed": 3}
    ran.stdout.fnmatch_lines(
        [
            "*_ test_retried _*",
            "E *ConductError: the client breaks rules of the conduct report:",
            "*- Audience Mock conduct -*",
            "AM103 error create-retried-blindly: request 2 (audiences/create) repeats request 1 *",
            "    do: read the list before the retry*",
        ]
    )
    assert ran.stdout.str().count("- Audience Mock conduct -") == 1


@pytest.mark.parametrize(
    ("ini", "failed"),
    [
        ({}, ["test_marked"]),
        ({"audience_mock_conduct": "error"}, ["test_marked"]),
        ({"audience_mock_conduct": "AM3,unread-field"}, ["test_misspelled", "test_marked"]),
        ({"audience_mock_conduct": "warning"}, ["test_misspelled", "test_marked"]),
        ({"audience_mock_conduct": "AM9"}, ["test_misspelled", "test_marked", "test_good"]),
    ],
)
def test_conduct_fails_a_test(project: Project, ini: dict[str, str], failed: list[str]) -> None:
    """Where the configuration or a marker says so, findings fail a test that passes otherwise."""
    project.ini(**ini)
    project.write(
        test_conduct="""
        import pytest
        from urllib.request import Request, urlopen

        TOKEN = {"Authorization": "Bearer pina_a"}


        def asked(world, query):
            urlopen(Request(f"{world.urls.pinterest}/ad_accounts?{query}", headers=TOKEN))


        def test_misspelled(audience_mock):
            asked(audience_mock, "pagesize=5")


        @pytest.mark.audience_mock(conduct="warning")
        def test_marked(audience_mock):
            asked(audience_mock, "pagesize=5")


        def test_good(audience_mock):
            asked(audience_mock, "page_size=5")


        @pytest.mark.audience_mock(conduct="never")
        def test_forgiven(audience_mock):
            asked(audience_mock, "pagesize=5")


        def test_without_a_world():
            pass
        """
    )
    ran = project.run("-rf")
    assert re.findall(r"^FAILED \S+::(\w+)", ran.stdout.str(), re.MULTILINE) == failed
    assert outcomes(ran) == {"failed": len(failed), "passed": 5 - len(failed)}


def test_a_failing_test_shows_its_requests(project: Project) -> None:
    """The report of a failure has the last requests of its world, and of those that were rejected, older ones
    too, the answer, the fault, the reason and the routes that were probably meant; a test that passes shows
    nothing."""
    project.write(test_failing=FAILING)
    ran = project.run()
    assert outcomes(ran) == {"failed": 5, "passed": 1, "errors": 1}
    ran.stdout.fnmatch_lines(
        [
            "*_ ERROR at setup of test_after_a_broken_fixture _*",
            "*- Audience Mock requests -*",
            "*1 404 GET /v5/from-the-fixture (no operation)",
            "*_ test_rejected _*",
            "*- Audience Mock requests -*",
            "World test_failing.py-test_rejected-*, 12 of 16 requests, the newest last:",
            "    1 503 GET /v5/ad_accounts/549755885175/audiences (audiences/list)",
            '          {"code": *}',
            "          fault: fault-1",
            "    2 404 GET /v5/ad_account/549755885175/audiences (no operation)",
            "    7 201 POST /v5/ad_accounts/549755885175/audiences (audiences/create)",
            "   15 400 POST /v5/ad_accounts/549755885175/audiences (audiences/create)",
            "   16 200 GET /v5/ad_accounts/549755885175/audiences (audiences/list)",
            "*_ test_expired _*",
            "    1 401 GET /v5/ad_accounts (ad_accounts/list)",
            '          {"code": 2, *}',
            "          reason: expired token",
            "*_ test_silent _*",
            "World test_failing.py-test_silent-* received no request. Base URLs of its APIs:",
            "  http://127.0.0.1:*/worlds/test_failing.py-test_silent-*/v5",
            "*_ test_deleted _*",
            "The request journal of world * cannot be read: there is no world *test_deleted-*",
            "*_ test_unused _*",
        ]
    )
    assert "nowhere" not in ran.stdout.str()


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        (
            '"demo"',
            "*takes the keyword arguments seed, *, unused_faults, patch_hosts, not 'demo'*",
        ),
        (
            "speed=1",
            "*takes the keyword arguments seed, *, unused_faults, patch_hosts, not speed*",
        ),
        ('unused_faults="warn"', "*must be one of 'error', 'ignore' (given: 'warn')*"),
        ('settings={"build_delay": 0}', "*ControlError: settings.build_delay: *"),
    ],
)
def test_a_marker_that_is_wrong(project: Project, mark: str, why: str) -> None:
    """What a marker cannot say is an error that names it."""
    project.write(
        test_marked=f"""
            import pytest

            @pytest.mark.audience_mock({mark})
            def test_marked(audience_mock):
                pass
        """
    )
    ran = project.run()
    assert "passed" not in outcomes(ran)
    assert ran.ret != 0
    pytest.LineMatcher(ran.outlines + ran.errlines).fnmatch_lines([why])


@pytest.mark.parametrize(
    ("ini", "why"),
    [
        ({"audience_mock_unused_faults": "warn"}, "*must be one of 'error', 'ignore' (given: 'warn')*"),
        (
            {"audience_mock_settings": "\n  build_delay_s 0"},
            "*must be NAME = VALUE (given: 'build_delay_s 0')*",
        ),
        ({"audience_mock_seed": "nowhere.json"}, "*cannot read the seed *nowhere.json*"),
    ],
)
def test_a_configuration_that_is_wrong(project: Project, ini: dict[str, str], why: str) -> None:
    """What the configuration cannot say is an error that names it."""
    project.ini(**ini)
    project.write(test_it="def test_it(audience_mock): pass")
    ran = project.run()
    assert ran.ret != 0
    pytest.LineMatcher(ran.outlines + ran.errlines).fnmatch_lines([why])


def test_seed_of_the_configuration(project: Project) -> None:
    """The worlds start from the seed of the configuration, beside which it lies; a reset goes back to it."""
    project.ini(audience_mock_seed="worlds/demo.json")
    demo = README.parent / "fixtures/worlds/demo.json"
    (project.folder / "worlds").mkdir()
    (project.folder / "worlds/demo.json").write_bytes(demo.read_bytes())
    project.write(
        test_seeded="""
            from ad_accounts import *

            def test_seeded(audience_mock):
                before = audience_mock.control("GET", f"/worlds/{audience_mock.name}")["audiences"]
                assert before > 10
                create(audience_mock)
                audience_mock.reset()
                assert audience_mock.control("GET", f"/worlds/{audience_mock.name}")["audiences"] == before
        """
    )
    assert outcomes(project.run()) == {"passed": 1}


SEEDED = """
    import json
    import pytest
    from pathlib import Path
    from ad_accounts import *

    SEED = json.loads(Path("mine.json").read_text())

    def test_of_the_configuration(audience_mock):
        assert names(audience_mock) == ["configured"]

    @pytest.mark.audience_mock(seed="mine.json")
    def test_file(audience_mock):
        assert names(audience_mock) == ["mine"]

    @pytest.mark.audience_mock(seed=SEED)
    def test_mapping(audience_mock):
        assert names(audience_mock) == ["mine"]
        assert audience_mock.state()["audiences"][0]["name"] == "mine"

    @pytest.mark.audience_mock(seed="demo")
    def test_demo(audience_mock):
        assert len(audience_mock.state()["audiences"]) > 10
"""


@pytest.mark.parametrize("running", [False, True])
def test_seed_of_the_marker(project: Project, start: Callable[..., MockServer], running: bool) -> None:
    """A marker's seed, a file, a mapping or demo, is in the place of the configuration's, on any server."""
    for name in ("configured", "mine"):
        audience = {"api": "pinterest", "account": AD_ACCOUNT, "id": "7", "kind": "VISITOR", "name": name}
        (project.folder / f"{name}.json").write_text(json.dumps({"audiences": [audience]}))
    project.ini(audience_mock_seed="configured.json")
    project.write(test_seeded=SEEDED)
    where = ("--audience-mock-url", start(seed="demo").url) if running else ()
    assert outcomes(project.run(*where)) == {"passed": 4}


def test_a_test_that_deletes_its_world(project: Project) -> None:
    """A test may delete its own world."""
    project.write(test_it="def test_it(audience_mock): audience_mock.delete()")
    assert outcomes(project.run()) == {"passed": 1}


def test_it_costs_nothing_where_nobody_uses_it(project: Project) -> None:
    """A run that uses no fixture of the plugin imports neither the server nor the client."""
    project.write(
        test_it="""
            import sys

            def test_it(request):
                assert request.config.pluginmanager.has_plugin("audience_mock")
                assert sorted(name for name in sys.modules if name.startswith("audience_mock")) == [
                    "audience_mock", "audience_mock.pytest_arguments", "audience_mock.pytest_plugin"]
        """
    )
    assert outcomes(project.start()) == {"passed": 1}


STRICT = """
import pytest
from ad_accounts import *


def test_of_the_run(audience_mock):
    with pytest.raises(HTTPError, match="501"):
        create(audience_mock)
    (entry,) = audience_mock.journal.entries(fault="evidence")
    assert "success is 201" in entry["reason"]


@pytest.mark.audience_mock(settings={"strict_evidence": None})
def test_that_guesses(audience_mock):
    create(audience_mock)


@pytest.mark.audience_mock(settings={"pinterest_create_status": "200"})
def test_that_need_not(audience_mock):
    create(audience_mock)


def test_with_an_identity(audience_mock):
    never = audience_mock.identities()["never-match"]["email"]
    assert never["plain"] == "never-match@audience-mock.example"
"""


def test_a_run_with_evidence(project: Project) -> None:
    """--audience-mock-evidence sets the level of each world; a marker has the last word. A failure shows the
    rule."""
    shown = "\n\ndef test_shown(audience_mock):\n    create(audience_mock)\n"
    project.write(test_strict=STRICT + shown)
    ran = project.run("--audience-mock-evidence", "documented")
    assert outcomes(ran) == {"passed": 4, "failed": 1}
    ran.stdout.fnmatch_lines(["*501 POST *", "*success is 201, or 200 by setting or Prefer (invented:*"])


def test_markers_help(project: Project) -> None:
    """`pytest --markers` and `--help` say what there is."""
    assert "@pytest.mark.audience_mock(seed=" in project.run("--markers").stdout.str()
    said = project.run("--help").stdout.str()
    for name in (
        "--audience-mock-url",
        "--audience-mock-log",
        "--audience-mock-evidence",
        "audience_mock_conduct",
        "audience_mock_patch_hosts",
        "audience_mock_seed",
        "audience_mock_settings",
        "audience_mock_unused_faults",
    ):
        assert name in said


def test_the_readmes_sample(project: Project) -> None:
    """The README's test for pytest passes as it stands there."""
    (sample,) = re.findall(
        r"^```py title=\"\w+.py\"\n(.*?)^```$", README.read_text(), flags=re.DOTALL | re.MULTILINE
    )
    project.write(test_readme=sample)
    assert outcomes(project.start()) == {"passed": sample.count("\ndef test_")}
