import math

import numpy as np
import pytest

from market_data.errors import DomainError
from strategy_engine.risk_of_ruin import risk_of_ruin

COIN = np.array([0.1, -0.1])


def test_equal_seeds_give_equal_answers_and_others_do_not():
    first, again, other = (risk_of_ruin(COIN, seed=seed, trades=200) for seed in (1, 1, 2))
    assert first == again
    assert first.median_return_frac != other.median_return_frac


def test_a_loss_in_one_trade_is_as_likely_as_the_trade():
    risk = risk_of_ruin(np.array([0.01, 0.01, 0.01, -0.6]), seed=5, trades=1, paths=20_000)
    assert risk.probability == pytest.approx(0.25, abs=4 * risk.standard_error)
    assert risk.standard_error == pytest.approx(math.sqrt(0.25 * 0.75 / 20_000), rel=0.05)


def test_ruin_by_a_walk_is_what_the_reflection_principle_says():
    # In logarithms a walk of +-s; after n steps it has touched -k s with P(S_n <= -k) + P(S_n < -k).
    step, n, k = 0.05, 100, 8
    returns = np.array([math.expm1(step), math.expm1(-step)])
    below = sum(math.comb(n, downs) for downs in range(n + 1) if n - 2 * downs <= -k)
    beyond = sum(math.comb(n, downs) for downs in range(n + 1) if n - 2 * downs < -k)
    expected = (below + beyond) / 2**n
    floor = 1.0 - math.exp(-step * (k - 0.5))  # between two places of the walk
    risk = risk_of_ruin(returns, seed=11, trades=n, ruin_frac=floor, paths=20_000)
    assert risk.probability == pytest.approx(expected, abs=4 * risk.standard_error)


def test_the_deeper_the_ruin_the_less_likely():
    chances = [risk_of_ruin(COIN, seed=3, trades=300, ruin_frac=frac).probability for frac in (0.1, 0.3, 0.6, 0.9)]
    assert chances == sorted(chances, reverse=True)
    assert 0.0 < chances[-1] < chances[0] <= 1.0


def test_trades_that_only_win_ruin_nobody_and_one_that_loses_all_ruins_everybody():
    assert risk_of_ruin(np.array([0.02]), seed=1).probability == 0.0
    ruin = risk_of_ruin(np.array([-1.5]), seed=1, ruin_frac=1.0)
    assert (ruin.probability, ruin.median_return_frac, ruin.drawdown_95) == (1.0, -1.0, -1.0)


def test_without_trades_nothing_is_known():
    risk = risk_of_ruin(np.empty(0), seed=1)
    assert math.isnan(risk.probability)
    assert risk.trades == 0


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"ruin_frac": 0.0}, "ruin_frac must be in"),
        ({"ruin_frac": 1.1}, "ruin_frac must be in"),
        ({"paths": 0}, "paths must be at least 1, was 0"),
        ({"trades": 0}, "trades must be at least 1, was 0"),
        ({"seed": -1}, "seed must be in"),
    ],
)
def test_values_out_of_range_are_refused(kwargs, text):
    with pytest.raises(DomainError, match=text):
        risk_of_ruin(COIN, **{"seed": 1, **kwargs})
