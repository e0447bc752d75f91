import pytest

from strategy_engine import Exits, FillRules, FractionDistance, LimitOrder, StopLimitOrder, StopOrder
from tests.unit.strategy_engine.simulation.orders import Orders, entries_of, exits_of, notes_of, ohlc, ten_units

QUIET = (100.0, 101.0, 99.0, 100.0)
FIVE_PERCENT = FractionDistance(frac=0.05)
LIMIT = LimitOrder(offset=FIVE_PERCENT, valid_bars=2)
STOP = StopOrder(offset=FIVE_PERCENT, valid_bars=2)


def filled(bar, entry, *, short=False, **settings):
    return entries_of(ten_units(ohlc(QUIET, bar, QUIET), Orders(short=short), entry=entry, **settings))


@pytest.mark.parametrize(
    ("bar", "short", "fills"),
    [
        ((100.0, 101.0, 94.0, 98.0), False, [(1, 95.0)]),
        ((93.0, 96.0, 92.0, 94.0), False, [(1, 93.0)]),  # opened below: better
        ((100.0, 101.0, 96.0, 98.0), False, []),
        ((100.0, 106.0, 99.0, 102.0), True, [(1, 105.0)]),
        ((107.0, 108.0, 104.0, 106.0), True, [(1, 107.0)]),
    ],
)
def test_a_limit_order_fills_at_its_price_or_at_a_better_open(bar, short, fills):
    assert filled(bar, LIMIT, short=short) == fills


@pytest.mark.parametrize(
    ("bar", "short", "fills"),
    [
        ((100.0, 106.0, 99.0, 102.0), False, [(1, 105.0)]),
        ((108.0, 109.0, 107.0, 108.0), False, [(1, 108.0)]),  # opened above: worse
        ((100.0, 104.0, 99.0, 102.0), False, []),
        ((100.0, 101.0, 94.0, 98.0), True, [(1, 95.0)]),
        ((92.0, 93.0, 90.0, 91.0), True, [(1, 92.0)]),
    ],
)
def test_a_stop_order_fills_at_its_price_or_at_a_worse_open(bar, short, fills):
    assert filled(bar, STOP, short=short) == fills


def test_a_limit_that_is_only_touched_fills_by_touch_and_not_by_through():
    touching = (100.0, 101.0, 95.0, 98.0)
    assert filled(touching, LIMIT) == [(1, 95.0)]
    assert filled(touching, LIMIT, fills=FillRules(limit_fill="through")) == []


def test_an_order_waits_as_long_as_it_is_valid_and_its_end_is_in_the_journal():
    late = ohlc(QUIET, QUIET, (100.0, 101.0, 94.0, 98.0), QUIET)
    assert entries_of(ten_units(late, Orders(), entry=LIMIT)) == [(2, 95.0)]
    once = ten_units(late, Orders(), entry=LimitOrder(offset=FIVE_PERCENT))
    assert entries_of(once) == []
    assert [(note[0], note[1], note[4]) for note in notes_of(once)] == [(1, "buy", "expired")]


def test_a_newer_decision_takes_the_place_of_an_order_that_waits():
    bars = ohlc(QUIET, QUIET, (100.0, 101.0, 94.0, 98.0), QUIET)
    report = ten_units(bars, Orders(at=(0, 1)), entry=LimitOrder(offset=FIVE_PERCENT, valid_bars=9))
    assert entries_of(report) == [(2, 95.0)]
    assert notes_of(report)[0][4] == "replaced"


@pytest.mark.parametrize(
    ("bar", "fills"),
    [
        ((100.0, 108.0, 99.0, 102.0), [(1, 105.0)]),  # reached at 105, and 106.05 allows that
        ((107.0, 108.0, 106.5, 107.0), []),  # opened beyond the limit, and stayed there
        ((107.0, 108.0, 105.5, 106.0), [(1, 106.05)]),  # opened beyond it, and closed below
        ((106.0, 108.0, 105.5, 107.0), [(1, 106.0)]),  # opened between stop and limit
        ((100.0, 104.0, 99.0, 102.0), []),
    ],
)
def test_a_stop_limit_order_in_the_bar_that_reaches_its_stop(bar, fills):
    order = StopLimitOrder(stop_offset=FIVE_PERCENT, limit_offset=FractionDistance(frac=0.0105))
    found = filled(bar, order)
    assert found == [(index, pytest.approx(price)) for index, price in fills]


def test_a_stop_limit_order_is_a_limit_order_in_later_bars():
    order = StopLimitOrder(stop_offset=FIVE_PERCENT, limit_offset=FractionDistance(frac=0.01), valid_bars=3)
    bars = ohlc(QUIET, (107.0, 108.0, 106.5, 107.0), (107.0, 107.0, 103.0, 104.0), QUIET)
    assert entries_of(ten_units(bars, Orders(), entry=order)) == [(2, pytest.approx(106.0))]


def test_prices_of_the_strategy_stand_above_the_kind_of_order():
    bars = ohlc(QUIET, (100.0, 101.0, 94.0, 98.0), QUIET)
    assert entries_of(ten_units(bars, Orders(entry_limit=96.0))) == [(1, 96.0)]
    assert entries_of(ten_units(bars, Orders(entry_stop=100.5))) == [(1, 100.5)]


@pytest.mark.parametrize(
    ("bar", "exit_"),
    [
        ((100.0, 101.0, 84.0, 90.0), (1, 85.5, "stop_loss")),  # below the limit on its way: surely later
        ((100.0, 106.0, 94.0, 97.0), (2, 100.0, "end_of_data")),  # the high may have come before the fill
        ((100.0, 106.0, 94.0, 105.0), (1, 104.5, "take_profit")),  # the close came after it
    ],
)
def test_after_a_limit_fill_inside_the_bar_what_surely_came_later_counts(bar, exit_):
    bracket = Exits(stop_loss=FractionDistance(frac=0.1), take_profit=FractionDistance(frac=0.1))
    report = ten_units(ohlc(QUIET, bar, QUIET), Orders(), entry=LIMIT, exits=bracket)
    assert exits_of(report) == [(exit_[0], pytest.approx(exit_[1]), exit_[2])]


@pytest.mark.parametrize(
    ("bar", "exit_"),
    [
        ((100.0, 120.0, 99.0, 108.0), (1, 115.5, "take_profit")),  # above the stop on its way: surely later
        ((100.0, 106.0, 94.0, 102.0), (1, 94.5, "stop_loss")),  # may have come after the fill: the worse counts
        ((94.0, 106.0, 93.0, 102.0), (2, 100.0, "end_of_data")),  # opened there: says nothing of later
        ((94.0, 106.0, 93.0, 93.5), (1, 94.5, "stop_loss")),  # the close came after it
    ],
)
def test_after_a_stop_fill_inside_the_bar_what_may_be_worse_counts(bar, exit_):
    bracket = Exits(stop_loss=FractionDistance(frac=0.1), take_profit=FractionDistance(frac=0.1))
    report = ten_units(ohlc(QUIET, bar, QUIET), Orders(), entry=STOP, exits=bracket)
    assert exits_of(report) == [(exit_[0], pytest.approx(exit_[1]), exit_[2])]


def test_along_the_path_a_stop_fill_knows_what_came_before_it():
    bracket = Exits(stop_loss=FractionDistance(frac=0.1))
    down_then_up = ohlc(QUIET, (97.0, 106.0, 94.0, 102.0), QUIET)  # the low is nearer, and came first
    report = ten_units(down_then_up, Orders(), entry=STOP, exits=bracket, fills=FillRules(same_bar="ohlc_path"))
    assert exits_of(report) == [(2, 100.0, "end_of_data")]
