"""Prices of fills, fees and distances. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulation.inputs import Decisions, Market, Rules
from strategy_engine.simulation.layout import (
    ABOVE,
    FIRST_RANGE,
    FIRST_TIER,
    KIND,
    NO_DISTANCE,
    OF_PRICE,
    OF_RANGE,
    PERIOD,
    RATE,
    SLIP,
    TRADED,
    VALUE,
)


@inlined
def given(plane: int, i: int, j: int, decisions: Decisions) -> float:
    """Return what a strategy gave for symbol j at bar i, NaN for nothing."""
    return decisions.values[plane, i, j] if decisions.values.shape[0] > 0 else np.nan


@inner
def commission(size: float, price: float, rules: Rules) -> float:
    """Return what an order of `size` units, >= 0, at `price` costs, in currency."""
    value = size * price
    charge = value * rules.commission_rate
    below = rules.commission_rate
    for k in range(FIRST_TIER, FIRST_TIER + rules.tier_count):
        above, rate = rules.table[k, ABOVE], rules.table[k, RATE]
        if value > above:
            charge += (value - above) * (rate - below)
        below = rate
    return max(rules.commission_min, rules.commission_fixed + rules.commission_per_unit * size + charge)


@inner
def slip_frac(i: int, j: int, size: float, market: Market, rules: Rules) -> float:
    """Return by which fraction an order of `size` units slips in bar i of symbol j, the spread left out."""
    slip = rules.slippage
    if rules.slips_by_bar:
        slip += market.bars[SLIP, i, j]
    if rules.price_impact > 0.0 and market.bars[TRADED, i, j] > 0.0:
        slip += rules.price_impact * (size / market.bars[TRADED, i, j]) ** 2
    return slip


@inner
def largest_fill(i: int, j: int, rules: Rules, market: Market) -> float:
    """Return how many units an order may take of bar i of symbol j: its share of the volume, or infinity."""
    return rules.max_share * market.bars[TRADED, i, j] if rules.max_share > 0.0 else np.inf


@inner
def distance(place: int, price: float, risk: float, i: int, j: int, market: Market, rules: Rules) -> float:
    """Return the distance that Rules.table has at `place`, in currency, as of the close of bar i; NaN for none."""
    kind, value = rules.table[place, KIND], rules.table[place, VALUE]
    if kind == NO_DISTANCE:
        return np.nan
    if kind == OF_PRICE:
        return price * value
    if kind == OF_RANGE:
        return market.bars[FIRST_RANGE + int(rules.table[place, PERIOD]), i, j] * value
    return risk * value
