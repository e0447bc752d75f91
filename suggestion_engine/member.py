"""One trained model of the ensemble, opened: its graph, the universe it was trained in, and what it says of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import onnxruntime as ort
from numba import types
from numpy.typing import NDArray

from market_data.bars import FloatArray, IntArray
from market_data.kernels import kernel
from model_files import Manifest, ModelRefused
from model_files.session import open_model
from suggestion_engine.booster import Booster, can_explain
from suggestion_engine.drift import DriftThresholds, check_drift
from suggestion_engine.errors import ReferenceRefused
from suggestion_engine.feature_registry import FEATURE_NAMES, FEATURE_SET, RAW_FEATURES
from suggestion_engine.features import with_ranks
from suggestion_engine.plan import Returns
from suggestion_engine.reference import Reference, reference_of

InputKind = Literal["features", "sequence"]
Float32Array = NDArray[np.float32]

CLASSES: Final = ("sell", "hold", "buy")
SELL, HOLD, BUY = 0, 1, 2
REFERENCE_NAME: Final = "reference.npz"
BOOSTER_NAME: Final = "model.txt"
SUM_TOLERANCE: Final = 1e-3
BATCH_ROWS: Final = 32
"""How many rows go through a graph at once: a session keeps the memory of its largest batch."""


@dataclass(frozen=True, kw_only=True)
class MemberSettings:
    """What a manifest says of how its model is asked and how its answers are read."""

    input: InputKind
    sequence_bars: int
    sequence_features: tuple[str, ...]
    returns: Returns
    min_edge: float
    drift: DriftThresholds
    weight: float

    @classmethod
    def of(cls, manifest: Manifest) -> MemberSettings:
        """Return the settings of a manifest; ModelRefused says what is missing or wrong."""
        told = manifest.settings
        try:
            settings = cls(
                input=told["input"],
                sequence_bars=int(told.get("sequence_bars") or 1),
                sequence_features=tuple(told.get("sequence_features") or ()),
                returns=_returns(told["returns"]),
                min_edge=float(told["min_edge"]),
                drift=_thresholds(told["drift"]),
                weight=float(told.get("weight", 1.0)),
            )
            _check(settings, tuple(told["classes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelRefused(f"{manifest.name} {manifest.version}: its settings cannot be used: {error!r}") from error
        return settings


@dataclass(frozen=True, eq=False)
class Member:
    """An opened model; all that it needs of `folder` is read when it is opened."""

    manifest: Manifest
    settings: MemberSettings
    reference: Reference
    session: ort.InferenceSession
    folder: Path

    @property
    def name(self) -> str:
        return self.manifest.name

    @cached_property
    def needed_rows(self) -> int:
        """Return how many rows of features, the newest last, one answer needs."""
        return self.settings.sequence_bars if self.settings.input == "sequence" else 1

    @cached_property
    def reference_sha256(self) -> str:
        """Return what names its universe: models of one training share theirs."""
        return next((file.sha256 for file in self.manifest.files if file.name == REFERENCE_NAME), self.manifest.sha256)

    @property
    def has_booster(self) -> bool:
        """Tell whether the model came with its trees as text, and they can be read here."""
        return any(file.name == BOOSTER_NAME for file in self.manifest.files) and can_explain()

    @cached_property
    def booster(self) -> Booster:
        """Return the trees that explain themselves; ModelRefused where there are none to be read."""
        try:
            booster = Booster(self.manifest.read(self.folder, BOOSTER_NAME).decode())
        except ValueError as error:
            raise ModelRefused(
                f"{self.name} {self.manifest.version}: {BOOSTER_NAME} cannot be read: {error}"
            ) from error
        if booster.n_classes != len(CLASSES):
            raise ModelRefused(
                f"{self.name}: {BOOSTER_NAME} must have {len(CLASSES)} classes, it has {booster.n_classes}"
            )
        return booster

    @cached_property
    def channels(self) -> IntArray:
        """Return the columns of FEATURE_NAMES that a sequence model reads."""
        return np.array([FEATURE_NAMES.index(name) for name in self.settings.sequence_features], dtype=np.int64)

    @cached_property
    def reads_ranks(self) -> bool:
        return self.settings.input == "features" or int(self.channels.max()) >= len(RAW_FEATURES)

    def inputs(self, windows: FloatArray) -> Float32Array:
        """Return what the graph takes, for symbols whose newest rows these are.

        windows: raw features, shape (n, rows, len(RAW_FEATURES)), the newest row last, rows >= needed_rows. The answer
        has the shape (n, len(FEATURE_NAMES)), or (n, sequence_bars, channels) for a sequence model.
        """
        return self.shaped(self.columns(windows), len(windows))

    def columns(self, windows: FloatArray) -> Float32Array:
        """Return the needed rows of all symbols, one below the other, with ranks where this model reads any.

        Members of one universe that need as many rows share this: it does not depend on the graph.
        """
        newest = windows[:, -self.needed_rows :].reshape(-1, windows.shape[2])
        return with_ranks(newest, self.reference) if self.reads_ranks else newest.astype(np.float32)

    def shaped(self, columns: Float32Array, n_symbols: int) -> Float32Array:
        """Return `columns` as the graph takes them."""
        if self.settings.input == "features":
            return columns
        return columns.take(self.channels, axis=1).reshape(n_symbols, self.needed_rows, len(self.channels))

    def probabilities(self, inputs: Float32Array) -> FloatArray:
        """Return the calibrated probabilities of sell, hold and buy, shape (n, 3), rows summing to 1.

        Raise ModelRefused when the graph answers with anything else.
        """
        if len(inputs) == 0:
            return np.empty((0, len(CLASSES)))
        parts = [self._run(inputs[start : start + BATCH_ROWS]) for start in range(0, len(inputs), BATCH_ROWS)]
        answer = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts), dtype=np.float32)
        has_shape = answer.shape == (len(inputs), len(CLASSES))
        probabilities = _rescaled(answer) if has_shape else np.empty((0, len(CLASSES)))
        if len(probabilities) == 0:
            raise ModelRefused(
                f"{self.name} {self.manifest.version}: expected {len(inputs)} rows of three probabilities that sum to 1"
            )
        return probabilities

    def _run(self, inputs: Float32Array) -> Float32Array:
        answer: Float32Array = self.session.run(
            [self.manifest.outputs[0].name], {self.manifest.inputs[0].name: inputs}
        )[0]
        return answer


def open_member(folder: Path, manifest: Manifest) -> Member:
    """Return the model of a folder, opened; ModelRefused or ReferenceRefused where it is not what it should be."""
    if manifest.task != "suggestion":
        raise ModelRefused(
            f"{manifest.name} {manifest.version}: expected a suggestion model, its task is {manifest.task}"
        )
    settings = MemberSettings.of(manifest)
    session = open_model(folder, manifest)
    try:
        reference = reference_of(manifest.read(folder, REFERENCE_NAME), name=REFERENCE_NAME)
    except ReferenceRefused as error:
        raise ModelRefused(f"{manifest.name} {manifest.version}: {error}") from error
    member = Member(manifest, settings, reference, session, folder)
    if manifest.feature_set == FEATURE_SET:
        _rehearse(member)
    return member


def _rehearse(member: Member) -> None:
    """Do once what each job does: what does not fit is found now, and the first job is as fast as the tenth."""
    rows = np.full((member.needed_rows, len(RAW_FEATURES)), np.nan)
    try:
        member.probabilities(member.inputs(rows[np.newaxis]))
        check_drift(member.reference, rows, rows[-1], member.settings.drift)
        if member.has_booster:
            member.booster.contributions(np.full(len(FEATURE_NAMES), np.nan))
    except ModelRefused:
        raise
    except Exception as error:  # onnxruntime's own exceptions have no common base but Exception
        told = f"{member.name} {member.manifest.version}: it does not take the features of its own set: {error}"
        raise ModelRefused(told) from error


@kernel(types.Array(types.float32, 2, "C", readonly=True))
def _rescaled(answer: Float32Array) -> FloatArray:
    """Return rows of three with what is below 0 cut off and their sums made 1; no rows unless all are probabilities.

    They are but for rounding: SUM_TOLERANCE. NaN is within no tolerance.
    """
    rescaled = np.empty(answer.shape)
    for i in range(len(answer)):
        first, second, third = np.float64(answer[i, 0]), np.float64(answer[i, 1]), np.float64(answer[i, 2])
        is_near_one = abs(first + second + third - 1.0) <= SUM_TOLERANCE
        if not (is_near_one and min(first, second, third) >= -SUM_TOLERANCE):
            return rescaled[:0]
        low, middle, high = max(first, 0.0), max(second, 0.0), max(third, 0.0)
        total = low + middle + high
        rescaled[i, 0], rescaled[i, 1], rescaled[i, 2] = low / total, middle / total, high / total
    return rescaled


def _returns(told: Mapping[str, Any]) -> Returns:  # Any: JSON
    return Returns(
        up_atr=float(told["up_atr"]),
        flat_atr=float(told["flat_atr"]),
        down_atr=float(told["down_atr"]),
        residual_low_atr=float(told["residual_q10_atr"]),
        residual_high_atr=float(told["residual_q90_atr"]),
    )


def _thresholds(told: Mapping[str, Any]) -> DriftThresholds:  # Any: JSON
    return DriftThresholds(psi_max=float(told["psi_max"]), dissimilarity_max=float(told["dissimilarity_max"]))


def _check(settings: MemberSettings, classes: tuple[str, ...]) -> None:
    if classes != CLASSES:
        raise ValueError(f"classes must be {CLASSES}, they were {classes}")
    if settings.input not in get_args(InputKind):
        raise ValueError(f"input must be one of {get_args(InputKind)}, it was {settings.input!r}")
    if not (isfinite(settings.min_edge) and 0 <= settings.min_edge <= 1):
        raise ValueError(f"min_edge must be from 0 to 1, it was {settings.min_edge}")
    if not (isfinite(settings.weight) and settings.weight > 0):
        raise ValueError(f"weight must be above 0, it was {settings.weight}")
    unknown = set(settings.sequence_features) - set(FEATURE_NAMES)
    if settings.input == "sequence" and (unknown or not settings.sequence_features or settings.sequence_bars < 1):
        raise ValueError(f"a sequence must have bars and known features; unknown were {sorted(unknown)}")
