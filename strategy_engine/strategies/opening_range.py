"""The breakout of a session's first minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from annotated_types import Ge, Le

from market_data.bounds import settle
from market_data.errors import require
from market_data.timeframe import DATED_TIMEFRAMES, NS_PER_S, step_ns
from strategy_engine.strategies.direction import Direction, directed

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals

_NS_PER_MIN: Final = 60 * NS_PER_S


@dataclass(frozen=True, kw_only=True)
class OpeningRange:
    """Long from a close above the range of the session's opening until the session ends, short from one below it.

    The range is that of the first `opening_min` minutes. The first close of a session outside of it decides:
    above, it buys with a stop-loss at the range's low; below, it sells short with one at its high. Everything
    is left at the open of the last bar that a session of `session_min` minutes has, at the latest at the second
    of the next one. A session begins with a bar that opens more than `gap_min` minutes after the one before it,
    or a day after the last one began; so it needs no calendar. For timeframes within a day. Source: Crabel
    (1990), "Day Trading with Short Term Price Patterns and Opening Range Breakout".
    """

    opening_min: Annotated[int, Ge(1), Le(720)] = 30
    session_min: Annotated[int, Ge(2), Le(1_440)] = 390
    gap_min: Annotated[int, Ge(1), Le(1_440)] = 240
    direction: Direction = "long_only"
    kind: Literal["opening_range"] = "opening_range"

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.opening_min < self.session_min,
            f"opening_min must be below session_min, was {self.opening_min} with session_min {self.session_min}",
        )

    def signals(self, view: MarketView) -> Signals:
        require(
            view.timeframe not in DATED_TIMEFRAMES,
            f"the opening of a session needs a timeframe within a day, was {view.timeframe}",
        )
        range_ = view.opening_range(self.opening_min * _NS_PER_MIN, self.gap_min * _NS_PER_MIN)
        is_late = range_.elapsed_ns + 2 * step_ns(view.timeframe) >= self.session_min * _NS_PER_MIN
        up, down = (view.close > range_.high) & ~is_late, (view.close < range_.low) & ~is_late
        is_first = view.first_of_session(up | down, range_.elapsed_ns)
        is_over = is_late | (range_.elapsed_ns == 0)
        return directed(
            view,
            self.direction,
            entries=up & is_first,
            exits=is_over,
            short_entries=down & is_first,
            short_exits=is_over,
            stop_loss=view.choose(down, range_.high, range_.low),
        )
