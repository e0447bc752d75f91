"""Puts the page together."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import Final

from market_data.bars import Bars
from strategy_engine.report import BacktestReport
from strategy_engine.tearsheet import tables
from strategy_engine.tearsheet.markup import Html, join, raw, tag
from strategy_engine.tearsheet.numbers import MINUS, day, written
from strategy_engine.tearsheet.series import MAX_CHARTS, MAX_TRADES, chart_data, rolling_window

_DEEPEST: Final = 10
_PARTS: Final = files("strategy_engine.tearsheet")
_STYLE: Final = (_PARTS / "style.css").read_text(encoding="utf-8")
_SCRIPT: Final = (_PARTS / "charts.js").read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


_ALLOWED: Final = f"style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'"
_POLICY: Final = f"default-src 'none'; {_ALLOWED}; base-uri 'none'; form-action 'none'"


def tearsheet(
    report: BacktestReport,
    bars: Bars | Sequence[Bars] = (),
    *,
    title: str | None = None,
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    seed: int = 0,
) -> str:
    """Return the report as one HTML page that loads nothing: it works offline, light and dark, and on a phone.

    bars: those that were traded, for candles; without any the page has none. provenance: what was known of where the
    result comes from, name to text. warnings: shown at the top. seed: of the risk of ruin's draws. Long backtests are
    thinned: a curve to 2,000 points that keep each stretch's extremes, candles to 4,000 a symbol, trades to the newest
    5,000. Texts are escaped, whatever they hold, and the page's own policy forbids it to load or run anything else.
    Equal arguments give equal bytes.
    """
    series = (bars,) if isinstance(bars, Bars) else tuple(bars)
    name = title if title is not None else f"{report.symbol} {report.timeframe}: {_kind(report.strategy)}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", name),
        raw("style", _STYLE),
    )
    body = tag(
        "body",
        _top(report, name, warnings),
        tag("main", *_sections(report, series, provenance or {}, seed)),
        raw("script", chart_data(report, series), type="application/json", id="data"),
        raw("script", _SCRIPT),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _top(report: BacktestReport, name: str, warnings: Sequence[str]) -> Html:
    first, last = day(int(report.time[0])), day(int(report.time[-1]))
    span = f"{first} to {last} · {len(report.time):,} bars of {report.timeframe}"
    noted = [tag("p", warning, class_="warning", role="note") for warning in warnings]
    switch = tag("button", "Theme", id="theme", type="button", title="light, dark, or as the system has it")
    return tag("header", tag("div", tag("h1", name), tag("p", span), class_="name"), switch, *noted)


def _sections(report: BacktestReport, series: tuple[Bars, ...], provenance: Mapping[str, str], seed: int) -> list[Html]:
    window = rolling_window(len(report.time))
    return [
        tables.headlines(report.metrics),
        _section("Equity", _chart("equity", "Equity at each close, beside buying and holding"), _legend()),
        _section("Drawdown", _chart("drawdown", "How far equity is below its highest so far", low=True)),
        _section("Monthly returns, %", tables.heat_map(report.monthly_returns())),
        _section(f"Sharpe ratio of the last {window} bars", _chart("sharpe", "Rolling Sharpe ratio", low=True)),
        _section(
            "Returns a bar (height: square root of the number)",
            _chart("distribution", "How many bars had which return", low=True),
        ),
        *_candles(series),
        _section("All figures", tables.all_figures(report.metrics)),
        _section("Risk of ruin", tables.pairs(_ruin(report, seed))),
        _section("Deepest drawdowns", tables.drawdown_table(report.drawdowns(_DEEPEST))),
        _section("By year", tables.breakdown_table(report.by_year(), "Year")),
        _section("By market regime", tables.breakdown_table(report.by_regime(), "Regime")),
        _section(_trades_title(report), tables.trade_table(), _more()),
        _section("Orders that did not fill as asked", *_rejected(report)),
        _section("Configuration", tables.pairs(configuration(report))),
        *([_section("Provenance", tables.pairs(provenance))] if provenance else []),
    ]


def _ruin(report: BacktestReport, seed: int) -> dict[str, str]:
    risk = report.risk_of_ruin(seed=seed)
    asked = f"{risk.paths:,} times {risk.trades:,} of the closed trades, drawn in any order (seed {risk.seed})"
    return {
        f"lost {written(risk.ruin_frac, 'percent')} of the account": written(risk.probability, "percent"),
        "standard error": written(risk.standard_error, "percent"),
        "median return": written(risk.median_return_frac, "percent"),
        "drawdown in the worst 5 %": written(risk.drawdown_95, "percent"),
        "simulated": asked,
    }


def _rejected(report: BacktestReport) -> list[Html]:
    ambiguous = written(report.ambiguous_bar_frac, "percent")
    rule = "a stop and a target were both in reach; the setting fills.same_bar says which came first."
    note = f"On {ambiguous} of the bars, {rule}"
    count = len(report.rejections)
    if count == 0:
        return [tag("p", f"None: every order filled as asked. {note}", class_="note")]
    shown = f"The newest {tables.MAX_REJECTIONS} of {count:,}" if count > tables.MAX_REJECTIONS else f"{count:,}"
    told = f"{shown} orders; {report.rejected_orders:,} did not fill at all. {note}"
    return [tables.rejection_tables(report.rejections), tag("p", told, class_="note")]


def configuration(report: BacktestReport) -> dict[str, str]:
    """Return every setting of the backtest by its path, as text."""
    told = {"engine version": report.engine_version, "periods per year": f"{report.periods_per_year:g}"}
    told.update(_flat("strategy", report.strategy))
    for field in fields(report.settings):
        told.update(_flat(field.name, getattr(report.settings, field.name)))
    return told


def _flat(path: str, value: object) -> dict[str, str]:
    if is_dataclass(value):
        told: dict[str, str] = {}
        for field in fields(value):
            told.update(_flat(f"{path}.{field.name}", getattr(value, field.name)))
        return told
    return {path: f"{value:g}" if isinstance(value, float) else str(value)}


def _candles(series: tuple[Bars, ...]) -> list[Html]:
    if not series:
        return []
    buttons = tag(
        "div",
        tag("select", id="symbol", aria_label="Symbol"),
        tag("button", MINUS, id="out", type="button", aria_label="Show more bars"),
        tag("button", "+", id="in", type="button", aria_label="Show fewer bars"),
        tag("button", "All", id="all", type="button"),
        class_="buttons",
    )
    note = "Wheel or buttons zoom, dragging moves. ▲ bought, ▼ sold."
    if len(series) > MAX_CHARTS:
        note += f" Of {len(series)} symbols, the {MAX_CHARTS} with the most trades are here."
    chart = _chart("candles", "Prices with the trades on them")
    return [_section("Trades on prices", buttons, chart, tag("p", note, class_="note"))]


def _trades_title(report: BacktestReport) -> str:
    count = len(report.trades)
    return f"Trades: the newest {MAX_TRADES:,} of {count:,}" if count > MAX_TRADES else f"Trades: {count:,}"


def _more() -> Html:
    return tag("p", tag("button", "More", id="more", type="button"), class_="note")


def _legend() -> Html:
    return tag(
        "p", tag("span", "strategy", class_="own"), " ", tag("span", "buy and hold", class_="other"), class_="note"
    )


def _chart(name: str, label: str, *, low: bool = False) -> Html:
    canvas = tag("canvas", id=f"chart-{name}", role="img", aria_label=label)
    return tag("div", canvas, tag("div", class_="tip", hidden=""), class_="chart low" if low else "chart")


def _section(title: str, *content: Html) -> Html:
    return tag("section", tag("h2", title), join(content))


def _kind(strategy: object) -> str:
    return str(getattr(strategy, "kind", type(strategy).__name__))
