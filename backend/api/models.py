"""`/api/models`: which models there are, what is known of them, and which serve."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel
from sqlalchemy import RowMapping

from backend.api.deps import CurrentUser, State
from backend.api.errors import documented
from model_files.manifest import NAME_PATTERN, VERSION_PATTERN

router = APIRouter(prefix="/api/models", tags=["models"])
Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["suggestion-lightgbm"])]
Version = Annotated[str, Path(pattern=VERSION_PATTERN)]
Json = dict[str, Any]  # Any: JSON


class TensorView(BaseModel):
    """An input or output of the graph; null in `shape` is any length."""

    name: str
    dtype: str
    shape: list[int | None]


class ModelView(BaseModel):
    name: str
    version: str
    task: Literal["suggestion", "sentiment"]
    stage: Literal["candidate", "champion", "retired"]
    source: Literal["shipped", "store"]
    sha256: str
    trained_from: date
    trained_to: date
    expires_at: date
    is_expired: bool
    feature_set: str | None
    timeframe: str | None
    horizon_bars: int | None
    inputs: list[TensorView]
    outputs: list[TensorView]
    metrics: Json
    created_at: datetime
    promoted_at: datetime | None
    retired_at: datetime | None


class ModelList(BaseModel):
    models: list[ModelView]


class ModelDetail(ModelView):
    manifest: Json
    card: str


@router.get("", operation_id="list_models", responses=documented(401))
async def list_models(state: State, user: CurrentUser) -> ModelList:
    """List all models: by name, who serves first."""
    del user  # asked for so that a token is needed
    return _list(await state.models.list())


@router.get("/{name}", operation_id="list_model_versions", responses=documented(401, 404, 422))
async def versions(state: State, user: CurrentUser, name: Name) -> ModelList:
    """List the versions of one model, who serves first."""
    del user  # the same
    return _list(await state.models.versions(name))


@router.get("/{name}/{version}", operation_id="get_model", responses=documented(401, 404, 422))
async def get_model(state: State, user: CurrentUser, name: Name, version: Version) -> ModelDetail:
    """Return what is known of one version: its manifest, and its card as Markdown."""
    del user  # the same
    row = await state.models.get(name, version)
    return ModelDetail(**_facts(row), manifest=row["manifest"], card=row["card"])


@router.post("/{name}/{version}/promote", operation_id="promote_model", responses=documented(401, 403, 404, 422))
async def promote(state: State, user: CurrentUser, name: Name, version: Version) -> ModelView:
    """Let a version serve from the next job on (admins only). Files that were changed are refused: 422."""
    return ModelView(**_facts(await state.models.promote(user, name, version)))


@router.post("/{name}/rollback", operation_id="roll_back_model", responses=documented(401, 403, 404, 409, 422))
async def rollback(state: State, user: CurrentUser, name: Name) -> ModelView:
    """Let the version serve again that did before the one that serves now (admins only)."""
    return ModelView(**_facts(await state.models.rollback(user, name)))


def _list(rows: Sequence[RowMapping]) -> ModelList:
    return ModelList(models=[ModelView(**_facts(row)) for row in rows])


def _facts(row: RowMapping) -> Json:
    """Return what every view tells of a model."""
    told = row["manifest"]
    from_manifest = ("feature_set", "timeframe", "horizon_bars", "inputs", "outputs", "metrics")
    from_row = ("name", "version", "task", "stage", "source", "sha256", "created_at", "promoted_at", "retired_at")
    days = {key: date.fromisoformat(told[key]) for key in ("trained_from", "trained_to", "expires_at")}
    return {
        **{key: told[key] for key in from_manifest},
        **{key: row[key] for key in from_row},
        **days,
        "is_expired": datetime.now(UTC).date() >= days["expires_at"],
    }
