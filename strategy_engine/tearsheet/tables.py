"""The tables of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from strategy_engine.breakdowns import Breakdown
from strategy_engine.drawdowns import Drawdowns
from strategy_engine.metrics import Metrics
from strategy_engine.monthly_returns import MonthlyReturns, runs_of
from strategy_engine.rejections import Rejections
from strategy_engine.tearsheet.figures import FIGURES, HEADLINES, Figure
from strategy_engine.tearsheet.markup import Html, join, tag
from strategy_engine.tearsheet.numbers import MINUS, UNDEFINED, day, written

MAX_REJECTIONS: Final = 100
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEAT_STEPS: Final = 5
_HEAT_FULL_FRAC: Final = 0.1  # a month of 10 % has the full colour


def headlines(metrics: Metrics) -> Html:
    by_name = {figure.name: figure for figures in FIGURES.values() for figure in figures}
    tiles = [
        tag("div", tag("dt", by_name[name].label), _value("dd", by_name[name], metrics), class_="tile")
        for name in HEADLINES
    ]
    return tag("dl", *tiles, class_="tiles")


def all_figures(metrics: Metrics) -> Html:
    groups = []
    for group, figures in FIGURES.items():
        rows = [tag("tr", tag("th", figure.label, scope="row"), _value("td", figure, metrics)) for figure in figures]
        groups.append(tag("section", tag("h3", group), tag("table", tag("tbody", *rows)), class_="figures"))
    return tag("div", *groups, class_="groups")


def heat_map(months: MonthlyReturns) -> Html:
    """Return a row a year: its months, and what they compound to."""
    first, last = runs_of(months.year)
    rows = []
    for start, end in zip(first, last, strict=True):
        known = {int(months.month[i]): float(months.return_frac[i]) for i in range(start, end + 1)}
        cells = [_heat(known.get(month)) for month in range(1, 13)]
        year = float(np.prod([1.0 + value for value in known.values()])) - 1.0
        rows.append(tag("tr", tag("th", str(months.year[start]), scope="row"), *cells, _heat(year)))
    return _table(("Year", *_MONTHS, "Year"), rows, class_="heat")


def drawdown_table(drawdowns: Drawdowns) -> Html:
    rows = [
        _row(
            day(int(drawdowns.peak_time[i])),
            day(int(drawdowns.trough_time[i])),
            "not yet" if drawdowns.is_open[i] else day(int(drawdowns.end_time[i])),
            written(float(drawdowns.depth_frac[i]), "percent"),
            f"{int(drawdowns.bars[i]):,}",
            f"{int(drawdowns.bars_to_trough[i]):,}",
        )
        for i in range(len(drawdowns))
    ]
    return _table(("Peak", "Lowest", "Back", "Depth", "Bars", "Bars to the lowest"), rows)


def breakdown_table(breakdown: Breakdown, title: str) -> Html:
    rows = [
        _row(
            _words(str(breakdown.label[i])),
            f"{int(breakdown.bars[i]):,}",
            written(float(breakdown.return_frac[i]), "percent"),
            written(float(breakdown.volatility[i]), "percent"),
            written(float(breakdown.sharpe[i]), "ratio"),
            written(float(breakdown.max_drawdown[i]), "percent"),
            f"{int(breakdown.trade_count[i]):,}",
            written(float(breakdown.win_rate[i]), "percent"),
            written(float(breakdown.pnl[i]), "currency"),
        )
        for i in range(len(breakdown))
    ]
    names = (title, "Bars", "Return", "Volatility", "Sharpe", "Drawdown", "Trades", "Won", "Profit")
    return _table(names, rows)


def trade_table() -> Html:
    """Return the head of the table of trades; the script fills it."""
    names = (
        "Symbol",
        "Side",
        "Entry",
        "Price",
        "Exit",
        "Price",
        "Size",
        "Profit",
        "Return",
        "R",
        "MAE",
        "MFE",
        "Why left",
    )
    return _table(names, [], id_="trades")


def rejection_tables(rejections: Rejections) -> Html:
    """Return how many orders did not fill as asked, by reason, and the newest of them."""
    reasons, counts = np.unique(rejections.reason, return_counts=True)
    summary = [_row(_words(str(reason)), f"{int(count):,}") for reason, count in zip(reasons, counts, strict=True)]
    newest = range(len(rejections) - 1, max(len(rejections) - MAX_REJECTIONS, 0) - 1, -1)
    rows = [
        _row(
            day(int(rejections.time[i])),
            str(rejections.symbol[i]),
            str(rejections.side[i]),
            f"{float(rejections.asked[i]):,.6g}",
            f"{float(rejections.filled[i]):,.6g}",
            _words(str(rejections.reason[i])),
        )
        for i in newest
    ]
    return join(
        (
            _table(("Reason", "Orders"), summary),
            _table(("Time", "Symbol", "Side", "Asked", "Filled", "Reason"), rows),
        )
    )


def pairs(values: Mapping[str, str]) -> Html:
    """Return names with their values."""
    return tag("dl", *(join((tag("dt", name), tag("dd", value))) for name, value in values.items()), class_="pairs")


def _table(names: Sequence[str], rows: Iterable[Html], class_: str = "list", **attributes: str) -> Html:
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    return tag("div", tag("table", head, tag("tbody", *rows), class_=class_, **attributes), class_="wide")


def _row(*values: str) -> Html:
    return tag("tr", *(_cell(value) for value in values))


def _cell(value: str) -> Html:
    if value.startswith(MINUS):
        return tag("td", value, class_="loss")
    return tag("td", value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(name: str, figure: Figure, metrics: Metrics) -> Html:
    value = float(getattr(metrics, figure.name))
    text = written(value, figure.unit)
    if text == UNDEFINED:
        return tag(name, text, class_="none", title=f"not defined: {figure.undefined_when}")
    if figure.unit in {"percent", "currency"} and value < 0.0:
        return tag(name, text, class_="loss")
    return tag(name, text)


def _heat(value: float | None) -> Html:
    if value is None or not math.isfinite(value):
        return tag("td", "" if value is None else UNDEFINED)
    step = min(math.ceil(abs(value) / _HEAT_FULL_FRAC * _HEAT_STEPS), _HEAT_STEPS)
    kind = f"{'gain' if value > 0.0 else 'loss'}-{step}" if step > 0 else "even"
    text = f"{100.0 * value:.1f}"
    return tag("td", "0.0" if text == "-0.0" else text.replace("-", MINUS), class_=kind)
