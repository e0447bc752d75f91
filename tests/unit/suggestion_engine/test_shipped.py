"""The models that came with the product: each opens, answers as its source did, and they agree on what they read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_files.manifest import model_folders, read_manifest
from suggestion_engine.ensemble import WINDOW_ROWS, Ensemble, reads_these_features, stacked, window_of
from suggestion_engine.explain import explain
from suggestion_engine.member import Member, open_member
from tests.models import walk

SHIPPED = Path(__file__).parents[3] / "models"
DEMO_SYMBOLS = {"AAPL", "FB", "GOOG", "GOOGL", "IBM", "MSFT"}
PARITY = 1e-5


def shipped() -> list[Member]:
    found = [(folder, read_manifest(folder)) for folder in model_folders(SHIPPED)]
    return [open_member(folder, manifest) for folder, manifest in found if manifest.task == "suggestion"]


def test_every_kind_of_model_is_shipped_and_reads_todays_features() -> None:
    members = shipped()
    kinds = {"suggestion-lightgbm", "suggestion-xgboost", "suggestion-lstm", "suggestion-transformer"}
    assert {member.name for member in members} == kinds
    assert all(reads_these_features(member) for member in members)
    assert all(member.needed_rows <= WINDOW_ROWS for member in members)
    assert all(set(member.manifest.held_out_symbols) >= DEMO_SYMBOLS for member in members)


def test_each_answers_its_fixture_as_the_model_that_it_was_made_of() -> None:
    for member in shipped():
        with np.load(member.folder / "fixture.npz", allow_pickle=False) as fixture:
            inputs, expected = fixture["inputs"], fixture["probabilities"]
        assert len(inputs) > 0
        np.testing.assert_allclose(member.probabilities(inputs), expected, atol=PARITY, err_msg=member.name)


def test_together_they_answer_and_explain_bars_they_never_saw() -> None:
    members = shipped()
    ensemble = Ensemble(tuple(members))
    windows = stacked([window_of(walk(seed=seed)) for seed in range(3)])
    np.testing.assert_allclose(ensemble.score(windows).mean.sum(axis=1), 1.0)
    for member in members:
        found = explain(member, windows[0])
        assert found.method == ("tree_shap" if member.name == "suggestion-lightgbm" else "occlusion")
        assert found.features
