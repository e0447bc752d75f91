"""Alembic's entry: on a connection that the caller gave, or one made from the settings."""

from sqlalchemy import Connection, create_engine

from alembic import context
from backend.core.db.tables import metadata
from backend.settings import Settings


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with create_engine(Settings().database).connect() as own:
        migrate(own)
