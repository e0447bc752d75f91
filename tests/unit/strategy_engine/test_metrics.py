"""Metrics against formulas written out with pandas, independently of the engine's kernels."""

import math
from itertools import groupby
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.bars import Bars
from strategy_engine import Account, BuyAndHold, Costs, Metrics, SmaCross, run
from tests.unit.strategy_engine.price_series import all_bars, all_strategies, bars_of, random_bars

CASH = 10_000.0


def metrics_by_pandas(report, bars, periods):
    equity = pd.Series([CASH, *report.equity])  # the initial cash stands before the first bar
    returns = equity.pct_change().dropna()
    drawdown = equity / equity.cummax() - 1.0
    episodes = drawdown[drawdown < 0.0].groupby((drawdown == 0.0).cumsum()).min()
    trades = report.trades.to_pandas()
    closed = trades[~trades["is_open"]]
    excursions = excursions_of(closed, bars)
    gains, losses = closed.pnl[closed.pnl > 0.0], closed.pnl[closed.pnl < 0.0]
    holding = (closed.exit_time - closed.entry_time) / pd.Timedelta(days=1)
    held = pd.Series(0.0, index=pd.to_datetime(bars.time, utc=True))
    for trade in trades.itertuples():
        held[trade.entry_time : trade.exit_time] = 1.0
        if not trade.is_open:
            held[trade.exit_time] = 0.0
    exposure = pd.Series(0.0, index=held.index)
    for trade in trades.itertuples():
        exposure[trade.entry_time : trade.exit_time] += trade.size
        if not trade.is_open:
            exposure[trade.exit_time] -= trade.size
    exposure *= bars.close / report.equity
    bench = pd.Series(bars.close).pct_change().iloc[1:].reset_index(drop=True)
    ours = returns.iloc[1:].reset_index(drop=True)  # a benchmark has no return of bar 0
    beta = ours.cov(bench) / bench.var()
    active = ours - bench
    skew, kurtosis = returns.skew(), returns.kurt()
    per_bar = returns.mean() / returns.std(ddof=1)
    probable = per_bar * math.sqrt(len(returns) - 1) / math.sqrt(1 - skew * per_bar + (kurtosis + 2) / 4 * per_bar**2)
    apart = (returns - returns.mean()).to_numpy()
    rho = (apart[1:] * apart[:-1]).sum() / (apart**2).sum()
    persistence = 1 + 2 * sum((len(returns) - k) / len(returns) * rho**k for k in range(1, len(returns)))
    low, high = returns.quantile(0.05), returns.quantile(0.95)
    factor = gains.sum() / -losses.sum()
    payoff = gains.mean() / -losses.mean()
    rate = len(gains) / len(closed)
    lengths = [len(run) for run in drawdown_runs(drawdown)]
    bought, sold = trades["size"] * trades.entry_price, closed["size"] * closed.exit_price
    cagr = (equity.iloc[-1] / CASH) ** (periods / len(bars)) - 1.0
    return {
        "net_profit": equity.iloc[-1] - CASH,
        "final_equity": equity.iloc[-1],
        "total_return_frac": equity.iloc[-1] / CASH - 1.0,
        "buy_and_hold_return_frac": bars.close[-1] / bars.close[0] - 1.0,
        "cagr": cagr,
        "volatility": returns.std(ddof=1) * math.sqrt(periods),
        "sharpe": returns.mean() / returns.std(ddof=1) * math.sqrt(periods),
        "smart_sharpe": per_bar * math.sqrt(periods / persistence),
        "probabilistic_sharpe": NormalDist().cdf(probable),
        "sortino": returns.mean() / math.sqrt((returns.clip(upper=0.0) ** 2).mean()) * math.sqrt(periods),
        "calmar": cagr / -drawdown.min(),
        "omega": returns.clip(lower=0).sum() / -returns.clip(upper=0).sum(),
        "gain_to_pain": returns.sum() / -returns.clip(upper=0).sum(),
        "max_drawdown": drawdown.min(),
        "max_drawdown_duration_bars": longest_time_below_a_peak(equity),
        "avg_drawdown": episodes.mean(),
        "ulcer_index": math.sqrt((drawdown.iloc[1:] ** 2).mean()),
        "avg_drawdown_duration_bars": sum(lengths) / len(lengths),
        "ulcer_performance": cagr / math.sqrt((drawdown.iloc[1:] ** 2).mean()),
        "recovery_factor": (equity.iloc[-1] / CASH - 1.0) / -drawdown.min(),
        "value_at_risk_95": low,
        "expected_shortfall_95": returns[returns <= low].mean(),
        "tail_ratio": abs(high) / abs(low),
        "common_sense_ratio": factor * abs(high) / abs(low),
        "skewness": skew,
        "excess_kurtosis": kurtosis,
        "stability": np.corrcoef(np.arange(len(bars)), np.log(report.equity))[0, 1] ** 2,
        "best_bar_frac": returns.max(),
        "worst_bar_frac": returns.min(),
        "exposure_frac": held.mean(),
        "avg_gross_exposure": exposure.mean(),
        "max_gross_exposure": exposure.max(),
        "alpha": periods * (ours.mean() - beta * bench.mean()),
        "beta": beta,
        "correlation": ours.corr(bench),
        "tracking_error": active.std(ddof=1) * math.sqrt(periods),
        "information_ratio": active.mean() / active.std(ddof=1) * math.sqrt(periods),
        "treynor": cagr / beta,
        "up_capture": yearly(ours[bench > 0], periods) / yearly(bench[bench > 0], periods),
        "down_capture": yearly(ours[bench < 0], periods) / yearly(bench[bench < 0], periods),
        "trade_count": len(closed),
        "win_rate": len(gains) / len(closed),
        "profit_factor": gains.sum() / -losses.sum(),
        "payoff_ratio": gains.mean() / -losses.mean(),
        "expectancy_r": math.nan,
        "avg_win": gains.mean(),
        "avg_loss": losses.mean(),
        "kelly_frac": rate - (1 - rate) / payoff,
        "cpc_index": factor * rate * payoff,
        "longest_winning_streak": longest_run(closed.pnl > 0),
        "longest_losing_streak": longest_run(closed.pnl < 0),
        "avg_mae_frac": excursions["against"].mean(),
        "avg_mfe_frac": excursions["for"].mean(),
        "edge_ratio": excursions["for"].mean() / excursions["against"].mean(),
        "avg_given_back_frac": (excursions["for"] - excursions["gain"]).mean(),
        "sqn_r": math.nan,
        "expectancy": closed.pnl.mean(),
        "avg_trade_return_frac": closed.return_frac.mean(),
        "best_trade": closed.return_frac.max(),
        "worst_trade": closed.return_frac.min(),
        "avg_holding_bars": holding.mean(),
        "sqn": math.sqrt(len(closed)) * closed.pnl.mean() / closed.pnl.std(ddof=1),
        "total_fees": trades.fees.sum(),
        "turnover": (bought.sum() + sold.sum()) / report.equity.mean(),
    }


def drawdown_runs(drawdown):
    """Return the bars of each drawdown, the one back at the peak included where there is one."""
    runs, below = [], False
    for value in drawdown:
        if value < 0.0 and not below:
            runs.append([])
        if value < 0.0 or below:
            runs[-1].append(value)
        below = value < 0.0
    return runs


def yearly(returns, periods):
    return (1.0 + returns).prod() ** (periods / len(returns)) - 1.0


def longest_run(claims):
    runs = [len(list(group)) for holds, group in groupby(claims) if holds]
    return max(runs, default=0)


def excursions_of(closed: pd.DataFrame, bars: Bars) -> pd.DataFrame:
    """Return the extremes of whole bars from the entry on to the bar before the exit, and the price of the exit."""
    rows = []
    starts = pd.to_datetime(np.asarray(bars.time), utc=True)
    for trade in closed.itertuples():
        held = (starts >= trade.entry_time) & (starts < trade.exit_time)
        best = max(bars.high[held].max(), trade.exit_price) / trade.entry_price - 1.0
        worst = 1.0 - min(bars.low[held].min(), trade.exit_price) / trade.entry_price
        rows.append({"against": worst, "for": best, "gain": trade.return_frac})
    return pd.DataFrame(rows)


def longest_time_below_a_peak(equity):
    longest, peak_at = 0, 0
    for i, value in enumerate(equity):
        below = value < equity.iloc[peak_at]
        if below or equity.iloc[i - 1] < equity.iloc[peak_at]:
            longest = max(longest, i - peak_at)
        if not below:
            peak_at = i
    return longest


@pytest.mark.parametrize("seed", range(6))
def test_every_metric_equals_its_formula_on_a_random_walk(seed):
    bars = random_bars(600, seed=seed)
    report = run(bars, SmaCross(fast=3, slow=9), costs=Costs(commission_rate=0.001), periods_per_year=365)
    assert report.metrics.as_dict() == pytest.approx(metrics_by_pandas(report, bars, 365), rel=1e-9, nan_ok=True)


def test_metrics_of_two_trades_by_hand():
    # Bought at 10 and sold at 12: 100 units less one share that all cash does not quite reach. Then 11 to 10.
    closes = [10.0, 10.0, 9.0, 10.0, 11.0, 12.0, 12.0, 11.0, 10.0, 10.0]
    metrics = run(bars_of(closes), SmaCross(fast=2, slow=3), account=Account(cash=1_000.5)).metrics
    # Crosses above at bar 4 (10.5 > 10), bought at the open of bar 5, 11: 90 units. Below at bar 7 (11.5 <
    # 11.67), sold at the open of bar 8, 11: nothing gained. The highest equity is 1090.5, the lowest after it
    # 1000.5.
    assert metrics.trade_count == 1
    assert metrics.net_profit == 0.0
    assert metrics.max_drawdown == pytest.approx(-90.0 / 1_090.5)
    assert metrics.max_drawdown_duration_bars == 3
    assert metrics.exposure_frac == 0.3
    assert metrics.win_rate == 0.0
    assert metrics.avg_holding_bars == 3.0
    assert math.isnan(metrics.profit_factor)


def test_without_trades_only_what_needs_a_trade_is_undefined():
    metrics = run(bars_of([10.0, 11.0, 12.0]), SmaCross()).metrics.as_dict()
    undefined = {name for name, value in metrics.items() if math.isnan(value)}
    of_trades = {
        "win_rate",
        "profit_factor",
        "payoff_ratio",
        "expectancy",
        "expectancy_r",
        "avg_win",
        "avg_loss",
        "avg_trade_return_frac",
        "best_trade",
        "worst_trade",
        "avg_holding_bars",
        "avg_mae_frac",
        "avg_mfe_frac",
        "edge_ratio",
        "avg_given_back_frac",
        "sqn",
        "sqn_r",
        "kelly_frac",
        "cpc_index",
        "common_sense_ratio",
    }
    of_change = {
        "sharpe",
        "smart_sharpe",
        "probabilistic_sharpe",
        "sortino",
        "omega",
        "gain_to_pain",
        "skewness",
        "excess_kurtosis",
        "stability",
        "tail_ratio",
    }
    of_drawdowns = {"calmar", "avg_drawdown", "avg_drawdown_duration_bars", "ulcer_performance", "recovery_factor"}
    beside_the_benchmark = {"correlation", "treynor", "down_capture"}  # beta is 0, and the benchmark never falls
    assert undefined == of_trades | of_change | of_drawdowns | beside_the_benchmark
    assert metrics["cagr"] == metrics["volatility"] == metrics["max_drawdown"] == metrics["turnover"] == 0.0


def test_a_yearly_growth_beyond_every_number_is_undefined():
    metrics = run(bars_of([1.0, 1.0, 500.0]), BuyAndHold(), periods_per_year=98_280.0).metrics
    assert math.isnan(metrics.cagr)
    assert math.isnan(metrics.calmar)


@given(all_bars(), all_strategies(), st.sampled_from([0.0, 0.001, 0.1]))
def test_metrics_are_numbers_or_nan_and_keep_their_ranges(bars, strategy, rate):
    metrics = run(bars, strategy, costs=Costs(commission_rate=rate)).metrics
    values = metrics.as_dict()
    assert not any(math.isinf(value) for value in values.values())
    assert all(type(value) in {int, float} for value in values.values())
    assert -1.0 < metrics.max_drawdown <= 0.0
    assert 0.0 <= metrics.exposure_frac <= 1.0
    assert 0 <= metrics.max_drawdown_duration_bars <= len(bars)
    assert metrics.trade_count == 0 or 0.0 <= metrics.win_rate <= 1.0


def test_the_dictionary_has_every_field_in_order():
    metrics = run(random_bars(100, seed=1), BuyAndHold()).metrics
    assert list(metrics.as_dict()) == list(Metrics.__dataclass_fields__)
    assert metrics.as_dict()["final_equity"] == metrics.final_equity
    assert not any(isinstance(value, np.generic) for value in metrics.as_dict().values())
