"""The backtest of the demo: one strategy over thirteen years of one share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aitrader.client import Job
from aitrader.demo.screen import Screen, Table, source_text, told

if TYPE_CHECKING:
    import pandas as pd

BACKTEST: Mapping[str, Any] = {  # Any: a JSON value
    "symbols": ["AAPL"],
    "timeframe": "1d",
    "start": "2000-03-01",
    "end": "2013-03-01",
    "strategy": {"kind": "sma_cross", "fast": 10, "slow": 30},
    "account": {"cash": 10_000, "lot_step": 1},
    "costs": {"commission_rate": 0.001},
}
SHOWN_TRADES = 5


def show_backtest(job: Job, screen: Screen) -> None:
    result = job.result
    screen.say(f"source: {source_text(result['source'])}\n")
    screen.show(Table(("METRIC", "VALUE"), _metric_rows(result["metrics"])))
    trades = job.trades
    screen.say(f"\nThe first {min(SHOWN_TRADES, len(trades))} of {len(trades)} trades:")
    screen.show(_trade_table(trades.head(SHOWN_TRADES)))


def _metric_rows(metrics: Mapping[str, float | None]) -> list[tuple[str, str]]:
    return [(title, told(metrics[name], form)) for title, name, form in METRICS]


def _trade_table(trades: "pd.DataFrame") -> Table:
    rows = [
        (
            f"{trade['entry_time']:%Y-%m-%d}",
            f"{trade['entry_price']:,.4f}",
            f"{trade['exit_time']:%Y-%m-%d}",
            f"{trade['exit_price']:,.4f}",
            f"{trade['size']:,.0f}",
            f"{trade['pnl']:+,.2f}",
            f"{trade['return_frac']:+.2%}",
        )
        for trade in trades.to_dict("records")
    ]
    return Table(("ENTRY", "AT", "EXIT", "AT", "SHARES", "PROFIT", "RETURN"), rows)


METRICS = (
    ("final equity", "final_equity", ",.2f"),
    ("net profit", "net_profit", "+,.2f"),
    ("total return", "total_return_frac", "+.2%"),
    ("buy and hold return", "buy_and_hold_return_frac", "+.2%"),
    ("return a year (CAGR)", "cagr", "+.2%"),
    ("volatility a year", "volatility", ".2%"),
    ("Sharpe ratio", "sharpe", ".3f"),
    ("Sortino ratio", "sortino", ".3f"),
    ("largest drawdown", "max_drawdown", ".2%"),
    ("time in the market", "exposure_frac", ".1%"),
    ("closed trades", "trade_count", "d"),
    ("win rate", "win_rate", ".1%"),
    ("profit factor", "profit_factor", ".3f"),
    ("fees paid", "total_fees", ",.2f"),
)
