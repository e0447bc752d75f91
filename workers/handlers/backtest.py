"""`backtest`: bars in, the engine's report out, as a result, a row of key figures, tables and a page."""

import math
from decimal import Decimal
from typing import Any, cast

from pydantic import TypeAdapter

from backend.core.jobs.backtest import BacktestPayload, BacktestResult, EquityCurve
from backend.core.jobs.outcomes import Artifact, Outcome, Page, Row
from market_data.errors import DomainError
from strategy_engine import ENGINE_VERSION, AnyStrategy, BacktestReport, FillRules, run
from strategy_engine.strategies import SignalStrategy
from strategy_engine.tearsheet import tearsheet
from workers.context import Context, LoadedBars
from workers.handlers.bars import as_outcome, iso, provenance

CURVE_POINTS = 500
STRATEGY: TypeAdapter[AnyStrategy] = TypeAdapter(AnyStrategy)


def backtest(payload: BacktestPayload, context: Context) -> Outcome:
    symbol = payload.symbols[0]
    try:
        loaded = context.bars(symbol, payload.timeframe, payload.start, payload.end)
        report = run(
            loaded.bars,
            cast("SignalStrategy", payload.strategy),  # the payload takes no other for one symbol
            account=payload.account,
            costs=payload.costs,
            fills=FillRules(profile=payload.fill_profile),
        )
    except DomainError as error:
        raise as_outcome(error) from error
    context.check_cancelled()
    for warning in loaded.warnings:
        context.log.warning("bars_warning", symbol=symbol, warning=warning)
    is_full = payload.detail == "full"
    tables = [*_columns(report), *(_breakdowns(report) if is_full else ())]
    names = tuple(table.name for table in tables)
    result = _result(report, loaded, context, (*names, "tearsheet") if is_full else names)
    return Outcome(
        result,
        rows=[_row(payload, report, result)],
        artifacts=[*tables, _tearsheet(report, loaded, result)] if is_full else tables,
        summary=_summary(result),
    )


def _result(report: BacktestReport, loaded: LoadedBars, context: Context, artifacts: tuple[str, ...]) -> BacktestResult:
    curve = report.equity_curve(CURVE_POINTS)
    ruin = report.risk_of_ruin(seed=context.seed)
    figures = {**report.metrics.as_dict(), "risk_of_ruin": ruin.probability}
    return BacktestResult(
        metrics={name: _finite(value) for name, value in figures.items()},
        equity_curve=EquityCurve(
            time=tuple(iso(int(time)) for time in curve.time),
            equity=tuple(float(equity) for equity in curve.equity),
        ),
        trade_count=len(report.trades),
        artifacts=artifacts,
        source=loaded.used.source,
        warnings=loaded.warnings,
        provenance=provenance(context, "strategy_engine", ENGINE_VERSION, [loaded.used]),
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


def _breakdowns(report: BacktestReport) -> list[Artifact]:
    drawdowns = report.drawdowns().columns()
    return [
        Artifact("rejections", report.rejections.columns(), frozenset({"time"})),
        Artifact("drawdowns", drawdowns, frozenset({"peak_time", "trough_time", "end_time"})),
        Artifact("monthly_returns", report.monthly_returns().columns()),
        Artifact("by_year", report.by_year().columns()),
        Artifact("by_regime", report.by_regime().columns()),
    ]


def _tearsheet(report: BacktestReport, loaded: LoadedBars, result: BacktestResult) -> Page:
    told = result.provenance
    known = {
        "source": result.source,
        "data fingerprint": told.data_fingerprint,
        "payload hash": told.payload_hash,
        "seed": str(told.seed),
    }
    return Page("tearsheet", tearsheet(report, loaded.bars, provenance=known, warnings=result.warnings, seed=told.seed))


def _finite(value: float) -> float | int | None:
    """Return JSON's null for what is not defined, such as the win rate of no trades."""
    return value if math.isfinite(value) else None


def _money(value: float) -> Decimal:
    return Decimal(repr(value))
