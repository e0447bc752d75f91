import math

import numpy as np
import pytest

from market_data.errors import DomainError
from strategy_engine import MarketView
from tests.unit.strategy_engine.price_series import bars_of


@pytest.fixture
def view() -> MarketView:
    return MarketView(bars_of([10.0, 11.0, 12.0]))


@pytest.mark.parametrize("name", ["entry_limit", "entry_stop", "stop_loss", "take_profit", "size_frac"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_a_price_or_fraction_is_above_zero_or_nan(view, name, value):
    with pytest.raises(DomainError, match=rf"{name} must be finite and > 0, or NaN for none; bar 1 was {value}"):
        view.signals(entries=view.never(), exits=view.never(), **{name: np.array([math.nan, value, 1.0])})


def test_prices_that_are_not_floats_are_refused(view):
    with pytest.raises(DomainError, match=r"stop_loss must be a float64 array of shape \(3,\), was int64"):
        view.signals(entries=view.never(), exits=view.never(), stop_loss=np.array([1, 2, 3]))


def test_signals_of_one_side_are_plain_and_others_are_not(view):
    never = view.never()
    assert view.signals(entries=never, exits=never).is_plain()
    assert not view.signals(entries=never, exits=never, short_entries=never).is_plain()
    assert not view.signals(entries=never, exits=never, size_frac=np.ones(3)).is_plain()
