"""What alembic runs for each command: the migrations, on the connection that `upgrade` opened."""

from alembic import context

from audience_mock.core.postgres.migrations import VERSION_TABLE
from audience_mock.core.postgres.schema import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
)
with context.begin_transaction():
    context.run_migrations()
