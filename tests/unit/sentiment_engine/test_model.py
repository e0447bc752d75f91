"""The shipped model, through its folder: what it says of headlines that we wrote for this test."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from model_files.errors import ModelRefused
from model_files.manifest import read_manifest
from sentiment_engine.lexicon import lexicon_version
from sentiment_engine.model import open_sentiment_model, run_graph
from sentiment_engine.score import LABELS, score_texts

MODELS = Path(__file__).parents[3] / "models" / "sentiment-minilm"
HEADLINES = {
    "positive": [
        "Harbor Foods lifts full-year profit outlook after record holiday sales",
        "Shares of Quillon Robotics jump 14% as earnings top estimates",
        "Marrow Biotech wins FDA approval for its migraine drug",
        "Westfall Rail upgraded to buy at Corwin Partners",
        "Operating profit of Tammer Oy rose to EUR 14.2 million from EUR 9.8 million a year earlier",
        "Net loss at Orbita Air narrowed as passenger numbers recovered",
        "Chipmaker Silvane lands a five-year supply deal worth $2 billion",
        "Stocks rally as trade talks make progress",
        "Delphin Energy raises its dividend by 10%",
        "Copper climbs to a six-month high on strong demand",
    ],
    "negative": [
        "Harbor Foods cuts full-year profit outlook as costs climb",
        "Shares of Quillon Robotics plunge 14% after earnings miss estimates",
        "Regulators fine Marrow Biotech over misleading claims",
        "Westfall Rail downgraded to sell at Corwin Partners",
        "Operating profit of Tammer Oy fell to EUR 9.8 million from EUR 14.2 million a year earlier",
        "Orbita Air to lay off 2,000 workers as bookings collapse",
        "Chipmaker Silvane loses its biggest customer",
        "Stocks tumble as recession fears deepen",
        "Delphin Energy scraps its dividend after a heavy loss",
        "Oil slides 5% on weak demand",
    ],
    "neutral": [
        "Harbor Foods to report quarterly results on Thursday",
        "Quillon Robotics names Dana Ives as head of investor relations",
        "Marrow Biotech to present at the spring healthcare conference",
        "Westfall Rail files its annual report",
        "Tammer Oy's annual general meeting will be held in Tampere in April",
        "Orbita Air moves its headquarters to Porto",
        "Here is what to know about the chip industry this week",
        "The central bank will publish its minutes on Wednesday",
        "Delphin Energy declares a regular quarterly dividend",
        "Terms of the transaction were not disclosed",
    ],
}


def shipped() -> Path:
    (folder,) = MODELS.iterdir()
    return folder


@pytest.fixture(scope="module")
def model():
    return open_sentiment_model(shipped())


def test_headlines_written_for_this_test_are_judged_with_a_macro_f1_of_085(model):
    told = [label for label, texts in HEADLINES.items() for _ in texts]
    found = [score.label for score in score_texts([text for texts in HEADLINES.values() for text in texts], model)]
    pairs = Counter(zip(told, found, strict=True))
    f1 = [
        2 * pairs[label, label] / (told.count(label) + found.count(label)) if found.count(label) else 0.0
        for label in LABELS
    ]
    assert sum(f1) / 3 >= 0.85, pairs


def test_each_company_is_judged_by_its_clause(model):
    (found,) = score_texts(["AAPL rises while MSFT falls"], model)
    assert [(one.symbol, one.label) for one in found.entities] == [("AAPL", "positive"), ("MSFT", "negative")]
    assert found.scored_by == f"sentiment-minilm {model.manifest.version}, lexicon {lexicon_version()}"


def test_the_model_was_calibrated_with_todays_lexicon(model):
    assert model.manifest.settings["lexicon_version"] == lexicon_version()


def test_a_text_scores_alone_as_it_does_in_a_batch(model):
    texts = [text for texts in HEADLINES.values() for text in texts]
    together = model.probabilities(texts)
    alone = np.concatenate([model.probabilities([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_shipped_graph_answers_as_the_network_it_was_made_from(model):
    with np.load(shipped() / "fixture.npz") as fixture:
        masks = fixture["attention_mask"].astype(bool)
        ids = [row[mask].tolist() for row, mask in zip(fixture["input_ids"], masks, strict=True)]
        source = fixture["probabilities"]
    found = run_graph(model.session, ids)
    assert source.shape == (64, 3)
    assert np.abs(found - source).mean() <= 0.02
    assert (found.argmax(axis=1) == source.argmax(axis=1)).mean() >= 0.97


def test_a_fixtures_row_is_answered_alone_as_among_others(model):
    with np.load(shipped() / "fixture.npz") as fixture:
        whole = {name: fixture[name] for name in ("input_ids", "attention_mask")}
    together = model.session.run(["probabilities"], whole)[0]
    alone = [model.session.run(["probabilities"], {k: v[row : row + 1] for k, v in whole.items()})[0] for row in (0, 9)]
    np.testing.assert_allclose(together[[0, 9]], np.concatenate(alone), atol=1e-5)


def test_a_text_of_more_tokens_than_are_read_says_so_and_all_read_the_same_start(model):
    start = "Profit rose at A.B.C. & D.E.F. (+1.2%). " * 100
    told = f"{start}{'and so on, and on; ' * 300}Apple shares crash."
    assert len(told) < 12_000
    (found,) = score_texts([told], model)
    assert found.warnings == ("text_truncated",)
    assert found.entities == ()
    assert "crash" not in {hit.term for hit in found.explanation}
    assert score_texts([start[:1_500]], model)[0].warnings == ()


def test_what_is_readable_is_read_whole(model):
    told = "Profit rose at A.B.C. & D.E.F. (+1.2%). " * 250
    read = model.readable(told)
    assert told.startswith(read)
    assert len(read) < len(told)
    assert model.readable(read) == read


def test_the_same_batch_scores_the_same(model):
    texts = HEADLINES["positive"]
    np.testing.assert_allclose(model.probabilities(texts), model.probabilities(texts), atol=1e-6)


def test_a_long_text_is_the_mean_of_its_chunks(model):
    found = model.probabilities(["Profit rose sharply. " * 100])
    assert found.sum() == pytest.approx(1)
    assert found.argmax() == LABELS.index("positive")


def test_no_texts_have_no_probabilities(model):
    assert model.probabilities([]).shape == (0, 3)


def test_the_card_tells_the_manifests_figures():
    figures = json.loads((shipped() / "card.json").read_text(encoding="utf-8"))
    metrics = read_manifest(shipped()).metrics
    assert figures["metrics"] == metrics
    assert metrics["tweets_valid"]["macro_f1"] >= 0.80
    assert metrics["finentity"]["macro_f1"] >= 0.70
    assert figures["fidelity"]["float_max_error"] <= 1e-5
    assert f"{metrics['tweets_valid']['macro_f1']:.3f}" in (shipped() / "card.md").read_text(encoding="utf-8")


def test_the_graph_is_small_enough_to_ship():
    assert (shipped() / "model.onnx").stat().st_size <= 18_000_000


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(shipped(), folder)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(ModelRefused, match=f"{name} must have the sha256"):
        open_sentiment_model(folder)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("task", "suggestion", "task must be sentiment"),
        ("settings", {"labels": ["good", "bad"]}, "labels must be"),
        ("settings", {"labels": list(LABELS)}, "settings must hold max_tokens and blend"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(tmp_path, key, value, match):
    folder = tmp_path / "model"
    shutil.copytree(shipped(), folder)
    plain = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(plain | {key: value}), encoding="utf-8")
    with pytest.raises(ModelRefused, match=match):
        open_sentiment_model(folder)
