from numpy.testing import assert_array_equal

from strategy_engine import BuyAndHold, MarketView
from tests.unit.strategy_engine.price_series import bars_of


def test_it_decides_on_the_first_bar_and_never_again():
    signals = BuyAndHold().signals(MarketView(bars_of([10.0, 11.0, 12.0])))
    assert_array_equal(signals.entries, [True, False, False])
    assert not signals.exits.any()
