"""The whole pipeline on sentences of our own: one layer, one epoch, seconds."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from market_data.errors import DomainError
from model_files.manifest import read_manifest
from sentiment_engine.model import open_sentiment_model
from sentiment_engine.score import score_texts
from training.errors import ParityBroken
from training.sentiment.calibration import Calibration
from training.sentiment.export import check_parity, write_graphs
from training.sentiment.fitting import Plan, Rows, fit, logits_of
from training.sentiment.network import Shape, base_file, pretrained
from training.sentiment.options import SentimentOptions
from training.sentiment.pipeline import evaluate, run
from training.sentiment.sentences import sentences
from training.sentiment.tweets import LABELS

IDS = [[101, 2400, 2024, 2039, 102], [101, 5661, 2991, 102]]


def unheard(fraction, stage):
    pass


def write_rows(path: Path, count: int, *, seed: int) -> None:
    texts = sentences(count, seed=seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        rows.writerows((text, LABELS[label]) for text, label in zip(texts.texts, texts.labels, strict=True))


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sentiment")
    write_rows(folder / "train.csv", 120, seed=1)
    write_rows(folder / "valid.csv", 60, seed=2)
    finentity = folder / "entities.csv"
    finentity.write_text(
        "text,entity,label,single_sentiment\n"
        "Norden profit rose,Norden,positive,True\n"
        "Norden shares rose while Tervo shares fell,Norden,positive,False\n"
        "Norden shares rose while Tervo shares fell,Tervo,negative,False\n",
        encoding="utf-8",
    )
    return SentimentOptions(
        tweets=folder,
        finentity=finentity,
        out=folder / "models",
        work=folder / "work",
        layers=2,
        inner=64,
        epochs=1,
        teacher_layers=0,
        n_sentences=20,
    )


@pytest.fixture(scope="module")
def trained(options):
    told = []
    manifest = run(options, lambda fraction, stage: told.append((fraction, stage)))
    return manifest, options.out / manifest.name / manifest.version, told


def test_the_folder_written_opens_and_scores(trained):
    manifest, folder, _ = trained
    model = open_sentiment_model(folder)
    (found,) = score_texts(["Profit rose"], model)
    assert found.scored_by.startswith(f"sentiment-minilm {manifest.version}")
    assert read_manifest(folder) == manifest
    assert {file.name for file in manifest.files} == {
        "model.onnx",
        "tokenizer.json",
        "fixture.npz",
        "card.md",
        "card.json",
    }
    assert manifest.version == manifest.versioned().version


def test_progress_rises_from_nothing_to_all(trained):
    fractions = [fraction for fraction, _ in trained[2]]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_a_run_that_resumes_ends_with_the_same_files(options, trained, tmp_path):
    again = run(replace(options, out=tmp_path), unheard)
    assert again == trained[0]


def test_the_figures_of_the_card_are_found_again(options, trained):
    found = evaluate(trained[1], tweets=options.tweets, finentity=options.finentity)
    assert found.differences == ()
    assert found.metrics["tweets_valid"]["rows"] == 60


def test_a_figure_that_is_not_found_again_is_told(options, trained, tmp_path):
    for file in trained[1].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    plain = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    plain["metrics"]["finentity"]["accuracy"] = 0.25
    (tmp_path / "manifest.json").write_text(json.dumps(plain), encoding="utf-8")
    found = evaluate(tmp_path, tweets=options.tweets, finentity=options.finentity)
    assert [(one.figure, one.told) for one in found.differences] == [("finentity.accuracy", 0.25)]


def test_a_fit_interrupted_after_an_epoch_ends_with_the_same_weights(tmp_path):
    texts = Rows(tuple(tuple(IDS[row % 2]) for row in range(12)), tuple(2 * (1 - row % 2) for row in range(12)))

    def plan(name, epochs):
        return Plan(epochs=epochs, learning_rate=1e-3, batch_rows=4, seed=5, checkpoint=tmp_path / name, judge=spread)

    def spread(logits):
        return float(logits.std())

    def start():
        return pretrained(Shape(layers=1), seed=5)

    class StopHereError(Exception):
        pass

    def interrupt(fraction, stage):
        if fraction > 0.6:
            raise StopHereError

    whole = fit(plan("whole.pt", 2), start(), texts, texts.ids, unheard)
    with pytest.raises(StopHereError):
        fit(plan("parts.pt", 2), start(), texts, texts.ids, interrupt)
    parts = fit(plan("parts.pt", 2), start(), texts, texts.ids, unheard)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


def test_a_fit_gives_the_epoch_that_its_judge_likes_best(tmp_path):
    texts = Rows(tuple(tuple(IDS[row % 2]) for row in range(8)), tuple(2 * (1 - row % 2) for row in range(8)))
    seen = []

    def likes_the_first(logits):
        seen.append(logits)
        return 1 / len(seen)

    plan = Plan(
        epochs=2, learning_rate=1e-3, batch_rows=4, seed=5, checkpoint=tmp_path / "fit.pt", judge=likes_the_first
    )
    network = fit(plan, pretrained(Shape(layers=1), seed=5), texts, IDS, unheard)
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(logits_of(network, IDS), seen[0])


def test_a_graph_of_another_calibration_breaks_parity(tmp_path):
    network = pretrained(Shape(layers=1), seed=1).eval()
    write_graphs(network, Calibration(temperature=1.0, bias=(0.0, 0.0, 0.0)), tmp_path, IDS)
    with pytest.raises(ParityBroken, match="must answer within 1e-05"):
        check_parity(network, Calibration(temperature=1.0, bias=(0.5, 0.0, -0.5)), tmp_path, IDS)


def test_an_8_bit_graph_that_is_off_breaks_parity(tmp_path):
    network, calibration = (
        pretrained(Shape(layers=1), seed=1).eval(),
        Calibration(temperature=0.01, bias=(0.0, 0.0, 0.0)),
    )
    other = pretrained(Shape(layers=1), seed=2).eval()
    write_graphs(other, calibration, tmp_path / "other", IDS)
    write_graphs(network, calibration, tmp_path / "own", IDS)
    (tmp_path / "other" / "model.onnx").replace(tmp_path / "own" / "model.onnx")
    with pytest.raises(ParityBroken, match="the 8-bit graph must say"):
        check_parity(network, calibration, tmp_path / "own", IDS)


def test_the_base_package_is_here_with_its_tokenizer():
    assert base_file("tokenizer.json").is_file()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"layers": 7}, "layers must be 1 to 6, it was 7"),
        ({"layers": 2, "teacher_layers": 1}, "layers must be at most teacher_layers, 1, it was 2"),
        ({"inner": 0}, "inner must be 1 to 1536, it was 0"),
        ({"teacher_layers": -1}, "teacher_layers must be 0 to 6"),
        ({"epochs": 0}, "epochs must be 1 or more"),
        ({"slice_frac": 1.0}, "slice_frac must lie between 0 and 1"),
        ({"learning_rate": 0.0}, "learning_rate must lie between 0 and 1"),
    ],
)
def test_options_outside_their_range_are_refused(options, change, match):
    with pytest.raises(DomainError, match=match):
        replace(options, **change)
