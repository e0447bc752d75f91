import math

import numpy as np
import pytest

from strategy_engine.summaries import deviation, summarise_equity, summarise_trades


def test_drawdowns_by_hand():
    # Below the initial 100 at once, recovered on bar 2; from 120 on bar 3 down to 90, never back.
    summary = summarise_equity(np.array([95.0, 98.0, 100.0, 120.0, 90.0, 110.0]), 100.0)
    assert summary.max_drawdown == -0.25
    assert summary.avg_drawdown == pytest.approx((-0.05 - 0.25) / 2)
    assert summary.avg_drawdown_duration_bars == pytest.approx((3 + 2) / 2)
    assert summary.max_drawdown_duration_bars == 3  # from before bar 0 to bar 2; the open one has lasted 2 bars
    squares = [0.05**2, 0.02**2, 0.0, 0.0, 0.25**2, (1 / 12) ** 2]
    assert summary.ulcer_index == pytest.approx(math.sqrt(sum(squares) / 6))


def test_the_loss_of_the_first_bar_counts():
    # -10 %, -10 %, +50 %: a drawdown of 19 %, which a curve without the initial cash would not show.
    assert summarise_equity(np.array([90.0, 81.0, 121.5]), 100.0).max_drawdown == pytest.approx(-0.19)


def test_nothing_happens_after_nothing_is_left():
    summary = summarise_equity(np.array([50.0, 0.0, 0.0]), 100.0)
    assert summary.returns.tolist() == [-0.5, -1.0, 0.0]
    assert summary.max_drawdown == -1.0


def test_equal_values_have_no_deviation_whatever_their_rounding():
    assert deviation(np.full(3, 0.1)) == 0.0
    assert deviation(np.full(1_000, 1 / 3)) == 0.0


def test_fewer_than_two_values_have_no_deviation_to_speak_of():
    assert math.isnan(deviation(np.empty(0)))
    assert math.isnan(deviation(np.ones(1)))


def trades(pnl, *, is_open=None, risk=None, mae=None, mfe=None, bars=2):
    pnl = np.asarray(pnl, np.float64)
    unknown = np.full(len(pnl), math.nan)
    return summarise_trades(
        np.full(len(pnl), bars),
        np.full(len(pnl), 100.0),
        np.full(len(pnl), 0.5),
        pnl,
        pnl / 100.0,
        np.zeros(len(pnl), np.bool_) if is_open is None else np.asarray(is_open),
        unknown if risk is None else np.asarray(risk, np.float64),
        unknown if mae is None else np.asarray(mae, np.float64),
        unknown if mfe is None else np.asarray(mfe, np.float64),
    )


def test_an_open_trade_counts_in_fees_and_traded_value_only():
    summary = trades([-4.0, 10.0], is_open=[True, False])
    assert (summary.closed, summary.wins, summary.losses) == (1, 1, 0)
    assert summary.fees == 1.0
    assert summary.traded_value == 200.0
    assert summary.mean_pnl == 10.0


def test_streaks_end_with_a_loss_and_with_a_trade_that_breaks_even():
    summary = trades([1.0, 2.0, 0.0, 1.0, -1.0, -1.0, -1.0, 0.0, -2.0, 3.0])
    assert (summary.longest_winning, summary.longest_losing) == (2, 3)


def test_multiples_of_risk_leave_trades_without_a_stop_out():
    summary = trades([30.0, -10.0, 99.0], risk=[10.0, 10.0, math.nan])
    assert summary.risked == 2
    assert summary.mean_r == 1.0  # +3 and -1
    assert summary.r_deviation == pytest.approx(math.sqrt(8.0))


def test_excursions_by_hand():
    summary = trades([5.0, -2.0, 1.0], mae=[0.01, 0.03, math.nan], mfe=[0.08, 0.02, math.nan])
    assert (summary.mean_mae, summary.mean_mfe) == pytest.approx((0.02, 0.05))
    assert summary.mean_given_back == pytest.approx(((0.08 - 0.05) + (0.02 + 0.02)) / 2)


def test_no_trades_have_no_means():
    summary = trades([])
    means = (summary.mean_pnl, summary.mean_return, summary.best_return, summary.mean_bars, summary.mean_r)
    assert all(math.isnan(value) for value in means)
    assert (summary.closed, summary.fees, summary.longest_losing) == (0, 0.0, 0)
