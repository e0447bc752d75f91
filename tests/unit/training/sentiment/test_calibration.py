from __future__ import annotations

import numpy as np
import pytest

from sentiment_engine.lexicon import lexicon_score
from training.sentiment.calibration import BLENDS, Calibration, Candidate, candidates, chosen

SILENT = lexicon_score("")


def sampled(slope, bias, n_rows=4_000):
    """Return logits and labels drawn from softmax(logits * slope + bias)."""
    rng = np.random.default_rng(11)
    logits = rng.normal(0, 2, (n_rows, 3)).astype(np.float32)
    noise = rng.gumbel(size=(n_rows, 3))
    return logits, (logits * slope + np.array(bias) + noise).argmax(axis=1).tolist()


def test_the_temperature_and_bias_that_made_the_labels_are_found_again():
    logits, labels = sampled(0.5, (-0.5, 0.7, -0.2))
    found = candidates(logits, [SILENT] * len(labels), labels)[0].calibration
    assert found.temperature == pytest.approx(2.0, rel=0.1)
    assert found.bias == pytest.approx((-0.5, 0.7, -0.2), abs=0.12)


def test_calibrated_probabilities_are_softmax_of_scaled_and_moved_logits():
    found = Calibration(temperature=2.0, bias=(0.0, np.log(2.0), 0.0)).applied(np.zeros((1, 3), dtype=np.float32))
    np.testing.assert_allclose(found, [[0.25, 0.5, 0.25]])


def candidate(blend, macro_f1):
    return Candidate(blend=blend, calibration=Calibration(temperature=1.0, bias=(0, 0, 0)), macro_f1=macro_f1, nll=0.5)


def test_the_largest_blend_that_costs_next_to_nothing_is_taken():
    tried = [candidate(0.0, 0.800), candidate(0.5, 0.804), candidate(1.0, 0.790)]
    assert chosen(tried).blend == 0.5


def test_a_lexicon_that_knows_the_labels_is_blended_in_fully():
    said = {0: lexicon_score("profit falls"), 1: SILENT, 2: lexicon_score("profit rises")}
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 600).tolist()
    logits = rng.normal(0, 0.5, (600, 3)).astype(np.float32)
    assert chosen(candidates(logits, [said[label] for label in labels], labels)).blend == max(BLENDS)
