"""Where the two engines differ from each other, or from their own rules: each profile follows one, by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from strategy_engine import (
    Account,
    AllCash,
    Costs,
    Exits,
    FillRules,
    FixedUnits,
    FractionDistance,
    LimitOrder,
    StopLimitOrder,
    StopOrder,
    run,
)
from tests.unit.strategy_engine.simulation.orders import Orders, entries_of, exits_of, ohlc

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import vectorbt
    from backtesting import Backtest, Strategy

QUIET = (100.0, 101.0, 99.0, 100.0)


def backtesting_py(bars, decide, **settings):
    """Return the statistics of a strategy that calls `decide(strategy, bar)` at each close from the second on."""

    class Decides(Strategy):
        def init(self):
            pass

        def next(self):
            decide(self, len(self.data) - 1)

    frame = bars.to_pandas().rename(columns=str.title).tz_localize(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Backtest(frame, Decides, **{"cash": 10_000.0, "finalize_trades": False, **settings}).run()


def vectorbt_portfolio(bars, entries, exits=None, **settings):
    columns = {name: pd.Series(np.asarray(getattr(bars, name))) for name in ("open", "high", "low", "close")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return vectorbt.Portfolio.from_signals(
            columns["close"],
            entries=pd.Series(entries),
            exits=pd.Series(np.zeros(len(bars), np.bool_) if exits is None else exits),
            open=columns["open"],
            high=columns["high"],
            low=columns["low"],
            price=columns["open"],
            stop_entry_price="fillprice",
            init_cash=settings.pop("cash", 10_000.0),
            freq="1D",
            **settings,
        )


def at(count, *bars):
    flags = np.zeros(count, np.bool_)
    flags[list(bars)] = True
    return flags


def buys_at(bar, **order):
    return lambda strategy, now: strategy.buy(size=10, **order) if now == bar else None


def ours(bars, profile, orders=None, **settings):
    given = {"account": Account(cash=10_000.0), "sizing": FixedUnits(units=10.0), **settings}
    return run(bars, orders or Orders(at=(1,)), fills=FillRules(profile=profile), **given)


def test_an_exit_signal_and_a_stop_in_one_bar():
    bars = ohlc(QUIET, QUIET, QUIET, (100.0, 101.0, 96.0, 98.0), QUIET)
    stop = Exits(stop_loss=FractionDistance(frac=0.03))

    def decide(strategy, bar):
        if bar == 1:
            strategy.buy(size=10, sl=97.0)
        elif bar == 2:
            strategy.position.close()

    theirs = backtesting_py(bars, decide)["_trades"]
    assert theirs["ExitPrice"].tolist() == [100.0]
    assert exits_of(ours(bars, "backtesting_py", Orders(at=(1,), until=(2,)), exits=stop)) == [(3, 100.0, "signal")]
    others = vectorbt_portfolio(bars, at(5, 2), at(5, 3), size=10, sl_stop=0.03)
    assert others.exit_trades.records["exit_price"].tolist() == [97.0]
    assert exits_of(ours(bars, "vectorbt", Orders(at=(1,), until=(2,)), exits=stop)) == [(3, 97.0, "stop_loss")]


def test_a_bracket_on_the_bar_of_a_market_entry():
    bars = ohlc(QUIET, QUIET, (100.0, 101.0, 96.0, 98.0), QUIET, QUIET)
    stop = Exits(stop_loss=FractionDistance(frac=0.03))
    assert backtesting_py(bars, buys_at(1, sl=97.0))["_trades"]["ExitBar"].tolist() == [2]
    assert exits_of(ours(bars, "backtesting_py", exits=stop)) == [(2, 97.0, "stop_loss")]
    others = vectorbt_portfolio(bars, at(5, 2), size=10, sl_stop=0.03)
    assert others.exit_trades.records["status"].tolist() == [0]
    assert exits_of(ours(bars, "vectorbt", exits=stop)) == [(4, 100.0, "end_of_data")]


@pytest.mark.parametrize(
    ("order", "entry", "bracket", "settings"),
    [
        # A limit entry is protected from the next bar on.
        ({"limit": 98.0}, LimitOrder(offset=FractionDistance(frac=0.02)), {"sl": 0.05}, {}),
        ({"limit": 98.0}, LimitOrder(offset=FractionDistance(frac=0.02)), {"tp": 0.01}, {}),
        # A stop entry only by a target without a stop.
        ({"stop": 102.0}, StopOrder(offset=FractionDistance(frac=0.02)), {"sl": 0.03}, {}),
        ({"stop": 102.0}, StopOrder(offset=FractionDistance(frac=0.02)), {"tp": 0.01}, {}),
        ({"stop": 102.0}, StopOrder(offset=FractionDistance(frac=0.02)), {"sl": 0.03, "tp": 0.01}, {}),
    ],
)
def test_a_bracket_on_the_bar_of_a_waiting_entry(order, entry, bracket, settings):
    bars = ohlc(QUIET, QUIET, (100.0, 110.0, 90.0, 100.0), (100.0, 101.5, 99.5, 100.0), QUIET)
    price = next(iter(order.values()))
    prices = {"sl": price * (1.0 - bracket.get("sl", 0.0)), "tp": price * (1.0 + bracket.get("tp", 0.0))}
    theirs = backtesting_py(bars, buys_at(1, **order, **{name: prices[name] for name in bracket}))["_trades"]
    exits = Exits(
        stop_loss=FractionDistance(frac=bracket["sl"]) if "sl" in bracket else None,
        take_profit=FractionDistance(frac=bracket["tp"]) if "tp" in bracket else None,
    )
    trades = ours(bars, "backtesting_py", entry=entry, exits=exits)
    closed = [(bar, price) for bar, price, reason in exits_of(trades) if reason != "end_of_data"]
    assert entries_of(trades)[0] == (2, price)
    assert closed == [
        (bar, pytest.approx(exit_)) for bar, exit_ in zip(theirs["ExitBar"], theirs["ExitPrice"], strict=True)
    ]


def test_a_stop_limit_order_that_opens_beyond_its_stop_fills_there_though_backtesting_py_fills_at_the_stop():
    bars = ohlc(QUIET, QUIET, (103.0, 104.0, 101.0, 103.0), QUIET, QUIET)

    def decide(strategy, bar):
        if bar == 1:
            strategy.buy(size=10, stop=102.0, limit=105.0)
        elif bar == 3:
            strategy.position.close()

    assert backtesting_py(bars, decide)["_trades"]["EntryPrice"].tolist() == [102.0]  # the bar never traded there first
    entry = StopLimitOrder(stop_offset=FractionDistance(frac=0.02), limit_offset=FractionDistance(frac=0.03))
    assert entries_of(ours(bars, "backtesting_py", entry=entry)) == [(2, 103.0)]


def test_a_fixed_commission_is_not_one_for_each_unit_though_backtesting_py_sizes_so():
    bars, costs = ohlc(*[QUIET] * 4), Costs(commission_fixed=5.0)
    theirs = backtesting_py(bars, lambda s, bar: s.buy() if bar == 1 else s.position.close(), commission=(5.0, 0.0))
    assert theirs["_trades"]["Size"].tolist() == [95]
    others = vectorbt_portfolio(bars, at(4, 2), fixed_fees=5.0, size_granularity=1.0)
    assert others.exit_trades.records["size"].tolist() == [99.0]
    for profile in ("next_open", "backtesting_py", "vectorbt"):
        assert ours(bars, profile, sizing=AllCash(), costs=costs).trades.size.tolist() == [99.0]


def test_the_last_trade_is_closed_at_the_last_close_though_backtesting_py_takes_the_last_open():
    bars = ohlc(QUIET, QUIET, QUIET, (100.0, 112.0, 99.0, 110.0))
    theirs = backtesting_py(bars, buys_at(1), finalize_trades=True)
    assert theirs["_trades"]["ExitPrice"].tolist() == [100.0]
    report = run(
        bars,
        Orders(at=(1,)),
        sizing=FixedUnits(units=10.0),
        fills=FillRules(profile="backtesting_py", close_at_end=True),
    )
    assert exits_of(report) == [(3, 110.0, "end_of_data")]


def test_an_order_that_cannot_be_paid_is_dropped_by_one_and_cut_by_the_other():
    bars = ohlc(*[QUIET] * 4)
    theirs = backtesting_py(bars, lambda s, bar: s.buy(size=1_000) if bar == 1 else s.position.close())
    assert len(theirs["_trades"]) == 0
    units = FixedUnits(units=1_000.0)
    assert len(ours(bars, "backtesting_py", sizing=units).trades) == 0
    others = vectorbt_portfolio(bars, at(4, 2), size=1_000.0, size_granularity=1.0, cash=10_001.0)
    assert others.exit_trades.records["size"].tolist() == [100.0]
    account = Account(cash=10_001.0)
    assert ours(bars, "vectorbt", sizing=units, account=account).trades.size.tolist() == [100.0]


def test_shorts_of_vectorbt_are_not_limited_by_cash():
    bars = ohlc(*[QUIET] * 4)
    others = vectorbt_portfolio(bars, at(4, 2), size=1_000.0, cash=100.0, direction="shortonly")
    assert others.exit_trades.records["size"].tolist() == [1_000.0]
    account, units = Account(cash=100.0), FixedUnits(units=1_000.0)
    report = ours(bars, "vectorbt", Orders(at=(1,), short=True), account=account, sizing=units)
    assert report.trades.size.tolist() == [1_000.0]


def test_the_spread_of_backtesting_py_is_paid_whole_at_entry():
    bars = ohlc(*[QUIET] * 5)
    theirs = backtesting_py(
        bars, lambda s, bar: s.buy(size=10) if bar == 1 else s.position.close() if bar == 2 else None, spread=0.01
    )["_trades"]
    report = ours(bars, "backtesting_py", Orders(at=(1,), until=(2,)), costs=Costs(spread_frac=0.01))
    assert report.trades.entry_price.tolist() == theirs["EntryPrice"].tolist() == [101.0]
    assert report.trades.exit_price.tolist() == theirs["ExitPrice"].tolist() == [100.0]


def test_a_loss_of_everything_ends_the_trading_of_backtesting_py_at_the_close():
    bars = ohlc(QUIET, QUIET, QUIET, (100.0, 100.0, 70.0, 75.0), QUIET, QUIET)
    theirs = backtesting_py(bars, lambda s, bar: s.buy(size=490) if bar == 1 else None, margin=0.2)
    report = ours(
        bars,
        "backtesting_py",
        account=Account(cash=10_000.0, leverage=5.0),
        sizing=FixedUnits(units=490.0),
    )
    assert theirs["_equity_curve"]["Equity"].iloc[3:].tolist() == report.equity[3:].tolist() == [0.0, 0.0, 0.0]
    assert exits_of(report) == [(3, 75.0, "liquidation")]


def test_entry_and_exit_at_one_close_cancel_each_other_in_vectorbt_alone():
    bars = ohlc(*[QUIET] * 6)
    others = vectorbt_portfolio(bars, at(6, 2, 4), at(6, 4), size=10)
    assert others.exit_trades.records["status"].tolist() == [0]
    orders = Orders(at=(1, 3), until=(3,))
    assert exits_of(ours(bars, "vectorbt", orders)) == [(5, 100.0, "end_of_data")]
    assert exits_of(ours(bars, "next_open", orders)) == [(4, 100.0, "signal")]
