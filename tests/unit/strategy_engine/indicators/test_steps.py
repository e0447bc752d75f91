"""Laws of all indicators: bar by bar is the same as all at once, the future changes nothing, history fades."""

import inspect
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import indicators
from tests.unit.strategy_engine.price_series import DAY_NS, wicked_bars

MODULES = [import_module(found.name) for found in iter_modules(indicators.__path__, f"{indicators.__name__}.")]
STEPS = {
    name: step
    for module in MODULES
    for name, step in inspect.getmembers(module, inspect.isclass)
    if name.endswith("Step") and step.__module__ == module.__name__
}


@dataclass(frozen=True)
class Case:
    """An indicator with its form for one bar at a time, the columns it takes and parameters it is tried with."""

    name: str
    step: type
    columns: tuple[str, ...]
    parameters: tuple[Any, ...]
    fades: bool = False  # recursive: another beginning of history matters less and less

    def batch(self, bars):
        columns = [column_of(bars, name) for name in self.columns]
        out = getattr(indicators, self.name)(*columns, *self.parameters)
        return np.column_stack(out) if isinstance(out, tuple) else out[:, None]

    def folded(self, bars):
        stepper = self.step(*self.parameters)
        rows = zip(*(column_of(bars, name).tolist() for name in self.columns), strict=True)
        told = [stepper.step(*row) for row in rows]
        width = self.batch(bars).shape[1]
        return np.array(told, dtype=np.float64).reshape(len(told), width)


def column_of(bars, name):
    if name == "off":
        return np.ascontiguousarray(np.sin(np.arange(len(bars)) / 3.0) * 4.0 * (bars.volume % 7 > 0))
    if name == "time":
        return np.ascontiguousarray(np.cumsum(np.where(bars.volume % 5 == 0, 9 * DAY_NS, DAY_NS)))
    return np.asarray(getattr(bars, name))


HLC = ("high", "low", "close")
CASES = [
    Case("sma", STEPS["SmaStep"], ("close",), (5,)),
    Case("ema", STEPS["EmaStep"], ("close",), (5,), fades=True),
    Case("rsi", STEPS["RsiStep"], ("close",), (5,), fades=True),
    Case("macd", STEPS["MacdStep"], ("close",), (3, 7, 4), fades=True),
    Case("deviation", STEPS["DeviationStep"], ("close",), (6,)),
    Case("bollinger", STEPS["BollingerStep"], ("close",), (6, 1.5)),
    Case("true_range", STEPS["TrueRangeStep"], HLC, ()),
    Case("atr", STEPS["AtrStep"], HLC, (4,), fades=True),
    Case("keltner", STEPS["KeltnerStep"], HLC, (5, 4, 1.5), fades=True),
    Case("highest", STEPS["HighestStep"], ("high",), (6,)),
    Case("lowest", STEPS["LowestStep"], ("low",), (6,)),
    Case("change", STEPS["ChangeStep"], ("close",), (3,)),
    Case("before", STEPS["BeforeStep"], ("close",), (2,)),
    Case("directional", STEPS["DirectionalStep"], HLC, (4,), fades=True),
    Case("supertrend", STEPS["SupertrendStep"], HLC, (4, 1.0)),
    Case("hedge", STEPS["HedgeStep"], ("close", "volume"), (6,)),
    Case("reversion_side", STEPS["ReversionSideStep"], ("off",), (2.0, 0.5, 3.5)),
    Case("opening_range", STEPS["OpeningRangeStep"], ("time", "high", "low"), (2 * DAY_NS, 2 * DAY_NS)),
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def bars_for_steps():
    return st.builds(
        wicked_bars, st.integers(1, 80), seed=st.integers(0, 2**32 - 1), decimals=st.sampled_from([None, 2, 0])
    )


def test_every_indicator_has_its_form_for_one_bar_at_a_time():
    assert {case.step.__name__ for case in CASES} == set(STEPS)
    of_pairs = {"crosses_above", "rises_to", "falls_to", "first_of_session"}  # flags, of this bar and the one before
    kernels = {name for name in indicators.__all__ if hasattr(getattr(indicators, name), "py_func")}
    assert {case.name for case in CASES} == kernels - of_pairs


@EACH
@settings(max_examples=40)
@given(bars=bars_for_steps())
def test_bar_by_bar_gives_the_same_bits_as_all_at_once(case, bars):
    assert_array_equal(case.folded(bars), case.batch(bars))


@EACH
@settings(max_examples=25)
@given(bars=bars_for_steps(), known=st.integers(1, 80))
def test_later_bars_change_nothing(case, bars, known):
    assert_array_equal(case.batch(bars[:known]), case.batch(bars)[:known])


@EACH
def test_no_bars_give_no_values(case):
    assert len(case.batch(wicked_bars(5, seed=1)[:0])) == 0


@EACH
def test_too_few_bars_for_a_window_give_nan_alone(case):
    if case.name == "reversion_side":  # a side is always known: none
        return
    first = case.batch(wicked_bars(1, seed=1))
    prices = first[:, :2] if case.name == "opening_range" else first
    assert np.isnan(prices).all()


@pytest.mark.parametrize("case", [case for case in CASES if case.fades], ids=lambda case: case.name)
def test_where_history_begins_is_forgotten(case):
    bars = wicked_bars(400, seed=3)
    whole, later = case.batch(bars), case.batch(bars[100:])
    assert not np.allclose(whole[100:120], later[:20], rtol=1e-9, equal_nan=True)
    assert_allclose(later[250:], whole[350:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.fades and case.name not in {"reversion_side", "supertrend", "opening_range"}],
    ids=lambda case: case.name,
)
def test_a_window_depends_on_nothing_before_it(case):
    bars = wicked_bars(200, seed=4)
    assert_allclose(case.batch(bars[100:])[10:], case.batch(bars)[110:], rtol=1e-12)
