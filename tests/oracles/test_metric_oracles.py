"""Metrics beside empyrical-reloaded and ffn, where their definitions agree; and how far apart, where they do not.

docs/metrics.md lists the conventions. Both libraries take returns; ours come from equity, the first over the cash.
"""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from strategy_engine.backtest_overfitting import backtest_overfitting
from strategy_engine.measure import TradeFigures, measure
from strategy_engine.sharpe_tests import deflated_sharpe, expected_max_sharpe

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what they import is none of our business
    import empyrical
    import ffn

CASH, A = 10_000.0, 252
NO_TRADES = TradeFigures(
    bars_held=np.empty(0, np.int64),
    exit_bar=np.empty(0, np.int64),
    traded=np.empty(0),
    fees=np.empty(0),
    pnl=np.empty(0),
    return_frac=np.empty(0),
    is_open=np.empty(0, np.bool_),
)


class Case:
    """A strategy's returns and a benchmark's, correlated and with fat tails, and what we say of them."""

    def __init__(self, seed, riskless_rate=0.0):
        random = np.random.default_rng(seed)
        market = random.standard_t(4, 900) * 0.008 + 0.0003
        own = 0.6 * market + random.standard_t(5, 900) * 0.005
        market[0] = own[0] = 0.0  # nothing can be held on bar 0, and a benchmark starts there
        index = pd.bdate_range("2015-01-01", periods=900)
        self.returns, self.benchmark = pd.Series(own, index), pd.Series(market, index)
        self.equity = CASH * np.cumprod(1.0 + own)
        self.prices = pd.Series([CASH, *self.equity], pd.bdate_range("2014-12-31", periods=901))
        self.ours = measure(
            equity=self.equity,
            cash=CASH,
            trades=NO_TRADES,
            gross_exposure=np.ones(900),
            benchmark=50.0 * np.cumprod(1.0 + market),
            periods_per_year=A,
            riskless_rate=riskless_rate,
        )


@pytest.fixture(params=range(8))
def case(request):
    return Case(request.param)


def same(ours, theirs):
    assert ours == pytest.approx(float(theirs), rel=1e-9)


def test_empyrical_agrees_on_returns_alone(case):
    ours, returns = case.ours, case.returns
    same(ours.total_return_frac, empyrical.cum_returns_final(returns))
    same(ours.cagr, empyrical.cagr(returns))
    same(ours.volatility, empyrical.annual_volatility(returns))
    same(ours.sharpe, empyrical.sharpe_ratio(returns))
    same(ours.sortino, empyrical.sortino_ratio(returns))
    same(ours.max_drawdown, empyrical.max_drawdown(returns))
    same(ours.calmar, empyrical.calmar_ratio(returns))
    same(ours.omega, empyrical.omega_ratio(returns))
    same(ours.stability, empyrical.stability_of_timeseries(returns))
    same(ours.tail_ratio, empyrical.tail_ratio(returns))
    same(ours.value_at_risk_95, empyrical.value_at_risk(returns))


def test_empyrical_agrees_beside_a_benchmark(case):
    ours, returns, benchmark = case.ours, case.returns[1:], case.benchmark[1:]
    same(ours.beta, empyrical.beta(returns, benchmark))
    same(ours.up_capture, empyrical.up_capture(returns, benchmark))
    same(ours.down_capture, empyrical.down_capture(returns, benchmark))
    same(ours.information_ratio / math.sqrt(A), empyrical.excess_sharpe(returns, benchmark))
    # Theirs compounds what a bar adds; ours adds it up, as Jensen's regression does.
    same((1.0 + ours.alpha / A) ** A - 1.0, empyrical.alpha(returns, benchmark))


def test_expected_shortfall_differs_from_empyrical_by_how_the_tail_is_cut(case):
    # They average the first floor(0.05 (n - 1)) + 1 of the sorted returns, we all that are at most the percentile.
    count = math.floor(0.05 * (len(case.returns) - 1)) + 1
    theirs = empyrical.conditional_value_at_risk(case.returns)
    assert theirs == pytest.approx(np.sort(case.returns)[:count].mean())
    same(case.ours.expected_shortfall_95, case.returns[case.returns <= case.returns.quantile(0.05)].mean())
    assert case.ours.expected_shortfall_95 == pytest.approx(theirs, rel=0.05)


def test_ffn_agrees(case):
    ours, returns, prices = case.ours, case.returns, case.prices
    same(ours.sharpe, ffn.calc_sharpe(returns, nperiods=A))
    same(ours.max_drawdown, ffn.calc_max_drawdown(prices))
    drawdowns = ffn.to_drawdown_series(prices).iloc[1:]
    same(ours.ulcer_index, math.sqrt((drawdowns**2).mean()))
    # Theirs counts the initial cash, where there is no drawdown, as one more bar.
    assert ours.ulcer_index == pytest.approx(float(ffn.to_ulcer_index(prices)) / 100.0, rel=2.0 / len(prices))
    same(ours.skewness, returns.skew())
    same(ours.excess_kurtosis, returns.kurt())


def test_ffn_measures_a_year_by_the_calendar_and_we_by_bars(case):
    days = (case.prices.index[-1] - case.prices.index[0]).days
    by_calendar = (case.prices.iloc[-1] / case.prices.iloc[0]) ** (365.25 / days) - 1.0
    assert float(ffn.calc_cagr(case.prices)) == pytest.approx(by_calendar, rel=1e-9)
    same(case.ours.cagr, (case.prices.iloc[-1] / case.prices.iloc[0]) ** (A / len(case.returns)) - 1.0)


def test_ffn_agrees_on_the_probabilistic_and_the_deflated_ratio(case):
    random = np.random.default_rng(1)
    trials = [case.ours.sharpe, *random.normal(0.2, 0.5, 40)]
    kwargs = {
        "bar_count": len(case.returns),
        "skewness": case.ours.skewness,
        "excess_kurtosis": case.ours.excess_kurtosis,
    }
    per_bar = [value / math.sqrt(A) for value in trials]
    ours = deflated_sharpe(per_bar[0], per_bar, **kwargs)
    same(ours, ffn.calc_deflated_sharpe_ratio(case.returns, pd.Series(trials), nperiods=A))
    one = ffn.calc_deflated_sharpe_ratio(case.returns, pd.Series(trials[:1]), nperiods=A)
    same(case.ours.probabilistic_sharpe, one)


@pytest.mark.parametrize("trials", [1, 2, 10, 10_000])
def test_ffn_agrees_on_what_luck_alone_reaches(trials):
    same(expected_max_sharpe(trials, 0.3), ffn.core.calc_expected_max_sharpe(trials, 0.3))


@pytest.mark.parametrize(("seed", "skill", "blocks"), [(1, 0.0, 8), (2, 0.0, 6), (3, 0.002, 8), (4, 0.0005, 8)])
def test_ffn_agrees_on_overfitting(seed, skill, blocks):
    random = np.random.default_rng(seed)
    returns = random.normal(0.0, 0.01, (501, 7))
    returns[:, 3] += skill
    theirs = ffn.core.calc_prob_backtest_overfitting(pd.DataFrame(returns), n_blocks=blocks, full_output=True)
    ours = backtest_overfitting(returns, blocks=blocks)
    assert ours.probability == pytest.approx(theirs["pbo"])
    assert np.sort(ours.logits) == pytest.approx(np.sort(np.asarray(theirs["logits"], float)))


def test_a_riskless_rate_is_taken_off_a_bar_at_a_time_as_ffn_does():
    case = Case(3, riskless_rate=0.04)
    same(case.ours.sharpe, ffn.calc_sharpe(case.returns, rf=0.04, nperiods=A))
    a_bar = 1.04 ** (1 / A) - 1
    same(case.ours.sharpe, empyrical.sharpe_ratio(case.returns, risk_free=a_bar))
    same(case.ours.sortino, empyrical.sortino_ratio(case.returns, required_return=a_bar))
    same(case.ours.omega, empyrical.omega_ratio(case.returns, risk_free=a_bar))


def test_correlation_is_that_of_scipy(case):
    same(case.ours.correlation, stats.pearsonr(case.returns[1:], case.benchmark[1:])[0])
