"""AITrader's fill loop alone: decisions in, fills and equity out."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.backtests.systems.aitrader import bars_of
from benchmarks.backtests.work import CASH, FAST, SLOW, TRADE_COLUMNS, Outcome, Work
from strategy_engine import MarketView, SmaCross
from strategy_engine.simulate import Ledger, simulate


def prepared(work: Work) -> Callable[[], Ledger]:
    signals = SmaCross(fast=FAST, slow=SLOW).signals(MarketView(bars_of(work)))
    entries, exits = signals.entries, signals.exits
    return lambda: simulate(work.open, work.close, entries, exits, CASH, work.fee, 1.0)


def outcome(ledger: Ledger, work: Work) -> Outcome:
    del work
    closed = slice(None, -1 if ledger.ends_open else None)
    return Outcome(*(getattr(ledger, name)[closed] for name in TRADE_COLUMNS), float(ledger.equity[-1]))
