"""`audience-mock migrate --database postgresql://…`: the tables, their owner, and who may use them."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audience_mock.cli.main import main
from audience_mock.core.errors import StoreError
from audience_mock.core.postgres import migrations, schema
from audience_mock.core.postgres.database import PostgresDatabase
from audience_mock.core.postgres.schema import SCHEMA
from helpers import old_files
from helpers.ports import free_port
from helpers.postgres import OWNER, SERVING, Cluster, connected

OWNERS = f"""
SELECT relname::text, pg_get_userbyid(relowner)::text FROM pg_class
WHERE relnamespace = '{SCHEMA}'::regnamespace
UNION ALL
SELECT proname::text, pg_get_userbyid(proowner)::text FROM pg_proc
WHERE pronamespace = '{SCHEMA}'::regnamespace
UNION ALL
SELECT nspname::text, pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = '{SCHEMA}'
"""
"""Everything in the schema, with its owner."""

SCHEMAS = f"SELECT nspname FROM pg_namespace WHERE nspname = '{SCHEMA}'"


@pytest.fixture
def empty(postgresql: Cluster) -> Iterator[str]:
    """The name of a database without tables."""
    name = postgresql.new_database()
    yield name
    postgresql.drop_database(name)


def migrate(url: str, *flags: str) -> Result:
    return CliRunner().invoke(main, ["migrate", "--database", url, *flags])


def said(result: Result, status: int = 0) -> str:
    assert result.exit_code == status, result.output
    return str(result.output)


def refusal(cluster: Cluster, database: str, role: str = SERVING) -> str:
    """Why a server with this role would not start; empty if it would."""

    connections = PostgresDatabase(cluster.url(database, role, query="sslmode=disable"))
    try:
        connections.check()
    except StoreError as error:
        return str(error)
    finally:
        connections.close()
    return ""


def test_an_empty_database_gets_tables_that_the_serving_role_does_not_own(
    postgresql: Cluster, empty: str
) -> None:
    """All belongs to the role that ran it; the other one may serve; a second run finds nothing to do."""
    url = postgresql.url(empty, OWNER)
    first = said(migrate(url, "--serving-role", SERVING))
    assert first == f"{url}: schema {migrations.HEAD} created\n{url}: the role {SERVING} may serve\n"
    owners = dict(postgresql.rows(OWNERS, database=empty))
    assert {"audiences", "worlds", "copy_image", SCHEMA} <= owners.keys()
    assert set(owners.values()) == {OWNER}
    assert refusal(postgresql, empty) == ""
    assert said(migrate(url)) == f"{url}: has schema {migrations.HEAD} already\n"


def test_a_dry_run_changes_nothing(postgresql: Cluster, empty: str) -> None:
    """It does what a run would do, and takes it back."""
    url = postgresql.url(empty, OWNER)
    shown = said(migrate(url, "--serving-role", SERVING, "--dry-run"))
    assert shown.endswith("nothing was changed: a dry run\n")
    assert f"schema {migrations.HEAD} created" in shown
    assert postgresql.rows(SCHEMAS, database=empty) == []


def test_two_runs_at_once_make_the_tables_once(postgresql: Cluster, empty: str) -> None:
    """As two replicas of a deployment may start: one waits for the other, both succeed."""
    url = postgresql.url(empty, OWNER)
    from audience_mock.core.postgres.migrations import upgrade

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(upgrade.migrate, url, serving_role=SERVING, dry_run=False) for _ in range(2)]
        before = [run.result().before for run in runs]
    assert sorted(before, key=str) == [migrations.HEAD, None]
    assert refusal(postgresql, empty) == ""


def test_a_role_keeps_its_grants_over_later_runs(postgresql: Cluster, empty: str) -> None:
    """What a later version adds is for the role that served before, without naming it again."""
    url = postgresql.url(empty, OWNER)
    said(migrate(url, "--serving-role", SERVING))
    postgresql.run(f"CREATE TABLE {SCHEMA}.added (a int)", database=empty, role=OWNER)
    said(migrate(url))
    assert postgresql.rows(f"SELECT * FROM {SCHEMA}.added", database=empty, role=SERVING) == []


def test_a_server_says_what_to_run(postgresql: Cluster, empty: str) -> None:
    """Without tables, with an older or a newer schema, without grants, or as the owner, it does not start."""
    url = postgresql.url(empty, OWNER)
    assert refusal(postgresql, empty).endswith(f" has no tables: run {migrations.COMMAND}")
    said(migrate(url))
    assert f"run {migrations.COMMAND} --serving-role ROLE" in refusal(postgresql, empty)
    said(migrate(url, "--serving-role", SERVING))
    for owner in (OWNER, "postgres"):
        assert "nothing would keep worlds apart" in refusal(postgresql, empty, owner)

    def set_version(version: int) -> None:
        postgresql.run(f"UPDATE {SCHEMA}.schema_version SET version_num = '{version}'", database=empty)

    set_version(int(migrations.HEAD) - 1)
    assert refusal(postgresql, empty).endswith(f"reads schema {migrations.HEAD}: run {migrations.COMMAND}")
    set_version(int(migrations.HEAD) + 1)
    assert refusal(postgresql, empty).endswith("use a later version")
    assert said(migrate(url), status=2).endswith("use a later one\n")


def test_what_cannot_be_migrated_is_said_in_a_line(postgresql: Cluster, empty: str) -> None:
    """No server, no database, no right to make tables, no such role: one line each, without the password."""
    url = postgresql.url(empty, OWNER).replace("@", ":hidden@")
    for given, flags, reason in (
        (url.replace(str(postgresql.port), str(free_port())), (), "Connect call failed"),
        (url.replace(f"/{empty}", "/none"), (), 'database "none" does not exist'),
        (url.replace(OWNER, SERVING), (), "permission denied for database"),
        (url, ("--serving-role", "nobody_1"), "there is no role nobody_1: create it"),
    ):
        line = said(migrate(given, *flags), status=2)
        assert reason in line
        assert line.count("\n") == 1
        assert "hidden" not in line
    assert postgresql.rows(SCHEMAS, database=empty) == []


def test_the_versions_are_numbers_without_gaps() -> None:
    """alembic has one head, which is the version that this program reads."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == migrations.HEAD
    found = [script.revision for script in scripts.walk_revisions()]
    assert found == [str(number) for number in range(int(migrations.HEAD), 0, -1)]


def dumped(cluster: Cluster, database: str) -> list[str]:
    """What pg_dump writes of its schema, without what differs by nothing but spaces."""
    program = (str(cluster.programs / "pg_dump"), "--schema-only", cluster.url(database, "postgres"))
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    words = (" ".join(line.split()) for line in done.stdout.splitlines())
    kept = [line for line in words if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]
    return re.sub(r"; ?", ";\n", re.sub(r"([(,)]) ?", r"\1\n", " ".join(kept))).splitlines()


def test_the_migrations_make_what_the_models_need(postgresql: Cluster, empty: str) -> None:
    """All of them, one after the other, end at this version's tables, indexes, policies and functions."""
    said(migrate(postgresql.url(empty, OWNER), "--serving-role", SERVING))
    name = postgresql.new_database()
    made = (
        f"CREATE SCHEMA {SCHEMA}; SET search_path TO {SCHEMA}",
        f"CREATE TABLE {migrations.VERSION_TABLE} (version_num varchar(32) NOT NULL,"
        f" CONSTRAINT {migrations.VERSION_TABLE}_pkc PRIMARY KEY (version_num))",
        *schema.create(),
        *schema.grants(SERVING),
    )
    with connected(postgresql.url(name, OWNER)) as connection:
        for statement in made:
            connection.run(statement)
    try:
        assert dumped(postgresql, empty) == dumped(postgresql, name), "write a migration"
    finally:
        postgresql.drop_database(name)


def test_a_migration_keeps_its_statements(
    postgresql: Cluster, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the models say later, a database is brought to a version by the same statements."""
    later = schema.create()
    monkeypatch.setattr(schema, "create", lambda: ["nonsense", *later])
    monkeypatch.setattr(schema, "WORLD_TABLES", "nonsense")
    said(migrate(postgresql.url(empty, OWNER), "--serving-role", SERVING))
    assert refusal(postgresql, empty) == ""


def test_a_database_with_worlds_is_migrated(
    postgresql: Cluster, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first version's tables hold is there afterwards."""
    from alembic import command

    upgrade = command.upgrade
    url = postgresql.url(empty, OWNER)
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, to: upgrade(config, "1"))
        said(migrate(url, "--serving-role", SERVING))
    rows = (
        "INSERT INTO worlds (name, image) VALUES ('kept', 7)",
        "INSERT INTO snapshots (world, name, image, ahead_ms) VALUES ('kept', 'one', 8, 5)",
        "INSERT INTO sequences (image, name, next) VALUES (7, 'a', 3), (8, 'a', 2)",
    )
    postgresql.run(*(f"SET search_path TO {SCHEMA}; {row}" for row in rows), database=empty)
    assert f"run {migrations.COMMAND}" in refusal(postgresql, empty)
    assert said(migrate(url)).endswith(f": schema 1 to {migrations.HEAD}\n")
    kept = f"""SELECT w.name, s.name, s.ahead_ms, q.next FROM {SCHEMA}.worlds AS w
        JOIN {SCHEMA}.snapshots AS s ON s.world = w.name JOIN {SCHEMA}.sequences AS q ON q.image = w.image"""
    assert postgresql.rows(kept, database=empty) == [("kept", "one", 5, 3)]
    assert refusal(postgresql, empty) == ""


def test_a_file_is_migrated_by_its_url(tmp_path: Path) -> None:
    """`--database sqlite:///FILE` is the same as FILE."""
    file = tmp_path / "kept.db"
    old_files.make(file, 3)
    assert said(migrate(f"sqlite:///{file}")).count(": schema 3 to ") > 1
    assert said(CliRunner().invoke(main, ["migrate", str(file)])).endswith("already\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "give a FILE or a --database"),
        (("kept.db", "--database", "sqlite:///kept.db"), "give a FILE or a --database"),
        (("kept.db", "--serving-role", "a"), "is one of PostgreSQL's"),
        (("--database", "sqlite://"), "not the URL of a database to migrate"),
        (("--database", "mysql://a:hidden@b/c"), "not the URL of a database to migrate"),
        (("--database", "nonsense"), "not the URL of a database to migrate"),
    ],
)
def test_usage(arguments: tuple[str, ...], reason: str) -> None:
    """Anything else is an error of usage."""
    shown = said(CliRunner().invoke(main, ["migrate", *arguments]), status=2)
    assert reason in " ".join(shown.replace("│", " ").split())
    assert "hidden" not in shown
