"""Every registered strategy with any parameters: read from the annotations, so that a new one needs no line here."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Ge, Gt, Le
from hypothesis import strategies as st

from market_data.bars import Bars
from market_data.errors import DomainError
from strategy_engine import MarketView, UniverseView
from strategy_engine.strategies import STRATEGIES
from tests.unit.strategy_engine.price_series import wicked_bars

MOST_BARS = 25  # of any window, so that short series get beyond every warm-up
MINUTE_NS = 60 * 1_000_000_000


def strategies_of(kind: str) -> st.SearchStrategy[Any]:
    """Return valid instances of one strategy."""
    strategy = STRATEGIES[kind]
    hints = get_type_hints(strategy, include_extras=True)
    values = {field.name: _values(hints[field.name]) for field in fields(strategy) if field.name != "kind"}

    def built(given: dict[str, Any]) -> Any:
        try:
            return strategy(**given)
        except DomainError:
            return None  # parameters that contradict each other

    return st.fixed_dictionaries(values).map(built).filter(lambda each: each is not None)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    number, *bounds = get_args(hint)
    low = next(bound.ge if isinstance(bound, Ge) else bound.gt for bound in bounds if isinstance(bound, (Ge, Gt)))
    high = next(bound.le for bound in bounds if isinstance(bound, Le))
    if number is int:
        return st.integers(low, max(low, min(high, MOST_BARS)))
    return st.floats(low + 0.01, min(high, low + 5.0) if low < 5.0 else high)


def bars_for(kind: str, count: int, seed: int) -> Bars:
    """Return bars that the strategy trades: of days, or of sessions of two hours for those within a day."""
    bars = wicked_bars(count, seed=seed, decimals=(None, 2, 0)[seed % 3])
    if kind != "opening_range":
        return bars
    day, bar = np.divmod(np.arange(count), 24)
    return replace(bars, timeframe="5m", time=_locked(day * 24 * 60 * MINUTE_NS + (14 * 60 + 30 + 5 * bar) * MINUTE_NS))


def universe_bars(count: int, seed: int, symbols: int = 2) -> list[Bars]:
    """Return the bars of some symbols, of which some begin later and each has gaps of its own."""
    random = np.random.default_rng(seed)
    several = []
    for j in range(symbols):
        bars = replace(wicked_bars(count, seed=seed + j), symbol=f"S{j}")
        kept = random.random(count) > 0.05
        kept[: j * 3] = False
        columns = {
            name: _locked(getattr(bars, name)[kept]) for name in ("time", "open", "high", "low", "close", "volume")
        }
        several.append(replace(bars, **columns))
    return several


def told(strategy: Any, bars: Bars | list[Bars]) -> dict[str, np.ndarray]:
    """Return what the strategy decides, each column with one row a bar."""
    if isinstance(bars, list):
        universe = UniverseView(bars)
        weights = strategy.weights(universe)
        return {"target": np.where(weights.rebalance[:, None], weights.target, 0.0), "rebalance": weights.rebalance}
    signals = strategy.signals(MarketView(bars))
    columns = {name: getattr(signals, name) for name in signals.__slots__}
    return {name: column for name, column in columns.items() if column is not None}


def _locked(column: np.ndarray) -> np.ndarray:
    column = np.ascontiguousarray(column)
    column.flags.writeable = False
    return column
