from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from market_data.errors import DomainError
from strategy_engine import MarketView
from strategy_engine.strategies import OpeningRange
from tests.unit.strategy_engine.price_series import bars_of

MINUTE_NS = 60 * 1_000_000_000


def sessions(*closes, timeframe="5m"):
    """Return sessions of bars of five minutes, a day apart; each opens where it first closes."""
    count = len(closes[0])
    opens = [price for session in closes for price in (session[0], *session[:-1])]
    bars = bars_of([price for session in closes for price in session], opens, timeframe=timeframe)
    time = np.concatenate([(1_440 * day + 870 + 5 * np.arange(count)) * MINUTE_NS for day in range(len(closes))])
    time.flags.writeable = False
    return MarketView(replace(bars, time=time))


def test_the_first_close_outside_the_opening_decides():
    # The opening, 10 minutes, ranges from 10 to 11. Bar 3 closes above; the session's last bar but one is bar 4.
    view = sessions([10.0, 11.0, 10.0, 12.0, 13.0, 12.0], [10.0, 11.0, 9.0, 12.0, 13.0, 12.0])
    signals = OpeningRange(opening_min=10, session_min=30, direction="both").signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [3])
    assert_array_equal(np.flatnonzero(signals.short_entries), [8])  # the rise after it is not the first
    assert_array_equal(signals.stop_loss[[3, 8]], [10.0, 11.0])
    assert_array_equal(np.flatnonzero(signals.exits), [0, 4, 5, 6, 10, 11])


def test_a_breakout_too_late_to_be_left_again_is_none():
    signals = OpeningRange(opening_min=10, session_min=30).signals(sessions([10.0, 11.0, 10.0, 10.5, 13.0, 14.0]))
    assert not signals.entries.any()


def test_a_market_that_never_closes_begins_anew_each_day():
    closes = np.tile([10.0, 11.0, 12.0, 13.0], 72 * 3)
    view = MarketView(replace(bars_of(closes, closes, timeframe="5m"), time=locked(np.arange(864) * 5 * MINUTE_NS)))
    signals = OpeningRange(opening_min=10, session_min=1_440).signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [2, 290, 578])


def test_bars_of_a_day_have_no_opening():
    with pytest.raises(DomainError, match="needs a timeframe within a day, was 1d"):
        OpeningRange().signals(MarketView(bars_of([1.0, 2.0])))


def locked(column):
    column.flags.writeable = False
    return column
