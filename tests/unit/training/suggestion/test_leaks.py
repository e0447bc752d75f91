"""The leak tests: silent over random walks, loud where the future was planted among the features."""

from dataclasses import replace

import numpy as np
import pytest

from training.progress import unheard
from training.suggestion.checkpoints import Checkpoints
from training.suggestion.dataset import build_dataset, prices_for
from training.suggestion.leaks import LeakTests, leak_tests, suspicions
from training.suggestion.members import member_of
from training.suggestion.options import SuggestionOptions
from training.suggestion.pipeline import folds_of


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaks")
    small = SuggestionOptions.small(data=(), out=folder / "out", work=folder / "work")
    wider = replace(small, members=("lightgbm",), synthetic_symbols=24)
    prices = prices_for(wider)
    return wider.settled(prices.first_day, prices.last_day)


@pytest.fixture(scope="module")
def honest(options):
    return build_dataset(prices_for(options), options, unheard)


def measured(options, dataset, folder):
    folds = folds_of(dataset, options)
    return leak_tests(member_of("lightgbm", options), folds[0], folds[-1], options, Checkpoints(folder))


def test_random_walks_raise_no_suspicion(options, honest, tmp_path):
    found = measured(options, honest, tmp_path)
    assert len(found.shuffled_aucs) == 3
    assert suspicions(found, walk_forward_auc=0.53, hold_out_auc=None) == ()


def test_a_planted_leak_is_suspected(options, honest, tmp_path):
    raw = honest.raw.copy()
    # One feature that knows, more often than not, which barrier comes first.
    raw[honest.rows.places, 5] += 0.05 * (honest.rows.labels - 1)
    found = measured(options, replace(honest, raw=raw), tmp_path)
    [suspicion] = suspicions(found, walk_forward_auc=None, hold_out_auc=None)
    assert suspicion.startswith("direction AUC above 0.56 is taken for a leak, reversed time was 0.")


def test_shuffled_labels_that_still_tell_something_are_suspected():
    tests = LeakTests(shuffled_aucs=(0.54, 0.53, 0.55), reversed_auc=None)
    [suspicion] = suspicions(tests, walk_forward_auc=None, hold_out_auc=None)
    assert suspicion == "shuffled labels must give an AUC of 0.5 +- 0.03, it was 0.5400"


@pytest.mark.parametrize("what", ["walk_forward_auc", "hold_out_auc"])
def test_skill_too_good_to_be_true_is_suspected(what):
    tests = LeakTests(shuffled_aucs=(0.5,), reversed_auc=0.5)
    found = {"walk_forward_auc": None, "hold_out_auc": None, what: 0.561}
    assert len(suspicions(tests, **found)) == 1
    assert suspicions(tests, **{**found, what: 0.559}) == ()


def test_a_finished_leak_test_is_not_measured_again(options, honest, tmp_path):
    first = measured(options, honest, tmp_path)
    blind = replace(honest, raw=np.zeros_like(honest.raw))
    assert measured(options, blind, tmp_path) == first
