"""From stored bars to a model that suggests: train, look, promote, ask, roll back; all through the API."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from sqlalchemy import Executable

from backend.core.db import models as sql
from backend.core.db.sessions import sync_engine
from backend.core.model_shelf import ModelShelf, model_row
from backend.settings.connections import normal_database_url
from model_files import Manifest
from tests.models import walk, write_model
from tests.platform import Platform, finished, submit
from tests.waiting import eventually

TRAINING_WITHIN_S = 140.0
NAME = "suggestion-tiny"
ASKED = {"symbols": ["WALK"], "timeframe": "1d", "models": [NAME]}


@pytest.fixture(scope="module")
def desk(new_platform: Callable[..., Platform]) -> Platform:
    """An installation of one's own: what serves here concerns nobody else."""
    platform = new_platform()
    platform.start_all(queues="suggestion,model_training")
    return platform


@pytest.fixture
def admin(desk: Platform) -> Iterator[httpx.Client]:
    with desk.client("admin") as client:
        yield client


def import_walks(client: httpx.Client, *seeds: int, count: int, first: str) -> None:
    """Import random walks, one a seed; the first is called WALK, the others by their seed."""
    frames = []
    for seed in seeds:
        bars = walk(seed=seed, count=count, first=first)
        values = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
        days = pd.to_datetime(bars.time, utc=True).strftime("%Y-%m-%d")
        frames.append(pd.DataFrame({"symbol": "WALK" if seed == 1 else f"W{seed:03d}", "date": days, **values}))
    file = io.BytesIO()
    pd.concat(frames).to_parquet(file, index=False)
    answer = client.post(
        "/api/market/import",
        params={"timeframe": "1d"},
        content=file.getvalue(),
        headers={"Content-Type": "application/vnd.apache.parquet"},
    )
    assert answer.status_code == 200, answer.text


def add(desk: Platform, root: Path, **model: Any) -> Manifest:
    """Put a model into the artifact store and the table, as a training job does."""
    folder, manifest = write_model(root, NAME, **model)
    ModelShelf(f"file://{desk.data_dir / 'artifacts'}").keep(folder, manifest)
    execute(desk, sql.add_model(model_row(manifest, folder, "store")))
    return manifest


def execute(desk: Platform, *statements: Executable) -> None:
    """Do something behind the API's back."""
    engine = sync_engine(normal_database_url(desk.database_url))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    engine.dispose()


def suggested(client: httpx.Client) -> dict[str, Any]:
    job = finished(client, submit(client, "suggestion", ASKED)["id"])
    assert job["state"] == "succeeded", job["error"]
    result: dict[str, Any] = job["result"]
    return result


def told_versions(result: dict[str, Any]) -> list[str]:
    return [model["version"] for one in result["suggestions"] for model in one["models"]]


def test_promoted_model_serves_the_next_job_and_a_swapped_one_does_not(
    desk: Platform, admin: httpx.Client, tmp_path: Path
) -> None:
    import_walks(admin, 1, count=700, first="2020-01-01")
    rising, falling = (add(desk, tmp_path / name, lean=lean) for name, lean in (("up", 2.0), ("down", -2.0)))
    refused = finished(admin, submit(admin, "suggestion", ASKED)["id"])
    assert refused["state"] == "failed"
    for manifest in (rising, falling):
        assert admin.post(f"/api/models/{NAME}/{manifest.version}/promote").status_code == 200
        result = suggested(admin)
        assert told_versions(result) == [manifest.version]
        leans = result["suggestions"][0]["probabilities"]
        assert (leans["buy"] > leans["sell"]) == (manifest is rising)
    assert admin.post(f"/api/models/{NAME}/rollback").json()["version"] == rising.version
    assert told_versions(suggested(admin)) == [rising.version]

    # A third one whose files are swapped before any process opened it: who served before goes on.
    third = add(desk, tmp_path / "third", lean=1.0)
    execute(desk, sql.retire_champion(NAME), sql.make_champion(NAME, third.version))
    kept = desk.data_dir / "artifacts" / "models" / NAME / third.version / "model.onnx"
    kept.write_bytes(b"something else")
    result = suggested(admin)
    assert told_versions(result) == [rising.version]
    warnings = [*result["warnings"], *(text for one in result["suggestions"] for text in one["warnings"])]
    assert any("model.onnx must have the sha256" in text for text in warnings)
    assert any(f"{rising.version} serves instead" in text for text in warnings)


def test_children_open_who_serves_before_the_first_job(new_platform: Callable[..., Platform], tmp_path: Path) -> None:
    platform = new_platform(LOG_LEVEL="INFO")
    manifest = add(platform, tmp_path, lean=1.0)
    execute(platform, sql.make_champion(NAME, manifest.version))
    platform.start_worker("--concurrency", "2", "--queues", "suggestion,backtest")
    platform.start_worker("--concurrency", "1", "--queues", "probe")
    logs = sorted(platform.data_dir.glob("workers-*.log"))

    def opened() -> list[int]:
        return [log.read_text().count(f"{NAME} {manifest.version}") for log in logs]

    eventually(lambda: opened()[0] == 2, what="the models of both children")
    assert opened() == [2, 0]  # each child its own, and none where no job needs it
    platform.stop()


def test_training_on_stored_bars_gives_candidates(desk: Platform, admin: httpx.Client) -> None:
    import_walks(admin, *range(2, 14), count=3_250, first="2009-01-01")
    symbols = [f"W{seed:03d}" for seed in range(2, 14)]
    payload = {"symbols": symbols, "preset": "small", "members": ["lightgbm"], "seed": 3}
    job = finished(admin, submit(admin, "model_training", payload)["id"], timeout_s=TRAINING_WITHIN_S)
    assert job["state"] == "succeeded", job["error"]
    trained = job["result"]["models"]
    assert trained
    for model in trained:
        told = admin.get(f"/api/models/{model['name']}/{model['version']}").json()
        assert (told["stage"], told["source"], told["sha256"]) == ("candidate", "store", model["sha256"])
        assert told["card"].startswith("#")
    chosen = trained[0]
    assert admin.post(f"/api/models/{chosen['name']}/{chosen['version']}/promote").json()["stage"] == "champion"
    asked = {"symbols": symbols[:2], "timeframe": "1d", "models": [chosen["name"]]}
    answer = finished(admin, submit(admin, "suggestion", asked)["id"])
    assert told_versions(answer["result"]) == [chosen["version"]] * 2, answer["error"]


def test_training_is_for_admins(desk: Platform) -> None:
    with desk.client() as client:
        answer = client.post("/jobs", json={"job_type": "model_training", "payload": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
