"""Labels beside a plain loop, and the cases that loops get wrong: ties, gaps, the end of the bars."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from market_data.errors import DomainError
from suggestion_engine.features import atr
from suggestion_engine.labels import cross_sectional_rank, forward_return, meta_labels, triple_barrier
from tests.unit.suggestion_engine.random_bars import bars_of, flat_bars, random_bars, scaled

SEEDS = st.integers(0, 2**32 - 1)


def path(*later):
    """Return bars whose ATR of 2 bars is 1 on bar 2, then the given (open, high, low, close); all is near 100."""
    calm = [(100.0, 100.5, 99.5, 100.0)] * 3
    return bars_of(*(np.array(column) for column in zip(*calm, *later, strict=True)))


def label(*later, horizon_bars=3):
    """Return the label of bar 2: entry at the next open, barriers 2 away."""
    labels = triple_barrier(path(*later), horizon_bars=horizon_bars, atr_bars=2)
    return labels.outcome[2], labels.return_frac[2], labels.exit_bar[2], labels.is_known[2]


STILL = (100.0, 101.0, 99.0, 100.5)


def test_upper_barrier_inside_a_bar_exits_at_the_barrier():
    assert label(STILL, (100.0, 102.5, 99.5, 101.0), STILL) == (1, pytest.approx(0.02), 4, True)


def test_lower_barrier_inside_a_bar_exits_at_the_barrier():
    assert label(STILL, (100.0, 101.0, 97.0, 100.0), STILL) == (-1, pytest.approx(-0.02), 4, True)


def test_both_barriers_inside_one_bar_are_the_stop():
    bars = path(STILL, (100.0, 103.0, 97.0, 102.9), STILL)
    labels = triple_barrier(bars, horizon_bars=3, atr_bars=2)
    assert (labels.outcome[2], labels.return_frac[2], labels.is_tie[2]) == (-1, pytest.approx(-0.02), True)


def test_an_open_beyond_the_lower_barrier_exits_there_and_loses_more():
    assert label(STILL, (95.0, 103.0, 94.0, 96.0), STILL) == (-1, pytest.approx(-0.05), 4, True)


def test_an_open_beyond_the_upper_barrier_exits_there_even_if_the_bar_falls_through_both():
    assert label(STILL, (104.0, 105.0, 90.0, 91.0), STILL) == (1, pytest.approx(0.04), 4, True)


def test_no_barrier_in_time_exits_at_the_last_close():
    assert label(STILL, STILL, (100.0, 101.0, 99.0, 101.0)) == (0, pytest.approx(0.01), 5, True)


def test_the_bar_of_the_entry_is_watched_too():
    assert label((100.0, 102.0, 99.0, 100.0), STILL, STILL) == (1, pytest.approx(0.02), 3, True)


def test_a_barrier_after_the_horizon_comes_too_late():
    later = (STILL, STILL, (100.0, 103.0, 99.0, 102.0))
    assert label(*later, horizon_bars=2) == (0, pytest.approx(0.005), 4, True)


def test_bars_that_end_before_the_horizon_leave_it_unknown():
    outcome, return_frac, exit_bar, is_known = label(STILL, STILL)
    assert (outcome, exit_bar, is_known) == (0, -1, False)
    assert np.isnan(return_frac)


def test_a_barrier_touched_is_known_before_the_horizon_is_over():
    assert label(STILL, (100.0, 102.5, 99.5, 101.0)) == (1, pytest.approx(0.02), 4, True)


def test_returns_in_atr_divide_by_that_of_the_decision():
    labels = triple_barrier(path(STILL, (95.0, 96.0, 94.0, 95.0), STILL), horizon_bars=3, atr_bars=2)
    assert labels.return_atr[2] == pytest.approx(-5.0)
    assert labels.entry[2] == 100.0


def test_prices_that_never_move_have_no_barriers_and_no_label():
    assert not triple_barrier(flat_bars(40)).is_known.any()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_bars_have_no_label(n):
    labels = triple_barrier(random_bars(n))
    assert labels.is_known.shape == (n,)
    assert not labels.is_known.any()


@pytest.mark.parametrize("wrong", [{"atr_multiple": 0.0}, {"horizon_bars": 0}, {"atr_bars": 0}])
def test_nonsense_barriers_are_refused(wrong):
    with pytest.raises(DomainError, match="must be"):
        triple_barrier(random_bars(30), **wrong)


def naive_label(bars, ranges, i, horizon, multiple):
    """Return outcome, exit price and bar by walking the bars one by one; None where they end too early."""
    entry = bars.open[i + 1]
    upper, lower = entry + multiple * ranges[i], entry - multiple * ranges[i]
    for j in range(i + 1, i + horizon + 1):
        if j >= len(bars):
            return None
        if bars.open[j] <= lower:
            return -1, bars.open[j], j
        if bars.open[j] >= upper:
            return 1, bars.open[j], j
        if bars.low[j] <= lower:
            return -1, lower, j
        if bars.high[j] >= upper:
            return 1, upper, j
    return 0, bars.close[i + horizon], i + horizon


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(17, 70), st.integers(1, 12), st.floats(0.1, 4.0), st.booleans())
def test_labels_equal_those_of_a_plain_loop(seed, n, horizon, multiple, in_cents):
    bars = random_bars(n, seed=seed, in_cents=in_cents, step_frac=0.03)
    labels = triple_barrier(bars, atr_multiple=multiple, horizon_bars=horizon)
    ranges = atr(bars, 14)
    for i in range(n):
        has_range = i + 1 < n and ranges[i] > 0
        expected = naive_label(bars, ranges, i, horizon, multiple) if has_range else None
        assert labels.is_known[i] == (expected is not None)
        if expected is not None:
            assert (labels.outcome[i], labels.exit_bar[i]) == (expected[0], expected[2])
            assert_allclose(labels.return_frac[i], expected[1] / bars.open[i + 1] - 1, rtol=1e-9, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(-10, 10))
def test_labels_do_not_depend_on_the_scale_of_prices(seed, power):
    bars = random_bars(80, seed=seed)
    ours, other = triple_barrier(bars), triple_barrier(scaled(bars, 2.0**power, 3.0))
    assert_array_equal(ours.outcome, other.outcome)
    assert_array_equal(ours.return_atr, other.return_atr)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(20, 80))
def test_a_known_label_does_not_change_when_more_bars_come(seed, n):
    bars = random_bars(90, seed=seed)
    early, late = triple_barrier(bars[:n]), triple_barrier(bars)
    known = np.flatnonzero(early.is_known)
    assert_array_equal(early.outcome[known], late.outcome[known])
    assert_array_equal(early.return_frac[known], late.return_frac[known])


def test_forward_return_enters_at_the_next_open_and_leaves_at_a_later_close():
    bars = bars_of([10, 20, 30, 40], [50] * 4, [5] * 4, [11, 22, 36, 44])
    assert_allclose(forward_return(bars, 2), [36 / 20 - 1, 44 / 30 - 1, np.nan, np.nan])
    assert np.isnan(forward_return(bars, 4)).all()


def test_a_horizon_of_nothing_is_refused():
    with pytest.raises(DomainError, match="horizon_bars must be at least 1, was 0"):
        forward_return(random_bars(3), 0)


def test_ranks_by_date_by_hand():
    values = np.array([3.0, 7.0, 1.0, 2.0, np.nan, 5.0, 5.0])
    dates = np.array([20, 30, 20, 20, 20, 10, 10])
    assert_array_equal(cross_sectional_rank(values, dates), [1.0, 0.5, 0.0, 0.5, np.nan, 0.5, 0.5])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0.5, 1.5, 2.5, np.nan]), st.integers(0, 3)), min_size=1, max_size=30))
def test_ranks_equal_those_of_pandas(pairs):
    frame = pd.DataFrame(pairs, columns=["value", "date"])
    grouped = frame.groupby("date")["value"]
    count = grouped.transform("count")
    expected = ((grouped.rank() - 1) / (count - 1)).where(count > 1, frame["value"] * 0 + 0.5)
    assert_allclose(cross_sectional_rank(frame["value"].to_numpy(), frame["date"].to_numpy()), expected)


def test_ranks_need_as_many_dates_as_values():
    with pytest.raises(DomainError, match="as many"):
        cross_sectional_rank(np.zeros(3), np.zeros(2, dtype=np.int64))


def test_meta_labels_ask_whether_the_trade_hit_its_target():
    up, down, tie = (100.0, 103.0, 99.5, 101.0), (100.0, 101.0, 97.0, 100.0), (100.0, 103.0, 97.0, 100.0)
    for side, bar, expected in [
        (1, up, 1),
        (1, down, 0),
        (1, STILL, 0),
        (1, tie, 0),
        (-1, up, 0),
        (-1, down, 1),
        (-1, STILL, 0),
        (-1, tie, 0),
    ]:
        labels = triple_barrier(path(bar, STILL, STILL), horizon_bars=3, atr_bars=2)
        sides = np.full(6, side)
        assert meta_labels(sides, labels)[2] == expected


def test_meta_labels_are_nan_without_a_side_or_a_known_outcome():
    labels = triple_barrier(random_bars(60, seed=1))
    sides = np.ones(60, dtype=np.int8)
    sides[30] = 0
    found = meta_labels(sides, labels)
    assert_array_equal(np.isnan(found), ~labels.is_known | (sides == 0))
