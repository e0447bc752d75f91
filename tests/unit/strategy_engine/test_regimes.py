import numpy as np
import pytest
from numpy.testing import assert_array_equal

from strategy_engine.regimes import REGIMES, WARM_UP, regimes
from suggestion_engine.regime import classify
from tests.unit.strategy_engine.price_series import random_bars


@pytest.mark.parametrize("seed", range(6))
def test_the_newest_bar_has_the_word_that_suggestions_have_for_it(seed):
    bars = random_bars(700, seed=seed)
    ours = regimes(bars.close)
    for end in range(WARM_UP + 1, 700, 37):
        assert REGIMES[ours[end - 1]] == classify(bars[:end]).name


def test_too_few_bars_have_no_regime():
    assert set(regimes(random_bars(WARM_UP - 1, seed=1).close)) == {0}


def test_what_comes_later_changes_nothing():
    close = random_bars(600, seed=9).close
    assert_array_equal(regimes(close)[:400], regimes(close[:400].copy()))


def test_the_unit_of_prices_does_not_matter():
    close = random_bars(600, seed=3).close
    assert_array_equal(regimes(close * 1024.0), regimes(close))


def test_a_steady_rise_is_a_bull_market_and_a_steady_fall_a_bear_market():
    rise = np.exp(np.arange(500) * 0.002)
    assert REGIMES[regimes(rise)[-1]].startswith("bull")
    assert REGIMES[regimes(1.0 / rise)[-1]].startswith("bear")
