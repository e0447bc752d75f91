import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from market_data.errors import DomainError
from strategy_engine import ENGINE_VERSION, Account, BuyAndHold, Costs, RsiReversion, SmaCross, run
from tests.unit.strategy_engine.price_series import DAY_NS, all_bars, all_strategies, bars_of, random_bars

RATES = st.sampled_from([0.0, 0.001, 0.05])


def test_a_crossing_worked_out_by_hand():
    closes = [10.0, 9.0, 8.0, 9.0, 11.0, 12.0, 10.0, 8.0, 9.0]
    opens = [10.0, 10.0, 9.0, 8.0, 9.0, 11.0, 12.0, 10.0, 8.0]
    # fast (2 bars):  -   9.5  8.5  8.5   10    11.5   11  9   8.5 slow (3 bars):  -   -    9    8.67  9.33
    # 10.67  11  10  9 Above at the close of bar 4: bought at the open of bar 5, 11.00. One unit costs 11.11,
    # 1000 / 11.11 = 90.009: 90 units for 990.00 and a commission of 9.90. Below at the close of bar 7 (on bar
    # 6 both are 11, no crossing yet): sold at the open of bar 8, 8.00, for 720.00 less 7.20.
    report = run(
        bars_of(closes, opens),
        SmaCross(fast=2, slow=3),
        account=Account(cash=1_000.0),
        costs=Costs(commission_rate=0.01),
    )
    trade = report.trades.to_pandas().iloc[0].to_dict()
    assert len(report.trades) == 1
    assert (report.trades.entry_time[0], report.trades.exit_time[0]) == (5 * DAY_NS, 8 * DAY_NS)
    assert (trade["symbol"], trade["side"], trade["size"]) == ("TEST", "long", 90.0)
    assert (trade["entry_price"], trade["exit_price"]) == (11.0, 8.0)
    assert (trade["exit_reason"], trade["is_open"]) == ("signal", False)
    assert trade["fees"] == pytest.approx(9.90 + 7.20)
    assert trade["pnl"] == pytest.approx(720.0 - 990.0 - 17.10)
    assert trade["return_frac"] == pytest.approx(-287.10 / 990.0)
    assert_allclose(report.equity, [1000, 1000, 1000, 1000, 1000, 1080.10, 900.10, 720.10, 712.90])


def test_reversion_buys_the_fall_and_sells_the_recovery():
    # RSI over 2 bars: -, -, 66.7, 22.2, 58.8, 58.8: decided on bars 3 and 4, filled on bars 4 and 5.
    report = run(bars_of([10.0, 11.0, 10.5, 9.0, 10.0, 10.0]), RsiReversion(period=2), account=Account(cash=100.0))
    assert_array_equal(report.trades.entry_price, [9.0])
    assert_array_equal(report.trades.exit_price, [10.0])
    assert_array_equal(report.trades.size, [11.0])
    assert report.equity[-1] == 111.0


def test_buy_and_hold_follows_the_price_from_the_second_open():
    report = run(bars_of([10.0, 11.0, 12.0], [10.0, 10.0, 11.0]), BuyAndHold(), account=Account(cash=1_005.0))
    assert_array_equal(report.equity, [1_005.0, 1_105.0, 1_205.0])


def test_a_report_carries_what_it_takes_to_get_it_again():
    bars, strategy = random_bars(50, seed=1), SmaCross(fast=3, slow=5)
    report = run(bars, strategy, account=Account(cash=5_000.0), costs=Costs(commission_rate=0.01))
    assert (report.engine_version, report.strategy, report.fill_profile) == (
        ENGINE_VERSION,
        strategy,
        "next_open",
    )
    assert (report.account, report.costs) == (Account(cash=5_000.0), Costs(commission_rate=0.01))
    assert (report.symbol, report.timeframe, report.periods_per_year) == ("TEST", "1d", 252.0)
    assert_array_equal(report.time, bars.time)


@given(all_bars(), all_strategies(), RATES, st.integers(2, 160))
def test_no_trade_and_no_equity_changes_when_later_bars_arrive(bars, strategy, rate, known):
    known = min(known, len(bars))
    costs = Costs(commission_rate=rate)
    before, after = run(bars[:known], strategy, costs=costs), run(bars, strategy, costs=costs)
    assert_array_equal(before.equity, after.equity[:known])
    count = len(before.trades)
    entered_by_then = after.trades.entry_time <= bars.time[known - 1]
    assert count == entered_by_then.sum()
    assert_array_equal(before.trades.entry_time, after.trades.entry_time[:count])
    assert_array_equal(before.trades.size, after.trades.size[:count])
    closed = ~before.trades.is_open
    for name, column in before.trades.columns().items():
        assert_array_equal(column[closed], after.trades.columns()[name][:count][closed])


@given(all_bars(), all_strategies(), RATES, st.sampled_from([0.001, 1.0]))
def test_the_pnl_of_all_trades_is_what_the_account_gained(bars, strategy, rate, lot_step):
    report = run(bars, strategy, account=Account(lot_step=lot_step), costs=Costs(commission_rate=rate))
    assert report.trades.pnl.sum() == pytest.approx(report.equity[-1] - 10_000.0, abs=1e-6)


@given(all_bars(), all_strategies(), RATES)
def test_the_same_backtest_gives_the_same_bytes(bars, strategy, rate):
    first, again = (run(bars, strategy, costs=Costs(commission_rate=rate)) for _ in range(2))
    assert first.equity.tobytes() == again.equity.tobytes()
    for name, column in first.trades.columns().items():
        assert column.tobytes() == again.trades.columns()[name].tobytes()
    assert repr(first.metrics) == repr(again.metrics)


@given(all_bars(), all_strategies(), RATES, st.sampled_from([0.25, 2.0, 1024.0]))
def test_prices_in_another_currency_change_no_return(bars, strategy, rate, factor):
    scaled = bars_of(bars.close * factor, bars.open * factor)
    account, costs = Account(lot_step=1e-9), Costs(commission_rate=rate)
    ours, theirs = (run(series, strategy, account=account, costs=costs) for series in (bars, scaled))
    assert_array_equal(ours.trades.entry_time, theirs.trades.entry_time)
    assert_allclose(ours.equity, theirs.equity, rtol=1e-6)  # lots of 1e-9 are worth more in one currency
    assert_allclose(ours.trades.return_frac, theirs.trades.return_frac, rtol=1e-6, atol=1e-12)


@given(all_bars(), all_strategies(), st.floats(0.0, 0.05), st.floats(0.0, 0.05))
def test_higher_costs_never_leave_more(bars, strategy, rate, extra):
    account = Account(lot_step=1e-9)  # with whole units, rounding can favour the dearer account
    cheap, dear = (run(bars, strategy, account=account, costs=Costs(commission_rate=c)) for c in (rate, rate + extra))
    assert dear.equity[-1] <= cheap.equity[-1] * (1.0 + 1e-9)


@given(all_bars(min_size=2, max_size=9))
def test_bars_fewer_than_the_warm_up_trade_nothing(bars):
    for strategy in (SmaCross(fast=5, slow=9), RsiReversion(period=9)):
        report = run(bars, strategy)
        assert len(report.trades) == 0
        assert_array_equal(report.equity, np.full(len(bars), 10_000.0))


def test_a_cross_needs_one_bar_more_than_its_slow_average():
    closes = [5.0, 4.0, 3.0, 9.0, 9.0]
    assert len(run(bars_of(closes), SmaCross(fast=2, slow=3)).trades) == 1
    assert len(run(bars_of(closes[1:]), SmaCross(fast=2, slow=3)).trades) == 0


def test_orders_that_cannot_buy_one_lot_are_counted():
    report = run(bars_of([10.0, 11.0, 12.0]), BuyAndHold(), account=Account(cash=5.0))
    assert (len(report.trades), report.rejected_orders) == (0, 1)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_bars_are_refused(count):
    with pytest.raises(DomainError, match=f"at least 2 bars, was given {count}"):
        run(random_bars(5, seed=1)[:count], BuyAndHold())


@pytest.mark.parametrize("periods", [0.0, -252.0, math.nan, math.inf])
def test_periods_per_year_must_be_a_number_above_zero(periods):
    with pytest.raises(DomainError, match="periods_per_year must be a finite number > 0, was"):
        run(random_bars(5, seed=1), BuyAndHold(), periods_per_year=periods)


@pytest.mark.parametrize(("timeframe", "periods"), [("1d", 252.0), ("1w", 52.0), ("1h", 1_764.0)])
def test_metrics_are_annualised_by_the_bars_of_a_year(timeframe, periods):
    bars = bars_of(random_bars(80, seed=4).close, timeframe=timeframe)
    report = run(bars, BuyAndHold())
    explicit = run(bars, BuyAndHold(), periods_per_year=periods)
    assert report.periods_per_year == periods
    assert repr(report.metrics) == repr(explicit.metrics)  # compared as text, where NaN equals NaN


def test_any_object_that_gives_signals_can_be_run():
    class BuyTheLow:
        def signals(self, view):
            entries = view.never()
            entries[1:] = view.low[1:] < view.low[:-1]
            return view.signals(entries=entries, exits=~entries)

    report = run(random_bars(60, seed=6), BuyTheLow())
    assert len(report.trades) > 5


def test_the_equity_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        run(random_bars(5, seed=1), BuyAndHold()).equity[0] = 1e9
