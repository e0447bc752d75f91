"""Several models as one: each is asked once for all symbols, and their answers are averaged by weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from market_data.bars import Bars, FloatArray
from suggestion_engine.drift import DriftReport, check_drift
from suggestion_engine.errors import TooFewBars
from suggestion_engine.feature_registry import FEATURE_SET, RAW_FEATURES, WARMUP_BARS
from suggestion_engine.features import latest_features, latest_features_of_many
from suggestion_engine.member import BUY, HOLD, SELL, Float32Array, Member
from suggestion_engine.plan import Probabilities, Returns

WINDOW_ROWS: Final = 60
"""How many of the newest rows are looked at: what drift is measured over, and no sequence is longer."""
NEEDED_BARS: Final = WARMUP_BARS + WINDOW_ROWS


@dataclass(frozen=True, eq=False)
class Scores:
    """What the members said of n symbols. `by_member` has the shape (members, n, 3): sell, hold, buy."""

    by_member: FloatArray
    weights: FloatArray

    @cached_property
    def mean(self) -> FloatArray:
        """Return the weighted mean over the members, shape (n, 3)."""
        mean: FloatArray = np.einsum("m,mnc->nc", self.weights, self.by_member)
        return mean

    def of(self, symbol: int) -> Probabilities:
        return _probabilities(self.mean[symbol])

    def of_member(self, member: int, symbol: int) -> Probabilities:
        return _probabilities(self.by_member[member, symbol])

    def edges(self, symbol: int) -> list[float]:
        """Return p_buy - p_sell of each member."""
        return [float(edge) for edge in self.by_member[:, symbol, BUY] - self.by_member[:, symbol, SELL]]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The members that answer together; there is at least one, and all read the same features."""

    members: tuple[Member, ...]

    @cached_property
    def weights(self) -> FloatArray:
        given = np.array([member.settings.weight for member in self.members])
        shares: FloatArray = given / given.sum()
        return shares

    @cached_property
    def returns(self) -> Returns:
        """Return the members' returns, averaged by weight: the mean of the members' expectations follows exactly.

        The interval's quantiles are averaged likewise, which is an approximation: the members' errors move together,
        so that of their mean is hardly narrower than each.
        """
        return Returns(
            up_atr=self._mean([member.settings.returns.up_atr for member in self.members]),
            flat_atr=self._mean([member.settings.returns.flat_atr for member in self.members]),
            down_atr=self._mean([member.settings.returns.down_atr for member in self.members]),
            residual_low_atr=self._mean([member.settings.returns.residual_low_atr for member in self.members]),
            residual_high_atr=self._mean([member.settings.returns.residual_high_atr for member in self.members]),
        )

    @cached_property
    def min_edge(self) -> float:
        return self._mean([member.settings.min_edge for member in self.members])

    def score(self, windows: FloatArray) -> Scores:
        """Return what each member says of each symbol, in one batch a member.

        windows: raw features, shape (n, WINDOW_ROWS, len(RAW_FEATURES)), the newest row last.
        """
        columns: dict[tuple[str, int, bool], Float32Array] = {}
        said = []
        for member in self.members:
            shared = (member.reference_sha256, member.needed_rows, member.reads_ranks)
            if shared not in columns:
                columns[shared] = member.columns(windows)
            said.append(member.probabilities(member.shaped(columns[shared], len(windows))))
        return Scores(np.stack(said), self.weights)

    def drift(self, window: FloatArray) -> DriftReport:
        """Return the report of the member that one symbol's newest bars are most foreign to.

        window: raw features, shape (WINDOW_ROWS, len(RAW_FEATURES)). Members of the same universe are asked once.
        """
        reports = [
            check_drift(member.reference, window, window[-1], member.settings.drift) for member in self.universes
        ]
        return max(reports, key=lambda report: (report.is_drifted, report.dissimilarity))

    @cached_property
    def universes(self) -> tuple[Member, ...]:
        """Return one member for each universe and its thresholds."""
        found = {(member.reference_sha256, member.settings.drift): member for member in reversed(self.members)}
        return tuple(reversed(found.values()))

    def _mean(self, values: Sequence[float]) -> float:
        return float(np.average(values, weights=self.weights))


def window_of(bars: Bars) -> FloatArray:
    """Return a symbol's newest rows of raw features, shape (WINDOW_ROWS, len(RAW_FEATURES)).

    Raise TooFewBars when not every row has its warm-up: NEEDED_BARS bars.
    """
    check_long_enough(bars)
    return latest_features(bars, WINDOW_ROWS)


def windows_of(bars: Sequence[Bars]) -> FloatArray:
    """Return `window_of` of many symbols as one batch, bit for bit: a fraction of the work, symbol by symbol.

    Raise TooFewBars when one of them has fewer than NEEDED_BARS bars.
    """
    return latest_features_of_many(bars, WINDOW_ROWS)


def check_long_enough(bars: Bars) -> None:
    """Raise TooFewBars when a symbol has fewer than NEEDED_BARS bars."""
    if len(bars) < NEEDED_BARS:
        raise TooFewBars(bars.symbol, needed=NEEDED_BARS, had=len(bars))


def stacked(windows: Sequence[FloatArray]) -> FloatArray:
    """Return the windows of many symbols as one batch."""
    if not windows:
        return np.empty((0, WINDOW_ROWS, len(RAW_FEATURES)))
    return np.stack(windows)


def reads_these_features(member: Member) -> bool:
    """Tell whether a model was trained on the features that are computed here."""
    return member.manifest.feature_set == FEATURE_SET


def _probabilities(row: FloatArray) -> Probabilities:
    return Probabilities(sell=float(row[SELL]), hold=float(row[HOLD]), buy=float(row[BUY]))
