"""The words for patterns: their names, their directions, and what the catalogue says of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from market_data.errors import DomainError

PatternName = Literal[
    "abandoned_baby",
    "advance_block",
    "belt_hold",
    "breakaway",
    "closing_marubozu",
    "concealing_baby_swallow",
    "counterattack",
    "dark_cloud_cover",
    "doji",
    "doji_star",
    "dragonfly_doji",
    "engulfing",
    "evening_doji_star",
    "evening_star",
    "gap_side_by_side_white",
    "gravestone_doji",
    "hammer",
    "hanging_man",
    "harami",
    "harami_cross",
    "high_wave",
    "hikkake",
    "homing_pigeon",
    "identical_three_crows",
    "in_neck",
    "inverted_hammer",
    "kicking",
    "kicking_by_length",
    "ladder_bottom",
    "long_legged_doji",
    "long_line",
    "marubozu",
    "mat_hold",
    "matching_low",
    "modified_hikkake",
    "morning_doji_star",
    "morning_star",
    "on_neck",
    "piercing",
    "rickshaw_man",
    "rising_falling_three_methods",
    "separating_lines",
    "shooting_star",
    "short_line",
    "spinning_top",
    "stalled_pattern",
    "stick_sandwich",
    "takuri",
    "tasuki_gap",
    "three_black_crows",
    "three_inside",
    "three_line_strike",
    "three_outside",
    "three_stars_in_the_south",
    "three_white_soldiers",
    "thrusting",
    "tristar",
    "two_crows",
    "unique_three_river",
    "upside_downside_gap_three_methods",
    "upside_gap_two_crows",
]

# What a pattern says by itself, per the comments in TA-Lib's sources. "both": bullish or bearish, by the sign
# of the output. "neutral": the sign is no direction. It is always + for the lone doji (doji, dragonfly,
# gravestone, long-legged, rickshaw man, takuri), which "does not mean it is bullish", and it is the candle's
# colour for high wave, short line and spinning top.
Direction = Literal["bullish", "bearish", "both", "neutral"]

_NAMES: Final[tuple[PatternName, ...]] = get_args(PatternName)


@dataclass(frozen=True, slots=True)
class PatternSpec:
    """One pattern of the catalogue.

    bars: how many candles form it. Not counted are a bar that only confirms it (hikkake) and candles that it
    is compared with: the previous one for a hammer, the averages of up to ten for "long" or "short".
    """

    name: PatternName
    title: str
    talib_function: str
    bars: int
    direction: Direction
    description: str


def check_pattern(text: str) -> PatternName:
    """Return `text` if it names a pattern, else raise DomainError."""
    if text not in _NAMES:
        raise DomainError(f"a pattern must be one of the {len(_NAMES)} in PATTERNS, such as 'doji'; was {text!r}")
    return text
