"""The suggestion models in `models/`: whole, open, and the same as the models that they were made of."""

import json
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from model_files.manifest import folder_of, read_manifests
from suggestion_engine.feature_registry import FEATURE_SET
from suggestion_engine.member import open_member
from training.suggestion.calibration import Calibration
from training.suggestion.card import expiry_of
from training.suggestion.card_text import card_text
from training.suggestion.options import HELD_OUT_SYMBOLS, MEMBERS
from training.suggestion.parity import MAX_ERROR, score
from training.suggestion.pipeline import headline

ROOT = Path(__file__).parents[4] / "models"
SHIPPED = [one for one in read_manifests(ROOT) if one.task == "suggestion"]


def card_of(manifest):
    return json.loads((folder_of(ROOT, manifest) / "card.json").read_text())


def test_each_member_is_there_once():
    assert sorted(one.name for one in SHIPPED) == sorted(f"suggestion-{name}" for name in MEMBERS)


def test_all_shipped_models_together_are_small():
    assert sum(path.stat().st_size for path in ROOT.rglob("*") if path.is_file()) <= 30e6


@pytest.mark.parametrize("manifest", SHIPPED, ids=lambda one: one.name)
class TestShippedModel:
    def test_it_opens_and_answers_its_fixture_as_its_source_did(self, manifest):
        folder = folder_of(ROOT, manifest)
        member = open_member(folder, manifest)
        with np.load(folder / "fixture.npz") as fixture:
            inputs, expected = fixture["inputs"], fixture["probabilities"]
        assert np.isnan(inputs).any()
        assert np.abs(score(member.session, inputs) - expected).max() <= MAX_ERROR

    def test_it_reads_the_features_of_this_code(self, manifest):
        assert manifest.feature_set == FEATURE_SET == card_of(manifest)["features"]["hash"]

    def test_its_name_is_that_of_its_content(self, manifest):
        assert manifest.version == manifest.versioned().version

    def test_its_card_holds_what_its_manifest_tells(self, manifest):
        card = card_of(manifest)
        assert manifest.metrics == headline(card)
        assert manifest.provenance["data_sha256"] == card["data"]["sha256"]
        assert not card["data"]["is_synthetic"]
        assert card["parity"]["rows"] >= 5_000
        assert card["parity"]["max_error"] <= MAX_ERROR

    def test_its_text_is_made_of_its_numbers(self, manifest):
        assert (folder_of(ROOT, manifest) / "card.md").read_text() == card_text(card_of(manifest))

    def test_it_raised_no_suspicion_of_a_leak(self, manifest):
        card = card_of(manifest)
        assert card["leak_tests"]["suspicions"] == []
        assert card["hold_out"]["skill"]["direction_auc"]["value"] <= 0.56

    def test_it_never_saw_the_held_out_symbols_nor_the_hold_out(self, manifest):
        card = card_of(manifest)
        assert manifest.held_out_symbols == HELD_OUT_SYMBOLS
        assert str(manifest.trained_to) == card["splits"]["last_date_seen"] < card["splits"]["test_from"]

    def test_it_lives_for_a_year_from_the_last_day_of_its_data(self, manifest):
        card = card_of(manifest)
        assert manifest.expires_at == expiry_of(date.fromisoformat(card["data"]["last_day"]))

    def test_it_tells_where_its_data_came_from(self, manifest):
        note = manifest.provenance["data_note"]
        assert note == card_of(manifest)["data"]["note"]
        assert "CC0" in note


def test_the_text_of_the_trees_answers_as_their_graph_does():
    [manifest] = [one for one in SHIPPED if one.name == "suggestion-lightgbm"]
    folder = folder_of(ROOT, manifest)
    booster = lgb.Booster(model_file=str(folder / "model.txt"))
    with np.load(folder / "fixture.npz") as fixture:
        said = booster.predict(fixture["inputs"], raw_score=True)
        calibration = Calibration(**card_of(manifest)["calibration"])
        np.testing.assert_allclose(calibration.probabilities(said), fixture["probabilities"], atol=1e-9)
