import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategy_engine.return_summaries import straightness, summarise_against, summarise_exposure, tails

ANY_RETURN = st.floats(-0.99, 10.0) | st.sampled_from([0.0, 0.01, -0.01])


@given(arrays(np.float64, st.integers(1, 300), elements=ANY_RETURN))
def test_percentiles_are_those_of_numpy(returns):
    assert tails(returns) == pytest.approx(tuple(np.percentile(returns, [5, 95])), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("outlier", [1e6, -0.999])
def test_percentiles_stand_one_return_far_from_all_others(outlier):
    returns = np.append(np.random.default_rng(1).normal(0.0, 1e-4, 5_000), outlier)
    assert tails(returns) == pytest.approx(tuple(np.percentile(returns, [5, 95])), rel=1e-12)


def test_captures_survive_products_beyond_every_double():
    ups = np.full(4_000, 2.0)  # 2 ** 4000
    benchmark = np.concatenate(([1.0], np.tile([2.0, 1.0], 2_000)))
    summary = summarise_against(np.concatenate(([0.0], ups)), benchmark)
    assert summary.up == summary.down == pytest.approx(np.log(3.0))
    assert (summary.benchmark_up, summary.benchmark_down) == pytest.approx((np.log(2.0), -np.log(2.0)))


def test_a_benchmark_that_stands_still_explains_nothing():
    summary = summarise_against(np.array([0.0, 0.1, -0.1, 0.05]), np.full(4, 5.0))
    assert np.isnan([summary.beta, summary.correlation, summary.up, summary.down]).all()


def test_exposure_by_hand():
    assert summarise_exposure(np.array([0.0, 0.5, 1.5, 0.0])) == (0.5, 0.5, 1.5)


def test_a_straight_line_is_straight_and_a_level_one_is_nothing():
    assert straightness(np.arange(50.0) * 0.3 - 4.0) == pytest.approx(1.0)
    assert np.isnan(straightness(np.full(50, 0.1)))
