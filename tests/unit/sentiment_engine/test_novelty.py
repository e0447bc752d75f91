from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.errors import DomainError
from sentiment_engine.novelty import duplicate_groups

HEADLINES = [
    "Apple beats estimates as iPhone sales surge in China",
    "Apple beats estimates as iPhone sales surge in China - Reuters",
    "APPLE BEATS ESTIMATES AS IPHONE SALES SURGE IN CHINA!",
    "Oil slides after inventories rise by more than forecast",
    "Shares of Ford up 3% after results",
    "Shares of Ford up 5% after results",
    "Just in: Oil slides after inventories rise by more than forecast",
]


def test_repeated_headlines_are_joined_to_the_first():
    assert duplicate_groups(HEADLINES).tolist() == [0, 0, 0, 3, 4, 5, 3]


def test_texts_without_words_repeat_only_their_equals():
    assert duplicate_groups(["", "🚀", "🚀", ""]).tolist() == [0, 1, 1, 0]


def test_no_texts_have_no_groups():
    assert duplicate_groups([]).tolist() == []


@pytest.mark.parametrize("similar", [0, -1, 1.01, float("nan")])
def test_a_share_outside_its_range_is_refused(similar):
    with pytest.raises(DomainError, match="similar must lie above 0"):
        duplicate_groups(["a"], similar=similar)


TEXTS = st.lists(
    st.lists(st.sampled_from(["oil", "gold", "falls", "rises", "bank", "3%", "on", "fears"]), max_size=9).map(" ".join),
    max_size=25,
)


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_texts_does_not_change_what_repeats_what(texts, chance):
    order = list(range(len(texts)))
    chance.shuffle(order)
    groups = duplicate_groups(texts)
    shuffled = duplicate_groups([texts[row] for row in order])
    same = groups[order][:, None] == groups[order][None, :]
    np.testing.assert_array_equal(same, shuffled[:, None] == shuffled[None, :])


@given(TEXTS)
def test_texts_once_rid_of_repeats_hold_no_more(texts):
    groups = duplicate_groups(texts)
    kept = [texts[row] for row in sorted(set(groups.tolist()))]
    assert duplicate_groups(kept).tolist() == list(range(len(kept)))


def test_ten_thousand_alike_texts_are_grouped():
    texts = [f"Market report {row}: oil falls on fears" for row in range(2_500)] * 4
    assert len(set(duplicate_groups(texts).tolist())) == 2_500
