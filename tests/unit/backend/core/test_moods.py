from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from backend.core.moods import NEUTRAL_WITHIN, day_mood, iso_of, iso_of_ns, label_of, ns_of, span_of, symbol_mood
from sentiment_engine.aggregate import Observation, by_symbol, by_symbol_and_day

AT = datetime(2024, 5, 10, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(("text", "span"), [("24h", timedelta(hours=24)), ("7d", timedelta(days=7))])
def test_a_lookback_is_hours_or_days(text, span):
    assert span_of(text) == span


@pytest.mark.parametrize(
    ("score", "label"),
    [(1.0, "positive"), (-1.0, "negative"), (0.0, "neutral"), (NEUTRAL_WITHIN, "positive"), (-0.149, "neutral")],
)
def test_a_mean_near_zero_is_neutral(score, label):
    assert label_of(score) == label


def test_moments_are_told_in_utc_and_come_back():
    assert iso_of(AT.astimezone(timezone(timedelta(hours=-4)))) == "2024-05-10T12:30:00Z"
    assert iso_of_ns(ns_of(AT)) == "2024-05-10T12:30:00Z"


def observation(score: float, *, group: int | None = None) -> Observation:
    label = label_of(score)
    return Observation(symbol="AAPL", time_ns=ns_of(AT), score=score, label=label, group=group)


def test_a_mood_tells_counts_and_spread():
    (aggregate,) = by_symbol([observation(0.8), observation(-0.2), observation(-0.2, group=1)], half_life_s=1.0)
    mood = symbol_mood(aggregate, ns_of(AT))
    assert (mood.label, mood.article_count, mood.duplicate_count) == ("neutral", 3, 0)
    assert mood.score == pytest.approx(0.4 / 3)
    assert mood.dispersion is not None
    assert (mood.positive_count, mood.neutral_count, mood.negative_count) == (1, 0, 2)
    assert mood.newest_at == "2024-05-10T12:30:00Z"


def test_what_only_repeats_has_no_spread_and_no_weight_of_its_own():
    (aggregate,) = by_symbol([observation(0.8, group=1), observation(0.8, group=1)], half_life_s=1.0)
    mood = symbol_mood(aggregate, None)
    assert (mood.article_count, mood.duplicate_count, mood.dispersion, mood.newest_at) == (2, 1, None, None)
    assert mood.effective_count == pytest.approx(1.0)


def test_a_day_is_told_by_its_date():
    (aggregate,) = by_symbol_and_day([observation(0.8)], half_life_s=1.0)
    assert day_mood(aggregate).day == date(2024, 5, 10).isoformat()
