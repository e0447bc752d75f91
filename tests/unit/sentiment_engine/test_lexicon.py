from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_engine.lexicon import entry_count, lexicon_score, lexicon_version


@pytest.mark.parametrize(
    "text",
    [
        "Profit rises on strong demand",
        "Costs fell sharply",
        "The net loss narrowed",
        "Jobless claims decline",
        "Shares up 3%",
        "The company did not miss expectations",
        "Turnover was EUR 5.1 million, compared with EUR 3.9 million",
        "Better-than-expected quarter",
    ],
)
def test_good_news_scores_above_zero(text):
    assert lexicon_score(text).score > 0


@pytest.mark.parametrize(
    "text",
    [
        "Profit falls",
        "Costs rise",
        "The net loss widened",
        "Shares down 3%",
        "The outlook is not good",
        "Turnover was EUR 3.9 million, compared with EUR 5.1 million",
        "Worse than expected",
        "Fails to win approval",
    ],
)
def test_bad_news_scores_below_zero(text):
    assert lexicon_score(text).score < 0


@pytest.mark.parametrize("text", ["", "The company is based in Oslo", "Up to the board", "Best Buy names director"])
def test_a_text_without_judgement_scores_zero(text):
    assert lexicon_score(text).score == 0


def test_negation_turns_a_hit_and_weakens_it():
    plain = lexicon_score("a strong quarter").hits[0].weight
    negated = lexicon_score("not a strong quarter").hits[0].weight
    assert -plain < negated < 0


def test_amplifiers_and_dampeners_scale_a_hit():
    slightly, plain, sharply = (
        lexicon_score(f"profit {adverb} fell").hits[0].weight for adverb in ("slightly", "", "sharply")
    )
    assert sharply < plain < slightly < 0


def test_hits_name_the_longest_phrase():
    assert [hit.term for hit in lexicon_score("results better than expected").hits] == ["better than expected"]


def test_the_lexicon_is_of_size_and_its_version_is_short():
    assert entry_count() > 300
    assert len(lexicon_version()) == 12


@given(st.text(max_size=400))
def test_scores_lie_between_minus_one_and_one_and_follow_from_the_hits(text):
    found = lexicon_score(text)
    assert -1 < found.score < 1
    assert sum(hit.weight for hit in found.hits) == pytest.approx(found.positive - found.negative)
