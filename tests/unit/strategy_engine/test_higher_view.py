import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from market_data.bars import Bars
from market_data.errors import DomainError
from strategy_engine import MarketView
from tests.unit.strategy_engine.price_series import DAY_NS, random_bars

MONDAY = 4  # 1970-01-05


def daily(days, closes=None):
    close = np.arange(1.0, len(days) + 1.0) if closes is None else np.asarray(closes, np.float64)
    return Bars.from_arrays(
        symbol="TEST",
        timeframe="1d",
        time=np.asarray(days) * DAY_NS,
        open=close,
        high=close + 0.5,
        low=close - 0.5,
        close=close,
        volume=np.ones(len(days)),
    )


def test_a_week_of_every_day_is_known_at_the_close_of_its_sunday():
    higher = MarketView(daily(range(MONDAY, MONDAY + 16))).higher("1w")
    assert_array_equal(higher.view.time, np.array([MONDAY, MONDAY + 7]) * DAY_NS)
    assert_array_equal(higher.view.open, [1.0, 8.0])
    assert_array_equal(higher.view.high, [7.5, 14.5])
    assert_array_equal(higher.view.low, [0.5, 7.5])
    assert_array_equal(higher.view.close, [7.0, 14.0])
    assert_array_equal(higher.view.volume, [7.0, 7.0])
    known = higher.here(higher.view.close)
    assert_array_equal(known, [np.nan] * 6 + [7.0] * 7 + [14.0] * 3)


def test_a_week_of_five_days_is_known_at_the_close_of_the_next_monday():
    days = [MONDAY + week * 7 + day for week in range(2) for day in range(5)]
    higher = MarketView(daily(days)).higher("1w")
    assert_array_equal(higher.here(higher.view.close), [np.nan] * 5 + [5.0] * 5)


def test_a_first_week_that_began_before_the_history_is_left_out():
    higher = MarketView(daily(range(MONDAY + 3, MONDAY + 15))).higher("1w")
    assert_array_equal(higher.view.time, [(MONDAY + 7) * DAY_NS])


def test_flags_of_higher_bars_are_false_before_there_are_any():
    higher = MarketView(daily(range(MONDAY, MONDAY + 14))).higher("1w")
    assert_array_equal(higher.here(np.array([True, False])), [False] * 6 + [True] * 7 + [False])


def test_too_few_bars_have_no_higher_ones():
    higher = MarketView(daily(range(MONDAY, MONDAY + 3))).higher("1w")
    assert len(higher.view) == 0
    assert np.isnan(higher.here(higher.view.close)).all()


@pytest.mark.parametrize("timeframe", ["1d", "1h", "1y"])
def test_a_timeframe_that_is_not_higher_is_refused(timeframe):
    with pytest.raises(DomainError, match=f"a higher timeframe than 1d is needed, was {timeframe}"):
        MarketView(daily(range(5))).higher(timeframe)


@given(st.integers(2, 80), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_bars_that_come_later_change_nothing_that_is_known(count, known, seed):
    bars = random_bars(count, seed=seed)
    known = min(known, count)
    before, after = (MarketView(series).higher("1w") for series in (bars[:known], bars))
    assert_array_equal(before.here(before.view.close), after.here(after.view.close)[:known])
