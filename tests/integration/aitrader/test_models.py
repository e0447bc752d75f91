"""`aitrader models` as a person types it, and the same through the client."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aitrader.client import Client
from aitrader.errors import Conflict, Forbidden, InvalidRequest, NotFound
from backend.core.db import models as sql
from backend.core.db.sessions import sync_engine
from backend.core.model_shelf import ModelShelf, model_row
from backend.settings.connections import normal_database_url
from model_files import Manifest
from model_files.manifest import folder_of
from tests.model_folders import write_model
from tests.platform import Platform

Add = Callable[[str, float], Manifest]


@pytest.fixture
def add(platform: Platform, tmp_path: Path) -> Iterator[Add]:
    """Add candidates that lie in the installation's artifact store."""
    engine = sync_engine(normal_database_url(platform.database_url))
    shelf = ModelShelf(f"file://{platform.data_dir / 'artifacts'}")

    def add_one(name: str, added: float) -> Manifest:
        # Of a task that no test of this installation asks for by that name.
        manifest = write_model(tmp_path, added, name=name, task="sentiment")
        shelf.keep(folder_of(tmp_path, manifest), manifest)
        with engine.begin() as connection:
            connection.execute(sql.add_model(model_row(manifest, folder_of(tmp_path, manifest), "store")))
        return manifest

    yield add_one
    with engine.begin() as connection:  # nobody else's job shall meet them
        connection.execute(sql.models.delete().where(sql.models.c.name.like("zz-%")))
    engine.dispose()


def test_models_are_promoted_listed_shown_and_rolled_back(aitrader, add: Add) -> None:
    first, second = (add("zz-typed", added) for added in (1.0, 2.0))
    for manifest in (first, second):
        told = aitrader("models", "promote", "zz-typed", manifest.version)
        assert (told.returncode, told.stdout) == (0, f"zz-typed {manifest.version} serves\n")
        assert "it expired on 2016-12-31" in told.stderr
    listed = json.loads(aitrader("models", "list", "zz-typed", "--json").stdout)
    assert [(model["version"], model["stage"]) for model in listed] == [
        (second.version, "champion"),
        (first.version, "retired"),
    ]
    assert "2016-12-31 (expired)" in aitrader("models", "list").stdout
    assert aitrader("models", "show", "zz-typed").stdout == "# zz-typed\n\nIt adds 2.0.\n\n"
    assert aitrader("models", "show", "zz-typed", first.version).stdout == "# zz-typed\n\nIt adds 1.0.\n\n"
    assert json.loads(aitrader("models", "show", "zz-typed", "--json").stdout)["manifest"] == second.to_json()
    assert aitrader("models", "rollback", "zz-typed").stdout == f"zz-typed {first.version} serves\n"
    told = aitrader("models", "rollback", "zz-typed")
    assert (told.returncode, len(told.stderr.splitlines())) == (1, 1)
    assert "nothing was changed" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["show", "nobody"], "there is no model called 'nobody'"),
        (["show", "nobody", "1"], "there is no model 'nobody' of version '1'"),
        (["promote", "nobody", "1"], "there is no model 'nobody' of version '1'"),
        (["rollback", "nobody"], "there is no model called 'nobody'"),
    ],
)
def test_model_that_is_not_there_is_one_line(aitrader, arguments: list[str], expected: str) -> None:
    answer = aitrader("models", *arguments)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert expected in answer.stderr


def test_candidate_alone_is_shown_only_by_its_version(aitrader, add: Add) -> None:
    manifest = add("zz-shy", 1.0)
    answer = aitrader("models", "show", "zz-shy")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "no version of zz-shy serves" in answer.stderr
    assert aitrader("models", "show", "zz-shy", manifest.version).returncode == 0


def test_client_tells_of_models_and_changes_who_serves(client: Client, admin_client: Client, add: Add) -> None:
    first, second = (add("zz-client", added) for added in (1.0, 2.0))
    assert admin_client.promote("zz-client", first.version).stage == "champion"
    assert admin_client.promote("zz-client", second.version).version == second.version
    assert [model.version for model in client.models("zz-client")] == [second.version, first.version]
    assert "zz-client" in {model.name for model in client.models()}
    assert client.model("zz-client", first.version).card.startswith("# zz-client")
    assert admin_client.rollback("zz-client").version == first.version


def test_client_raises_what_the_server_refuses(
    client: Client, admin_client: Client, add: Add, platform: Platform
) -> None:
    manifest = add("zz-refused", 1.0)
    with pytest.raises(Forbidden):
        client.promote("zz-refused", manifest.version)
    with pytest.raises(NotFound):
        client.model("zz-refused", "1")
    with pytest.raises(Conflict) as conflict:
        admin_client.rollback("zz-refused")
    assert conflict.value.code == "no_previous_champion"
    (folder_of(platform.data_dir / "artifacts" / "models", manifest) / "model.onnx").unlink()
    with pytest.raises(InvalidRequest) as refused:
        admin_client.promote("zz-refused", manifest.version)
    assert refused.value.code == "model_refused"
