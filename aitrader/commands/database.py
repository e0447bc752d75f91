"""`aitrader migrate`, and the way from a command to the database itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aitrader.commands.output import say
from aitrader.errors import CommandFailed

if TYPE_CHECKING:
    from sqlalchemy import Engine


def migrate() -> None:
    """Bring the database (DATABASE_URL, else the local stack's) to this version's schema."""
    from backend.core.db.migrate import upgrade  # noqa: PLC0415 - SQLAlchemy takes long to load
    from backend.core.db.tables import SCHEMA_REVISION  # noqa: PLC0415 - the same

    with _told_of_troubles():
        upgrade(database_url())
    say(f"the schema is at {SCHEMA_REVISION}, the newest")


@contextmanager
def open_database() -> Iterator["Engine"]:
    """Give the engine of the installation's database; what goes wrong becomes a CommandFailed."""
    from backend.core.db.sessions import sync_engine  # noqa: PLC0415 - SQLAlchemy takes long to load

    with _told_of_troubles():
        engine = sync_engine(database_url())
        try:
            yield engine
        finally:
            engine.dispose()


def database_url() -> str:
    """Return the database's address by the settings."""
    from pydantic import ValidationError  # noqa: PLC0415 - takes long to load

    from backend.settings import Settings  # noqa: PLC0415 - the same

    try:
        return Settings().database
    except LookupError as error:
        raise CommandFailed(str(error.args[0])) from error
    except ValidationError as error:
        # Only names and reasons: the values may be secrets.
        wrong = "; ".join(f"{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in error.errors(include_input=False))
        raise CommandFailed(f"a setting in the environment is wrong: {wrong}") from error


@contextmanager
def _told_of_troubles() -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - takes long to load

    from backend.core.errors import AppError  # noqa: PLC0415 - the same

    try:
        yield
    except AppError as error:
        raise CommandFailed(str(error), code=error.code) from error
    except SQLAlchemyError as error:
        raise CommandFailed(f"the database did not do as asked: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Return the first line of what the database said, without statement and parameters."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
