"""The whole pipeline on a small slice: what it ships opens, tells the truth, resumes, and is found out when changed."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_files.errors import ModelRefused
from model_files.manifest import folder_of, read_manifest, read_manifests, sha256_of
from model_files.session import open_model
from suggestion_engine.feature_registry import FEATURE_NAMES, FEATURE_SET
from suggestion_engine.member import open_member
from training.errors import DataRefused, SuspectedLeak
from training.progress import unheard
from training.suggestion import leaks, pipeline
from training.suggestion.card import expiry_of
from training.suggestion.evaluate import evaluate
from training.suggestion.options import HELD_OUT_SYMBOLS, MEMBERS, SuggestionOptions
from training.suggestion.pipeline import run
from training.suggestion.price_files import made_up_prices

NAMES = ("AA", "AAPL", "BA", "CAT", "DIS", "EXC", "F", "GE", "HAL", "IBM")


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    path = tmp_path_factory.mktemp("prices") / "bars.parquet"
    bars = made_up_prices(len(NAMES), seed=8).bars
    frames = [
        one.to_pandas().reset_index(names="date").assign(symbol=name) for one, name in zip(bars, NAMES, strict=True)
    ]
    pd.concat(frames).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def shipped(prices, tmp_path_factory):
    """All four members, trained once."""
    folder = tmp_path_factory.mktemp("shipped")
    steps = []
    small = SuggestionOptions.small(data=(prices,), out=folder / "models", work=folder / "work")
    options = replace(small, data_note="made up & drawn by lot")
    run(options, lambda fraction, stage: steps.append((fraction, stage)))
    return options, steps


@pytest.fixture
def one_member(prices, tmp_path):
    small = SuggestionOptions.small(data=(prices,), out=tmp_path / "models", work=tmp_path / "work")
    return replace(small, members=("lightgbm",))


def content_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_member_ships_a_model_that_opens(shipped):
    options, _ = shipped
    manifests = read_manifests(options.out)
    assert {one.name for one in manifests} == {f"suggestion-{name}" for name in MEMBERS}
    for manifest in manifests:
        session = open_model(folder_of(options.out, manifest), manifest)
        shape = (3, *session.get_inputs()[0].shape[1:])
        [probabilities] = session.run(None, {session.get_inputs()[0].name: np.full(shape, np.nan, dtype=np.float32)})
        assert probabilities.shape == (3, 3)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        assert open_member(folder_of(options.out, manifest), manifest).name == manifest.name


def test_manifests_name_what_the_engine_needs(shipped):
    options, _ = shipped
    for manifest in read_manifests(options.out):
        assert manifest.version == manifest.versioned().version
        assert (manifest.feature_set, manifest.timeframe, manifest.horizon_bars) == (FEATURE_SET, "1d", 10)
        assert manifest.held_out_symbols == HELD_OUT_SYMBOLS
        assert manifest.trained_to.year == 2015
        assert manifest.expires_at == expiry_of(made_up_prices(1, seed=8).last_day)
        assert manifest.provenance["data_note"] == "made up & drawn by lot"
        assert manifest.provenance["command"] == (
            "python -m training suggestion --data bars.parquet --small --first-test-year 2015 --hold-out-year 2016 "
            "--data-note 'made up & drawn by lot'"
        )
        assert manifest.settings["drift"]["psi_max"] > 0
        names = {file.name for file in manifest.files}
        assert {"model.onnx", "reference.npz", "card.md", "card.json", "fixture.npz"} <= names
        assert ("model.txt" in names) == (manifest.name == "suggestion-lightgbm")


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(0, 364))
def test_what_was_trained_on_data_up_to_a_day_lives_for_a_year_from_it(last_day, later):
    expires_at = expiry_of(last_day)
    assert last_day + timedelta(days=later) < expires_at == last_day + timedelta(days=365)


def test_no_model_is_expired_on_the_last_day_of_its_data(shipped):
    options, _ = shipped
    for manifest in read_manifests(options.out):
        card = json.loads((folder_of(options.out, manifest) / "card.json").read_text())
        assert manifest.trained_to.isoformat() < card["splits"]["test_from"] < card["data"]["last_day"]
        assert not manifest.is_expired(date.fromisoformat(card["data"]["last_day"]))


def test_fixtures_hold_what_the_source_answered(shipped):
    options, _ = shipped
    for manifest in read_manifests(options.out):
        folder = folder_of(options.out, manifest)
        session = open_model(folder, manifest)
        with np.load(folder / "fixture.npz") as fixture:
            assert np.isnan(fixture["inputs"]).any()
            [found] = session.run(None, {manifest.inputs[0].name: fixture["inputs"]})
            assert np.abs(found - fixture["probabilities"]).max() <= 1e-5


def test_cards_tell_what_was_measured(shipped):
    options, _ = shipped
    for manifest in read_manifests(options.out):
        folder = folder_of(options.out, manifest)
        card = json.loads((folder / "card.json").read_text())
        text = (folder / "card.md").read_text()
        auc = card["hold_out"]["skill"]["direction_auc"]["value"]
        assert manifest.metrics["hold_out_direction_auc"] == auc
        assert f"{auc:.4f}" in text
        assert "Survivors only" in text
        assert card["data"]["held_out_symbols"] == ["AAPL", "IBM"]
        assert "(AAPL, IBM); FB, GOOG, GOOGL, META, MSFT would be, and are not in the data" in text
        assert "- Source: made up & drawn by lot" in text
        assert f"It expires on {manifest.expires_at}, 365 days after the last day of the data" in text
        assert 0 <= card["labels"]["hold_out_tie_frac"] < 0.2
        assert list(card["walk_forward"]["years"]) == ["2015", "2016", "2017"]
        assert card["protocol"]["configurations"] == 2 * options.tuning_trials + len(MEMBERS)
        assert 0 < card["parity"]["max_error"] <= 1e-5
        assert all(f"`{name}`" in text for name in FEATURE_NAMES)


def test_progress_rises_to_the_end(shipped):
    _, steps = shipped
    fractions = [fraction for fraction, _ in steps]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.01
    assert 0.98 < fractions[-1] <= 1


def test_a_new_evaluation_gives_the_numbers_of_the_cards(shipped, prices, tmp_path):
    found = list(evaluate(shipped[0].out, [prices], work=tmp_path, progress=unheard))
    assert {one.model for one in found} == {f"suggestion-{name}" for name in MEMBERS}
    assert {one.figure.split(".")[0] for one in found} == {"hold_out", "held_out_symbols"}
    assert [one for one in found if not one.is_same] == []


def test_an_evaluation_finds_a_number_that_the_model_does_not_give(one_member, prices, tmp_path):
    [manifest] = run(one_member, unheard)
    folder = folder_of(one_member.out, manifest)
    card = json.loads((folder / "card.json").read_text())
    card["hold_out"]["skill"]["direction_auc"]["value"] += 1e-5
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelRefused, match=r"card\.json must have the sha256"):
        list(evaluate(one_member.out, [prices], work=tmp_path, progress=unheard))
    rewritten = [replace(file, sha256=sha256_of(folder / file.name)) for file in manifest.files]
    replace(manifest, files=tuple(rewritten)).write(folder)
    different = [one for one in evaluate(one_member.out, [prices], work=tmp_path, progress=unheard) if not one.is_same]
    assert [one.figure for one in different] == ["hold_out.skill.direction_auc.value"]


def test_an_evaluation_on_other_data_is_refused(shipped, prices, tmp_path):
    pd.read_parquet(prices).assign(volume=1.0).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataRefused, match="the data must be what the card tells of"):
        list(evaluate(shipped[0].out, [tmp_path / "other.parquet"], work=tmp_path, progress=unheard))


@pytest.mark.parametrize("stage", ["tuning lightgbm", "lightgbm, test from 2016", "leak tests", "judging lightgbm"])
def test_a_run_that_was_interrupted_ends_with_the_same_bytes(one_member, tmp_path, stage):
    run(one_member, unheard)
    other = replace(one_member, out=tmp_path / "resumed", work=tmp_path / "resumed-work")

    def interrupt(_fraction, begun):
        if begun == stage:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(other, interrupt)
    assert not other.out.exists()
    run(other, unheard)
    assert content_below(other.out) == content_below(one_member.out)


def test_another_seed_is_another_model(one_member, tmp_path):
    first = run(one_member, unheard)
    other = run(replace(one_member, seed=1), unheard)
    assert {one.version for one in first}.isdisjoint(one.version for one in other)


def test_suspected_leaks_are_not_written_unless_accepted(one_member, monkeypatch):
    monkeypatch.setattr(leaks, "SUSPECTED_AUC", 0.3)
    with pytest.raises(SuspectedLeak, match=r"direction AUC above 0\.3 is taken for a leak"):
        run(replace(one_member, accept_suspected_leak=False), unheard)
    assert not one_member.out.exists()
    [manifest] = run(one_member, unheard)
    folder = folder_of(one_member.out, manifest)
    assert read_manifest(folder) == manifest
    assert "is taken for a leak, hold-out was" in (folder / "card.md").read_text()


def test_a_leak_that_only_the_ensemble_shows_is_suspected(one_member, monkeypatch):
    monkeypatch.setattr(pipeline, "_ensemble_verdicts", with_auc_of_a_leak(pipeline._ensemble_verdicts))
    with pytest.raises(SuspectedLeak, match=r"taken for a leak, hold-out was 0\.9900"):
        run(replace(one_member, accept_suspected_leak=False, members=("lightgbm", "xgboost")), unheard)


def with_auc_of_a_leak(verdicts_of):
    def changed(*arguments):
        verdicts = verdicts_of(*arguments)
        skill = verdicts.hold_out.skill
        suspect = replace(skill, direction_auc=replace(skill.direction_auc, value=0.99))
        return replace(verdicts, hold_out=replace(verdicts.hold_out, skill=suspect))

    return changed
