"""vectorbt with its statistics, as whoever looks at a backtest asks for them."""

from __future__ import annotations

from collections.abc import Callable

import vectorbt as vbt

from benchmarks.backtests.systems import vectorbt_plain
from benchmarks.backtests.work import Outcome, Work


def prepared(work: Work) -> Callable[[], vbt.Portfolio]:
    backtest = vectorbt_plain.prepared(work)

    def with_stats() -> vbt.Portfolio:
        portfolio = backtest()
        portfolio.stats()
        return portfolio

    return with_stats


def outcome(portfolio: vbt.Portfolio, work: Work) -> Outcome:
    return vectorbt_plain.outcome(portfolio, work)
