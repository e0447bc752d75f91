"""The migrations: from nothing to today and back, and that they say what `tables.py` says."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, text

from alembic import command
from backend.core.db.migrate import alembic_config, upgrade
from backend.core.db.tables import SCHEMA_REVISION, metadata
from backend.settings.connections import normal_database_url
from tests.platform import Servers

PROJECT = Path(__file__).parents[3]
FORMS = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+psycopg2")


@pytest.fixture
def database(servers: Servers) -> str:
    """The address of an empty database."""
    return normal_database_url(servers.new_database())


def revision(url: str) -> str | None:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def test_schema_revision_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [SCHEMA_REVISION]


def test_up_and_down_and_up_again(database: str) -> None:
    upgrade(database)
    engine = create_engine(database)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert connection.execute(text("SELECT count(*) FROM pg_type WHERE typname = 'jobs'")).scalar() == 0
    upgrade(database)
    assert revision(database) == SCHEMA_REVISION
    engine.dispose()


def test_migrated_database_has_what_the_tables_say(database: str) -> None:
    upgrade(database)
    engine = create_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        made, told = (
            _constraints(connection),
            {constraint.name for table in metadata.tables.values() for constraint in table.constraints},
        )
    engine.dispose()
    assert {name for name in made if not name.startswith("alembic")} == told


def _constraints(connection) -> set[str]:
    """Return the names of all constraints; autogenerate does not compare CHECKs."""
    sql = "SELECT conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace"
    return set(
        connection.execute(text(f"{sql} WHERE nspname = 'public' AND contype IN ('c', 'f', 'p', 'u')")).scalars()
    )


def test_alembic_command_takes_every_form_of_the_address(servers: Servers) -> None:
    databases = {scheme: normal_database_url(servers.new_database()) for scheme in FORMS}
    ended = {scheme: alembic_upgrade(url.replace("postgresql+psycopg", scheme, 1)) for scheme, url in databases.items()}
    for scheme, process in ended.items():
        told = process.communicate(timeout=60)[0]
        assert process.returncode == 0, (scheme, told)
        assert revision(databases[scheme]) == SCHEMA_REVISION


def alembic_upgrade(url: str) -> subprocess.Popen[str]:
    """Start `alembic upgrade head` as one types it in the project's folder."""
    alembic = Path(sys.executable).with_name("alembic")
    return subprocess.Popen(
        [alembic, "upgrade", "head"],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_database_that_is_missing_is_made(servers: Servers) -> None:
    url = make_url(normal_database_url(servers.database_url)).set(database='quite "new" one')
    upgrade(url.render_as_string(hide_password=False))
    assert revision(url.render_as_string(hide_password=False)) == SCHEMA_REVISION


def test_many_upgrades_at_once_are_one(database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [database] * 4))
    assert revision(database) == SCHEMA_REVISION


def test_address_of_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL must begin with postgres://"):
        normal_database_url("mysql://root@localhost/x")
