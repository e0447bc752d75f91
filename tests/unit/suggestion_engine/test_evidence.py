"""Facts point a way, and are split by whether that is the action's."""

from __future__ import annotations

import pytest

from pattern_engine.match import Match
from suggestion_engine.evidence import (
    PATTERNS_AT_MOST,
    Fact,
    Mood,
    model_fact,
    mood_fact,
    pattern_facts,
    regime_fact,
    weigh,
)
from suggestion_engine.plan import Probabilities

UP = Fact(source="model", name="up", direction="buy", detail="")
DOWN = Fact(source="model", name="down", direction="sell", detail="")
NOWHERE = Fact(source="model", name="nowhere", direction="neutral", detail="")


def match(pattern: str, direction: str, bar: int) -> Match:
    return Match(
        symbol="A",
        pattern=pattern,
        direction=direction,
        strength=100,
        bar_time_ns=bar,
        bar_index=bar,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("action", "agreeing"), [("buy", UP), ("sell", DOWN), ("hold", UP)])
def test_facts_stand_on_the_side_they_point_to(action: str, agreeing: Fact) -> None:
    found = weigh(action, [UP, NOWHERE, DOWN])  # type: ignore[arg-type]
    assert found.agreeing == (agreeing,)
    assert set(found.agreeing + found.disagreeing) == {UP, DOWN}


def test_the_newest_patterns_with_a_direction_come_first() -> None:
    matches = [
        match("doji", "neutral", 9),
        match("engulfing", "bearish", 7),
        match("hammer", "bullish", 9),
        match("harami", "bullish", 8),
    ]
    facts = pattern_facts(matches, newest_bar=9)
    assert [(fact.name, fact.direction) for fact in facts] == [
        ("hammer", "buy"),
        ("harami", "buy"),
        ("engulfing", "sell"),
    ]
    assert [fact.detail.rpartition(", ")[2] for fact in facts] == ["on the newest bar", "1 bar ago", "2 bars ago"]


def test_patterns_are_few() -> None:
    matches = [match("hammer", "bullish", bar) for bar in range(20)]
    assert len(pattern_facts(matches, newest_bar=19)) == PATTERNS_AT_MOST


@pytest.mark.parametrize(("score", "direction"), [(0.2, "buy"), (-0.2, "sell"), (0.1, "neutral")])
def test_news_point_where_they_are_clear(score: float, direction: str) -> None:
    fact = mood_fact(Mood(score=score, article_count=1, lookback_days=7))
    assert fact.direction == direction
    assert "over 1 article of 7 days" in fact.detail


@pytest.mark.parametrize(
    ("name", "direction"),
    [("bull_volatile", "buy"), ("bear_quiet", "sell"), ("sideways", "neutral"), ("unknown", "neutral")],
)
def test_a_regime_points_with_its_trend(name: str, direction: str) -> None:
    assert regime_fact(name, "").direction == direction


def test_a_member_leans_by_its_own_edge() -> None:
    p = Probabilities(sell=0.3, hold=0.3, buy=0.4)
    assert model_fact("m", p, min_edge=0.05).direction == "buy"
    assert model_fact("m", p, min_edge=0.2).direction == "neutral"
    assert model_fact("m", p, min_edge=0.05).detail == "buy 40.0%, hold 30.0%, sell 30.0%"
