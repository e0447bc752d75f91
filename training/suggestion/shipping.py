"""A fitted member as files: the calibrated graph behind its parity gate, its reference, and a fixture to test it by."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from market_data.bars import FloatArray
from model_files.session import GRAPH_NAME, open_graph
from suggestion_engine.drift import WINDOW_ROWS, CalibratedDrift, calibrate_drift, check_drift
from suggestion_engine.features import with_ranks
from suggestion_engine.reference import Reference
from training.suggestion.dataset import Dataset, Rows
from training.suggestion.export import with_calibration
from training.suggestion.fold_inputs import FoldInputs, thinned, with_blanks
from training.suggestion.judgement import Scored, scored
from training.suggestion.members.member import Float32Array, InputKind
from training.suggestion.options import SuggestionOptions
from training.suggestion.parity import check_parity, score
from training.suggestion.sequences import SEQUENCE_BARS, SEQUENCE_FEATURES
from training.suggestion.walk import FoldModel

REFERENCE_NAME: Final = "reference.npz"
BOOSTER_NAME: Final = "model.txt"
FIXTURE_NAME: Final = "fixture.npz"
FIXTURE_ROWS: Final = 64
_FIXTURE_NAN_FRAC: Final = 0.05
_DRIFT_WINDOWS: Final = 1_500
_CHECKED_WINDOWS: Final = 500


@dataclass(frozen=True, kw_only=True)
class Returns:
    """What each outcome paid on the calibration slice, and how far results strayed from what was expected, in ATR.

    The residuals are realised minus expected return; their 10 % and 90 % quantiles are those of split conformal
    prediction (Lei et al. 2018): a new result falls between them four times in five, if the future is like the slice.
    """

    up_atr: float
    flat_atr: float
    down_atr: float
    residual_q10_atr: float
    residual_q90_atr: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Shipment:
    """Files written to `folder`, and what was found while writing them."""

    model: FoldModel
    folder: Path
    session: ort.InferenceSession
    parity_error: float
    parity_rows: int
    drift: CalibratedDrift
    drifted_frac: float
    returns: Returns
    hold_out: Scored
    held_out_symbols: Scored | None


def ship(model: FoldModel, folder: Path, drift: CalibratedDrift, options: SuggestionOptions) -> Shipment:
    """Write a model's files to `folder` and return what they answer; ParityBroken when they answer something else."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = with_calibration(model.fitted.graph(), model.calibration)
    (folder / GRAPH_NAME).write_bytes(graph.SerializeToString(deterministic=True))
    drift.reference.save(folder / REFERENCE_NAME)
    if model.member.name == "lightgbm":
        (folder / BOOSTER_NAME).write_bytes(model.fitted.dump())
    session = open_graph(folder / GRAPH_NAME)
    inputs = parity_inputs(model, options)
    error = check_parity(session, inputs, model.probabilities(inputs), fewest_rows=options.parity_rows)
    (folder / FIXTURE_NAME).write_bytes(_fixture(model, options.seed))
    dataset, fold = model.inputs.dataset, model.inputs.fold
    return Shipment(
        model=model,
        folder=folder,
        session=session,
        parity_error=error,
        parity_rows=len(inputs),
        drift=drift,
        drifted_frac=drifted_frac(drift, dataset, dataset.rows.at(fold.test), options.seed),
        returns=measured_returns(model),
        hold_out=scored_by(session, model, dataset.rows.at(fold.test)),
        held_out_symbols=_held_out(session, model),
    )


def scored_by(session: ort.InferenceSession, model: FoldModel, rows: Rows) -> Scored:
    """Return the rows as the shipped graph scores them."""
    said = score(session, model.inputs.of(model.member.kind, rows))
    return scored(rows, said, base=model.base, min_edge=model.min_edge)


def held_out_rows(dataset: Dataset, first: np.datetime64) -> Rows:
    """Return the rows of the held-out symbols from `first` on."""
    return dataset.held_out.at(dataset.held_out.days >= first)


def parity_inputs(model: FoldModel, options: SuggestionOptions) -> Float32Array:
    """Return at least `parity_rows` real rows where there are so many, one value in a hundred and one whole row NaN."""
    rows, fold = model.inputs.dataset.rows, model.inputs.fold
    chosen = thinned(
        np.concatenate([fold.train, fold.calibration, fold.test]), at_most=2 * options.parity_rows, seed=options.seed
    )
    inputs = with_blanks(model.inputs.of(model.member.kind, rows.at(chosen)), seed=options.seed + 1)
    inputs[0] = np.nan
    return inputs


def synthetic_inputs(kind: InputKind, reference: Reference, *, n: int, seed: int) -> Float32Array:
    """Return rows that no symbol ever had: each feature drawn by itself from its distribution, 5 % NaN."""
    chance = np.random.default_rng(seed)
    names = SEQUENCE_FEATURES if kind == "sequence" else reference.feature_names
    shape = (n, SEQUENCE_BARS, len(names)) if kind == "sequence" else (n, len(names))
    drawn = chance.random(shape)
    grid = np.linspace(0.0, 1.0, reference.quantiles.shape[1])
    for i, name in enumerate(names):
        drawn[..., i] = np.interp(drawn[..., i], grid, reference.quantiles[reference.feature_names.index(name)])
    drawn[chance.random(shape) < _FIXTURE_NAN_FRAC] = np.nan
    return drawn.astype(np.float32)


def healthy_drift(inputs: FoldInputs, seed: int) -> CalibratedDrift:
    """Return the fold's reference with the drift levels that 99 % of its own training windows stay under."""
    fold = inputs.fold
    rows = inputs.dataset.rows.at(
        thinned(np.concatenate([fold.train, fold.calibration]), at_most=_DRIFT_WINDOWS, seed=seed)
    )
    return calibrate_drift(inputs.reference, [_window(inputs.dataset, int(place)) for place in rows.places])


def drifted_frac(drift: CalibratedDrift, dataset: Dataset, rows: Rows, seed: int) -> float:
    """Return the share of (at most 500 of) the rows whose window is flagged as drifted."""
    chosen = thinned(np.arange(len(rows)), at_most=_CHECKED_WINDOWS, seed=seed)
    windows = [_window(dataset, int(place)) for place in rows.places[chosen]]
    flagged = [check_drift(drift.reference, one, one[-1], drift.thresholds).is_drifted for one in windows]
    return float(np.mean(flagged))


def measured_returns(model: FoldModel) -> Returns:
    """Return what the outcomes paid on the model's calibration slice."""
    rows = model.inputs.dataset.rows.at(model.inputs.fold.calibration)
    paid = np.array(
        [rows.barrier_atr[rows.labels == label].mean() if (rows.labels == label).any() else 0.0 for label in range(3)]
    )
    expected = model.probabilities(model.inputs.of(model.member.kind, rows)) @ paid
    low, high = conformal_quantiles(rows.barrier_atr - expected)
    return Returns(
        down_atr=float(paid[0]),
        flat_atr=float(paid[1]),
        up_atr=float(paid[2]),
        residual_q10_atr=low,
        residual_q90_atr=high,
    )


def conformal_quantiles(residuals: FloatArray) -> tuple[float, float]:
    """Return the 10 % and 90 % quantiles, each one rank further out than plain, as n + 1 exchangeable values ask."""
    ordered = np.sort(residuals)
    n = len(ordered)
    rank = min(n, int(np.ceil(0.9 * (n + 1))))
    return float(ordered[n - rank]), float(ordered[rank - 1])


def _window(dataset: Dataset, place: int) -> FloatArray:
    return dataset.raw[place + 1 - WINDOW_ROWS : place + 1].astype(np.float64)


def _held_out(session: ort.InferenceSession, model: FoldModel) -> Scored | None:
    rows = held_out_rows(model.inputs.dataset, np.datetime64(model.inputs.fold.test_from))
    return scored_by(session, model, rows) if len(rows) > 0 else None


def _fixture(model: FoldModel, seed: int) -> bytes:
    kind, reference = model.member.kind, model.inputs.reference
    inputs = synthetic_inputs(kind, reference, n=FIXTURE_ROWS, seed=seed)
    if kind == "features":
        inputs = with_ranks(inputs.astype(np.float64), reference)
    content = io.BytesIO()
    np.savez(content, inputs=inputs, probabilities=model.probabilities(inputs))
    return content.getvalue()
