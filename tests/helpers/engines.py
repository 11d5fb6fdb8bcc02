"""The engine that tests store worlds in: SQLite, or with `--engine=postgresql` a real PostgreSQL server.

Every MockServer of such a run without a database of its own gets a fresh one, whatever test starts it, so
that the tests themselves need not know. A test marked `both_engines` runs twice in an ordinary run, where
PostgreSQL is installed; one marked `sqlite_only` says why it is skipped on another engine.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from helpers import postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=(SQLITE, POSTGRESQL),
        default=SQLITE,
        help="what the servers of the tests store their worlds in",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.config.getoption("engine") == SQLITE and _marked(metafunc, "both_engines"):
        metafunc.parametrize("engine", (SQLITE, POSTGRESQL), indirect=True)


def _marked(metafunc: pytest.Metafunc, name: str) -> bool:
    return metafunc.definition.get_closest_marker(name) is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("engine") == SQLITE:
        return
    for item in items:
        marker = item.get_closest_marker("sqlite_only")
        if marker is not None:
            item.add_marker(pytest.mark.skip(reason=f"of SQLite alone: {marker.kwargs['reason']}"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of this worker, with the roles; skips the test where there is none."""
    with postgres.running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated_template(postgresql: postgres.Cluster) -> str:
    """The name of a database with the tables, which others are copied from."""
    name = postgresql.new_database()
    postgres.migrate(postgresql, name)
    return name


@pytest.fixture(scope="session")
def databases(
    postgresql: postgres.Cluster, migrated_template: str, closing: Any
) -> Iterator[postgres.Databases]:
    """Databases for servers that need none of their own afterwards."""
    databases = postgres.Databases(postgresql, migrated_template)
    yield databases
    closing.finish()  # the last server's end, before that of PostgreSQL
    databases.close()


@pytest.fixture
def database(postgresql: postgres.Cluster, migrated_template: str) -> Iterator[str]:
    """The name of a fresh database with the tables."""
    name = postgresql.new_database(migrated_template)
    yield name
    postgresql.drop_database(name)


@pytest.fixture(scope="session", autouse=True)
def engine_of_the_run(request: pytest.FixtureRequest) -> Iterator[str]:
    """Makes each server of a run with `--engine=postgresql` use it."""
    engine: str = request.config.getoption("engine")
    with _using(engine, request.getfixturevalue):
        yield engine


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, engine_of_the_run: str) -> Iterator[str]:
    """The engine of this test, which `both_engines` chooses."""
    chosen: str = getattr(request, "param", engine_of_the_run)
    if chosen == engine_of_the_run:
        yield chosen
        return
    with _using(chosen, request.getfixturevalue):
        yield chosen


@contextmanager
def _using(engine: str, fixture: Callable[[str], Any]) -> Iterator[None]:
    if engine == SQLITE:
        yield
        return
    cluster, databases = fixture("postgresql"), fixture("databases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MockServer, "__enter__", _entering(MockServer.__enter__, cluster, databases))
        patch.setattr(MockServer, "__exit__", _exiting(MockServer.__exit__))
        yield


def _entering(
    enter: Callable[[MockServer], MockServer], cluster: postgres.Cluster, databases: postgres.Databases
) -> Callable[[MockServer], MockServer]:
    def entering(server: MockServer) -> MockServer:
        if server.settings.database != Settings.model_fields["database"].default:
            return enter(server)
        from helpers.postgres_world import PostgresWorld

        with ExitStack() as opened:
            name = opened.enter_context(databases.one())
            url = cluster.url(name)
            server.settings = server.settings.model_copy(update={"database": url})
            enter(server)
            kept = opened.pop_all()
            server.world = PostgresWorld(server, url, kept)
            vars(server)["database_of_test"] = kept
        return server

    return entering


def _exiting(leave: Callable[..., None]) -> Callable[..., None]:
    def exiting(server: MockServer, *why: Any) -> None:
        with vars(server).pop("database_of_test", ExitStack()):
            leave(server, *why)

    return exiting
