"""Starting images that no server uses are removed; a world changes its image in one trip."""

from audience_mock.core.postgres.migrations import statements

revision = "2"
down_revision = "1"


def upgrade() -> None:
    statements.run("v2.sql")
