"""What speaks for an action and what against it, beside the ensemble's probabilities: facts, each with a direction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pattern_engine.catalogue import PATTERNS
from suggestion_engine.confidence import lean
from suggestion_engine.plan import Action, Probabilities

if TYPE_CHECKING:
    from pattern_engine.match import Match

Source = Literal["pattern", "sentiment", "regime", "model"]
Direction = Literal["buy", "sell", "neutral"]

PATTERN_BARS: Final = 3
"""How many of the newest bars are looked at for candlesticks."""
PATTERNS_AT_MOST: Final = 6
POINTED_PATTERNS: Final = tuple(name for name, spec in PATTERNS.items() if spec.direction != "neutral")
"""The candlesticks that point a way."""
MOOD_SCORE: Final = 0.15
"""From here on the mean score of the news (-1 .. 1) points a way."""

_OF_PATTERN: Final[dict[str, Direction]] = {"bullish": "buy", "bearish": "sell", "neutral": "neutral"}
_OF_REGIME: Final[dict[str, Direction]] = {
    "bull_quiet": "buy",
    "bull_volatile": "buy",
    "bear_quiet": "sell",
    "bear_volatile": "sell",
}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something seen, and which way it points."""

    source: Source
    name: str
    direction: Direction
    detail: str


@dataclass(frozen=True, kw_only=True)
class Mood:
    """The news about a symbol in the days before: their mean score (-1 .. 1), by relevance, and how many there were."""

    score: float
    article_count: int
    lookback_days: int


@dataclass(frozen=True)
class Evidence:
    agreeing: tuple[Fact, ...]
    disagreeing: tuple[Fact, ...]


def pattern_facts(matches: Iterable[Match], *, newest_bar: int) -> list[Fact]:
    """Return the newest candlesticks that have a direction, the latest first; nearly every bar has some without."""
    pointed = sorted(
        (match for match in matches if match.direction != "neutral"),
        key=lambda match: (-match.bar_index, -match.strength, match.pattern),
    )
    return [
        Fact(
            source="pattern",
            name=match.pattern,
            direction=_OF_PATTERN[match.direction],
            detail=f"{PATTERNS[match.pattern].title}, {match.direction}, {_bars_ago(newest_bar - match.bar_index)}",
        )
        for match in pointed[:PATTERNS_AT_MOST]
    ]


def regime_fact(name: str, detail: str) -> Fact:
    return Fact(source="regime", name=name, direction=_OF_REGIME.get(name, "neutral"), detail=detail)


def mood_fact(mood: Mood) -> Fact:
    """Return what the news say; near 0 they point nowhere."""
    direction: Direction = "neutral" if abs(mood.score) < MOOD_SCORE else "buy" if mood.score > 0 else "sell"
    noun = "article" if mood.article_count == 1 else "articles"
    detail = f"mean score {mood.score:+.2f} over {mood.article_count} {noun} of {mood.lookback_days} days"
    return Fact(source="sentiment", name="news", direction=direction, detail=detail)


def model_fact(name: str, p: Probabilities, *, min_edge: float) -> Fact:
    """Return which way one member leans by itself."""
    own = lean(p.edge, min_edge=max(min_edge, 1e-9))
    detail = f"buy {p.buy:.1%}, hold {p.hold:.1%}, sell {p.sell:.1%}"
    return Fact(source="model", name=name, direction="neutral" if own == "hold" else own, detail=detail)


def weigh(action: Action, facts: Sequence[Fact]) -> Evidence:
    """Return the facts split by whether they point the way of the action; those that point nowhere are left out.

    A hold has no way of its own: what points up stands under `agreeing`, what points down under `disagreeing`, so
    that its reader sees both sides of what was not enough.
    """
    side = "buy" if action == "hold" else action
    pointed = [fact for fact in facts if fact.direction != "neutral"]
    return Evidence(
        agreeing=tuple(fact for fact in pointed if fact.direction == side),
        disagreeing=tuple(fact for fact in pointed if fact.direction != side),
    )


def _bars_ago(count: int) -> str:
    if count == 0:
        return "on the newest bar"
    return "1 bar ago" if count == 1 else f"{count} bars ago"
