"""Which models a worker's process scores with: today's champions, and who stands in for a broken one."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from sqlalchemy import Engine, text

from backend.core.db import models as sql
from backend.core.db.sessions import sync_engine
from backend.core.model_shelf import ModelShelf, model_row
from backend.settings import Settings
from model_files import Manifest
from model_files.manifest import folder_of
from model_files.session import open_model
from tests.model_folders import write_model
from tests.platform import Platform
from workers.inference.model_store import ModelStore

ONE = np.zeros((1, 2), dtype=np.float32)
FORK_WITHIN_S = 30


class Registry:
    """A database with models of its own, and stores that open them, each like a process of a worker."""

    def __init__(self, engine: Engine, settings: Settings, root: Path) -> None:
        self.engine = engine
        self.settings = settings
        self.root = root
        self.shipped = root / "shipped"
        self.opened: list[str] = []

    def store(self) -> ModelStore:
        openers: Any = {"suggestion": self._open, "sentiment": self._open}
        return ModelStore(self.engine, self.settings, openers, shipped=self.shipped)

    def _open(self, folder: Path, manifest: Manifest) -> ort.InferenceSession:
        self.opened.append(manifest.version)
        return open_model(folder, manifest)

    def add(self, added: float, *, source: str = "shipped", promoted: bool = True, **changes: Any) -> Manifest:
        """Add a model that adds `added`, as champion."""
        root = self.shipped if source == "shipped" else self.root / "made"
        manifest = write_model(root, added, **changes)
        folder = folder_of(root, manifest)
        if source == "store":
            ModelShelf(self.settings.artifacts).keep(folder, manifest)
        with self.engine.begin() as connection:
            connection.execute(sql.add_model(model_row(manifest, folder, source)))  # type: ignore[arg-type]
        if promoted:
            self.promote(manifest)
        return manifest

    def promote(self, manifest: Manifest) -> None:
        with self.engine.begin() as connection:
            connection.execute(sql.retire_champion(manifest.name))
            connection.execute(sql.make_champion(manifest.name, manifest.version))

    def graph(self, manifest: Manifest) -> Path:
        return folder_of(self.shipped, manifest) / "model.onnx"


@pytest.fixture
def registry(scratch_platform: Platform, tmp_path: Path) -> Iterator[Registry]:
    settings = Settings(
        database_url=scratch_platform.database_url,
        redis_url=scratch_platform.redis_url,
        AITRADER_DATA_DIR=scratch_platform.data_dir,
    )
    engine = sync_engine(settings.database)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE models"))
    yield Registry(engine, settings, tmp_path / "registry")
    engine.dispose()


def scored(session: ort.InferenceSession) -> float:
    return float(session.run(["y"], {"x": ONE})[0][0, 0])


def answers(store: ModelStore) -> list[float]:
    return [scored(session) for session in store.suggestion().models]


def test_nothing_serves_where_nothing_is_registered(registry: Registry) -> None:
    assert registry.store().suggestion().models == ()
    assert registry.store().sentiment().warnings == ()


@pytest.mark.parametrize("source", ["shipped", "store"])
def test_champions_of_the_task_serve_by_name(registry: Registry, source: str) -> None:
    registry.add(2.0, name="b", source=source)
    registry.add(1.0, name="a", source=source)
    registry.add(9.0, name="c", source=source, promoted=False)
    registry.add(8.0, name="d", source=source, task="sentiment")
    store = registry.store()
    assert answers(store) == [1.0, 2.0]
    assert [scored(session) for session in store.sentiment().models] == [8.0]


def test_model_is_opened_once_a_process(registry: Registry) -> None:
    registry.add(1.0)
    store = registry.store()
    first = store.suggestion().models[0]
    assert store.suggestion().models[0] is first
    assert len(registry.opened) == 1


def test_new_champion_serves_the_next_job_without_a_restart(registry: Registry) -> None:
    registry.add(1.0)
    store = registry.store()
    assert answers(store) == [1.0]
    registry.add(2.0, source="store")
    assert answers(store) == [2.0]
    assert len(store._opened) == 1  # the old session is let go


def test_swap_on_disk_changes_nothing_for_who_has_it_open(registry: Registry) -> None:
    manifest = registry.add(1.0)
    store = registry.store()
    assert answers(store) == [1.0]
    registry.graph(manifest).write_bytes(b"something else")
    assert answers(store) == [1.0]
    assert store.suggestion().warnings == ()


def break_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def remove(path: Path) -> None:
    path.unlink()


def break_manifest(path: Path) -> None:
    path.with_name("manifest.json").write_text("{")


@pytest.mark.parametrize("harm", [break_bytes, remove, break_manifest])
def test_previous_champion_stands_in_for_a_refused_one(registry: Registry, harm: Callable[[Path], None]) -> None:
    old = registry.add(1.0)
    new = registry.add(2.0)
    harm(registry.graph(new))
    store = registry.store()
    assert answers(store) == [1.0]
    (warning,) = store.suggestion().warnings
    assert warning.startswith("refused: adder")
    assert warning.endswith(f"adder {old.version} serves instead")


def test_champion_of_another_shape_is_refused(registry: Registry) -> None:
    registry.add(1.0)
    registry.add(2.0, width=3)
    assert answers(registry.store()) == [1.0]


def test_refused_champion_is_read_again_only_when_its_files_change(registry: Registry) -> None:
    registry.add(1.0)
    new = registry.add(2.0)
    whole = registry.graph(new).read_bytes()
    break_bytes(registry.graph(new))
    store = registry.store()
    assert answers(store) == [1.0]
    tries = registry.opened.count(new.version)
    assert answers(store) == answers(store) == [1.0]
    assert len(store.suggestion().warnings) == 1
    assert registry.opened.count(new.version) == tries
    registry.graph(new).write_bytes(whole)
    assert answers(store) == [2.0]
    assert store.suggestion().warnings == ()


def test_no_version_of_a_model_can_be_opened_and_the_others_serve(registry: Registry) -> None:
    broken = [registry.add(added, name="broken") for added in (1.0, 2.0)]
    registry.add(3.0, name="whole")
    for manifest in broken:
        remove(registry.graph(manifest))
    store = registry.store()
    assert answers(store) == [3.0]
    (warning,) = store.suggestion().warnings
    assert "no other version of broken can serve" in warning


def test_stand_in_is_who_served_before_not_who_was_rolled_back_from(registry: Registry) -> None:
    first, second, third = (registry.add(added) for added in (1.0, 2.0, 3.0))
    with registry.engine.begin() as connection:
        connection.execute(sql.retire_champion("adder"))
        connection.execute(sql.restore_champion("adder", second.version))
    remove(registry.graph(second))
    assert answers(registry.store()) == [1.0]
    remove(registry.graph(first))
    assert answers(registry.store()) == [3.0]
    assert third.version in registry.opened


def test_store_that_cannot_be_reached_is_told_and_asked_again(registry: Registry) -> None:
    registry.add(1.0)
    new = registry.add(2.0, source="store")
    kept = Path(registry.settings.data_dir) / "artifacts" / "models" / "adder" / new.version / "manifest.json"
    kept.rename(kept.with_suffix(".away"))
    kept.symlink_to(kept)  # reading it is an OSError, not a missing file
    store = registry.store()
    assert answers(store) == [1.0]
    assert "cannot be reached: OSError" in store.suggestion().warnings[0]
    kept.unlink()
    kept.with_suffix(".away").rename(kept)
    assert answers(store) == [2.0]


def test_warming_opens_what_the_first_job_needs(registry: Registry) -> None:
    manifest = registry.add(1.0)
    registry.add(2.0, name="reader", task="sentiment")
    store = registry.store()
    store.warm(["suggestion"])
    assert registry.opened == [manifest.version]
    assert answers(store) == [1.0]
    assert registry.opened == [manifest.version]


def test_warming_without_a_database_is_left_to_the_first_job(registry: Registry) -> None:
    nowhere = sync_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    ModelStore(nowhere, registry.settings).warm(["suggestion", "sentiment"])
    nowhere.dispose()


def test_kept_model_can_be_opened_from_the_store(registry: Registry, tmp_path: Path) -> None:
    manifest = write_model(tmp_path / "trained", 4.0)
    folder = folder_of(tmp_path / "trained", manifest)
    store = registry.store()
    store.keep(folder, manifest)
    with registry.engine.begin() as connection:
        connection.execute(sql.add_model(model_row(manifest, folder, "store")))
    registry.promote(manifest)
    assert answers(store) == [4.0]


def _score_in_child(store: ModelStore, engine: Engine, pipe: Connection) -> None:
    engine.dispose(close=False)  # connections of the parent
    pipe.send((answers(store), answers(store)))
    pipe.close()


def test_child_opens_its_own_session_after_a_fork(registry: Registry) -> None:
    registry.add(1.0)
    store = registry.store()
    assert answers(store) == [1.0]  # a session from before the fork, which ran
    forking = multiprocessing.get_context("fork")
    ours, theirs = forking.Pipe()
    child = forking.Process(target=_score_in_child, args=(store, registry.engine, theirs))
    child.start()
    try:
        assert ours.poll(FORK_WITHIN_S), "the child hangs"
        assert ours.recv() == ([1.0], [1.0])
        child.join(FORK_WITHIN_S)
        assert child.exitcode == 0
    finally:
        child.kill()
        child.join()
    assert answers(store) == [1.0]
    assert len(registry.opened) == 1  # what the child opened, it opened in its own memory
