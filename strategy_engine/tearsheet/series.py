"""What the charts draw: columns with few enough points for a page, whatever the backtest's length."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, FloatArray, IntArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel
from strategy_engine.drawdowns import drawdown_curve
from strategy_engine.report import BacktestReport
from strategy_engine.summaries import summarise_equity
from strategy_engine.trades import Trades

MAX_POINTS: Final = 2_000
MAX_CANDLES: Final = 4_000
MAX_TRADES: Final = 5_000
MAX_CHARTS: Final = 8  # symbols with candles
_BINS: Final = 41
_NS_PER_S: Final = 1_000_000_000
_LONGEST_WINDOW: Final = 126
_SHORTEST_WINDOW: Final = 10
_ROUNDING: Final = 1e-13  # of returns, as in the summaries

Columns = dict[str, Any]  # Any: numbers, texts and packed columns, as JSON has them


def chart_data(report: BacktestReport, bars: Sequence[Bars]) -> str:
    """Return all charts' data as JSON that may stand inside a script element.

    Columns of numbers are base64 of little-endian floats: thousands of them cost no time to write, or to read.
    """
    cash = report.account.cash
    kept = _thinned(report.equity)
    window = rolling_window(len(report.equity))
    returns = summarise_equity(report.equity, cash).returns
    data = {
        "equity": {
            "time": _seconds(report.time[kept]),
            "equity": _numbers(report.equity[kept]),
            "benchmark": _numbers(cash * report.benchmark[kept]),
            "drawdown": _numbers(drawdown_curve(report.equity, cash)[kept]),
            "sharpe": _numbers(rolling_sharpe(returns, window, report.periods_per_year)[kept]),
        },
        "distribution": _distribution(returns),
        "trades": _trades(report.trades),
        "candles": [_candles(one) for one in charted(bars, report)],
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def charted(bars: Sequence[Bars], report: BacktestReport) -> list[Bars]:
    """Return the series that get a chart: of many, those with the most trades."""
    if len(bars) <= MAX_CHARTS:
        return list(bars)
    counts = {one.symbol: int(np.count_nonzero(report.trades.symbol == one.symbol)) for one in bars}
    return sorted(bars, key=lambda one: (-counts[one.symbol], one.symbol))[:MAX_CHARTS]


def rolling_window(bar_count: int) -> int:
    """Return how many bars a rolling ratio looks back on: half a year of days, less for short backtests."""
    return max(_SHORTEST_WINDOW, min(_LONGEST_WINDOW, bar_count // 5))


@kernel(FLOATS, INT, FLOAT)
def rolling_sharpe(returns: FloatArray, window: int, periods_per_year: float) -> FloatArray:
    """Return the Sharpe ratio of the last `window` returns at each bar; NaN before that, or where they do not vary."""
    found = np.full(returns.size, np.nan)
    for i in range(window - 1, returns.size):
        last = returns[i - window + 1 : i + 1]
        mean, squares = last.mean(), 0.0
        for value in last:
            squares += (value - mean) ** 2
        spread = np.sqrt(squares / (window - 1))
        if spread > _ROUNDING:
            found[i] = mean / spread * np.sqrt(periods_per_year)
    return found


@kernel(FLOATS)
def _thinned(equity: FloatArray) -> IntArray:
    """Return places of about MAX_POINTS bars: the lowest and the highest of each stretch, and both ends."""
    n = equity.size
    if n <= MAX_POINTS:
        return np.arange(n)
    stretches = MAX_POINTS // 2
    is_kept = np.zeros(n, np.bool_)
    is_kept[0] = is_kept[-1] = True
    for k in range(stretches):
        start, end = k * n // stretches, (k + 1) * n // stretches
        is_kept[start + np.argmin(equity[start:end])] = True
        is_kept[start + np.argmax(equity[start:end])] = True
    return np.flatnonzero(is_kept)


def _distribution(returns: FloatArray) -> Columns:
    counts, edges = np.histogram(returns, bins=_BINS)
    return {"edges": _numbers(edges), "counts": [int(count) for count in counts]}


def _candles(bars: Bars) -> Columns:
    together = -(-len(bars) // MAX_CANDLES)
    starts = np.arange(0, len(bars), together)
    ends = np.minimum(starts + together, len(bars)) - 1
    return {
        "symbol": bars.symbol,
        "together": together,
        "time": _seconds(bars.time[starts]),
        "open": _numbers(bars.open[starts]),
        "high": _numbers(np.maximum.reduceat(bars.high, starts)),
        "low": _numbers(np.minimum.reduceat(bars.low, starts)),
        "close": _numbers(bars.close[ends]),
    }


def _trades(trades: Trades) -> Columns:
    """Return the newest trades, at most MAX_TRADES."""
    told: Columns = {"count": len(trades)}
    for name, column in trades.columns().items():
        newest = column[-MAX_TRADES:]
        if name.endswith("_time"):
            told[name] = _seconds(newest)
        elif newest.dtype.kind == "U":
            words, codes = np.unique(newest, return_inverse=True)
            told[name] = {"words": [str(word) for word in words], "codes": _numbers(codes.astype(np.float64))}
        else:
            told[name] = _numbers(newest.astype(np.float64))
    return told


def _seconds(time: IntArray) -> Columns:
    return {"d": _packed((time // _NS_PER_S).astype("<f8"))}


def _numbers(values: FloatArray) -> Columns:
    """Return single precision: seven digits, of which no picture shows more."""
    with np.errstate(over="ignore"):
        return {"f": _packed(values.astype("<f4"))}


def _packed(values: NDArray[np.floating[Any]]) -> str:  # Any: of either precision
    return base64.b64encode(values.tobytes()).decode()
