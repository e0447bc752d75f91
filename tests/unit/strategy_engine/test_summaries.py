import math

import numpy as np
import pytest

from strategy_engine.summaries import deviation, summarise_equity, summarise_trades


def test_drawdowns_by_hand():
    # Below the initial 100 at once, recovered on bar 2; from 120 on bar 3 down to 90, never back.
    summary = summarise_equity(np.array([95.0, 98.0, 100.0, 120.0, 90.0, 110.0]), 100.0)
    assert summary.max_drawdown == -0.25
    assert summary.avg_drawdown == pytest.approx((-0.05 - 0.25) / 2)
    assert summary.max_drawdown_duration_bars == 3  # from before bar 0 to bar 2; the open one has lasted 2 bars
    squares = [0.05**2, 0.02**2, 0.0, 0.0, 0.25**2, (1 / 12) ** 2]
    assert summary.ulcer_index == pytest.approx(math.sqrt(sum(squares) / 6))


def test_the_loss_of_the_first_bar_counts():
    # -10 %, -10 %, +50 %: a drawdown of 19 %, which a curve without the initial cash would not show.
    assert summarise_equity(np.array([90.0, 81.0, 121.5]), 100.0).max_drawdown == pytest.approx(-0.19)


def test_equal_values_have_no_deviation_whatever_their_rounding():
    assert deviation(np.full(3, 0.1)) == 0.0
    assert deviation(np.full(1_000, 1 / 3)) == 0.0


def test_fewer_than_two_values_have_no_deviation_to_speak_of():
    assert math.isnan(deviation(np.empty(0)))
    assert math.isnan(deviation(np.ones(1)))


def test_an_open_trade_counts_in_fees_and_exposure_only():
    bars, money = np.array([1, 5]), np.array([10.0, -4.0])
    summary = summarise_trades(bars, bars + 2, money + 100.0, np.array([1.0, 0.5]), money, money / 100.0, True)
    assert (summary.closed, summary.wins, summary.losses) == (1, 1, 0)
    assert summary.held_bars == 2 + 3  # the open one is held at the close of its last bar too
    assert summary.fees == 1.5
    assert summary.traded_value == 206.0
    assert summary.mean_pnl == 10.0
