from dataclasses import replace

import pytest

from strategy_engine import Account, AllCash, Exits, FillRules, FixedUnits, FractionDistance
from tests.unit.strategy_engine.simulation.orders import Orders, exits_of, notes_of, ohlc, ten_units

QUIET = (100.0, 101.0, 99.0, 100.0)


def test_a_leveraged_long_is_liquidated_at_the_worst_price_of_the_bar_that_breaks_its_margin():
    # 50 units on 1,005: at 82 the equity is 105, and 2.5 % of 4,100 is 102.50; at 81 it is 55.
    account = Account(cash=1_005.0, leverage=5.0, maintenance_margin_frac=0.025)
    safe = ohlc(QUIET, QUIET, (100.0, 100.0, 82.0, 95.0), QUIET)
    assert exits_of(ten_units(safe, Orders(), account=account, sizing=AllCash()))[0][2] == "end_of_data"
    fallen = ohlc(QUIET, QUIET, (100.0, 100.0, 81.0, 95.0), QUIET)
    report = ten_units(fallen, Orders(), account=account, sizing=AllCash())
    assert exits_of(report) == [(2, 81.0, "liquidation")]
    assert report.equity.tolist() == [1_005.0, 1_005.0, 55.0, 55.0]
    assert notes_of(report) == [(2, "sell", 50.0, 50.0, "margin_call")]


def test_a_short_is_liquidated_at_the_high():
    # 9.9 sold at 100 on 1,000: at 159 the equity is 415.90, and a quarter of the value 393.53; at 161 it is the less.
    account = Account(cash=1_000.0, lot_step=0.1)
    rising = ohlc(QUIET, QUIET, (100.0, 159.0, 100.0, 110.0), QUIET)
    report = ten_units(rising, Orders(short=True), account=account, sizing=FixedUnits(units=9.9))
    assert exits_of(report)[0][2] == "end_of_data"
    higher = ohlc(QUIET, QUIET, (100.0, 161.0, 100.0, 110.0), QUIET)
    report = ten_units(higher, Orders(short=True), account=account, sizing=FixedUnits(units=9.9))
    assert exits_of(report) == [(2, 161.0, "liquidation")]


def test_a_stop_that_the_bar_reaches_first_bounds_the_loss():
    account = Account(cash=1_005.0, leverage=5.0, maintenance_margin_frac=0.025)
    fallen = ohlc(QUIET, QUIET, (100.0, 100.0, 70.0, 95.0), QUIET)
    stop = Exits(stop_loss=FractionDistance(frac=0.05))
    assert exits_of(ten_units(fallen, Orders(), account=account, sizing=AllCash(), exits=stop)) == [
        (2, 95.0, "stop_loss")
    ]


def test_an_account_without_leverage_is_never_called():
    fallen = ohlc(QUIET, QUIET, (100.0, 100.0, 0.01, 0.02), QUIET)
    report = ten_units(fallen, Orders(), account=Account(cash=1_005.0), sizing=AllCash())
    assert exits_of(report)[0][2] == "end_of_data"


def test_a_gap_may_cost_more_than_there_is_and_ends_the_trading():
    account = Account(cash=1_005.0, leverage=5.0)
    fallen = ohlc(QUIET, QUIET, (50.0, 50.0, 40.0, 45.0), QUIET, QUIET)
    report = ten_units(fallen, Orders(at=(0, 2)), account=account, sizing=AllCash())
    assert report.equity[-1] == 1_005.0 - 50 * 60.0
    assert [note[4] for note in notes_of(report)] == ["margin_call", "ruined"]
    assert report.metrics.final_equity == report.equity[-1]


def test_borrowed_shares_cost_their_rate_for_the_time_that_passes():
    account = Account(cash=100_000.0, borrow_rate=0.365)
    report = ten_units(ohlc(*[QUIET] * 4), Orders(short=True, until=(2,)), account=account)
    # Sold at the open of bar 1, bought back at that of bar 3: two days at 0.1 % of 1,000.
    assert report.trades.fees[0] == pytest.approx(2.0)
    assert report.equity[-1] == pytest.approx(100_000.0 - 2.0)


def test_idle_cash_earns_its_rate_for_the_time_that_passes():
    account = Account(cash=100_000.0, cash_rate=0.365)
    report = ten_units(ohlc(*[QUIET] * 4), Orders(until=(2,)), account=account)
    # 0.1 % a day: of all for the first, then of what ten units at 100 leave. Sold at the open of bar 3.
    earned = [0.0, 100.0, 99.1, 99.1991]
    assert report.equity.tolist() == pytest.approx([100_000.0 + sum(earned[: i + 1]) for i in range(4)])
    assert report.interest == pytest.approx(sum(earned))
    assert report.trades.pnl.tolist() == [0.0]


def test_neither_the_proceeds_of_shorts_nor_borrowed_money_earn_anything():
    account = Account(cash=100_000.0, cash_rate=0.365)
    short = ten_units(ohlc(*[QUIET] * 3), Orders(short=True), account=account)
    assert short.interest == pytest.approx(100.0 + 0.001 * (100_100.0 - 1_000.0))
    lent = ten_units(ohlc(*[QUIET] * 3), Orders(), account=replace(account, leverage=2.0), sizing=AllCash())
    assert lent.exposure[1] > 1.9
    assert lent.interest == 100.0


def test_a_short_is_worth_its_cash_less_what_it_owes():
    falling = ohlc(QUIET, QUIET, (90.0, 91.0, 89.0, 90.0))
    report = ten_units(falling, Orders(short=True))
    assert report.equity.tolist() == [100_000.0, 100_000.0, 100_100.0]
    assert report.cash.tolist() == [100_000.0, 101_000.0, 101_000.0]
    assert report.exposure.tolist() == [0.0, 0.01, pytest.approx(900.0 / 100_100.0)]


def test_under_vectorbt_shorts_are_not_limited_by_cash():
    account, units = Account(cash=100.0), FixedUnits(units=1_000.0)
    bars = ohlc(QUIET, QUIET, QUIET)
    ours = ten_units(bars, Orders(short=True), account=account, sizing=units)
    theirs = ten_units(bars, Orders(short=True), account=account, sizing=units, fills=FillRules(profile="vectorbt"))
    assert (len(ours.trades), theirs.trades.size.tolist()) == (0, [1_000.0])


def test_what_is_held_at_the_end_can_be_sold_at_the_last_close():
    report = ten_units(ohlc(QUIET, QUIET, (100.0, 106.0, 99.0, 105.0)), Orders(), fills=FillRules(close_at_end=True))
    assert exits_of(report) == [(2, 105.0, "end_of_data")]
    assert not report.trades.is_open[0]
    assert report.exposure[-1] == 0.0
