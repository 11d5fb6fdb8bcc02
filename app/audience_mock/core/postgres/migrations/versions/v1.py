"""The first schema."""

from audience_mock.core.postgres.migrations import statements

revision = "1"
down_revision = None


def upgrade() -> None:
    statements.run("v1.sql")
