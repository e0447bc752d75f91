"""The job `backtest`: which bars it asks for, what it hands to the engine, and what it says of odd bars."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backend.core.jobs.backtest import BacktestPayload
from backend.core.jobs.outcomes import Cancelled, InvalidJob
from backend.core.jobs.provenance import BarsUsed
from market_data.bars import Bars
from market_data.errors import UnknownSymbol
from market_data.timeframe import NS_PER_DAY, STEP_S, step_ns
from strategy_engine import Account, Exits, FillRules, FractionDistance, SmaCross, run
from strategy_engine.strategies import MomentumRotation
from tests.contexts import Unwatched, make_context
from workers.context import LoadedBars
from workers.handlers import backtest_bars
from workers.handlers.backtest import backtest

COUNT = 400


def walk(symbol: str, *, seed: int = 1, count: int = COUNT, timeframe: str = "1d", scale: float = 1.0) -> Bars:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, 0.01, count).cumsum())
    opened = np.concatenate(([100.0], close[:-1]))
    return Bars.from_arrays(
        symbol=symbol,
        timeframe=timeframe,
        time=np.arange(count) * step_ns(timeframe),
        open=opened * scale,
        high=np.maximum(opened, close) * 1.004 * scale,
        low=np.minimum(opened, close) * 0.996 * scale,
        close=close * scale,
        volume=np.full(count, 1e6),
    )


def flat(symbol: str = "A", *, count: int = COUNT, price: float = 50.0) -> Bars:
    prices = np.full(count, price)
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=np.arange(count) * NS_PER_DAY,
        **dict.fromkeys(("open", "high", "low", "close"), prices),
        volume=np.zeros(count),
    )


class Store:
    """Bars by symbol and timeframe; remembers what it was asked for."""

    def __init__(self, *series: Bars) -> None:
        self.series = {(bars.symbol, bars.timeframe): bars for bars in series}
        self.asked = []

    def __call__(self, symbol, timeframe, start, end):
        self.asked.append((symbol, timeframe, str(start), str(end)))
        if (symbol, timeframe) not in self.series:
            raise UnknownSymbol(f"no source knows {symbol!r}")
        bars = self.series[symbol, timeframe]
        used = BarsUsed(
            symbol=symbol,
            timeframe=timeframe,
            source="test",
            revision=1,
            bar_count=len(bars),
            first_bar="",
            last_bar="",
            fingerprint=bars.fingerprint(),
        )
        return LoadedBars(bars, used)


def outcome_of(store: Store, *, context=None, **parts):
    payload = {"symbols": ["A"], "strategy": {"kind": "sma_cross"}} | parts
    return backtest(BacktestPayload.model_validate_json(json.dumps(payload)), context or make_context(load_bars=store))


def table(outcome, name):
    return next(artifact for artifact in outcome.artifacts if artifact.name == name).columns


def test_several_symbols_are_one_account_and_equal_to_what_the_engine_gives():
    bars = [walk(name, seed=k) for k, name in enumerate("ABC")]
    outcome = outcome_of(Store(*bars), symbols=["C", "A", "B"], account={"cash": 1e5}, detail="brief")
    report = run(bars, SmaCross(), account=Account(cash=1e5))
    assert set(table(outcome, "trades")["symbol"]) == {"A", "B", "C"}
    assert_array_equal(table(outcome, "equity")["equity"], report.equity)
    assert [used.symbol for used in outcome.result.provenance.bars] == ["A", "B", "C"]
    assert outcome.rows[0].values["symbol"] == "A,B,C"


def test_a_strategy_of_weights_runs_and_its_page_shows_the_symbols():
    bars = [walk(name, seed=k) for k, name in enumerate("ABC")]
    rotation = {"kind": "momentum_rotation", "lookback": 60, "skip": 5, "top": 2}
    outcome = outcome_of(Store(*bars), symbols=["A", "B", "C"], strategy=rotation)
    report = run(bars, MomentumRotation(lookback=60, skip=5, top=2))
    assert outcome.result.trade_count == len(report.trades) > 5
    assert "A,B,C" in outcome.artifacts[-1].html


def test_every_part_reaches_the_engine():
    bars = walk("A")
    parts = {
        "account": {"cash": 2e4, "leverage": 2.0, "cash_rate": 0.05, "lot_step": 0.1},
        "costs": {"commission_fixed": 1.0, "slippage": {"kind": "fixed", "frac": 0.001}},
        "sizing": {"kind": "equity_fraction", "frac": 1.5},
        "exits": {"stop_loss": {"kind": "fraction", "frac": 0.02}, "time_stop_bars": 15},
        "entry": {"kind": "limit", "offset": {"kind": "fraction", "frac": 0.003}, "valid_bars": 4},
        "fills": {"same_bar": "ohlc_path", "limit_fill": "through", "close_at_end": True},
        "periods_per_year": 365,
    }
    payload = BacktestPayload.model_validate_json(
        json.dumps({"symbols": ["A"], "strategy": {"kind": "sma_cross"}} | parts)
    )
    outcome = outcome_of(Store(bars), **parts)
    report = run(
        bars,
        SmaCross(),
        account=payload.account,
        costs=payload.costs,
        sizing=payload.sizing,
        exits=payload.exits,
        entry=payload.entry,
        fills=payload.fill_rules,
        periods_per_year=365,
    )
    plain = run(bars, SmaCross())
    assert len(report.trades) > 3
    assert report.equity[-1] != plain.equity[-1]
    assert_array_equal(table(outcome, "equity")["equity"], report.equity)
    assert outcome.result.metrics["sharpe"] == report.metrics.sharpe
    assert outcome.result.metrics["interest"] == report.interest > 0.0


@pytest.mark.parametrize(
    ("timeframe", "lower", "end", "asked_end"),
    [("1d", "1h", "1970-06-30", "1970-06-30"), ("1w", "1d", "1970-06-30", "1970-07-06"), ("1d", "1h", None, "None")],
)
def test_bars_of_the_lower_timeframe_are_asked_for_to_the_end_of_the_last_bar(timeframe, lower, end, asked_end):
    ratio = STEP_S[timeframe] // STEP_S[lower]
    store = Store(walk("A", timeframe=timeframe, count=60), walk("A", timeframe=lower, count=60 * ratio))
    fills = {"same_bar": "lower_timeframe"}
    days = {} if end is None else {"end": end}
    outcome = outcome_of(store, timeframe=timeframe, fills=fills, lower_timeframe=lower, **days)
    assert store.asked == [("A", timeframe, "None", str(end)), ("A", lower, "None", asked_end)]
    assert [used.timeframe for used in outcome.result.provenance.bars] == sorted([timeframe, lower])


def test_the_lower_timeframe_decides_what_came_first():
    day = Bars.from_arrays(
        symbol="A",
        timeframe="1d",
        time=np.arange(3) * NS_PER_DAY,
        open=[100.0, 100.0, 100.0],
        high=[100.0, 110.0, 100.0],
        low=[100.0, 90.0, 100.0],
        close=[100.0, 100.0, 100.0],
        volume=[1.0] * 3,
    )
    hours = Bars.from_arrays(
        symbol="A",
        timeframe="1h",
        time=NS_PER_DAY + np.arange(3) * step_ns("1h"),
        open=[100.0, 100.0, 110.0],
        high=[101.0, 110.0, 110.0],
        low=[99.0, 100.0, 90.0],
        close=[100.0, 110.0, 100.0],
        volume=[1.0] * 3,
    )
    exits = {"stop_loss": {"kind": "fraction", "frac": 0.05}, "take_profit": {"kind": "fraction", "frac": 0.05}}
    asked = {"strategy": {"kind": "buy_and_hold"}, "exits": exits, "detail": "brief"}
    by_rule = outcome_of(Store(day), **asked)
    by_hours = outcome_of(Store(day, hours), **asked, fills={"same_bar": "lower_timeframe"}, lower_timeframe="1h")
    reasons = [list(table(one, "trades")["exit_reason"]) for one in (by_rule, by_hours)]
    assert reasons == [["stop_loss"], ["take_profit"]]


def test_a_lower_timeframe_that_is_not_there_is_named():
    asked = {"fills": {"same_bar": "lower_timeframe"}, "lower_timeframe": "1h"}
    with pytest.raises(InvalidJob, match="lower_timeframe 1h: no source knows 'A'") as failed:
        outcome_of(Store(walk("A")), **asked)
    assert failed.value.code == "unknown_symbol"


def test_more_bars_than_a_backtest_holds_are_refused(monkeypatch):
    monkeypatch.setattr(backtest_bars, "MOST_CELLS", 2 * COUNT)
    two = Store(walk("A"), walk("B"))
    assert outcome_of(two, symbols=["A", "B"]).result.trade_count > 0
    with pytest.raises(InvalidJob, match=r"800 bars, .* at most; these are 1,200") as failed:
        outcome_of(Store(*map(walk, "ABC")), symbols=["A", "B", "C"])
    assert failed.value.code == "too_many_bars"


def test_one_bar_is_refused_and_its_symbol_is_named():
    with pytest.raises(InvalidJob, match="at least 2 bars, was given 1 of B") as failed:
        outcome_of(Store(walk("A"), walk("B", count=1)), symbols=["A", "B"])
    assert failed.value.code == "invalid_value"


def test_bars_shorter_than_the_warm_up_trade_nothing_and_say_so():
    outcome = outcome_of(Store(walk("A", count=10)))
    (warning,) = outcome.result.data_warnings
    assert (warning.code, warning.symbol) == ("no_orders", "A")
    assert "no order in 10 bars" in warning.message
    assert outcome.result.metrics["final_equity"] == 10_000.0
    assert outcome.result.metrics["win_rate"] is None


def test_an_order_that_was_refused_is_no_silence():
    outcome = outcome_of(Store(walk("A")), account={"cash": 1.0})
    assert outcome.result.trade_count == 0
    assert set(table(outcome, "rejections")["reason"]) == {"below_lot"}
    assert outcome.result.data_warnings == ()


def test_a_split_that_nobody_adjusted_for_is_told_with_its_date_and_on_the_page():
    raw = walk("A")
    scale = np.where(np.arange(COUNT) < 200, 1.0, 0.5)
    prices = {name: getattr(raw, name) * scale for name in ("open", "high", "low", "close")}
    split = Bars.from_arrays(symbol="A", timeframe="1d", time=raw.time, volume=raw.volume, **prices)
    outcome = outcome_of(Store(split))
    (warning,) = outcome.result.data_warnings
    assert (warning.code, warning.time) == ("suspected_split", "1970-07-20T00:00:00Z")
    assert "split of 2:1" in warning.message
    assert warning.message in outcome.artifacts[-1].html
    assert outcome.result.warnings == (), (
        "what is the same for the same bars does not keep the result from being reused"
    )


def test_a_long_pause_is_told_and_many_are_summed_up():
    bars = walk("A", count=200)
    gaps = Bars.trusted(
        symbol="A",
        timeframe="1d",
        time=bars.time * 12,
        **{name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")},
    )
    warnings = outcome_of(Store(gaps)).result.data_warnings
    assert {warning.code for warning in warnings} == {"long_pause"}
    assert len(warnings) == backtest_bars.MOST_TOLD
    assert warnings[-1].message.endswith(f"and {199 - backtest_bars.MOST_TOLD} more like these")


@pytest.mark.parametrize("kind", ["sma_cross", "rsi_reversion", "buy_and_hold", "bollinger_reversion"])
def test_constant_prices_gain_nothing_and_leave_no_number_unexplained(kind):
    result = outcome_of(Store(flat()), strategy={"kind": kind}).result
    assert result.metrics["net_profit"] == 0.0
    assert result.metrics["sharpe"] is None
    assert len(result.equity_curve.equity) == COUNT


@pytest.mark.parametrize("scale", [1e-11, 1e7])
def test_prices_of_any_scale_give_finite_results(scale):
    bars = walk("A", scale=scale)
    account = {"cash": 1e12, "lot_step": 1e-3}
    result = outcome_of(Store(bars), account=account).result
    assert result.trade_count > 3
    usual = outcome_of(Store(walk("A")), account=account).result
    assert result.metrics["total_return_frac"] == pytest.approx(usual.metrics["total_return_frac"], rel=1e-6)


def test_no_volume_fills_nothing_where_orders_take_a_share_of_it():
    slippage = {"kind": "volume_share"}
    silent = replace(walk("A"), volume=flat().volume)
    outcome = outcome_of(Store(silent), costs={"slippage": slippage})
    assert outcome.result.trade_count == 0
    assert set(table(outcome, "rejections")["reason"]) == {"volume"}


class Unwanted(Unwatched):
    def is_cancel_wanted(self) -> bool:
        return True


def test_a_cancel_ends_a_job_between_two_of_its_stages():
    store = Store(walk("A"))
    context = make_context(load_bars=store, monitor=Unwanted(), _checked_at=-math.inf)
    with pytest.raises(Cancelled):
        outcome_of(store, context=context)


def test_a_stop_and_its_time_are_those_of_the_engine():
    bars = walk("A")
    outcome = outcome_of(Store(bars), fill_profile="vectorbt", exits={"stop_loss": {"kind": "fraction", "frac": 0.02}})
    report = run(
        bars,
        SmaCross(),
        fills=FillRules(profile="vectorbt"),
        exits=Exits(stop_loss=FractionDistance(frac=0.02)),
    )
    assert_array_equal(table(outcome, "equity")["equity"], report.equity)
