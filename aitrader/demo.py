"""The demo: two jobs on real sample prices, through the public client, and what came of them in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aitrader.client import Client, Job

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
SCAN: Mapping[str, Any] = {"symbols": ["AAPL", "FB", "GOOG", "IBM", "MSFT"], "timeframe": "1d"}  # Any: the same
SOURCES = {
    "sample": "sample, real daily prices of 2000 to 2013 that come with the package bokeh-sampledata, adjusted for "
    "splits and dividends; no network was used",
    "import": "import, a file that was imported into this installation",
}
SHOWN_TRADES = 5
SHOWN_MATCHES = 15


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Screen:
    """Where the demo is shown."""

    say: Callable[[str], None]
    show: Callable[[Table], None]
    wait: Callable[[Job], None]


def run_demo(client: Client, screen: Screen) -> None:
    """Run both jobs and show their results; JobFailed or JobCancelled when one did not succeed."""
    screen.say("Backtest: AAPL, sma_cross 10/30, 2000-03-01 to 2013-03-01, 10,000 cash, commission 0.1 % of every fill")
    _show_backtest(_done(client.submit("backtest", BACKTEST), screen), screen)
    screen.say(f"\nPattern scan: candlestick patterns in the newest 5 bars of {', '.join(SCAN['symbols'])}")
    _show_scan(_done(client.submit("pattern_scan", SCAN), screen), screen)


def _done(job: Job, screen: Screen) -> Job:
    screen.wait(job)
    return job.wait()


def _show_backtest(job: Job, screen: Screen) -> None:
    result = job.result
    screen.say(f"source: {_source(result['source'])}\n")
    screen.show(Table(("METRIC", "VALUE"), _metric_rows(result["metrics"])))
    trades = job.trades
    screen.say(f"\nThe first {min(SHOWN_TRADES, len(trades))} of {len(trades)} trades:")
    screen.show(_trade_table(trades.head(SHOWN_TRADES)))


def _show_scan(job: Job, screen: Screen) -> None:
    # Stable, so each day keeps its order by symbol.
    matches = sorted(job.result["matches"], key=lambda match: match["bar_time"], reverse=True)
    for source in sorted({bars["source"] for bars in job.result["provenance"]["bars"]}):
        screen.say(f"source: {_source(source)}")
    screen.say(f"\n{len(matches)} matches found{', the newest of them:' if len(matches) > SHOWN_MATCHES else ':'}")
    names = ("symbol", "pattern", "direction", "strength", "bar_time")
    rows = [[str(match[name]).removesuffix("T00:00:00Z") for name in names] for match in matches[:SHOWN_MATCHES]]
    screen.show(Table(("SYMBOL", "PATTERN", "DIRECTION", "STRENGTH", "DAY"), rows))
    for failure in job.result["failures"]:
        screen.say(f"{failure['symbol']}: {failure['message']}")


def _source(name: str) -> str:
    return SOURCES.get(name, name)


def _metric_rows(metrics: Mapping[str, float | None]) -> list[tuple[str, str]]:
    return [(title, _told(metrics[name], form)) for title, name, form in METRICS]


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


def _told(value: float | None, form: str) -> str:
    """Return a figure as text; what is not defined (a ratio over zero) is a dash."""
    return "-" if value is None else format(value, form)


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
