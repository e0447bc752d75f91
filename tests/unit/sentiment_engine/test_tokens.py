from __future__ import annotations

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from model_files.errors import ModelRefused
from sentiment_engine.tokens import TokenEncoder, read_tokenizer

START, END, UNKNOWN = 1, 2, 0


def tokenizer(*words):
    known = {"[UNK]": UNKNOWN, "[CLS]": START, "[SEP]": END} | {word: 3 + number for number, word in enumerate(words)}
    made = Tokenizer(WordLevel(known, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return made


def test_a_text_is_its_tokens_between_marks_without_padding():
    padding = tokenizer("up", "down")
    padding.enable_padding(length=20)
    assert TokenEncoder(padding, 8).chunks(["up down"], max_chunks=1) == [[[START, 3, 4, END]]]


def test_a_long_text_is_cut_into_chunks_each_with_its_marks():
    encoder = TokenEncoder(tokenizer("up"), 8)
    assert [len(part) for part in encoder.chunks(["up " * 14], max_chunks=9)[0]] == [8, 8, 4]
    assert [len(part) for part in encoder.chunks(["up " * 14], max_chunks=2)[0]] == [8, 8]


def test_an_empty_text_is_one_chunk_of_marks():
    assert TokenEncoder(tokenizer("up"), 8).chunks([""], max_chunks=3) == [[[START, END]]]


def test_a_tokenizer_without_marks_is_refused():
    with pytest.raises(ModelRefused, match=r"must know \[CLS\]"):
        TokenEncoder(Tokenizer(WordLevel({"up": 0}, unk_token="up")), 8)


def test_too_few_tokens_are_refused():
    with pytest.raises(ModelRefused, match="max_tokens must be 8 or more, it was 7"):
        TokenEncoder(tokenizer("up"), 7)


@pytest.mark.parametrize("told", [b"{}", b"\xff"])
def test_what_is_no_tokenizer_is_refused(told):
    with pytest.raises(ModelRefused, match="must be a tokenizer's file"):
        read_tokenizer(told)


def test_a_text_is_readable_up_to_the_token_that_no_chunk_holds():
    encoder = TokenEncoder(tokenizer("up"), 8)
    assert encoder.readable_chars("up " * 12, max_chunks=2) is None
    assert encoder.readable_chars("up " * 13, max_chunks=2) == 36
