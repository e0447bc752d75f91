"""Models over HTTP: looking at them, promoting, rolling back; and that only admins with whole files may."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.core.db import models as sql
from backend.core.db.sessions import sync_engine
from backend.core.model_shelf import ModelShelf, model_row
from backend.settings.connections import normal_database_url
from model_files import Manifest
from model_files.manifest import folder_of
from tests.model_folders import write_model
from tests.platform import Platform

Add = Callable[..., Manifest]


@pytest.fixture
def add(idle_platform: Platform, tmp_path: Path) -> Iterator[Add]:
    """Add candidates that lie in the installation's artifact store."""
    engine = sync_engine(normal_database_url(idle_platform.database_url))
    shelf = ModelShelf(f"file://{idle_platform.data_dir / 'artifacts'}")

    def add_one(name: str, added: float, **changes: Any) -> Manifest:
        manifest = write_model(tmp_path, added, name=name, **changes)
        folder = folder_of(tmp_path, manifest)
        shelf.keep(folder, manifest)
        with engine.begin() as connection:
            connection.execute(sql.add_model(model_row(manifest, folder, "store")))
        return manifest

    yield add_one
    engine.dispose()


@pytest.fixture
def admin(idle_platform: Platform) -> Iterator[httpx.Client]:
    with idle_platform.client("admin") as client:
        yield client


def promote(client: httpx.Client, manifest: Manifest) -> httpx.Response:
    return client.post(f"/api/models/{manifest.name}/{manifest.version}/promote")


def stages(client: httpx.Client, name: str) -> dict[str, str]:
    return {model["version"]: model["stage"] for model in client.get(f"/api/models/{name}").json()["models"]}


def test_model_is_listed_with_what_its_manifest_says(idle_user: httpx.Client, add: Add) -> None:
    manifest = add("listed", 1.0)
    told = {model["name"]: model for model in idle_user.get("/api/models").json()["models"]}["listed"]
    assert (told["version"], told["sha256"]) == (manifest.version, manifest.sha256)
    assert (told["stage"], told["source"], told["promoted_at"]) == ("candidate", "store", None)
    assert (told["trained_to"], told["expires_at"], told["is_expired"]) == ("2015-12-31", "2016-12-31", True)
    assert told["inputs"] == [{"name": "x", "dtype": "float32", "shape": [None, 2]}]
    assert told["metrics"] == {"auc": 0.51}


def test_one_version_is_told_with_manifest_and_card(idle_user: httpx.Client, add: Add) -> None:
    manifest = add("detailed", 1.0)
    told = idle_user.get(f"/api/models/detailed/{manifest.version}").json()
    assert told["manifest"] == manifest.to_json()
    assert told["card"] == "# detailed\n\nIt adds 1.0.\n"


@pytest.mark.parametrize("path", ["nobody", "nobody/1", "tested/2099.01.01-00000000"])
def test_model_that_is_not_there_is_not_found(idle_user: httpx.Client, add: Add, path: str) -> None:
    add("tested", 1.0)
    answer = idle_user.get(f"/api/models/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["Nobody", "a_b", "x" * 65, "nobody/-1", "nobody/a b"])
def test_name_that_cannot_be_is_refused(idle_user: httpx.Client, path: str) -> None:
    answer = idle_user.get(f"/api/models/{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_promoted_model_serves_and_the_one_before_is_retired(admin: httpx.Client, add: Add) -> None:
    first, second = (add("climber", added) for added in (1.0, 2.0))
    assert promote(admin, first).json()["stage"] == "champion"
    told = promote(admin, second).json()
    assert (told["version"], told["stage"], told["retired_at"]) == (second.version, "champion", None)
    assert stages(admin, "climber") == {first.version: "retired", second.version: "champion"}
    assert next(iter(stages(admin, "climber"))) == second.version  # who serves is listed first


def test_promoting_who_serves_changes_nothing(admin: httpx.Client, add: Add) -> None:
    manifest = add("steady", 1.0)
    assert promote(admin, manifest).json() == promote(admin, manifest).json()


def test_only_admins_say_what_serves(idle_user: httpx.Client, admin: httpx.Client, add: Add) -> None:
    manifest = add("guarded", 1.0)
    for answer in (promote(idle_user, manifest), idle_user.post("/api/models/guarded/rollback")):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert stages(admin, "guarded") == {manifest.version: "candidate"}


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
@pytest.mark.parametrize("content", [None, b"something else"])
def test_model_whose_files_changed_is_refused_and_nothing_changes(
    admin: httpx.Client, add: Add, idle_platform: Platform, name: str, content: bytes | None
) -> None:
    called = f"swapped-{name[:5]}-{'gone' if content is None else 'other'}"
    good, bad = (add(called, added) for added in (1.0, 2.0))
    promote(admin, good)
    file = folder_of(idle_platform.data_dir / "artifacts" / "models", bad) / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    answer = promote(admin, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "model_refused")
    assert str(idle_platform.data_dir) not in answer.text
    assert stages(admin, called) == {good.version: "champion", bad.version: "candidate"}


def test_rollback_goes_back_step_by_step_and_then_says_no(admin: httpx.Client, add: Add) -> None:
    first, second, third = (add("history", added) for added in (1.0, 2.0, 3.0))
    for manifest in (first, second, third):
        promote(admin, manifest)
    went = [admin.post("/api/models/history/rollback") for _ in range(3)]
    assert [answer.json().get("version") for answer in went] == [second.version, first.version, None]
    assert (went[2].status_code, went[2].json()["code"]) == (409, "no_previous_champion")
    assert stages(admin, "history")[first.version] == "champion"


def test_rollback_after_a_rollback_and_a_promotion_goes_to_who_served_last(admin: httpx.Client, add: Add) -> None:
    first, bad, better = (add("lesson", added) for added in (1.0, 2.0, 3.0))
    for manifest in (first, bad):
        promote(admin, manifest)
    admin.post("/api/models/lesson/rollback")
    promote(admin, better)
    assert admin.post("/api/models/lesson/rollback").json()["version"] == first.version
    assert admin.post("/api/models/lesson/rollback").status_code == 409


def test_rollback_to_a_broken_model_is_refused(admin: httpx.Client, add: Add, idle_platform: Platform) -> None:
    first, second = (add("worn", added) for added in (1.0, 2.0))
    for manifest in (first, second):
        promote(admin, manifest)
    (folder_of(idle_platform.data_dir / "artifacts" / "models", first) / "model.onnx").write_bytes(b"")
    answer = admin.post("/api/models/worn/rollback")
    assert (answer.status_code, answer.json()["code"]) == (422, "model_refused")
    assert stages(admin, "worn") == {first.version: "retired", second.version: "champion"}


def test_rollback_of_what_nobody_promoted_is_a_conflict(admin: httpx.Client, add: Add) -> None:
    add("fresh", 1.0)
    assert admin.post("/api/models/fresh/rollback").status_code == 409
    assert admin.post("/api/models/nobody/rollback").status_code == 404


def test_many_promotions_at_once_leave_one_champion(admin: httpx.Client, add: Add) -> None:
    made = [add("crowd", float(added)) for added in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda manifest: promote(admin, manifest), made))
    assert {answer.status_code for answer in answers} == {200}
    found = stages(admin, "crowd")
    assert sorted(found.values()) == ["champion"] + ["retired"] * 7


def test_rollbacks_at_once_with_promotions_leave_one_champion(admin: httpx.Client, add: Add) -> None:
    made = [add("seesaw", float(added)) for added in range(4)]
    for manifest in made:
        promote(admin, manifest)

    def act(number: int) -> int:
        if number % 2:
            return admin.post("/api/models/seesaw/rollback").status_code
        return promote(admin, made[number % 4]).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(act, range(12))) <= {200, 409}
    assert sorted(stages(admin, "seesaw").values()) == ["champion"] + ["retired"] * 3
