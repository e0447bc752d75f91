"""The universe a model was trained in: how each raw feature was distributed, and a sample of its rows.

It is stored beside the model. Ranks and drift are measured against it, so they depend on a symbol's own bars and on
the model, never on which other symbols were asked for.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from market_data.bars import FloatArray, IntArray
from market_data.kernels import FLOAT, FLOATS, INTS, MATRIX, kernel
from suggestion_engine.errors import ReferenceRefused
from suggestion_engine.feature_registry import RAW_FEATURES

Float32Array = NDArray[np.float32]

N_QUANTILES: Final = 101
SAMPLE_ROWS: Final = 2_000
# Standardised values are cut here: far enough for ten times the usual volatility to be seen, near enough that one
# wild feature is not the whole distance.
STANDARD_LIMIT: Final = 20.0
_IQR_OF_NORMAL: Final = 1.349  # the interquartile range of a normal distribution, in its deviations
_LEAST_SCALE: Final = 1e-9
# What numpy and zipfile raise over a file that is no .npz, is cut short or was changed.
_UNREADABLE: Final = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
_PER_FEATURE: Final = ("nan_frac", "center", "scale", "psi_levels")


@kernel(FLOAT, FLOATS)
def _share_below(wide: float, quantiles: FloatArray) -> float:
    value = np.float64(np.float32(wide))  # as narrow as the quantiles are, or 0.7 would be above a quantile of 0.7
    first = np.searchsorted(quantiles, value, side="left")
    behind = np.searchsorted(quantiles, value, side="right")
    last = len(quantiles) - 1
    if np.isnan(value) or np.isnan(quantiles[0]):
        share = np.nan
    elif first < behind:  # it is a quantile, or several equal ones: their middle
        share = (first + behind - 1) / 2.0 / last
    elif first == 0:
        share = 0.0
    elif first > last:
        share = 1.0
    else:
        below, above = quantiles[first - 1], quantiles[first]
        share = (first - 1 + (value - below) / (above - below)) / last
    return share


@kernel(FLOATS, FLOATS)
def _shares_below(values: FloatArray, quantiles: FloatArray) -> FloatArray:
    shares = np.empty(len(values))
    for i in range(len(values)):
        shares[i] = _share_below(values[i], quantiles)
    return shares


@kernel(MATRIX, INTS, MATRIX)
def _with_shares_below(rows: FloatArray, ranked: IntArray, quantiles: FloatArray) -> Float32Array:
    """Return rows and, behind them, the shares of the columns `ranked` below each of their values."""
    n_features = rows.shape[1]
    joined = np.empty((len(rows), n_features + len(ranked)), dtype=np.float32)
    for i in range(len(rows)):
        for column in range(n_features):
            joined[i, column] = rows[i, column]
        for k in range(len(ranked)):
            joined[i, n_features + k] = _share_below(rows[i, ranked[k]], quantiles[ranked[k]])
    return joined


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Distributions over F raw features, in the order of `feature_names`.

    quantiles: (F, 101), the 0 %, 1 % .. 100 % quantiles of what is not NaN; NaN for a feature that never is.
    nan_frac: (F,), the share of NaN. center, scale: (F,), median and interquartile range / 1.349.
    sample: (<= 2000, F), rows as `standardised` gives them. psi_levels: (F,), the PSI of each feature that 99 % of
    healthy windows stay under; 1 until `drift.calibrate_drift` has measured it.
    """

    feature_names: tuple[str, ...]
    quantiles: Float32Array
    nan_frac: Float32Array
    sample: Float32Array
    center: Float32Array
    scale: Float32Array
    psi_levels: Float32Array

    def percentile(self, values: FloatArray, name: str) -> FloatArray:
        """Return the share of the universe below each value of the feature `name`, in [0, 1].

        values: any shape. Linear between the 101 quantiles, 0 and 1 beyond them; among equal quantiles, their middle.
        NaN stays NaN.
        """
        quantiles = self._wide_quantiles[self._column(name)]
        shares: FloatArray = _shares_below(np.ascontiguousarray(values, dtype=np.float64).ravel(), quantiles)
        return shares.reshape(values.shape)

    def with_percentiles(self, rows: FloatArray, columns: IntArray) -> Float32Array:
        """Return rows, shape (n, F), with the percentiles of some of their columns behind them, (n, F + columns)."""
        return _with_shares_below(np.ascontiguousarray(rows), columns, self._wide_quantiles)

    def standardised(self, rows: FloatArray) -> FloatArray:
        """Return (rows - center) / scale, cut to +-20; 0 where NaN. rows: shape (n, F)."""
        scaled = (rows - self.center) / self.scale
        return np.clip(np.where(np.isnan(scaled), 0.0, scaled), -STANDARD_LIMIT, STANDARD_LIMIT)

    def with_psi_levels(self, levels: FloatArray) -> Self:
        return replace(self, psi_levels=levels.astype(np.float32))

    def save(self, path: Path) -> None:
        """Write the arrays as .npz; equal references give equal bytes."""
        arrays: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}  # Any: numpy's stubs
        arrays["feature_names"] = np.array(self.feature_names)
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @cached_property
    def _wide_quantiles(self) -> FloatArray:
        return self.quantiles.astype(np.float64)

    def _column(self, name: str) -> int:
        if name not in self.feature_names:
            raise ReferenceRefused(f"the reference must hold the feature {name!r}, it holds {len(self.feature_names)}")
        return self.feature_names.index(name)


def build_reference(raw_rows: FloatArray, seed: int) -> Reference:
    """Return the reference of a universe's raw features.

    raw_rows: shape (n, len(RAW_FEATURES)), n >= 1, of training rows alone. The same rows and seed give the same one.
    Raise ReferenceRefused for another shape.
    """
    n_features = len(RAW_FEATURES)
    if raw_rows.ndim != 2 or raw_rows.shape[1] != n_features or len(raw_rows) == 0:  # noqa: PLR2004 -- a matrix
        raise ReferenceRefused(f"rows must have the shape (n >= 1, {n_features}), they had {raw_rows.shape}")
    quantiles = np.array([_quantiles(raw_rows[:, column]) for column in range(n_features)])
    spread = (quantiles[:, 75] - quantiles[:, 25]) / _IQR_OF_NORMAL
    is_usable = np.isfinite(spread) & (spread > _LEAST_SCALE)
    reference = Reference(
        feature_names=RAW_FEATURES,
        quantiles=quantiles.astype(np.float32),
        nan_frac=np.isnan(raw_rows).mean(axis=0).astype(np.float32),
        sample=np.empty((0, n_features), dtype=np.float32),
        center=np.nan_to_num(quantiles[:, 50]).astype(np.float32),
        # What hardly varies (a rare pattern) counts as it is.
        scale=np.where(is_usable, spread, 1.0).astype(np.float32),
        psi_levels=np.ones(n_features, dtype=np.float32),
    )
    chosen = np.random.default_rng(seed).permutation(len(raw_rows))[:SAMPLE_ROWS]
    return replace(reference, sample=reference.standardised(raw_rows[np.sort(chosen)]).astype(np.float32))


def load_reference(path: Path) -> Reference:
    """Return what `Reference.save` wrote; ReferenceRefused when the file is not that."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReferenceRefused(f"{path.name} cannot be read: {error.strerror}") from error
    return reference_of(content, name=path.name)


def reference_of(content: bytes, *, name: str) -> Reference:
    """Return the reference that a file's content holds; ReferenceRefused when it holds none."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {field.name: stored[field.name] for field in fields(Reference)}
    except _UNREADABLE as error:
        raise ReferenceRefused(f"{name} must be a saved reference: {error!r}") from error
    names = tuple(str(one) for one in np.atleast_1d(arrays.pop("feature_names")))
    _check(arrays, n_features=len(names), name=name)
    return Reference(feature_names=names, **arrays)


def _quantiles(column: FloatArray) -> FloatArray:
    known = column[~np.isnan(column)]
    return np.quantile(known, np.linspace(0.0, 1.0, N_QUANTILES)) if known.size > 0 else np.full(N_QUANTILES, np.nan)


def _check(arrays: dict[str, NDArray[Any]], *, n_features: int, name: str) -> None:  # Any: what the file holds
    expected: dict[str, tuple[int, ...]] = dict.fromkeys(_PER_FEATURE, (n_features,))
    expected["quantiles"] = (n_features, N_QUANTILES)
    expected["sample"] = (*arrays["sample"].shape[:1], n_features)
    for key, shape in expected.items():
        if arrays[key].shape != shape or arrays[key].dtype != np.float32:
            raise ReferenceRefused(
                f"{name}: {key} must be float32 of shape {shape}, it was {arrays[key].dtype} of {arrays[key].shape}"
            )
    if not all(np.isfinite(arrays[key]).all() for key in (*_PER_FEATURE, "sample")):
        raise ReferenceRefused(f"{name}: only quantiles may hold NaN")
    if not (arrays["scale"] > 0.0).all() or not (arrays["psi_levels"] > 0.0).all():
        raise ReferenceRefused(f"{name}: scale and psi_levels must be above 0")
