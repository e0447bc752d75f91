"""Turns settings into the numbers that the kernels take."""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import FloatArray
from market_data.timeframe import NS_PER_DAY
from strategy_engine.distance import AtrDistance, FractionDistance, RiskDistance
from strategy_engine.entry_order import MarketOrder, StopLimitOrder
from strategy_engine.settings import Settings
from strategy_engine.simulation import layout
from strategy_engine.simulation.inputs import Rules
from strategy_engine.sizing import (
    AnySizing,
    KellyFraction,
)
from strategy_engine.slippage import FixedSlippage, VolatilitySlippage, VolumeShareSlippage

Distance = FractionDistance | AtrDistance | RiskDistance

_PROFILES: Final = {
    "next_open": layout.NEXT_OPEN,
    "backtesting_py": layout.BACKTESTING_PY,
    "vectorbt": layout.VECTORBT,
}
_SAME_BAR: Final = {
    "stop_first": layout.STOP_FIRST,
    "ohlc_path": layout.OHLC_PATH,
    "lower_timeframe": layout.LOWER_BARS,
}
_ENTRIES: Final = {
    "market": layout.MARKET_ENTRY,
    "limit": layout.LIMIT_ENTRY,
    "stop": layout.STOP_ENTRY,
    "stop_limit": layout.STOP_LIMIT_ENTRY,
}
# Each sizing, and the field that is its size.
_SIZINGS: Final = {
    "all_cash": (layout.ALL_OF_CASH, ""),
    "equity_fraction": (layout.FRACTION, "frac"),
    "fixed_units": (layout.UNITS, "units"),
    "fixed_cash": (layout.CASH, "cash"),
    "risk_per_trade": (layout.BY_RISK, "risk_frac"),
    "volatility_target": (layout.BY_VOLATILITY, "target_vol"),
    "kelly_fraction": (layout.KELLY, "fraction"),
}
_NS_PER_YEAR: Final = 365.0 * NS_PER_DAY
_ROUNDING: Final = 1e-9  # of shares that add up to 1


def rules_of(settings: Settings) -> Rules:
    """Return the settings in numbers."""
    account, costs, exits, fills = settings.account, settings.costs, settings.exits, settings.fills
    slip = costs.slippage
    kind, value = _sizing(settings.sizing)
    lookback, start, floor, cap = _kelly(settings.sizing)
    spread, exit_spread = _spreads(settings)
    return Rules(
        commission_rate=costs.commission_rate,
        commission_fixed=costs.commission_fixed,
        commission_per_unit=costs.commission_per_unit,
        commission_min=costs.commission_min,
        tier_count=len(costs.commission_tiers),
        spread=spread,
        exit_spread=exit_spread,
        slippage=slip.frac if isinstance(slip, FixedSlippage) else 0.0,
        slips_by_bar=isinstance(slip, VolatilitySlippage),
        price_impact=slip.price_impact if isinstance(slip, VolumeShareSlippage) else 0.0,
        max_share=slip.max_share if isinstance(slip, VolumeShareSlippage) else 0.0,
        lot_step=account.lot_step,
        min_notional=account.min_notional,
        leverage=account.leverage,
        maintenance=account.maintenance,
        borrow_per_ns=account.borrow_rate / _NS_PER_YEAR,
        cash_per_ns=account.cash_rate / _NS_PER_YEAR,
        sizing=kind,
        size_value=value,
        kelly_lookback=lookback,
        kelly_start=start,
        kelly_floor=floor,
        kelly_cap=cap,
        rung_count=len(exits.ladder),
        ladder_leaves_all=sum(rung.share for rung in exits.ladder) > 1.0 - _ROUNDING,
        time_stop=exits.time_stop_bars or 0,
        entry=_ENTRIES[settings.entry.kind],
        valid_bars=1 if isinstance(settings.entry, MarketOrder) else settings.entry.valid_bars,
        profile=_PROFILES[fills.profile],
        same_bar=_SAME_BAR[fills.same_bar],
        is_through=fills.limit_fill == "through",
        is_closed_at_end=fills.close_at_end,
        table=_table(settings),
    )


def atr_periods(settings: Settings) -> tuple[int, ...]:
    """Return the periods of average true ranges that the settings measure by, each once."""
    return tuple(sorted({d.period for d in _all_distances(settings) if isinstance(d, AtrDistance)}))


def _spreads(settings: Settings) -> tuple[float, float]:
    spread = settings.costs.spread_frac
    return (spread, 0.0) if settings.fills.profile == "backtesting_py" else (spread / 2.0, spread / 2.0)


def _all_distances(settings: Settings) -> list[Distance | None]:
    """Return every distance at its place in `layout`."""
    exits, entry = settings.exits, settings.entry
    offset: Distance | None = None
    limit_offset: Distance | None = None
    if isinstance(entry, StopLimitOrder):
        offset, limit_offset = entry.stop_offset, entry.limit_offset
    elif not isinstance(entry, MarketOrder):
        offset = entry.offset
    rungs = [rung.target for rung in exits.ladder]
    return [exits.stop_loss, exits.take_profit, exits.trailing_stop, offset, limit_offset, *rungs]


def _table(settings: Settings) -> FloatArray:
    tiers, ladder = settings.costs.commission_tiers, settings.exits.ladder
    table = np.zeros((layout.FIRST_TIER + len(tiers), 4))
    periods = atr_periods(settings)
    for place, distance in enumerate(_all_distances(settings)):
        match distance:
            case FractionDistance():
                table[place, :3] = layout.OF_PRICE, distance.frac, 0.0
            case AtrDistance():
                table[place, :3] = layout.OF_RANGE, distance.multiple, periods.index(distance.period)
            case RiskDistance():
                table[place, :3] = layout.OF_RISK, distance.multiple, 0.0
            case None:
                pass
    for k, rung in enumerate(ladder):
        table[layout.FIRST_RUNG + k, layout.SHARE] = rung.share
    for k, tier in enumerate(tiers):
        table[layout.FIRST_TIER + k, :2] = tier.above, tier.rate
    table.flags.writeable = False
    return table


def _sizing(sizing: AnySizing) -> tuple[int, float]:
    kind, field = _SIZINGS[sizing.kind]
    return kind, float(getattr(sizing, field)) if field else 0.0


def _kelly(sizing: AnySizing) -> tuple[int, float, float, float]:
    if isinstance(sizing, KellyFraction):
        return sizing.lookback_trades, sizing.start_frac, sizing.floor_frac, sizing.cap_frac
    return 0, 0.0, 0.0, 0.0
