"""From what a simulation left behind to the report of a backtest."""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import Bars, FloatArray
from strategy_engine.market_view import Strategy
from strategy_engine.measure import TradeFigures, measure
from strategy_engine.rejections import REASONS, Rejections
from strategy_engine.report import BacktestReport
from strategy_engine.settings import Settings
from strategy_engine.simulation.assembly import Clock
from strategy_engine.simulation.records import Records
from strategy_engine.trades import Trades
from strategy_engine.universe_view import PortfolioStrategy
from strategy_engine.version import ENGINE_VERSION

_REASONS: Final = np.array(REASONS)


def report_of(
    series: tuple[Bars, ...],
    clock: Clock,
    records: Records,
    *,
    strategy: Strategy | PortfolioStrategy,
    settings: Settings,
    periods_per_year: float,
) -> BacktestReport:
    """Return the report of a simulation over `series`, whose bars and symbols the records count."""
    symbols = tuple(one.symbol for one in series)
    prices = tuple(clock.spread([getattr(one, name) for one in series]) for name in ("high", "low", "close"))
    trades = Trades.from_records(records, symbols=symbols, time=clock.time, prices=prices)
    benchmark = _benchmark(series, clock)
    exposure = np.divide(records.gross, records.equity, out=np.zeros(len(clock.time)), where=records.equity > 0.0)
    cash = records.equity - records.net
    for column in (records.equity, cash, exposure, benchmark):
        column.flags.writeable = False
    metrics = measure(
        equity=records.equity,
        cash=settings.account.cash,
        trades=_figures(records, trades),
        gross_exposure=exposure,
        benchmark=benchmark,
        periods_per_year=periods_per_year,
    )
    return BacktestReport(
        engine_version=ENGINE_VERSION,
        symbols=symbols,
        timeframe=series[0].timeframe,
        strategy=strategy,
        settings=settings,
        periods_per_year=periods_per_year,
        time=clock.time,
        equity=records.equity,
        cash=cash,
        exposure=exposure,
        benchmark=benchmark,
        trades=trades,
        rejections=_rejections(records, symbols, clock),
        ambiguous_bar_frac=records.ambiguous / len(clock.time),
        interest=records.interest,
        metrics=metrics,
    )


def _benchmark(series: tuple[Bars, ...], clock: Clock) -> FloatArray:
    """Return the worth of one unit of currency spread evenly over the symbols at each one's first close."""
    if len(series) == 1:
        close = np.asarray(series[0].close)
        growth: FloatArray = close / close[0]
        return growth
    worth = np.ones((len(clock.time), len(series)))
    for j, one in enumerate(series):
        place = np.searchsorted(one.time, clock.time, side="right") - 1
        known = place >= 0
        worth[known, j] = np.asarray(one.close)[place[known]] / one.close[0]
    spread: FloatArray = worth.mean(axis=1)
    return spread


def _rejections(records: Records, symbols: tuple[str, ...], clock: Clock) -> Rejections:
    return Rejections(
        time=clock.time[records.note_bar],
        symbol=np.array(symbols)[records.note_symbol],
        side=np.where(records.note_side > 0.0, "buy", "sell"),
        asked=records.note_asked,
        filled=records.note_filled,
        reason=_REASONS[records.note_reason],
    )


def _figures(records: Records, trades: Trades) -> TradeFigures:
    sold = np.where(trades.is_open, 0.0, trades.size * trades.exit_price)
    return TradeFigures(
        bars_held=records.exit_bar - records.entry_bar,
        exit_bar=records.exit_bar,
        traded=trades.size * trades.entry_price + sold,
        fees=trades.fees,
        pnl=trades.pnl,
        return_frac=trades.return_frac,
        is_open=trades.is_open,
        initial_risk=trades.initial_risk,
        mae_frac=trades.mae_frac,
        mfe_frac=trades.mfe_frac,
    )
