"""Which sides of the market a strategy may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from market_data.bars import BoolArray, FloatArray
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals

Direction = Literal["long_only", "short_only", "both"]


def directed(
    view: MarketView,
    direction: Direction,
    *,
    entries: BoolArray,
    exits: BoolArray,
    short_entries: BoolArray,
    short_exits: BoolArray,
    stop_loss: FloatArray | None = None,
) -> Signals:
    """Return the signals of the sides that `direction` allows; the others are never entered."""
    is_long, is_short = direction != "short_only", direction != "long_only"
    return view.signals(
        entries=entries if is_long else view.never(),
        exits=exits if is_long else view.never(),
        short_entries=short_entries if is_short else None,
        short_exits=short_exits if is_short else None,
        stop_loss=stop_loss,
    )
