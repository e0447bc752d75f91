"""What names a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from training.sentiment.options import SentimentOptions
from training.sentiment.steps import Data, checkpoint_key
from training.sentiment.tweets import Texts

OPTIONS = SentimentOptions(tweets=Path("tweets"), out=Path("out"), work=Path("work"))
DATA = Data(
    fitted=Texts(("profit rose",), (2,)),
    own=Texts(("profit fell",), (0,)),
    kept_back=Texts(("profit was flat",), (1,)),
    valid=Texts(("profit will be told",), (1,)),
    n_repeated=0,
)


@pytest.mark.parametrize(
    "other",
    [
        replace(DATA, fitted=Texts(("profit soared",), (2,))),
        replace(DATA, own=Texts(("the fine was paid",), (0,))),
        replace(DATA, own=Texts(("profit fell",), (1,))),
        replace(DATA, kept_back=Texts(("profit was even",), (1,))),
        replace(DATA, kept_back=Texts(("profit was flat",), (0,))),
    ],
)
def test_other_texts_or_labels_never_continue_a_checkpoint(other):
    assert checkpoint_key(OPTIONS, other) != checkpoint_key(OPTIONS, DATA)


def test_other_options_never_continue_a_checkpoint():
    assert checkpoint_key(replace(OPTIONS, seed=1), DATA) != checkpoint_key(OPTIONS, DATA)


def test_places_and_texts_that_are_only_measured_on_leave_the_key_as_it_is():
    moved = replace(OPTIONS, work=Path("elsewhere"), tweets=Path("copies"))
    assert checkpoint_key(moved, replace(DATA, valid=DATA.own)) == checkpoint_key(OPTIONS, DATA)
