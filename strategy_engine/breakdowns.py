"""A backtest by calendar year and by market regime: where it earned, and where it did not."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from market_data.bars import BoolArray, FloatArray, IntArray
from strategy_engine.monthly_returns import years_of
from strategy_engine.regimes import REGIMES, UNKNOWN, regimes
from strategy_engine.summaries import deviation, summarise_equity

if TYPE_CHECKING:
    from strategy_engine.trades import TextArray, Trades


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breakdown:
    """Columns of shape (groups,). label: the year or the regime. bars: how many bars it has.

    return_frac: compounded over those bars. volatility, sharpe: as in `Metrics`, of those bars. max_drawdown: of a
    curve of those bars alone. trade_count, win_rate, pnl: of the closed trades that were entered on them. NaN as there.
    """

    label: TextArray
    bars: IntArray
    return_frac: FloatArray
    volatility: FloatArray
    sharpe: FloatArray
    max_drawdown: FloatArray
    trade_count: IntArray
    win_rate: FloatArray
    pnl: FloatArray

    def __len__(self) -> int:
        return len(self.label)

    def columns(self) -> dict[str, NDArray[Any]]:  # Any: one type a column
        """Return every column by its name, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def by_year(time: IntArray, equity: FloatArray, cash: float, trades: Trades, *, periods_per_year: float) -> Breakdown:
    """Return the breakdown by calendar year of the bars' UTC opens, the earliest first."""
    years = years_of(time)
    labels = np.unique(years)
    groups = [(str(year), years == year) for year in labels]
    return _breakdown(groups, time, equity, cash, trades, periods_per_year)


def by_regime(
    time: IntArray, equity: FloatArray, cash: float, trades: Trades, *, close: FloatArray, periods_per_year: float
) -> Breakdown:
    """Return the breakdown by the regime that was known when a bar began: that of the close before it.

    close: what the regimes are told from (`regimes`), shape (n,). Regimes that never came are left out.
    """
    known = np.concatenate(([UNKNOWN], regimes(close)[:-1]))
    groups = [(name, known == i) for i, name in enumerate(REGIMES) if np.any(known == i)]
    return _breakdown(groups, time, equity, cash, trades, periods_per_year)


def _breakdown(  # noqa: PLR0917 -- what both callers have, in the order they have it
    groups: list[tuple[str, BoolArray]],
    time: IntArray,
    equity: FloatArray,
    cash: float,
    trades: Trades,
    periods_per_year: float,
) -> Breakdown:
    returns = summarise_equity(equity, cash).returns
    entered = np.searchsorted(time, trades.entry_time, side="right") - 1
    rows = [_row(label, returns[is_in], trades, is_in[entered], periods_per_year) for label, is_in in groups]
    return Breakdown(
        label=np.array([row[0] for row in rows]),
        **{
            field.name: np.array([row[i] for row in rows])
            for i, field in enumerate(fields(Breakdown))
            if field.name != "label"
        },
    )


def _row(
    label: str, returns: FloatArray, trades: Trades, entered: BoolArray, periods_per_year: float
) -> tuple[str | float, ...]:
    curve: FloatArray = np.cumprod(1.0 + returns, dtype=np.float64)
    spread = deviation(returns)
    pnl = trades.pnl[entered & ~trades.is_open]
    per_year = math.sqrt(periods_per_year)
    return (
        label,
        len(returns),
        float(curve[-1]) - 1.0,
        spread * per_year,
        float(returns.mean()) / spread * per_year if spread > 0.0 else math.nan,
        summarise_equity(curve, 1.0).max_drawdown,
        len(pnl),
        float((pnl > 0.0).mean()) if len(pnl) > 0 else math.nan,
        float(pnl.sum()),
    )
