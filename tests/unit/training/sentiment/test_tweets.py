from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.errors import DomainError
from training.sentiment.sentences import sentences
from training.sentiment.tweets import Texts, once, read_finentity, read_tweets, split, thinned


def written(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_read_with_the_index_of_their_label(tmp_path):
    found = read_tweets(written(tmp_path, 'text,label\n"Up, again",positive\nDown,negative\n'))
    assert found == Texts(("Up, again", "Down"), (2, 0))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("words,label\na,positive\n", "must have the columns"),
        ("text,label\na,bullish\n", "must be one of negative, neutral, positive, it was 'bullish'"),
        ("", "must have the columns"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, match):
    with pytest.raises(DomainError, match=match):
        read_tweets(written(tmp_path, text))


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(DomainError, match="must be a csv file that can be read"):
        read_tweets(tmp_path / "none.csv")


def test_paragraphs_of_one_sentiment_are_taken_once(tmp_path):
    rows = "text,entity,label,single_sentiment\nA,x,positive,True\nA,y,positive,True\nB,x,negative,False\n"
    assert read_finentity(written(tmp_path, rows)) == Texts(("A",), (2,))


def test_repeated_texts_and_those_to_be_measured_on_are_left_out():
    train = Texts(("Up https://t.co/1", "up", "$ABC Down", "Flat"), (2, 2, 0, 1))
    assert once(train, without=Texts(("down",), (0,))) == Texts(("Up https://t.co/1", "Flat"), (2, 1))


@given(st.lists(st.integers(0, 2), min_size=3, max_size=80), st.integers(0, 9))
def test_a_split_loses_nothing_and_repeats_itself(labels, seed):
    texts = Texts(tuple(f"text {row}" for row in range(len(labels))), tuple(labels))
    rest, kept_back = split(texts, 0.3, seed=seed)
    assert sorted(rest.texts + kept_back.texts) == sorted(texts.texts)
    assert (rest, kept_back) == split(texts, 0.3, seed=seed)
    assert set(kept_back.labels) == set(labels)


def test_fewer_rows_keep_the_shares_of_labels():
    texts = Texts(tuple(map(str, range(100))), (0,) * 20 + (1,) * 70 + (2,) * 10)
    assert Counter(thinned(texts, 50, seed=1).labels) == {0: 10, 1: 35, 2: 5}
    assert thinned(texts, None, seed=1) is texts


def test_own_sentences_fill_every_slot_and_repeat_with_their_seed():
    found = sentences(600, seed=3)
    assert found == sentences(600, seed=3)
    assert found != sentences(600, seed=4)
    assert set(found.labels) == {0, 1, 2}
    assert not [text for text in found.texts if "{" in text or (not text[0].isupper() and text[0].isalpha())]
