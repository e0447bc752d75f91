"""Bars and orders written out by hand, and what a backtest makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from market_data.bars import Bars
from strategy_engine import Account, BacktestReport, FixedUnits, MarketView, Signals, run
from tests.unit.strategy_engine.price_series import DAY_NS


def ohlc(*rows: Sequence[float], symbol: str = "TEST", volume: float = 1_000.0, start: int = 0) -> Bars:
    """Return daily bars of (open, high, low, close)."""
    columns = np.array(rows, dtype=np.float64).T
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=(start + np.arange(len(rows))) * DAY_NS,
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=np.full(len(rows), volume),
    )


class Orders:
    """Enters at the closes `at`, short if `short`, and leaves at the closes `until`; prices stand for all bars."""

    def __init__(self, at=(0,), until=(), *, short=False, **prices: float) -> None:
        self.at, self.until, self.short, self.prices = list(at), list(until), short, prices

    def signals(self, view: MarketView) -> Signals:
        enter, leave = view.never(), view.never()
        enter[self.at], leave[self.until] = True, True
        prices = {name: np.full(len(view), price) for name, price in self.prices.items()}
        if self.short:
            return view.signals(
                entries=view.never(), exits=view.never(), short_entries=enter, short_exits=leave, **prices
            )
        return view.signals(entries=enter, exits=leave, **prices)


def ten_units(bars: Bars, orders: Orders, **settings: object) -> BacktestReport:
    """Return the backtest of ten units an entry in an account of 100,000."""
    given = {"account": Account(cash=100_000.0), "sizing": FixedUnits(units=10.0), **settings}
    return run(bars, orders, **given)


def exits_of(report: BacktestReport) -> list[tuple[int, float, str]]:
    """Return bar, price and reason of each exit."""
    bars = np.searchsorted(report.time, report.trades.exit_time)
    prices, reasons = report.trades.exit_price, report.trades.exit_reason
    return [(int(bar), float(price), str(reason)) for bar, price, reason in zip(bars, prices, reasons, strict=True)]


def entries_of(report: BacktestReport) -> list[tuple[int, float]]:
    """Return bar and price of each entry."""
    bars = np.searchsorted(report.time, report.trades.entry_time)
    return [(int(bar), float(price)) for bar, price in zip(bars, report.trades.entry_price, strict=True)]


def notes_of(report: BacktestReport) -> list[tuple[int, str, float, float, str]]:
    """Return bar, side, asked and filled units and reason of each rejection."""
    notes = report.rejections
    bars = np.searchsorted(report.time, notes.time)
    columns = (bars, notes.side, notes.asked, notes.filled, notes.reason)
    return [(int(b), str(s), float(a), float(f), str(r)) for b, s, a, f, r in zip(*columns, strict=True)]
