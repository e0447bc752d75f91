"""`backtest`: bars in, the engine's report out, as a result, a row of key figures, tables and a page."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from backend.core.jobs.backtest import BacktestPayload, BacktestResult, EquityCurve
from backend.core.jobs.outcomes import Artifact, Outcome, Page, Row
from market_data.errors import DomainError
from strategy_engine import ENGINE_VERSION, AnyStrategy, BacktestReport, run
from strategy_engine.tearsheet import tearsheet
from workers.context import Context
from workers.handlers.backtest_bars import BarsToTrade, data_warnings, load_bars
from workers.handlers.bars import as_outcome, iso, provenance
from workers.handlers.machine import this_machine
from workers.handlers.stages import Stages

CURVE_POINTS = 500
MOST_TABLES = 7
STAGES = {
    "load": (0.0, 0.2),
    "decide": (0.2, 0.35),
    "simulate": (0.35, 0.8),
    "measure": (0.8, 0.9),
    "write": (0.9, 1.0),
}
STRATEGY: TypeAdapter[AnyStrategy] = TypeAdapter(AnyStrategy)


def backtest(payload: BacktestPayload, context: Context) -> Outcome:
    stages = Stages(context, STAGES)
    try:
        bars = load_bars(payload, context, stages)
        report = _report(payload, bars, stages)
    except DomainError as error:
        raise as_outcome(error) from error
    for symbol, warning in bars.warnings:
        context.log.warning("bars_warning", symbol=symbol, warning=warning)
    is_full = payload.detail == "full"
    tables = _columns(report)
    for table in _breakdowns(report) if is_full else ():
        tables.append(table)
        stages.tell("measure", len(tables) / MOST_TABLES)
    names = tuple(table.name for table in tables)
    result = _result(report, bars, context, (*names, "tearsheet") if is_full else names)
    stages.tell("write")
    return Outcome(
        result,
        rows=[_row(payload, report, result)],
        artifacts=[*tables, _tearsheet(report, bars, result)] if is_full else tables,
        summary=_summary(result),
    )


def _report(payload: BacktestPayload, bars: BarsToTrade, stages: Stages) -> BacktestReport:
    return run(
        bars.series,
        payload.strategy,
        account=payload.account,
        costs=payload.costs,
        sizing=payload.sizing,
        exits=payload.exits,
        entry=payload.entry,
        fills=payload.fill_rules,
        lower=bars.lower_series,
        periods_per_year=payload.periods_per_year,
        meanwhile=stages.tell,
    )


def _result(report: BacktestReport, bars: BarsToTrade, context: Context, artifacts: tuple[str, ...]) -> BacktestResult:
    curve = report.equity_curve(CURVE_POINTS)
    ruin = report.risk_of_ruin(seed=context.seed)
    figures = {**report.metrics.as_dict(), "risk_of_ruin": ruin.probability, "interest": report.interest}
    return BacktestResult(
        metrics={name: _finite(value) for name, value in figures.items()},
        equity_curve=EquityCurve(
            time=tuple(iso(int(time)) for time in curve.time),
            equity=tuple(float(equity) for equity in curve.equity),
        ),
        trade_count=len(report.trades),
        artifacts=artifacts,
        source=bars.source,
        warnings=tuple(warning for _, warning in bars.warnings),
        data_warnings=data_warnings(bars.series, report),
        provenance=provenance(context, "strategy_engine", ENGINE_VERSION, bars.used, this_machine()),
    )


def _summary(result: BacktestResult) -> str:
    total, sharpe = result.metrics["total_return_frac"], result.metrics["sharpe"]
    told = [f"{result.trade_count} trade{'' if result.trade_count == 1 else 's'}"]
    if total is not None:
        told.append(f"{100 * total:+.1f} %")
    if sharpe is not None:
        told.append(f"Sharpe {sharpe:.1f}")
    return ", ".join(told)


def _row(payload: BacktestPayload, report: BacktestReport, result: BacktestResult) -> Row:
    """Return the key figures, for queries over many backtests."""
    metrics = result.metrics
    values: dict[str, Any] = {  # Any: column values
        "symbol": report.symbol,
        "timeframe": report.timeframe,
        "strategy_kind": payload.strategy.kind,
        "strategy": STRATEGY.dump_python(payload.strategy, mode="json"),
        "first_bar_at": result.equity_curve.time[0],
        "last_bar_at": result.equity_curve.time[-1],
        "initial_cash": _money(payload.account.cash),
        "final_equity": _money(float(report.equity[-1])),
        "total_fees": _money(float(metrics["total_fees"] or 0.0)),
        "total_return_frac": metrics["total_return_frac"],
        "cagr_frac": metrics["cagr"],
        "sharpe": metrics["sharpe"],
        "sortino": metrics["sortino"],
        "max_drawdown_frac": metrics["max_drawdown"],
        "trade_count": result.trade_count,
        "win_rate_frac": metrics["win_rate"],
        "profit_factor": metrics["profit_factor"],
        "data_fingerprint": result.provenance.data_fingerprint,
    }
    return Row("backtest_results", values)


def _columns(report: BacktestReport) -> list[Artifact]:
    equity = {
        "time": report.time,
        "equity": report.equity,
        "cash": report.cash,
        "exposure": report.exposure,
        "benchmark": report.benchmark,
    }
    return [
        Artifact("trades", report.trades.columns(), frozenset({"entry_time", "exit_time"})),
        Artifact("equity", equity, frozenset({"time"})),
    ]


def _breakdowns(report: BacktestReport) -> Iterator[Artifact]:
    yield Artifact("rejections", report.rejections.columns(), frozenset({"time"}))
    drawdowns = report.drawdowns().columns()
    yield Artifact("drawdowns", drawdowns, frozenset({"peak_time", "trough_time", "end_time"}))
    yield Artifact("monthly_returns", report.monthly_returns().columns())
    yield Artifact("by_year", report.by_year().columns())
    yield Artifact("by_regime", report.by_regime().columns())


def _tearsheet(report: BacktestReport, bars: BarsToTrade, result: BacktestResult) -> Page:
    told = result.provenance
    known = {
        "source": result.source,
        "data fingerprint": told.data_fingerprint,
        "payload hash": told.payload_hash,
        "seed": str(told.seed),
    }
    warnings = (*result.warnings, *(warning.message for warning in result.data_warnings))
    return Page("tearsheet", tearsheet(report, bars.series, provenance=known, warnings=warnings, seed=told.seed))


def _finite(value: float) -> float | int | None:
    """Return JSON's null for what is not defined, such as the win rate of no trades."""
    return value if math.isfinite(value) else None


def _money(value: float) -> Decimal:
    return Decimal(repr(value))
