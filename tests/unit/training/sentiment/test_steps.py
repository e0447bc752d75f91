"""What names a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.sentiment.options import SentimentOptions
from training.sentiment.steps import Data, calibrated_f1, checkpoint_key
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
    for role in ("teacher", "student"):
        assert checkpoint_key(OPTIONS, other, role) != checkpoint_key(OPTIONS, DATA, role)


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_other_options_never_continue_a_checkpoint(role):
    assert checkpoint_key(replace(OPTIONS, seed=1), DATA, role) != checkpoint_key(OPTIONS, DATA, role)


@pytest.mark.parametrize("change", [{"layers": 2}, {"inner": 512}, {"epochs": 1}])
def test_another_network_is_taught_by_the_teacher_that_was_fitted_before(change):
    changed = replace(OPTIONS, **change)
    assert checkpoint_key(changed, DATA, "teacher") == checkpoint_key(OPTIONS, DATA, "teacher")
    assert checkpoint_key(changed, DATA, "student") != checkpoint_key(OPTIONS, DATA, "student")


def test_places_and_texts_that_are_only_measured_on_leave_the_key_as_it_is():
    moved = replace(OPTIONS, work=Path("elsewhere"), tweets=Path("copies"))
    again = checkpoint_key(moved, replace(DATA, valid=DATA.own), "student")
    assert again == checkpoint_key(OPTIONS, DATA, "student")


def test_an_epoch_is_worth_the_same_whichever_label_its_bare_logits_lean_to():
    texts = Texts(("it told", "it met", "it left", "it came") * 3, (0, 1, 2, 1) * 3)
    logits = 2.0 * np.eye(3, dtype=np.float32)[list(texts.labels)]
    logits[[0, 5]] = 0.0
    leaning = logits + np.array([0.0, 0.0, 3.0], dtype=np.float32)
    assert calibrated_f1(texts, leaning) == calibrated_f1(texts, logits)
    assert calibrated_f1(texts, leaning) > calibrated_f1(texts, np.zeros_like(logits))
