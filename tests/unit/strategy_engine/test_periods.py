from market_data.timeframe import TIMEFRAMES
from strategy_engine.periods import PERIODS_PER_YEAR


def test_every_timeframe_has_its_periods_in_falling_order():
    assert set(PERIODS_PER_YEAR) == set(TIMEFRAMES)
    counts = [PERIODS_PER_YEAR[timeframe] for timeframe in TIMEFRAMES]
    assert counts == sorted(counts, reverse=True)


def test_fifteen_minutes_count_sessions_of_six_and_a_half_hours():
    assert PERIODS_PER_YEAR["15m"] == 6_552
    assert PERIODS_PER_YEAR["1d"] == 252
