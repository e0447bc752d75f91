from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.errors import DomainError
from sentiment_engine.aggregate import Observation, by_symbol, by_symbol_and_day

DAY_S = 86_400
DAY_NS = DAY_S * 10**9


def observed(score, *, days=0.0, symbol="AAPL", weight=1.0, group=None):
    label = "positive" if score > 0.2 else "negative" if score < -0.2 else "neutral"
    return Observation(symbol=symbol, time_ns=int(days * DAY_NS), score=score, label=label, weight=weight, group=group)


def test_a_text_one_half_life_older_counts_half():
    (found,) = by_symbol([observed(1.0, days=1), observed(-0.5, days=0)], half_life_s=DAY_S)
    assert found.mean == pytest.approx((1.0 * 1 - 0.5 * 0.5) / 1.5)
    assert found.effective_n == pytest.approx(1.5**2 / 1.25)
    assert (found.n_positive, found.n_negative, found.newest_ns) == (1, 1, DAY_NS)


def test_repeated_texts_count_once_by_the_earliest():
    texts = [observed(0.8, days=2, group=1), observed(0.4, days=1, group=1), observed(0.0, days=1)]
    (found,) = by_symbol(texts, half_life_s=DAY_S)
    assert found.mean == pytest.approx(0.2)
    assert (found.n_texts, found.n_novel) == (3, 2)


def test_days_and_symbols_are_told_apart_in_order():
    texts = [observed(1, days=1.5), observed(-1, days=0.5), observed(0, symbol="AA", days=1.2)]
    found = by_symbol_and_day(texts, half_life_s=DAY_S)
    assert [(one.symbol, one.day, one.mean) for one in found] == [
        ("AA", date(1970, 1, 2), 0.0),
        ("AAPL", date(1970, 1, 1), -1.0),
        ("AAPL", date(1970, 1, 2), 1.0),
    ]


def test_very_old_texts_do_not_end_in_a_division_by_zero():
    (found,) = by_symbol([observed(0.5, days=0), observed(0.7, days=20_000)], half_life_s=60)
    assert found.mean == pytest.approx(0.7)


def test_nothing_observed_gives_nothing():
    assert by_symbol([], half_life_s=DAY_S) == []


@pytest.mark.parametrize("half_life_s", [0, -1, float("nan")])
def test_a_half_life_must_be_above_zero(half_life_s):
    with pytest.raises(DomainError, match="half_life_s must be above 0"):
        by_symbol([observed(0.0)], half_life_s=half_life_s)


@pytest.mark.parametrize(("score", "weight"), [(1.1, 1.0), (float("nan"), 1.0), (0.0, 0.0), (0.0, float("inf"))])
def test_scores_and_weights_outside_their_range_are_refused(score, weight):
    with pytest.raises(DomainError):
        observed(score, weight=weight)


OBSERVATIONS = st.lists(
    st.builds(
        observed,
        st.floats(-1, 1),
        days=st.floats(0, 30),
        symbol=st.sampled_from(["A", "B"]),
        weight=st.floats(0.01, 1),
        group=st.none() | st.integers(0, 3),
    ),
    max_size=20,
)


@given(OBSERVATIONS, st.randoms(use_true_random=False))
def test_the_order_of_texts_changes_nothing(texts, chance):
    shuffled = list(texts)
    chance.shuffle(shuffled)
    for aggregated in (by_symbol, by_symbol_and_day):
        assert aggregated(shuffled, half_life_s=DAY_S) == aggregated(texts, half_life_s=DAY_S)


@given(OBSERVATIONS)
def test_means_and_counts_stay_in_their_bounds(texts):
    for one in by_symbol(texts, half_life_s=DAY_S):
        assert -1 <= one.mean <= 1
        assert 0 <= one.dispersion <= 1
        assert 1 - 1e-9 <= one.effective_n <= one.n_novel + 1e-9
        assert one.n_positive + one.n_neutral + one.n_negative == one.n_novel <= one.n_texts


@given(OBSERVATIONS)
def test_doubling_all_weights_changes_no_mean(texts):
    half = [replace(one, weight=one.weight / 2) for one in texts]
    for one, other in zip(by_symbol(texts, half_life_s=DAY_S), by_symbol(half, half_life_s=DAY_S), strict=True):
        assert other.mean == pytest.approx(one.mean)
