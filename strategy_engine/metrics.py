"""The figures that sum a backtest up; docs/metrics.md says where each comes from and who defines it otherwise."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures of the equity curve, of it beside the benchmark, of the closed trades, and of costs and activity.

    What is not defined is NaN, never infinite: a ratio over zero, a mean of nothing, a growth beyond every double.
    Fractions: 0.01 = 1 %. n is the number of bars, A the periods (bars) per year. Returns r are simple, per bar, the
    first over the initial cash; deviations have ddof = 1. R is the riskless rate of a bar, (1 + yearly) ** (1 / A) - 1,
    by default 0. Trade figures are net of costs, and leave trades that are still open out.
    """

    net_profit: float  # currency: final equity - initial cash, an open position marked at the last close
    final_equity: float  # currency
    total_return_frac: float  # final equity / initial cash - 1
    buy_and_hold_return_frac: float  # last benchmark / first - 1; by default the price alone, free of costs and lots
    cagr: float  # fraction a year: (final equity / initial cash) ** (A / n) - 1; -1 when nothing is left
    volatility: float  # fraction a year: deviation of r * sqrt(A)
    sharpe: float  # (mean r - R) / deviation of r * sqrt(A): Sharpe (1994), JPM 21(1)
    smart_sharpe: float  # sharpe / sqrt(1 + 2 sum over k of (n - k) / n * rho ** k), rho: autocorrelation at lag 1
    probabilistic_sharpe: float  # chance that the true Sharpe ratio is > 0: Bailey and Lopez de Prado (2012)
    sortino: float  # (mean r - R) / sqrt(mean of min(r - R, 0) ** 2) * sqrt(A): Sortino and Price (1994), JOI 3(3)
    calmar: float  # cagr / |max_drawdown|: Young (1991), Futures 20(11)
    omega: float  # sum of gains over R / sum of losses below R: Keating and Shadwick (2002)
    gain_to_pain: float  # sum of r / |sum of negative r|: Schwager (2012)
    max_drawdown: float  # fraction <= 0: the least of equity / highest equity so far - 1
    max_drawdown_duration_bars: int  # the longest way from a peak back to it, or to the last bar
    avg_drawdown: float  # fraction < 0: mean over the drawdowns of each one's trough
    avg_drawdown_duration_bars: float  # mean of the ways from peaks back to them, or to the last bar
    ulcer_index: float  # fraction: sqrt(mean of squared drawdowns over all bars): Martin and McCann (1989)
    ulcer_performance: float  # (cagr - yearly riskless rate) / ulcer_index, also named Martin ratio
    recovery_factor: float  # total_return_frac / |max_drawdown|
    value_at_risk_95: float  # fraction: 5th percentile of r, linear between ranks
    expected_shortfall_95: float  # fraction: mean of r <= value_at_risk_95
    tail_ratio: float  # |95th percentile of r| / |5th|
    common_sense_ratio: float  # profit_factor * tail_ratio
    skewness: float  # of r, adjusted for the sample
    excess_kurtosis: float  # of r, adjusted for the sample; 0 for a normal distribution
    stability: float  # 0 .. 1: R squared of a straight line through the logarithm of equity
    best_bar_frac: float  # highest r
    worst_bar_frac: float  # lowest r
    exposure_frac: float  # fraction of bars at whose close a position is held
    avg_gross_exposure: float  # mean over all bars of |value of positions| / equity
    max_gross_exposure: float  # the highest of them

    alpha: float  # fraction a year: A * ((mean r - R) - beta * (mean of benchmark - R)): Jensen (1968)
    beta: float  # covariance of r and benchmark / variance of benchmark
    correlation: float  # of r and benchmark
    tracking_error: float  # fraction a year: deviation of r - benchmark * sqrt(A)
    information_ratio: float  # mean of r - benchmark / its deviation * sqrt(A)
    treynor: float  # (cagr - yearly riskless rate) / beta: Treynor (1965)
    up_capture: float  # yearly growth over the benchmark's, of the bars on which it rises
    down_capture: float  # the same of the bars on which it falls

    trade_count: int
    win_rate: float  # fraction of trades with pnl > 0; a trade that breaks even is no win
    profit_factor: float  # sum of gains / |sum of losses|
    payoff_ratio: float  # mean gain / |mean loss|
    expectancy: float  # currency: mean pnl
    expectancy_r: float  # mean of pnl / initial risk, over the trades that had a stop: Tharp's E[R]
    avg_win: float  # currency: mean gain
    avg_loss: float  # currency < 0: mean loss
    avg_trade_return_frac: float  # mean of return_frac
    best_trade: float  # fraction: highest return_frac
    worst_trade: float  # fraction: lowest return_frac
    avg_holding_bars: float  # mean of bars from entry to exit
    longest_winning_streak: int  # gains in a row, by exit
    longest_losing_streak: int  # losses in a row, by exit
    avg_mae_frac: float  # mean of the worst that a trade stood at, as a fraction of its entry price, >= 0
    avg_mfe_frac: float  # mean of the best, likewise
    edge_ratio: float  # avg_mfe_frac / avg_mae_frac: Faith (2007)
    avg_given_back_frac: float  # mean of mfe - return_frac: what was lost between the best and the exit
    sqn: float  # sqrt(trades) * mean / deviation of pnl: Tharp's system quality number
    sqn_r: float  # the same of pnl / initial risk, as Tharp has it
    kelly_frac: float  # win_rate - (1 - win_rate) / payoff_ratio: Kelly (1956)
    cpc_index: float  # profit_factor * win_rate * payoff_ratio

    total_fees: float  # currency, the entry of an open trade included
    turnover: float  # currency bought and sold / mean equity, over the whole time; opens included

    def as_dict(self) -> dict[str, float | int]:
        """Return every figure by its name, in order. Undefined ones are NaN, which JSON does not have."""
        return {name: getattr(self, name) for name in METRIC_NAMES}


METRIC_NAMES: Final = tuple(field.name for field in fields(Metrics))
