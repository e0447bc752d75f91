"""Laws of every registered strategy. A new one is held to them without a line here."""

from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import MarketView, UniverseView
from strategy_engine.strategies import STRATEGIES, SignalStrategy, UniverseStrategy
from tests.unit.strategy_engine.price_series import bars_of
from tests.unit.strategy_engine.strategies.any_strategy import bars_for, strategies_of, told, universe_bars

SIGNAL_KINDS = [strategy.kind for strategy in get_args(SignalStrategy)]
UNIVERSE_KINDS = [strategy.kind for strategy in get_args(UniverseStrategy)]
SIDED_KINDS = [kind for kind in SIGNAL_KINDS if "direction" in {field.name for field in fields(STRATEGIES[kind])}]
EACH = pytest.mark.parametrize("kind", STRATEGIES)
SEEDS = st.integers(0, 2**31)


def some_bars(kind, count, seed):
    return universe_bars(count, seed) if kind in UNIVERSE_KINDS else bars_for(kind, count, seed)


def cut(bars, known):
    """Return what was known at the close of row `known` - 1, and how many rows that is."""
    if not isinstance(bars, list):
        return bars[:known]
    last = UniverseView(bars).time[known - 1]
    return [series.between(0, int(last)) for series in bars]


def same(before, after):
    assert before.keys() == after.keys()
    for name, column in before.items():
        assert_array_equal(column, after[name][: len(column)], err_msg=name)


@EACH
@settings(max_examples=40)
@given(data=st.data(), seed=SEEDS, count=st.integers(40, 120), known=st.integers(30, 120))
def test_later_bars_change_no_decision(kind, data, seed, count, known):
    strategy, bars = data.draw(strategies_of(kind)), some_bars(kind, count, seed)
    same(told(strategy, cut(bars, min(known, count - 10))), told(strategy, bars))


@EACH
@settings(max_examples=6)
@given(data=st.data(), seed=SEEDS)
def test_deciding_bar_by_bar_gives_the_same_decisions_as_all_at_once(kind, data, seed):
    strategy, bars = data.draw(strategies_of(kind)), some_bars(kind, 70, seed)
    whole = told(strategy, bars)
    for known in range(25, len(whole["rebalance" if kind in UNIVERSE_KINDS else "entries"])):
        newest = told(strategy, cut(bars, known))
        assert newest.keys() == whole.keys()
        for name, column in newest.items():
            assert_array_equal(column[-1], whole[name][known - 1], err_msg=f"{name} of bar {known - 1}")


@EACH
@settings(max_examples=10)
@given(data=st.data(), seed=SEEDS)
def test_the_same_bars_give_the_same_bytes(kind, data, seed):
    strategy, bars = data.draw(strategies_of(kind)), some_bars(kind, 60, seed)
    first, again = told(strategy, bars), told(strategy, bars)
    assert {name: column.tobytes() for name, column in first.items()} == {
        name: column.tobytes() for name, column in again.items()
    }


@EACH
def test_bars_fewer_than_the_warm_up_are_no_error_and_enter_nothing(kind):
    for count in (2, 3, 5):
        decided = told(
            STRATEGIES[kind](), some_bars(kind, count, 1) if kind not in UNIVERSE_KINDS else universe_bars(9, 1)
        )
        if kind in {"buy_and_hold", "periodic_rebalance"}:  # these have none
            continue
        entered = [
            name for name in ("entries", "short_entries", "rebalance") if name in decided and decided[name].any()
        ]
        assert not entered


@EACH
@settings(max_examples=25)
@given(data=st.data(), price=st.sampled_from([1e-9, 0.1, 12.34, 1e9]))
def test_a_price_that_never_moved_enters_nothing(kind, data, price):
    strategy = data.draw(strategies_of(kind))
    if kind in {"buy_and_hold", "periodic_rebalance"}:
        return
    still = bars_of(np.full(90, price))
    if kind in UNIVERSE_KINDS:
        several = [replace(still, symbol=symbol) for symbol in ("A", "B")]
        target = told(strategy, several)["target"]
        # Without a move every return is 0: a rotation holds anybody, an absolute rule whoever beats its hurdle.
        assert kind != "pairs" or not target.any()
        assert kind != "dual_momentum" or strategy.hurdle_frac < 0.0 or not target.any()
        return
    if kind == "opening_range":
        still = replace(bars_for(kind, 90, 1), **dict.fromkeys(("open", "high", "low", "close"), still.close))
    decided = told(strategy, still)
    assert not decided["entries"].any()
    assert not decided.get("short_entries", np.zeros(1)).any()


@pytest.mark.parametrize("kind", SIGNAL_KINDS)
@settings(max_examples=20)
@given(data=st.data(), seed=SEEDS, power=st.sampled_from([-20, 3, 30]))
def test_prices_in_another_currency_are_decided_alike(kind, data, seed, power):
    strategy, bars = data.draw(strategies_of(kind)), bars_for(kind, 100, seed)
    scaled = replace(
        bars, **{name: locked(getattr(bars, name) * 2.0**power) for name in ("open", "high", "low", "close")}
    )
    here, there = told(strategy, bars), told(strategy, scaled)
    for name in here:
        factor = 2.0**power if here[name].dtype == np.float64 else 1
        assert_array_equal(here[name] * factor if factor != 1 else here[name], there[name], err_msg=name)


@pytest.mark.parametrize("kind", SIDED_KINDS)
@settings(max_examples=20)
@given(data=st.data(), seed=SEEDS)
def test_both_sides_are_the_long_side_and_the_short_side(kind, data, seed):
    strategy, bars = data.draw(strategies_of(kind)), bars_for(kind, 100, seed)
    both, long, short = (
        told(replace(strategy, direction=direction), bars) for direction in ("both", "long_only", "short_only")
    )
    assert "short_entries" not in long
    assert not short["entries"].any()
    for name in ("entries", "exits"):
        assert_array_equal(both[name], long[name])
        assert_array_equal(both[f"short_{name}"], short[f"short_{name}"])
    assert not (both["entries"] & both["short_entries"]).any()


@pytest.mark.parametrize("kind", SIGNAL_KINDS)
@settings(max_examples=20)
@given(data=st.data(), seed=SEEDS)
def test_a_stop_stands_on_the_losing_side_of_its_entry(kind, data, seed):
    strategy, bars = data.draw(strategies_of(kind)), bars_for(kind, 100, seed)
    signals = strategy.signals(MarketView(bars))
    if signals.stop_loss is None:
        return
    close = np.asarray(bars.close)
    at = signals.entries & ~np.isnan(signals.stop_loss)
    assert (signals.stop_loss[at] < close[at]).all()
    if signals.short_entries is not None:
        assert (signals.stop_loss[signals.short_entries] > close[signals.short_entries]).all()


@pytest.mark.parametrize("kind", [kind for kind in UNIVERSE_KINDS if kind != "pairs"])
@settings(max_examples=20)
@given(data=st.data(), seed=SEEDS)
def test_the_order_of_symbols_changes_no_weight(kind, data, seed):
    strategy, bars = data.draw(strategies_of(kind)), universe_bars(80, seed, symbols=4)
    here, there = told(strategy, bars), told(strategy, bars[::-1])
    assert_array_equal(here["rebalance"], there["rebalance"])
    assert_allclose(here["target"], there["target"][:, ::-1], rtol=1e-12)


@pytest.mark.parametrize("kind", UNIVERSE_KINDS)
@settings(max_examples=20)
@given(data=st.data(), seed=SEEDS)
def test_weights_never_exceed_what_was_allowed(kind, data, seed):
    strategy = data.draw(strategies_of(kind))
    target = told(strategy, universe_bars(80, seed))["target"]
    assert (np.abs(target).sum(axis=1) <= getattr(strategy, "gross_frac", 1.0) * (1.0 + 1e-12)).all()
    assert kind == "pairs" or (target >= 0.0).all()


def locked(column):
    column.flags.writeable = False
    return column
