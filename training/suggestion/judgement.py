"""Probabilities judged: skill and after-cost result of the same rows, by rules that every table of a card shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from market_data.bars import FloatArray
from training.suggestion.calibration import N_CLASSES
from training.suggestion.dataset import HORIZON_BARS, Rows
from training.suggestion.economics import Economics, Market, economics
from training.suggestion.metrics import CurvePoint, Figures, Outcomes, calibration_curve, figures


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Rows, what a model said of them, and what was known before: class shares and the least edge to act on."""

    rows: Rows
    probabilities: FloatArray
    base: FloatArray
    min_edge: FloatArray

    @property
    def edge(self) -> FloatArray:
        return edge_of(self.probabilities)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How rows are judged, the same wherever numbers are to be compared."""

    row_step_bars: int
    bootstrap_draws: int
    seed: int
    configurations: int


@dataclass(frozen=True, kw_only=True)
class Judged:
    skill: Figures
    money: Economics
    buy_curve: tuple[CurvePoint, ...]


def judge(scored: Scored, protocol: Protocol) -> Judged:
    """Return skill and after-cost result on these rows, of which there is at least one."""
    rows = scored.rows
    return Judged(
        skill=figures(
            Outcomes(days=rows.days, labels=rows.labels, forward_frac=rows.forward_frac, base=scored.base),
            scored.probabilities,
            draws=protocol.bootstrap_draws,
            seed=protocol.seed,
        ),
        money=economics(
            Market(
                days=rows.days,
                symbols=rows.symbols,
                barrier_frac=rows.barrier_frac,
                hold_frac=rows.hold_frac,
                momentum_frac=rows.momentum_frac,
            ),
            scored.edge,
            min_edge=scored.min_edge,
            horizon_bars=HORIZON_BARS,
            row_step_bars=protocol.row_step_bars,
            configurations=protocol.configurations,
        ),
        buy_curve=calibration_curve(scored.probabilities, rows.labels, column=N_CLASSES - 1),
    )


def scored(rows: Rows, probabilities: FloatArray, *, base: FloatArray, min_edge: float) -> Scored:
    """Return the rows as scored by one model; base: shape (3,), class shares of its training rows."""
    return Scored(
        rows=rows,
        probabilities=probabilities,
        base=np.broadcast_to(base, probabilities.shape),
        min_edge=np.full(len(probabilities), min_edge),
    )


def pooled(parts: Sequence[Scored]) -> Scored:
    """Return the rows of several slices as one, in their order."""
    first = parts[0].rows
    joined = {name: np.concatenate([getattr(part.rows, name) for part in parts]) for name in vars(first)}
    return Scored(
        rows=Rows(**joined),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        base=np.concatenate([part.base for part in parts]),
        min_edge=np.concatenate([part.min_edge for part in parts]),
    )


def of_year(part: Scored, year: int) -> Scored | None:
    """Return the rows decided in that year; None when there are none."""
    inside = part.rows.days.astype("datetime64[Y]") == np.datetime64(str(year), "Y")
    if not inside.any():
        return None
    return Scored(
        rows=part.rows.at(inside),
        probabilities=part.probabilities[inside],
        base=part.base[inside],
        min_edge=part.min_edge[inside],
    )


def edge_of(probabilities: FloatArray) -> FloatArray:
    """Return P(buy) - P(sell), shape (n,)."""
    result: FloatArray = probabilities[:, 2] - probabilities[:, 0]
    return result


def class_shares(rows: Rows) -> FloatArray:
    """Return how often sell, hold and buy were right, shape (3,)."""
    shares: FloatArray = np.bincount(rows.labels, minlength=N_CLASSES) / len(rows)
    return shares
