import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from market_data.errors import DomainError
from strategy_engine import UniverseView
from tests.unit.strategy_engine.price_series import DAY_NS, bars_of, series


@pytest.fixture
def universe():
    return UniverseView([series("A", [10.0, 11.0, 12.0]), series("B", [5.0, 6.0, 9.0], first=1, skip=2)])


def test_rows_are_all_times_of_all_symbols(universe):
    assert (universe.symbols, universe.timeframe, len(universe)) == (("A", "B"), "1d", 5)
    assert_array_equal(universe.time, np.arange(5) * DAY_NS)


def test_a_symbol_without_a_bar_keeps_its_last_close(universe):
    assert_array_equal(universe.has_bar[:, 0], [True, True, True, False, False])
    assert_array_equal(universe.has_bar[:, 1], [False, True, False, True, True])
    assert_array_equal(universe.close[:, 0], [10.0, 11.0, 12.0, 12.0, 12.0])
    assert_array_equal(universe.close[:, 1], [np.nan, 5.0, 5.0, 6.0, 9.0])


def test_a_view_of_one_symbol_has_its_own_bars(universe):
    assert_array_equal(universe.view(1).close, [5.0, 6.0, 9.0])
    assert universe.view(1).symbol == "B"


def test_momentum_is_the_return_between_two_rows(universe):
    assert_allclose(universe.momentum(2)[:, 0], [np.nan, np.nan, 0.2, 1 / 11, 0.0])
    assert_allclose(universe.momentum(2, 1)[:, 1], [np.nan, np.nan, np.nan, 0.0, 0.2])
    assert np.isnan(universe.momentum(9)).all()


def test_volatility_is_the_deviation_of_returns_since_a_symbol_is_there():
    universe = UniverseView([series("A", [10.0, 11.0, 9.9, 9.9]), series("B", [5.0, 6.0, 6.0], first=1)])
    volatility = universe.volatility(2)
    assert_allclose(volatility[:, 0], [np.nan, np.nan, np.std([0.1, -0.1], ddof=1), np.std([-0.1, 0.0], ddof=1)])
    assert_allclose(volatility[:, 1], [np.nan, np.nan, np.nan, np.std([0.2, 0.0], ddof=1)])


def test_shares_of_those_that_are_listed(universe):
    assert_array_equal(universe.equal_shares()[:2], [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("bars", "told"),
    [
        ([], "at least one symbol, was given none"),
        ([series("A", [1.0]), series("A", [1.0])], "given once"),
        ([bars_of([1.0, 2.0]), bars_of([1.0, 2.0], timeframe="1h")], "given once"),
        ([series("A", [1.0]), bars_of([1.0, 2.0], timeframe="1h")], "one timeframe, were 1d, 1h"),
    ],
)
def test_bars_that_are_no_universe_are_refused(bars, told):
    with pytest.raises(DomainError, match=told):
        UniverseView(bars)


def test_a_lookback_that_skips_itself_is_refused(universe):
    with pytest.raises(DomainError, match="skip must be from 0 to below lookback, 3, was 3"):
        universe.momentum(3, 3)
