"""Bring the database to this version's schema and models; make the database itself when it is missing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from backend.core.db.shipped_models import register_shipped
from backend.core.model_shelf import SHIPPED
from backend.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

PROJECT = Path(__file__).parents[3]
MIGRATION_LOCK = 0x41_49_54_52  # "AITR": one migration at a time


def upgrade(database_url: str, *, shipped: Path = SHIPPED) -> None:
    """Migrate to the newest schema, and register the models in the folder `shipped`.

    Several at once are fine: one works, the rest find it done.
    """
    from alembic import command  # noqa: PLC0415 - the web process starts without it

    _create_missing_database(database_url)
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            register_shipped(connection, shipped)
    finally:
        engine.dispose()


def alembic_config() -> "Config":
    """Return Alembic's configuration, wherever the current folder is."""
    from alembic.config import Config  # noqa: PLC0415 - the web process starts without it

    config = Config()
    config.set_main_option("script_location", str(PROJECT / "alembic"))
    return config


def _create_missing_database(database_url: str) -> None:
    """Create the database if the server says it has none of that name; a hosted one is never asked for more."""
    url = make_url(database_url)
    if _exists(url):
        return
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            quoted = engine.dialect.identifier_preparer.quote_identifier(url.database or "aitrader")
            connection.execute(text(f"CREATE DATABASE {quoted}"))
    except ProgrammingError:
        if not _exists(url):  # somebody else was faster
            raise
    finally:
        engine.dispose()


def _exists(url: URL) -> bool:
    engine = create_engine(url)
    try:
        engine.connect().close()
    except OperationalError as error:
        if f'database "{url.database}" does not exist' in str(error):
            return False
        raise
    finally:
        engine.dispose()
    return True


if __name__ == "__main__":
    upgrade(Settings().database)
    sys.exit(0)
