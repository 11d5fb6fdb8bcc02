"""The first schema."""

from alembic import op

from audience_mock.core.postgres import schema

revision = "1"
down_revision = None


def upgrade() -> None:
    for statement in schema.create():
        op.get_bind().exec_driver_sql(statement)
