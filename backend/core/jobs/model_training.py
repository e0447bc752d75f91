"""`model_training`: the training pipeline on bars of the store. For admins; its models start as candidates."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field

from backend.core.jobs.payload import Contract, Part, Symbol
from backend.core.jobs.provenance import Provenance

Member = Literal["lightgbm", "xgboost", "lstm", "transformer"]


class ModelTrainingPayload(Contract):
    symbols: Annotated[
        tuple[Symbol, ...] | None, Len(1, 10_000), Field(description="All shared 1d series, when left out.")
    ] = None
    members: Annotated[tuple[Member, ...], Len(1, 4)] = ("lightgbm", "xgboost", "lstm", "transformer")
    preset: Annotated[Literal["full", "small"], Field(description="small: a check of the pipeline, in a minute.")] = (
        "full"
    )
    tuning_trials: Annotated[int, Field(ge=0, le=1_000)] = 0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1


class TrainedModel(Part):
    name: str
    version: str
    sha256: str
    metrics: dict[str, float | int | str | bool | None]


class ModelTrainingResult(Contract):
    models: tuple[TrainedModel, ...]
    provenance: Provenance
    warnings: tuple[str, ...] = ()
