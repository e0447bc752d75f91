import numpy as np
import pytest
from numpy.testing import assert_array_equal

from market_data.bars import Bars
from market_data.errors import DomainError
from strategy_engine import MarketView
from tests.unit.strategy_engine.price_series import bars_of, random_bars


@pytest.fixture
def view() -> MarketView:
    return MarketView(bars_of([10.0, 11.0, 12.0]))


def test_a_view_shows_the_columns_of_its_bars_without_copying():
    bars = random_bars(20, seed=1)
    for name in ("open", "high", "low", "close", "volume"):
        assert np.shares_memory(getattr(MarketView(bars), name), getattr(bars, name))


def test_indicators_work_over_memory_mapped_columns(tmp_path):
    bars = random_bars(50, seed=2)
    columns = {}
    for name in ("time", "open", "high", "low", "close", "volume"):
        np.save(tmp_path / name, getattr(bars, name))
        columns[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    mapped = MarketView(Bars.trusted(symbol="TEST", timeframe="1d", **columns))
    assert_array_equal(mapped.sma(mapped.close, 5), MarketView(bars).sma(bars.close, 5))


def test_crossing_below_mirrors_crossing_above(view):
    fast, slow = np.array([3.0, 2.0, 1.0]), np.array([2.0, 2.0, 2.0])
    assert_array_equal(view.crosses_below(fast, slow), [False, False, True])
    assert_array_equal(view.crosses_above(-fast, -slow), view.crosses_below(fast, slow))


def test_levels_are_reached_from_either_side(view):
    assert_array_equal(view.rises_to(view.close, 11.0), [False, True, False])
    assert_array_equal(view.falls_to(view.close[::-1].copy(), 11.0), [False, True, False])


def test_series_of_different_lengths_do_not_cross(view):
    with pytest.raises(DomainError, match=r"same shape, were \(3,\) and \(2,\)"):
        view.crosses_above(view.close, view.close[1:])


@pytest.mark.parametrize("indicator", ["sma", "rsi"])
def test_a_period_below_one_is_refused(view, indicator):
    with pytest.raises(DomainError, match="must be >= 1, was 0"):
        getattr(view, indicator)(view.close, 0)


@pytest.mark.parametrize("flags", [np.zeros(2, np.bool_), np.zeros(3), np.zeros((3, 1), np.bool_), [True] * 3, None])
def test_signals_that_are_not_one_boolean_a_bar_are_refused(view, flags):
    with pytest.raises(DomainError, match=r"exits must be a boolean array of shape \(3,\), was"):
        view.signals(entries=view.never(), exits=flags)


def test_signals_cut_out_of_a_larger_array_are_accepted(view):
    signals = view.signals(entries=np.zeros(6, np.bool_)[::2], exits=view.only_at(1))
    assert_array_equal(signals.exits, [False, True, False])
