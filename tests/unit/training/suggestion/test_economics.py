"""After-cost results, by worked examples."""

import numpy as np
import pytest

from training.suggestion.economics import COST_FRAC, Market, choose_min_edge, deflated_sharpe, economics


def market(barrier, hold=None, momentum=None, n_names=2):
    n = len(barrier)
    days = np.repeat(np.datetime64("2016-01-04") + 7 * np.arange(n // n_names), n_names)
    return Market(
        days=days,
        symbols=np.tile(np.arange(n_names), n // n_names),
        barrier_frac=np.array(barrier, dtype=float),
        hold_frac=np.zeros(n) if hold is None else np.array(hold, dtype=float),
        momentum_frac=np.zeros(n) if momentum is None else np.array(momentum, dtype=float),
    )


def judged(one, edge, **changed):
    given = {"min_edge": 0.1, "horizon_bars": 10, "row_step_bars": 10, "configurations": 1, **changed}
    return economics(one, np.array(edge, dtype=float), **given)


def test_a_right_sell_earns_what_fell_less_costs():
    found = judged(market([-0.05, 0.03]), [-0.2, 0.05])
    assert found.n_trades == 1
    assert found.abstained_frac == 0.5
    assert found.mean_trade_bps == pytest.approx(500 - 20)


def test_a_sleeve_puts_at_most_a_tenth_into_one_name():
    found = judged(market([0.05, 0.0] * 4), [0.2, 0.0] * 4)
    yearly = (1 + 0.1 * (0.05 - COST_FRAC)) ** (252 / 10) - 1
    assert found.acting.annual_return_frac == pytest.approx(yearly)
    assert found.acting_long_only == found.acting


def test_nothing_to_act_on_is_cash():
    found = judged(market([0.05, -0.05] * 3), [0.0] * 6)
    assert (found.mean_trade_bps, found.acting.annual_return_frac, found.acting.sharpe) == (None, 0.0, None)
    assert found.deflated_sharpe is None


def test_buy_and_hold_compounds_the_mean_of_all_names_without_costs():
    found = judged(market([0.0] * 4, hold=[0.02, 0.04, 0.0, 0.02]), [0.0] * 4)
    assert found.buy_and_hold.annual_return_frac == pytest.approx((1.03 * 1.01) ** (252 / 20) - 1)


def test_momentum_holds_the_winner_and_pays_only_for_new_names():
    found = judged(market([0.0] * 4, hold=[0.02, 0.0, 0.02, 0.0], momentum=[1, 0, 1, 0]), [0.0] * 4)
    assert found.momentum.annual_return_frac == pytest.approx(((1.02 - COST_FRAC) * 1.02) ** (252 / 20) - 1)


def test_overlapping_holding_periods_share_the_capital_between_sleeves():
    found = judged(market([0.1, 0.0, 0.0, 0.0]), [0.2, 0, 0, 0], row_step_bars=5)
    growth = (1 + 0.1 * (0.1 - COST_FRAC) + 1) / 2
    assert found.acting.annual_return_frac == pytest.approx(growth ** (252 / 10) - 1)


def test_least_edge_is_the_smallest_that_paid():
    days = np.datetime64("2016-01-04") + np.arange(1000)
    edge = np.linspace(0.001, 0.5, 1000)
    chance = np.random.default_rng(1)
    pays = np.where(edge > 0.3, 0.03, -0.03) + chance.normal(0, 0.001, 1000)
    found, paid = choose_min_edge(edge, pays, days)
    assert paid
    assert 0.05 < found < 0.3
    assert (pays[edge >= found] - COST_FRAC).mean() > 0


def test_no_edge_that_pays_gives_the_default():
    chance = np.random.default_rng(1)
    edge = chance.normal(0, 0.1, 1000)
    found, paid = choose_min_edge(edge, -np.sign(edge) * 0.01, np.datetime64("2016-01-04") + np.arange(1000))
    assert not paid
    assert found == pytest.approx(np.quantile(np.abs(edge), 0.95))


def test_more_configurations_deflate_the_sharpe_ratio():
    returns = np.random.default_rng(2).normal(0.002, 0.01, 200)
    chances = [deflated_sharpe(returns, periods=200, configurations=n) for n in (1, 10, 100)]
    assert chances[0] > chances[1] > chances[2]
    assert chances[0] > 0.95


def test_deflated_sharpe_of_one_configuration_is_the_probabilistic_sharpe_ratio():
    returns = np.array([0.01, -0.01] * 50)
    assert deflated_sharpe(returns, periods=100, configurations=1) == pytest.approx(0.5)
