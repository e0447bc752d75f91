"""From an equity curve and trades to `Metrics`: plain arrays in, so any simulation can be measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market_data.bars import BoolArray, FloatArray, IntArray
from strategy_engine.metrics import Metrics
from strategy_engine.return_summaries import (
    RelativeSummary,
    ReturnSummary,
    straightness,
    summarise_against,
    summarise_exposure,
    summarise_returns,
    tails,
)
from strategy_engine.sharpe_tests import probabilistic_sharpe
from strategy_engine.summaries import EquitySummary, TradeSummary, summarise_equity, summarise_trades

# Of longer curves, evenly spaced closes are enough to see how straight they are.
_STABILITY_POINTS: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeFigures:
    """What the metrics know of the trades: columns of shape (trades,).

    bars_held: from entry to exit. exit_bar: by which streaks are ordered. traded: currency bought and sold. fees, pnl:
    currency, pnl net of fees. return_frac: pnl / value at entry. is_open: still held at the end. initial_risk: currency
    that the first stop put at stake, NaN without one. mae_frac, mfe_frac: fractions of the entry price >= 0, the worst
    and the best that a trade stood at; NaN, or None for all, where unknown.
    """

    bars_held: IntArray
    exit_bar: IntArray
    traded: FloatArray
    fees: FloatArray
    pnl: FloatArray
    return_frac: FloatArray
    is_open: BoolArray
    initial_risk: FloatArray | None = None
    mae_frac: FloatArray | None = None
    mfe_frac: FloatArray | None = None


def measure(
    *,
    equity: FloatArray,
    cash: float,
    trades: TradeFigures,
    gross_exposure: FloatArray,
    benchmark: FloatArray,
    periods_per_year: float,
    riskless_rate: float = 0.0,
) -> Metrics:
    """Return the metrics of a backtest.

    equity: currency at each close, shape (n,), n >= 1. cash: currency before bar 0, > 0. gross_exposure: |value of
    positions| / equity at each close, >= 0, shape (n,). benchmark: what it is worth at each close, > 0, shape (n,);
    its unit does not matter. riskless_rate: fraction a year, > -1.
    """
    summary = summarise_equity(equity, cash)
    low, high = tails(summary.returns)
    exposure_frac, avg_exposure, max_exposure = summarise_exposure(gross_exposure)
    riskless = (1.0 + riskless_rate) ** (1.0 / periods_per_year) - 1.0
    returns = summarise_returns(summary.returns, riskless, low)
    traded = _trade_summary(trades)
    final_equity = float(equity[-1])
    growth = _growth(final_equity / cash, periods_per_year / len(equity))
    figures: dict[str, float] = {
        "net_profit": final_equity - cash,
        "final_equity": final_equity,
        "total_return_frac": final_equity / cash - 1.0,
        "buy_and_hold_return_frac": float(benchmark[-1] / benchmark[0]) - 1.0,
        "cagr": growth,
        "exposure_frac": exposure_frac,
        "avg_gross_exposure": _finite(avg_exposure),
        "max_gross_exposure": _finite(max_exposure),
        "stability": _stability(equity, cash),
        "turnover": _ratio(traded.traded_value, summary.mean_equity),
        **_of_returns(returns, (low, high), len(equity), periods_per_year),
        **_of_drawdowns(summary, final_equity / cash - 1.0, growth, riskless_rate),
        **_of_trades(traded),
        **_against(summary.returns, benchmark, growth, periods_per_year, riskless_rate, riskless),
    }
    figures["common_sense_ratio"] = figures["profit_factor"] * figures["tail_ratio"]
    return Metrics(**figures)  # type: ignore[arg-type]  # counts are int, the rest is float


def _of_returns(
    returns: ReturnSummary, percentiles: tuple[float, float], bar_count: int, periods_per_year: float
) -> dict[str, float]:
    per_year = math.sqrt(periods_per_year)
    per_bar = _ratio(returns.mean, returns.deviation)
    return {
        "volatility": _finite(returns.deviation * per_year),
        "sharpe": per_bar * per_year,
        "smart_sharpe": _ratio(per_bar * per_year, _persistence(returns.autocorrelation, bar_count)),
        "probabilistic_sharpe": probabilistic_sharpe(
            per_bar, bar_count=bar_count, skewness=returns.skewness, excess_kurtosis=returns.excess_kurtosis
        ),
        "sortino": _ratio(returns.mean, returns.downside_deviation) * per_year,
        "omega": _ratio(returns.gained, -returns.lost),
        "gain_to_pain": _ratio(returns.gained + returns.lost, -returns.lost),
        "value_at_risk_95": percentiles[0],
        "expected_shortfall_95": _finite(returns.tail_mean),
        "tail_ratio": _ratio(abs(percentiles[1]), abs(percentiles[0])),
        "skewness": _finite(returns.skewness),
        "excess_kurtosis": _finite(returns.excess_kurtosis),
        "best_bar_frac": returns.best,
        "worst_bar_frac": returns.worst,
    }


def _of_drawdowns(equity: EquitySummary, total_return: float, growth: float, riskless_rate: float) -> dict[str, float]:
    return {
        "calmar": _ratio(growth, -equity.max_drawdown),
        "max_drawdown": equity.max_drawdown,
        "max_drawdown_duration_bars": equity.max_drawdown_duration_bars,
        "avg_drawdown": equity.avg_drawdown,
        "avg_drawdown_duration_bars": equity.avg_drawdown_duration_bars,
        "ulcer_index": equity.ulcer_index,
        "ulcer_performance": _ratio(growth - riskless_rate, equity.ulcer_index),
        "recovery_factor": _ratio(total_return, -equity.max_drawdown),
    }


def _against(  # noqa: PLR0917 -- the parts of one sum, named alike at the only call
    returns: FloatArray,
    benchmark: FloatArray,
    growth: float,
    periods_per_year: float,
    riskless_rate: float,
    riskless: float,
) -> dict[str, float]:
    if len(returns) <= 1:  # nothing to compare: a benchmark starts with its first close
        return dict.fromkeys(_RELATIVE, math.nan)
    summary: RelativeSummary = summarise_against(returns, benchmark)
    per_year = math.sqrt(periods_per_year)
    alpha = summary.mean - riskless - summary.beta * (summary.benchmark_mean - riskless)
    return {
        "alpha": _finite(periods_per_year * alpha),
        "beta": _finite(summary.beta),
        "correlation": _finite(summary.correlation),
        "tracking_error": _finite(summary.active_deviation * per_year),
        "information_ratio": _ratio(summary.mean - summary.benchmark_mean, summary.active_deviation) * per_year,
        "treynor": _quotient(growth - riskless_rate, summary.beta),
        "up_capture": _capture(summary.up, summary.benchmark_up, periods_per_year),
        "down_capture": _capture(summary.down, summary.benchmark_down, periods_per_year),
    }


_RELATIVE: Final = (
    "alpha",
    "beta",
    "correlation",
    "tracking_error",
    "information_ratio",
    "treynor",
    "up_capture",
    "down_capture",
)


def _of_trades(trades: TradeSummary) -> dict[str, float]:
    win_rate = _ratio(trades.wins, trades.closed)
    avg_win, avg_loss = _ratio(trades.won, trades.wins), _ratio(trades.lost, trades.losses)
    payoff, profit_factor = _ratio(avg_win, -avg_loss), _ratio(trades.won, -trades.lost)
    return {
        "trade_count": trades.closed,
        "win_rate": win_rate,
        "profit_factor": profit_factor,
        "payoff_ratio": payoff,
        "expectancy": _finite(trades.mean_pnl),
        "expectancy_r": _finite(trades.mean_r),
        "avg_win": avg_win,
        "avg_loss": avg_loss,
        "avg_trade_return_frac": _finite(trades.mean_return),
        "best_trade": trades.best_return,
        "worst_trade": trades.worst_return,
        "avg_holding_bars": _finite(trades.mean_bars),
        "longest_winning_streak": trades.longest_winning,
        "longest_losing_streak": trades.longest_losing,
        "avg_mae_frac": _finite(trades.mean_mae),
        "avg_mfe_frac": _finite(trades.mean_mfe),
        "edge_ratio": _ratio(trades.mean_mfe, trades.mean_mae),
        "avg_given_back_frac": _finite(trades.mean_given_back),
        "sqn": _ratio(trades.mean_pnl, trades.pnl_deviation) * math.sqrt(trades.closed),
        "sqn_r": _ratio(trades.mean_r, trades.r_deviation) * math.sqrt(trades.risked),
        "kelly_frac": win_rate - _ratio(1.0 - win_rate, payoff),
        "cpc_index": _finite(profit_factor * win_rate * payoff),
        "total_fees": trades.fees,
    }


def _trade_summary(trades: TradeFigures) -> TradeSummary:
    unknown = np.full(len(trades.pnl), np.nan)
    columns: tuple[NDArray[Any], ...] = (  # Any: int, float and bool
        trades.bars_held,
        trades.traded,
        trades.fees,
        trades.pnl,
        trades.return_frac,
        trades.is_open,
        unknown if trades.initial_risk is None else trades.initial_risk,
        unknown if trades.mae_frac is None else trades.mae_frac,
        unknown if trades.mfe_frac is None else trades.mfe_frac,
    )
    if np.any(trades.exit_bar[1:] < trades.exit_bar[:-1]):
        order = np.argsort(trades.exit_bar, kind="stable")
        columns = tuple(column[order] for column in columns)
    return summarise_trades(*columns)


def _stability(equity: FloatArray, cash: float) -> float:
    if not equity.min() > 0.0:  # a logarithm needs something left
        return math.nan
    step = -(-len(equity) // _STABILITY_POINTS)
    return _finite(straightness(np.log(equity[::step] / cash)))


def _persistence(autocorrelation: float, bar_count: int) -> float:
    """Return sqrt(1 + 2 sum over k = 1 .. n - 1 of (n - k) / n * rho ** k), summed in closed form."""
    rho, n = autocorrelation, bar_count
    if not abs(rho) < 1.0:  # also where it is not defined
        return math.nan
    power = rho**n
    plain = (rho - power) / (1.0 - rho)
    weighted = (rho * (1.0 - power) / (1.0 - rho) ** 2 - n * power / (1.0 - rho)) / n
    inner = 1.0 + 2.0 * (plain - weighted)
    return math.sqrt(inner) if inner > 0.0 else math.nan


def _growth(ratio: float, exponent: float) -> float:
    # A few minutes of gain, compounded to a year, can exceed every double.
    try:
        return math.pow(ratio, exponent) - 1.0 if ratio > 0.0 else -1.0
    except OverflowError:
        return math.nan


def _capture(mean_log: float, benchmark_mean_log: float, periods_per_year: float) -> float:
    try:
        own, other = math.expm1(mean_log * periods_per_year), math.expm1(benchmark_mean_log * periods_per_year)
    except OverflowError:
        return math.nan
    return _quotient(own, other)


def _ratio(value: float, divisor: float) -> float:
    return _finite(value / divisor) if divisor > 0.0 else math.nan


def _quotient(value: float, divisor: float) -> float:
    return _finite(value / divisor) if divisor != 0.0 else math.nan


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
