"""What is suspected, and what is not: on made-up prices, and on real ones whose splits are known."""

import numpy as np
import pytest

from market_data.bars import Bars
from market_data.doubts import SPLITS, doubts_of, long_pauses, suspected_splits
from market_data.timeframe import NS_PER_DAY

COUNT = 60
AT = 30


def quiet(factor: float = 1.0, *, at: int = AT, step: float = 0.01, count: int = COUNT, **columns) -> Bars:
    """Return daily bars that move by about `step`, and from bar `at` on are worth `factor` times as much."""
    random = np.random.default_rng(7)
    close = 100.0 * np.exp(random.normal(0.0, step, count).cumsum())
    opened = np.concatenate(([100.0], close[:-1])) * np.exp(random.normal(0.0, step / 4.0, count))
    scale = np.where(np.arange(count) < at, 1.0, factor)
    low, high = np.minimum(opened, close) * 0.998, np.maximum(opened, close) * 1.002
    given = {"open": opened, "high": high, "low": low, "close": close}
    times = np.arange(count) * NS_PER_DAY
    prices = {name: column * scale for name, column in given.items()}
    return Bars.from_arrays(
        symbol="TEST", timeframe="1d", volume=np.ones(count), **({"time": times} | prices | columns)
    )


@pytest.mark.parametrize("parts", SPLITS, ids=lambda parts: f"{parts[0]}:{parts[1]}")
def test_each_split_is_suspected_where_it_is_and_so_is_its_reverse(parts):
    new, old = parts
    for factor, name in ((old / new, f"{new}:{old}"), (new / old, f"{old}:{new}")):
        (doubt,) = suspected_splits(quiet(factor))
        assert (doubt.code, doubt.symbol, doubt.bar) == ("suspected_split", "TEST", AT)
        assert f"opened 1970-01-31 at {quiet(factor).open[AT]:g}" in doubt.told
        assert f"a split of {name};" in doubt.told


@pytest.mark.parametrize("factor", [1.0, 0.85, 0.6, 1.2, 1.35, 1.75, 1 / 3.5])
def test_a_move_that_is_no_ratio_of_a_split_is_none(factor):
    assert suspected_splits(quiet(factor)) == ()


def test_who_moves_like_that_often_was_not_split():
    wild = quiet(0.5, step=0.3)
    ratio = wild.close[AT - 1] / wild.open[AT]
    assert 1.5 < ratio < 2.6, "the move alone would do"
    assert suspected_splits(wild) == ()


def test_a_crash_that_goes_on_inside_the_bar_is_no_split():
    bars = quiet(0.5)
    low = bars.low.copy()
    low[AT] *= 0.6
    assert len(suspected_splits(quiet(0.5))) == 1
    assert suspected_splits(quiet(0.5, low=low)) == ()


@pytest.mark.parametrize("at", [1, COUNT - 1])
def test_a_split_at_the_ends_of_the_bars_is_seen(at):
    assert [doubt.bar for doubt in suspected_splits(quiet(0.25, at=at))] == [at]


def test_two_bars_are_enough_and_fewer_are_no_fault():
    assert len(suspected_splits(quiet(0.5, at=1, count=2))) == 1
    assert [doubts_of(quiet(count=count)) for count in (0, 1)] == [(), ()]


def test_holidays_are_no_pause_and_a_missing_month_is_one():
    days = np.arange(COUNT)
    days[20:] += 9
    assert long_pauses(quiet(time=days * NS_PER_DAY)) == ()
    days[20:] += 21
    (doubt,) = long_pauses(quiet(time=days * NS_PER_DAY))
    assert (doubt.code, doubt.bar) == ("long_pause", 20)
    assert str(doubt) == "TEST has no bar from 1970-01-20 to 1970-02-20"


def test_doubts_come_in_the_order_of_time():
    days = np.arange(COUNT)
    days[40:] += 30
    assert [doubt.bar for doubt in doubts_of(quiet(0.5, time=days * NS_PER_DAY))] == [AT, 40]
