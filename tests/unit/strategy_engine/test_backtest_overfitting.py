import math

import numpy as np
import pytest

from market_data.errors import DomainError
from strategy_engine.backtest_overfitting import backtest_overfitting


def noise(seed, trials=10, bars=800):
    return np.random.default_rng(seed).normal(0.0, 0.01, (bars, trials))


def test_the_best_of_pure_noise_is_no_better_outside():
    chances = [backtest_overfitting(noise(seed), blocks=8).probability for seed in range(20)]
    assert 0.35 < np.mean(chances) < 0.75


def test_true_skill_is_found_again():
    returns = noise(1)
    returns[:, 4] += 0.005
    assert backtest_overfitting(returns, blocks=10).probability == 0.0


def test_sixteen_blocks_are_split_in_every_way():
    assert len(backtest_overfitting(noise(2, trials=3)).logits) == math.comb(16, 8)


def test_a_trial_that_never_moves_leaves_it_undefined():
    returns = noise(3)
    returns[:, 0] = 0.0
    assert math.isnan(backtest_overfitting(returns, blocks=4).probability)


@pytest.mark.parametrize(
    ("shape", "blocks", "text"),
    [
        ((100, 1), 4, "at least 2 trials, was 1"),
        ((100, 3), 5, "blocks must be even and at least 2, was 5"),
        ((3, 3), 4, "at least 4 bars, was 3"),
    ],
)
def test_what_cannot_be_split_is_refused(shape, blocks, text):
    with pytest.raises(DomainError, match=text):
        backtest_overfitting(np.ones(shape), blocks=blocks)


def test_returns_that_are_no_numbers_are_refused():
    returns = noise(4)
    returns[3, 3] = math.nan
    with pytest.raises(DomainError, match="finite"):
        backtest_overfitting(returns)
