"""Laws of the metrics, over any equity curve, and what they are where nothing or everything is lost."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy_engine.measure import TradeFigures, measure

CASH = 1_000.0
IN_CURRENCY = {"net_profit", "final_equity", "expectancy", "avg_win", "avg_loss", "total_fees"}


def figures(pnl=(), *, exit_bars=None, risk=None, mae=None, mfe=None):
    pnl = np.asarray(pnl, np.float64)
    exits = np.arange(1, len(pnl) + 1) if exit_bars is None else np.asarray(exit_bars, np.int64)
    return TradeFigures(
        bars_held=np.ones(len(pnl), np.int64),
        exit_bar=exits,
        traded=np.full(len(pnl), 2.0 * CASH),
        fees=np.zeros(len(pnl)),
        pnl=pnl,
        return_frac=pnl / CASH,
        is_open=np.zeros(len(pnl), np.bool_),
        initial_risk=None if risk is None else np.asarray(risk, np.float64),
        mae_frac=None if mae is None else np.asarray(mae, np.float64),
        mfe_frac=None if mfe is None else np.asarray(mfe, np.float64),
    )


def measured(equity, *, benchmark=None, cash=CASH, trades=None, periods=252.0, riskless_rate=0.0):
    equity = np.asarray(equity, np.float64)
    return measure(
        equity=equity,
        cash=cash,
        trades=figures() if trades is None else trades,
        gross_exposure=np.ones(len(equity)),
        benchmark=np.linspace(10.0, 11.0, len(equity)) if benchmark is None else np.asarray(benchmark, np.float64),
        periods_per_year=periods,
        riskless_rate=riskless_rate,
    )


def curves(min_size=1, max_size=80):
    steps = st.lists(st.floats(-0.2, 0.2), min_size=min_size, max_size=max_size)
    return steps.map(lambda changes: CASH * np.cumprod(1.0 + np.array(changes)))


@given(curves(), st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**30]))
def test_the_currency_does_not_matter(equity, scale):
    plain, scaled = measured(equity).as_dict(), measured(equity * scale, cash=CASH * scale).as_dict()
    for name, value in plain.items():
        expected = value * scale if name in IN_CURRENCY else value
        if name == "turnover":
            continue  # the made-up trades are not scaled
        assert scaled[name] == pytest.approx(expected, rel=1e-12, nan_ok=True), name


@given(curves(), curves(min_size=80))
def test_metrics_are_numbers_within_their_bounds(equity, benchmark):
    metrics = measured(equity, benchmark=benchmark[: len(equity)])
    values = metrics.as_dict()
    assert not any(math.isinf(value) for value in values.values())
    assert -1.0 <= metrics.max_drawdown <= 0.0
    assert metrics.worst_bar_frac <= metrics.value_at_risk_95 <= metrics.best_bar_frac
    assert metrics.expected_shortfall_95 <= metrics.value_at_risk_95 + 1e-15
    assert metrics.ulcer_index <= -metrics.max_drawdown + 1e-15
    for name, low, high in (
        ("stability", 0.0, 1.0),
        ("probabilistic_sharpe", 0.0, 1.0),
        ("correlation", -1.0, 1.0),
        ("omega", 0.0, math.inf),
        ("tail_ratio", 0.0, math.inf),
    ):
        assert math.isnan(values[name]) or low - 1e-9 <= values[name] <= high + 1e-9, name
    assert metrics.max_drawdown_duration_bars <= len(equity)


@given(curves(min_size=3))
def test_an_index_follows_itself(equity):
    equity = np.concatenate(([CASH], equity))
    metrics = measured(equity, benchmark=equity / 8.0)
    assert math.isnan(metrics.beta) or metrics.beta == pytest.approx(1.0)
    assert math.isnan(metrics.alpha) or metrics.alpha == pytest.approx(0.0, abs=1e-9)
    assert metrics.tracking_error == pytest.approx(0.0, abs=1e-9)
    for capture in (metrics.up_capture, metrics.down_capture):
        assert math.isnan(capture) or capture == pytest.approx(1.0)


@given(st.integers(1, 40))
def test_constant_equity_has_no_risk_and_no_ratios(count):
    metrics = measured(np.full(count, CASH))
    assert metrics.net_profit == metrics.cagr == metrics.max_drawdown == metrics.ulcer_index == 0.0
    assert math.isnan(metrics.volatility) == (count == 1)
    for name in ("sharpe", "sortino", "calmar", "omega", "stability", "skewness", "probabilistic_sharpe"):
        assert math.isnan(getattr(metrics, name)), name


def test_one_bar_has_a_return_but_no_deviation():
    metrics = measured([1_100.0])
    assert metrics.total_return_frac == pytest.approx(0.1)
    assert metrics.best_bar_frac == metrics.value_at_risk_95 == pytest.approx(0.1)
    for name in ("volatility", "sharpe", "beta", "tracking_error", "skewness", "stability"):
        assert math.isnan(getattr(metrics, name)), name


@pytest.mark.parametrize("last", [0.0, -250.0])
def test_ruin_is_a_loss_of_everything_a_year(last):
    metrics = measured([900.0, 400.0, last, last])
    assert metrics.cagr == -1.0
    assert metrics.max_drawdown == last / CASH - 1.0
    assert math.isnan(metrics.stability)  # the logarithm of nothing
    assert metrics.sharpe < 0.0
    assert metrics.final_equity == last


def test_a_riskless_rate_lowers_what_is_earned_over_it():
    equity = CASH * np.cumprod(1.0 + np.tile([0.01, -0.004], 50))
    plain, dear = measured(equity), measured(equity, riskless_rate=0.05)
    a_bar = 1.05 ** (1.0 / 252.0) - 1.0
    returns = np.tile([0.01, -0.004], 50) - a_bar
    assert dear.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
    assert dear.sortino < plain.sortino
    assert dear.ulcer_performance == pytest.approx((dear.cagr - 0.05) / dear.ulcer_index)
    assert (dear.cagr, dear.volatility) == (plain.cagr, plain.volatility)


def test_streaks_follow_the_exits_not_the_entries():
    # Entered as win, loss, win, loss; left as win, win, loss, loss.
    metrics = measured([CASH] * 9, trades=figures([1.0, -1.0, 1.0, -1.0], exit_bars=[2, 5, 3, 6]))
    assert (metrics.longest_winning_streak, metrics.longest_losing_streak) == (2, 2)


def test_expectancy_in_multiples_of_risk_and_the_edge_by_hand():
    trades = figures([200.0, -100.0, 50.0], risk=[100.0, 100.0, 50.0], mae=[0.02, 0.1, 0.0], mfe=[0.25, 0.02, 0.06])
    metrics = measured([CASH] * 5, trades=trades)
    assert metrics.expectancy_r == pytest.approx((2.0 - 1.0 + 1.0) / 3.0)
    assert metrics.sqn_r == pytest.approx(math.sqrt(3) * np.mean([2, -1, 1]) / np.std([2, -1, 1], ddof=1))
    assert metrics.edge_ratio == pytest.approx(0.33 / 0.12)
    assert metrics.avg_given_back_frac == pytest.approx((0.05 + 0.12 + 0.01) / 3.0)


def test_kelly_by_hand():
    # Wins 2 of 3, and twice as much as it loses: 2/3 - (1/3) / 2.
    metrics = measured([CASH] * 5, trades=figures([20.0, -10.0, 20.0]))
    assert metrics.kelly_frac == pytest.approx(2 / 3 - 1 / 6)
    assert metrics.cpc_index == pytest.approx(4.0 * 2 / 3 * 2.0)


def test_stability_of_a_long_curve_is_read_from_evenly_spaced_closes():
    random = np.random.default_rng(4)
    equity = CASH * np.exp(np.cumsum(random.normal(0.0001, 0.01, 70_000)))
    exact = np.corrcoef(np.arange(len(equity)), np.log(equity))[0, 1] ** 2
    assert measured(equity).stability == pytest.approx(exact, abs=1e-3)
