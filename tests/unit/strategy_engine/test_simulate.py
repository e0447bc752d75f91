import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine.simulate import all_cash_size, simulate
from tests.unit.strategy_engine.price_series import all_bars


def at(count, *bars):
    flags = np.zeros(count, np.bool_)
    flags[list(bars)] = True
    return flags


def test_two_trades_by_hand():
    open_price = np.array([10.0, 10.0, 12.0, 11.0, 8.0, 9.0])
    close = np.array([10.0, 11.0, 12.5, 10.0, 9.0, 9.5])
    ledger = simulate(open_price, close, at(6, 0, 3), at(6, 1), 100.0, 0.01, 1.0)
    # Bar 1: one unit costs 10.10, so 9 units; commission 0.90; 99.10 + 9 * (11 - 10) at the close.
    # Bar 2: sold at 12, commission 1.08: 99.10 + 18 - 1.08 = 116.02.
    # Bar 4: one unit costs 8.08, so 14 units; commission 1.12: 114.90, and 14 * (9 - 8), then 14 * (9.5 - 8).
    assert_array_equal(ledger.entry_bar, [1, 4])
    assert_array_equal(ledger.exit_bar, [2, 5])
    assert_array_equal(ledger.size, [9.0, 14.0])
    assert_array_equal(ledger.entry_price, [10.0, 8.0])
    assert_array_equal(ledger.exit_price, [12.0, 9.5])
    assert_allclose(ledger.equity, [100.0, 108.10, 116.02, 116.02, 128.90, 135.90], rtol=1e-14)
    assert ledger.ends_open
    assert ledger.rejected_bar.size == 0


def test_a_decision_on_the_last_bar_never_fills():
    prices = np.array([10.0, 10.0, 10.0])
    ledger = simulate(prices, prices, at(3, 2), at(3), 100.0, 0.0, 1.0)
    assert ledger.size.size == 0
    assert_array_equal(ledger.equity, [100.0, 100.0, 100.0])


def test_an_exit_on_the_bar_before_last_fills_on_the_last_and_the_trade_is_closed():
    prices = np.array([10.0, 10.0, 11.0])
    ledger = simulate(prices, prices, at(3, 0), at(3, 1), 100.0, 0.0, 1.0)
    assert_array_equal(ledger.exit_bar, [2])
    assert not ledger.ends_open


def test_an_entry_while_holding_and_an_exit_while_flat_mean_nothing():
    prices = np.array([10.0, 10.0, 11.0, 12.0, 13.0, 14.0])
    ledger = simulate(prices, prices, at(6, 1, 2, 3), at(6, 0, 4), 100.0, 0.0, 1.0)
    assert_array_equal(ledger.entry_bar, [2])
    assert_array_equal(ledger.exit_bar, [5])


def test_where_a_bar_says_both_the_exit_counts_and_nothing_is_bought():
    prices = np.array([10.0, 10.0, 11.0, 12.0, 13.0])
    both_when_flat = simulate(prices, prices, at(5, 1), at(5, 1), 100.0, 0.0, 1.0)
    assert both_when_flat.size.size == 0
    both_when_long = simulate(prices, prices, at(5, 0, 2), at(5, 2), 100.0, 0.0, 1.0)
    assert_array_equal(both_when_long.exit_bar, [3])
    assert not both_when_long.ends_open


def test_an_entry_that_cannot_buy_one_lot_is_rejected_and_counted():
    prices = np.array([10.0, 200.0, 200.0, 9.0])
    ledger = simulate(prices, prices, at(4, 0, 1, 2), at(4), 100.0, 0.0, 1.0)
    assert_array_equal(ledger.rejected_bar, [1, 2])
    assert_array_equal(ledger.rejected_size, [0.5, 0.5])
    assert_array_equal(ledger.entry_bar, [3])


def test_as_many_trades_as_there_are_bars_for_are_recorded():
    prices = np.full(9, 10.0)
    ledger = simulate(prices, prices, at(9, 0, 2, 4, 6), at(9, 1, 3, 5, 7), 100.0, 0.0, 1.0)
    assert_array_equal(ledger.entry_bar, [1, 3, 5, 7])
    assert_array_equal(ledger.exit_bar, [2, 4, 6, 8])


@pytest.mark.parametrize(
    ("cash", "price", "rate", "lot_step", "size"),
    [
        (1_000.0, 11.0, 0.01, 1.0, 90.0),  # 1000 / 11.11 = 90.009
        (1_000.0, 11.0, 0.01, 25.0, 75.0),
        (1_000.0, 3.0, 0.0, 0.5, 333.0),  # 333.33 in halves
        (
            10_000.0,
            100.0,
            0.0,
            1.0,
            99.0,
        ),  # a hair short of all cash: the hundredth share is not bought on credit
        (10_000.01, 100.0, 0.0, 1.0, 100.0),
        (10.0, 11.0, 0.0, 1.0, 0.0),
        (10.0, 1e-200, 0.0, 1e-200, 0.0),  # the cost of a lot underflows
    ],
)
def test_all_cash_buys_whole_lots(cash, price, rate, lot_step, size):
    assert all_cash_size(cash, price, rate, lot_step) == size


@given(
    st.floats(1.0, 1e9),
    st.floats(0.01, 1e6),
    st.floats(0.0, 0.1),
    st.sampled_from([1e-8, 0.001, 0.3, 1.0, 100.0]),
)
def test_all_cash_is_never_overspent_and_never_leaves_a_lot_unbought(cash, price, rate, lot_step):
    size = all_cash_size(cash, price, rate, lot_step)
    assert size * price + size * price * rate <= cash
    assert (size + 2.0 * lot_step) * price * (1.0 + rate) >= cash * (1.0 - 1e-12)
    assert round(size / lot_step) * lot_step == pytest.approx(size, rel=1e-12)


@given(
    all_bars(),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.001, 0.1]),
    st.sampled_from([1e-6, 1.0, 7.0]),
)
def test_cash_and_position_always_add_up_to_the_equity(bars, seed, rate, lot_step):
    random = np.random.default_rng(seed)
    entries, exits = random.random(len(bars)) < 0.2, random.random(len(bars)) < 0.2
    ledger = simulate(bars.open, bars.close, entries, exits, 10_000.0, rate, lot_step)
    cash, position = np.full(len(bars), 10_000.0), np.zeros(len(bars))
    last = len(ledger.size) - 1
    for trade, size in enumerate(ledger.size):  # cash accounting, where the engine keeps balance and gain
        entered, left = ledger.entry_bar[trade], ledger.exit_bar[trade]
        cash[entered:] -= size * ledger.entry_price[trade] * (1.0 + rate)
        position[entered:] += size
        if not (ledger.ends_open and trade == last):
            cash[left:] += size * ledger.exit_price[trade] * (1.0 - rate)
            position[left:] -= size
    assert cash.min() > -1e-6
    assert_allclose(ledger.equity, cash + position * bars.close, rtol=1e-9)
