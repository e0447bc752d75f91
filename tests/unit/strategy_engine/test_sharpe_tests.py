import math

import pytest

from market_data.errors import DomainError
from strategy_engine.sharpe_tests import deflated_sharpe, expected_max_sharpe, normal_cdf, probabilistic_sharpe

NORMAL = {"skewness": 0.0, "excess_kurtosis": 0.0}


def test_the_published_example_of_a_deflated_ratio():
    # Bailey and Lopez de Prado (2014), section "A numerical example": 100 trials with a yearly variance of 1/2, five
    # years of daily returns with skewness -3 and kurtosis 10, a yearly ratio of 2.5: 0.9004.
    trials_deviation = math.sqrt(0.5 / 250.0)
    hurdle = expected_max_sharpe(100, trials_deviation)
    chance = probabilistic_sharpe(
        2.5 / math.sqrt(250.0), bar_count=1_250, skewness=-3.0, excess_kurtosis=7.0, hurdle=hurdle
    )
    assert hurdle == pytest.approx(0.1132, abs=1e-4)
    assert chance == pytest.approx(0.9004, abs=5e-5)


def test_a_ratio_of_zero_is_as_likely_real_as_not():
    assert probabilistic_sharpe(0.0, bar_count=100, **NORMAL) == 0.5


def test_more_bars_and_fewer_trials_make_it_more_likely():
    assert probabilistic_sharpe(0.1, bar_count=1_000, **NORMAL) > probabilistic_sharpe(0.1, bar_count=100, **NORMAL)
    few, many = [0.1, 0.0], [0.1, 0.0] * 20
    chances = [deflated_sharpe(0.1, trials, bar_count=500, **NORMAL) for trials in (few, many)]
    assert chances[0] > chances[1]


def test_one_trial_deflates_nothing():
    plain = probabilistic_sharpe(0.1, bar_count=500, **NORMAL)
    assert deflated_sharpe(0.1, [0.1], bar_count=500, **NORMAL) == plain


def test_what_is_not_defined_is_nan():
    assert math.isnan(probabilistic_sharpe(0.1, bar_count=3, **NORMAL))
    assert math.isnan(probabilistic_sharpe(math.nan, bar_count=300, **NORMAL))
    assert math.isnan(probabilistic_sharpe(2.0, bar_count=300, skewness=9.0, excess_kurtosis=0.0))
    assert math.isnan(deflated_sharpe(0.1, [0.1, math.nan], bar_count=300, **NORMAL))


def test_no_trial_at_all_is_refused():
    with pytest.raises(DomainError, match="trials must be at least 1, was 0"):
        deflated_sharpe(0.1, [], bar_count=300, **NORMAL)


def test_the_distribution_is_symmetric():
    assert normal_cdf(1.0) + normal_cdf(-1.0) == pytest.approx(1.0)
    assert normal_cdf(1.959963984540054) == pytest.approx(0.975)
