"""The figures that sum a backtest up."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final, Self

from strategy_engine.summaries import EquitySummary, TradeSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures of the equity curve, then of the closed trades, then of costs and activity.

    What is not defined is NaN, never infinite: a ratio over zero, a mean of nothing. Fractions: 0.01 = 1 %. n
    is the number of bars, A the periods (bars) per year. Returns are simple, per bar, the first over the
    initial cash, and are taken as excess returns (a riskless rate of 0). Trade figures leave a trade that is
    still open out.
    """

    net_profit: float  # currency: final equity - initial cash, an open position marked at the last close
    final_equity: float  # currency
    total_return_frac: float  # final equity / initial cash - 1
    buy_and_hold_return_frac: float  # last close / first close - 1: the price alone, free of costs and lots
    cagr: float  # fraction a year: (final equity / initial cash) ** (A / n) - 1
    volatility: float  # fraction a year: standard deviation of returns (ddof = 1) * sqrt(A)
    sharpe: float  # mean / standard deviation (ddof = 1) of returns * sqrt(A): Sharpe (1994), JPM 21(1)
    sortino: float  # mean / sqrt(mean of min(return, 0) ** 2) * sqrt(A): Sortino and Price (1994), JOI 3(3)
    calmar: float  # cagr / |max_drawdown|: Young (1991), Futures 20(11)
    max_drawdown: float  # fraction <= 0: the least of equity / highest equity so far - 1
    max_drawdown_duration_bars: int  # the longest way from a peak back to it, or to the last bar
    avg_drawdown: float  # fraction < 0: mean over the drawdowns of each one's trough
    ulcer_index: float  # fraction: sqrt(mean of squared drawdowns over all bars): Martin and McCann (1989)
    exposure_frac: float  # fraction of bars at whose close a position is held

    trade_count: int
    win_rate: float  # fraction of trades with pnl > 0; a trade that breaks even is no win
    profit_factor: float  # sum of gains / |sum of losses|
    payoff_ratio: float  # mean gain / |mean loss|
    expectancy: float  # currency: mean pnl
    avg_trade_return_frac: float  # mean of return_frac
    best_trade: float  # fraction: highest return_frac
    worst_trade: float  # fraction: lowest return_frac
    avg_holding_bars: float  # mean of bars from entry to exit
    sqn: float  # sqrt(trades) * mean / standard deviation (ddof = 1) of pnl: Tharp's system quality number

    total_fees: float  # currency, the entry of an open trade included
    turnover: float  # currency bought and sold / mean equity, over the whole time; opens included

    @classmethod
    def from_summaries(
        cls,
        equity: EquitySummary,
        trades: TradeSummary,
        *,
        cash: float,
        final_equity: float,
        price_ratio: float,
        bar_count: int,
        periods_per_year: float,
    ) -> Self:
        """Return the metrics. price_ratio: last close / first close."""
        growth = _power(final_equity / cash, periods_per_year / bar_count) - 1.0
        per_year = math.sqrt(periods_per_year)
        return cls(
            net_profit=final_equity - cash,
            final_equity=final_equity,
            total_return_frac=final_equity / cash - 1.0,
            buy_and_hold_return_frac=price_ratio - 1.0,
            cagr=growth,
            volatility=_finite(equity.return_deviation * per_year),
            sharpe=_ratio(equity.mean_return, equity.return_deviation) * per_year,
            sortino=_ratio(equity.mean_return, equity.downside_deviation) * per_year,
            calmar=_ratio(growth, -equity.max_drawdown),
            max_drawdown=equity.max_drawdown,
            max_drawdown_duration_bars=equity.max_drawdown_duration_bars,
            avg_drawdown=equity.avg_drawdown,
            ulcer_index=equity.ulcer_index,
            exposure_frac=trades.held_bars / bar_count,
            trade_count=trades.closed,
            win_rate=_ratio(trades.wins, trades.closed),
            profit_factor=_ratio(trades.won, -trades.lost),
            payoff_ratio=_ratio(_ratio(trades.won, trades.wins), _ratio(-trades.lost, trades.losses)),
            expectancy=_finite(trades.mean_pnl),
            avg_trade_return_frac=_finite(trades.mean_return),
            best_trade=trades.best_return,
            worst_trade=trades.worst_return,
            avg_holding_bars=_finite(trades.mean_bars),
            sqn=_ratio(trades.mean_pnl, trades.pnl_deviation) * math.sqrt(trades.closed),
            total_fees=trades.fees,
            turnover=_ratio(trades.traded_value, equity.mean_equity),
        )

    def as_dict(self) -> dict[str, float | int]:
        """Return every figure by its name, in order. Undefined ones are NaN, which JSON does not have."""
        return {name: getattr(self, name) for name in _NAMES}


_NAMES: Final = tuple(field.name for field in fields(Metrics))


def _ratio(value: float, divisor: float) -> float:
    return _finite(value / divisor) if divisor > 0.0 else math.nan


def _power(ratio: float, exponent: float) -> float:
    # A few minutes of gain, compounded to a year, can exceed every double.
    try:
        return math.pow(ratio, exponent)
    except OverflowError:
        return math.nan


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
