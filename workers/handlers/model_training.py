"""`model_training`: stored bars to a file, the training pipeline as a child process, its models as candidates.

Nothing here imports `training`: its libraries are large, and it may break without breaking a worker. Its checkpoints
stay in the work folder, so an attempt that was lost goes on where it stopped.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from backend.core.jobs.model_training import ModelTrainingPayload, ModelTrainingResult, TrainedModel
from backend.core.jobs.outcomes import InvalidJob, Outcome, Row
from backend.core.jobs.provenance import BarsUsed
from backend.core.model_shelf import model_row
from backend.version import VERSION
from market_data.bars import VALUE_COLUMNS, Bars
from market_data.errors import DomainError, NoBars, UnknownSymbol
from model_files import Manifest
from model_files.manifest import read_manifest
from workers.context import Context
from workers.handlers.bars import as_outcome, closed, provenance
from workers.training_run import Trainer, train

EXPORTED_FRAC = 0.05
KEEP_WORK_S = 7 * 86_400.0
TRAINER = Trainer()


def model_training(payload: ModelTrainingPayload, context: Context, trainer: Trainer = TRAINER) -> Outcome:
    trainer.require_installed()
    with _work_folder(context) as folder:
        prices = folder / "bars.parquet"
        used, warnings = _export(payload, context, prices)

        def progress(fraction: float, stage: str) -> None:
            context.progress(EXPORTED_FRAC + (1.0 - EXPORTED_FRAC) * fraction, stage)

        made = train(trainer, payload, folder, prices, progress=progress, check=context.check_cancelled)
        kept = [(made_in, read_manifest(made_in)) for made_in in made]
        for made_in, manifest in kept:
            context.models.keep(made_in, manifest)
        rows = [Row("models", model_row(manifest, made_in, "store"), or_skip=True) for made_in, manifest in kept]
    result = ModelTrainingResult(
        models=tuple(_trained(manifest) for _, manifest in kept),
        provenance=provenance(context, "training", VERSION, used),
        warnings=tuple(warnings),
    )
    for warning in warnings:
        context.log.warning("training_warning", warning=warning)
    names = ", ".join(f"{model.name} {model.version}" for model in result.models)
    summary = f"{len(result.models)} models trained on {len(used)} symbols: {names}"
    return Outcome(result, rows=rows, summary=summary)


def _export(payload: ModelTrainingPayload, context: Context, path: Path) -> tuple[list[BarsUsed], list[str]]:
    """Write the daily bars of the wanted symbols to a Parquet file; return what was used, and what was left out.

    Only bars that are there for all: a model serves every user, and nobody's own import may show in it.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - only training writes such a file

    symbols = tuple(dict.fromkeys(payload.symbols or context.shared_symbols("1d")))
    used: list[BarsUsed] = []
    warnings: list[str] = []
    now = context.now()
    draft = path.with_suffix(".draft")
    with pq.ParquetWriter(draft, _schema(), compression="zstd") as writer:
        for done, symbol in enumerate(symbols):
            context.progress(EXPORTED_FRAC * done / len(symbols), f"bars of {done} of {len(symbols)} symbols")
            try:
                loaded = context.shared_bars(symbol, "1d")
            except (NoBars, UnknownSymbol) as error:
                warnings.append(f"left out: {error}")
                continue
            except DomainError as error:
                raise as_outcome(error) from error
            writer.write_table(_table(closed(loaded.bars, now)))
            used.append(loaded.used)
            warnings += loaded.warnings
    if not used:
        told = "; ".join(warnings[:3]) or "no 1d bars are stored for all users"
        raise InvalidJob("no_bars", f"training needs daily bars of at least one symbol: {told}")
    draft.replace(path)
    return used, warnings


def _schema() -> Any:  # Any: pyarrow ships no types
    import pyarrow as pa  # noqa: PLC0415 - as above

    values = [pa.field(name, pa.float64()) for name in VALUE_COLUMNS]
    return pa.schema([pa.field("symbol", pa.string()), pa.field("date", pa.timestamp("ns", tz="UTC")), *values])


def _table(bars: Bars) -> Any:  # Any: the same
    import pyarrow as pa  # noqa: PLC0415 - as above

    schema = _schema()
    columns = [pa.array([bars.symbol] * len(bars)), pa.array(bars.time, schema.field("date").type)]
    return pa.Table.from_arrays([*columns, *(pa.array(getattr(bars, name)) for name in VALUE_COLUMNS)], schema=schema)


def _trained(manifest: Manifest) -> TrainedModel:
    headline: dict[str, float | int | str | bool | None]
    headline = {name: value for name, value in manifest.metrics.items() if isinstance(value, float | int | str)}
    return TrainedModel(name=manifest.name, version=manifest.version, sha256=manifest.sha256, metrics=headline)


@contextmanager
def _work_folder(context: Context) -> Iterator[Path]:
    """Give the folder of all attempts at this payload, to one at a time; old ones of others are removed."""
    _drop_old(context.work_folder)
    folder = context.work_folder / f"training-{context.payload_hash[:16]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder) as is_ours:
        if not is_ours:
            raise InvalidJob("training_in_progress", "another job is running this very training; wait for its models")
        os.utime(folder)
        yield folder


def _drop_old(work_folder: Path) -> None:
    for folder in work_folder.glob("training-*"):
        with suppress(FileNotFoundError):  # somebody else was faster
            if time.time() - folder.stat().st_mtime > KEEP_WORK_S:
                _drop(folder)


def _drop(folder: Path) -> None:
    with _locked(folder) as is_ours:
        if is_ours:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Tell whether the folder is ours until the end of the block, however this process ends."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
