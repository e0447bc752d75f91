from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_engine.lexicon import lexicon_version
from sentiment_engine.score import MAX_TEXTS, TooManyTexts, score_texts


@dataclass
class CountingScorer:
    """A scorer that answers by the length of a text and keeps what it was asked."""

    called: str = "counting 1"
    blend: float = 0.0
    asked: list[str] = field(default_factory=list)

    def readable(self, cleaned):
        return cleaned

    def probabilities(self, texts):
        self.asked += texts
        shares = np.array([(1.0, 1.0 + len(text) % 3, 2.0) for text in texts])
        return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("text", "warnings", "language"),
    [
        ("", ("empty_text",), "und"),
        ("<p> </p>", ("empty_text",), "und"),
        ("🚀🚀🚀", ("no_words",), "und"),
        ("12.5% 2024", ("no_words",), "und"),
        ("Акции выросли", ("not_english",), "ru"),
        ("x" * 1_000_001, ("text_too_long",), "und"),
        ("é" * 500_001, ("text_too_long",), "und"),
    ],
)
def test_what_cannot_be_scored_is_neutral_without_probabilities_and_says_why(text, warnings, language):
    scorer = CountingScorer()
    (found,) = score_texts([text], scorer)
    assert (found.label, found.score, found.probabilities) == ("neutral", 0.0, None)
    assert (found.warnings, found.language, found.is_scored) == (warnings, language, False)
    assert scorer.asked == []


def test_a_text_of_a_megabyte_is_read_at_its_start():
    (found,) = score_texts(["Profit rises. " * 70_000], CountingScorer())
    assert found.is_scored
    assert found.warnings == ("text_truncated",)


@pytest.mark.parametrize("piece", ["Apple up 3%, Intel down 4%, ", "a<", "Apple gains and ", "profit 1 from ", "$"])
def test_a_megabyte_made_to_be_slow_is_read_at_its_start(piece):
    (found,) = score_texts([piece * (999_999 // len(piece))], None)  # quadratic work here would take hours
    assert found.scored_by.startswith("lexicon")


def test_html_is_scored_as_what_it_shows():
    scorer = CountingScorer()
    score_texts(["<p>Profit&nbsp;<b>rises</b></p>"], scorer)
    assert scorer.asked == ["Profit rises"]


def test_a_broken_text_does_not_sink_the_others():
    found = score_texts(["", "Profit rises", "🚀"], CountingScorer())
    assert [one.is_scored for one in found] == [False, True, False]


def test_each_distinct_text_and_clause_goes_through_the_model_once():
    scorer = CountingScorer()
    score_texts(["AAPL rises while MSFT falls", "AAPL rises", "AAPL rises"], scorer)
    assert sorted(scorer.asked) == ["AAPL rises", "AAPL rises while MSFT falls", "MSFT falls"]


def test_without_a_model_the_lexicon_answers_and_says_so():
    rises, falls = score_texts(["Apple shares soar on strong demand", "Apple shares plunge on weak demand"], None)
    assert (rises.label, falls.label) == ("positive", "negative")
    assert rises.scored_by.startswith("lexicon ")
    assert rises.warnings == ("lexicon_only",)
    assert [hit.term for hit in rises.explanation] == ["strong demand", "soar"]


def test_without_a_model_companies_are_judged_by_their_clauses():
    (found,) = score_texts(["AAPL rises while MSFT falls"], None)
    assert [(one.symbol, one.label, one.clause) for one in found.entities] == [
        ("AAPL", "positive", "AAPL rises"),
        ("MSFT", "negative", "MSFT falls"),
    ]
    assert found.entities[0].relevance > found.entities[1].relevance


def test_the_lexicon_moves_a_model_by_its_blend():
    text = "Shares soar"
    plain, moved = (score_texts([text], CountingScorer(blend=blend))[0] for blend in (0.0, 1.0))
    assert moved.score > plain.score


@pytest.mark.parametrize(("blend", "named"), [(0.0, "counting 1"), (0.5, f"counting 1, lexicon {lexicon_version()}")])
def test_the_lexicon_is_named_where_it_has_a_say(blend, named):
    assert score_texts(["Shares soar"], CountingScorer(blend=blend))[0].scored_by == named


def test_a_text_that_the_model_reads_in_part_is_read_as_far_by_all():
    class ShortSighted(CountingScorer):
        def readable(self, cleaned):
            return cleaned[:12]

    scorer = ShortSighted()
    (found,) = score_texts(["Profit rises. Apple shares crash."], scorer)
    assert scorer.asked == ["Profit rises"]
    assert (found.warnings, found.entities) == (("text_truncated",), ())
    assert "crash" not in {hit.term for hit in found.explanation}


def test_more_texts_than_the_limit_are_refused_with_the_limit():
    with pytest.raises(TooManyTexts, match=r"at most 10,000 .* there were 10,001"):
        score_texts(["a"] * (MAX_TEXTS + 1), None)


def test_no_texts_have_no_scores():
    assert score_texts([], None) == []


@given(st.lists(st.text(max_size=120), max_size=6), st.booleans())
def test_scores_follow_from_probabilities_and_stay_in_range(texts, is_alone):
    for found in score_texts(texts, None if is_alone else CountingScorer(blend=0.7)):
        assert -1 <= found.score <= 1
        assert (found.probabilities is None) == bool(
            {"empty_text", "no_words", "not_english", "text_too_long"} & set(found.warnings)
        )
        if found.probabilities is not None:
            shares = (found.probabilities.negative, found.probabilities.neutral, found.probabilities.positive)
            assert sum(shares) == pytest.approx(1)
            assert found.score == pytest.approx(shares[2] - shares[0])
            assert ("negative", "neutral", "positive")[int(np.argmax(shares))] == found.label
