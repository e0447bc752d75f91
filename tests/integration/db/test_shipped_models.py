"""Migrating registers the models that came with the product, and never undoes what somebody decided."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from backend.core.db import models as sql
from backend.core.db.migrate import upgrade
from backend.core.model_shelf import model_row
from backend.settings.connections import normal_database_url
from model_files import Manifest
from model_files.manifest import folder_of
from tests.model_folders import write_model
from tests.platform import Servers

OLD, NEW = date(2015, 12, 31), date(2016, 12, 31)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    return tmp_path / "shipped"


@pytest.fixture
def engine(servers: Servers, template: str) -> Iterator[Engine]:
    """A database as if nothing had been shipped yet."""
    engine = create_engine(normal_database_url(servers.new_database(template=template)))
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE models"))
    yield engine
    engine.dispose()


def migrate(engine: Engine, shipped: Path) -> None:
    upgrade(engine.url.render_as_string(hide_password=False), shipped=shipped)


def stages(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT version, stage FROM models")).all()
    return dict(map(tuple, rows))


def train(engine: Engine, root: Path, added: float) -> Manifest:
    """Put a model of one's own into the table, as champion."""
    manifest = write_model(root, added)
    with engine.begin() as connection:
        connection.execute(sql.add_model(model_row(manifest, folder_of(root, manifest), "store")))
        connection.execute(sql.retire_champion(manifest.name))
        connection.execute(sql.make_champion(manifest.name, manifest.version))
    return manifest


def test_first_shipped_model_serves(engine: Engine, shipped: Path) -> None:
    manifest = write_model(shipped, 1.0)
    migrate(engine, shipped)
    assert stages(engine) == {manifest.version: "champion"}


def test_better_shipped_model_takes_over_from_an_older_one(engine: Engine, shipped: Path) -> None:
    old = write_model(shipped, 1.0, trained_to=OLD)
    migrate(engine, shipped)
    new = write_model(shipped, 2.0, trained_to=NEW)
    migrate(engine, shipped)
    assert stages(engine) == {old.version: "retired", new.version: "champion"}


def test_of_several_shipped_at_once_the_newest_serves(engine: Engine, shipped: Path) -> None:
    new = write_model(shipped, 2.0, trained_to=NEW)
    old = write_model(shipped, 1.0, trained_to=OLD)
    migrate(engine, shipped)
    assert stages(engine) == {old.version: "retired", new.version: "champion"}


def test_shipped_model_never_replaces_one_that_was_trained_here(engine: Engine, shipped: Path, tmp_path: Path) -> None:
    own = train(engine, tmp_path / "own", 5.0)
    shipped_one = write_model(shipped, 1.0, trained_to=NEW)
    migrate(engine, shipped)
    assert stages(engine) == {own.version: "champion", shipped_one.version: "candidate"}


def test_migrating_again_keeps_what_somebody_rolled_back_to(engine: Engine, shipped: Path) -> None:
    old, new = (write_model(shipped, added, trained_to=day) for added, day in ((1.0, OLD), (2.0, NEW)))
    migrate(engine, shipped)
    with engine.begin() as connection:
        connection.execute(sql.retire_champion("adder"))
        connection.execute(sql.restore_champion("adder", old.version))
    migrate(engine, shipped)
    assert stages(engine) == {old.version: "champion", new.version: "retired"}


def test_broken_shipped_model_does_not_stop_a_migration(engine: Engine, shipped: Path) -> None:
    manifest = write_model(shipped, 1.0)
    (shipped / "adder" / "broken").mkdir()
    (shipped / "adder" / "broken" / "manifest.json").write_text("{")
    migrate(engine, shipped)
    assert stages(engine) == {manifest.version: "champion"}


def test_many_migrations_at_once_register_once(engine: Engine, shipped: Path) -> None:
    manifests = [write_model(shipped, added, name=name) for added, name in ((1.0, "one"), (2.0, "two"))]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(migrate, engine), [shipped] * 4))
    assert stages(engine) == {manifest.version: "champion" for manifest in manifests}
