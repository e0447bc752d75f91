"""The training program as it is typed."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from model_files.manifest import Manifest, folder_of
from training.__main__ import main
from training.arguments import parser, price_files, suggestion_options
from training.suggestion.price_files import made_up_prices

ROOT = Path(__file__).parents[3]
SMALL = ["--small", "--members", "lightgbm", "--progress-json"]
SENTIMENT = Manifest(
    name="sentiment-minilm",
    version="",
    task="sentiment",
    files=(),
    inputs=(),
    outputs=(),
    trained_from=date(2022, 1, 1),
    trained_to=date(2022, 12, 31),
    expires_at=date(2027, 12, 31),
)


def places(folder):
    return ["--out", str(folder / "models"), "--work", str(folder / "work")]


def test_a_run_prints_its_progress_and_ends_with_its_manifests(tmp_path, capsys):
    assert main(["suggestion", *SMALL, *places(tmp_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(set(line) == {"fraction", "stage"} for line in lines[:-1])
    [manifest] = lines[-1]["done"]
    assert Path(manifest).is_file()
    assert Path(manifest).parts[-3] == "suggestion-lightgbm"


def test_what_is_refused_says_its_code(tmp_path, capsys):
    missing = tmp_path / "no-such.parquet"
    assert main(["suggestion", "--data", str(missing), "--progress-json"]) == 1
    [line] = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert line["failed"]["code"] == "invalid_value"
    assert "no-such.parquet names none" in line["failed"]["message"]


def test_an_evaluation_without_data_is_refused(tmp_path, capsys):
    assert main(["evaluate", "--models", str(tmp_path)]) == 1
    assert "evaluation needs --data, --tweets or both" in capsys.readouterr().out


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "tweets"
    folder.mkdir()
    for name in ("train.csv", "valid.csv"):
        (folder / name).write_text("text,label\nnothing new,neutral\n")
    return folder


@pytest.mark.parametrize("missing", ["tweets", "tweets/train.csv", "tweets/valid.csv", "entities.csv", None])
def test_training_all_is_refused_before_it_starts_when_a_file_of_texts_is_missing(texts, tmp_path, capsys, missing):
    entities = tmp_path / "entities.csv"
    entities.write_text("text,entity,label,single_sentiment\n")
    typed = ["--tweets", str(texts), "--finentity", str(entities)]
    if missing is None:
        typed = []
    elif missing == "tweets":
        texts.rename(tmp_path / "elsewhere")
    else:
        (tmp_path / missing).unlink()
    assert main(["all", *SMALL, *places(tmp_path), *typed]) == 1
    [line] = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert ("needs --tweets" if missing is None else f"{Path(missing).name}") in line["failed"]["message"]
    assert not (tmp_path / "work").exists()


class TestEvaluate:
    @pytest.fixture(scope="class")
    @classmethod
    def models(cls, tmp_path_factory):
        """A suggestion model, beside the folder that its prices are in."""
        folder = tmp_path_factory.mktemp("evaluated")
        frames = [one.to_pandas().reset_index(names="date") for one in made_up_prices(5, seed=3).bars]
        pd.concat([one.assign(symbol=f"S{i}") for i, one in enumerate(frames)]).to_parquet(folder / "bars.parquet")
        data = ["--data", str(folder / "bars.parquet")]
        assert main(["suggestion", *SMALL, *data, *places(folder)]) == 0
        return folder / "models"

    def test_it_reports_what_it_checked_and_what_it_did_not(self, models, tmp_path, capsys):
        everything = tmp_path / "models"
        shutil.copytree(models, everything)
        other = SENTIMENT.versioned()
        folder_of(everything, other).mkdir(parents=True)
        other.write(folder_of(everything, other))
        data = ["--data", str(models.parent / "bars.parquet"), "--work", str(tmp_path / "work")]
        assert main(["evaluate", "--models", str(everything), *data, "--progress-json"]) == 0
        lines = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
        [checked] = lines[-1]["done"]
        assert "suggestion-lightgbm" in checked
        assert [one["skipped"] for one in lines if "skipped" in one] == [
            {"what": f"sentiment-minilm {other.version}", "why": "--tweets was not given"}
        ]

    def test_a_folder_without_models_is_an_error(self, models, tmp_path, capsys):
        data = ["--data", str(models.parent / "bars.parquet")]
        assert main(["evaluate", "--models", str(tmp_path / "none"), *data]) == 1
        told = capsys.readouterr().out
        assert "not checked: suggestion models" in told
        assert "nothing was checked" in told

    def test_models_of_another_task_alone_are_an_error(self, models, texts, capsys):
        assert main(["evaluate", "--models", str(models), "--tweets", str(texts)]) == 1
        told = capsys.readouterr().out
        assert "--data was not given" in told
        assert told.splitlines()[-1].endswith(
            "must hold models that --tweets can measure, it holds none: nothing was checked"
        )

    def test_tweets_that_are_not_there_are_an_error(self, models, tmp_path, capsys):
        data = ["--data", str(models.parent / "bars.parquet")]
        assert main(["evaluate", "--models", str(models), *data, "--tweets", str(tmp_path / "none")]) == 1
        assert "valid.csv is no file" in capsys.readouterr().out

    @pytest.mark.parametrize("told", [{"valid.csv": "0" * 64}, {"train.csv": "0" * 64}, {}])
    def test_texts_that_the_card_does_not_tell_of_are_an_error(self, texts, tmp_path, capsys, told):
        models = tmp_path / "models"
        one = replace(SENTIMENT, provenance={"data_sha256": told}).versioned()
        folder_of(models, one).mkdir(parents=True)
        one.write(folder_of(models, one))
        assert main(["evaluate", "--models", str(models), "--tweets", str(texts)]) == 1
        assert "valid.csv must be what the card tells of" in capsys.readouterr().out


def test_a_terminated_run_stops_cleanly_and_goes_on_when_started_again(tmp_path):
    command = [sys.executable, "-m", "training", "suggestion", *SMALL, *places(tmp_path)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    for line in first.stdout:
        if json.loads(line).get("stage") == "lightgbm, test from 2016":
            first.send_signal(signal.SIGTERM)
            break
    rest, _ = first.communicate(timeout=60)
    assert first.returncode == 143
    assert json.loads(rest.splitlines()[-1])["failed"]["code"] == "stopped"
    assert not (tmp_path / "models").exists()
    again = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, timeout=120, check=True)
    assert len(json.loads(again.stdout.splitlines()[-1])["done"]) == 1


def test_every_number_of_the_options_can_be_typed():
    given = parser().parse_args(["suggestion", "--small", "--hold-out-year", "2017", "--max-symbols", "5"])
    options = suggestion_options(given)
    assert (options.hold_out_year, options.max_symbols, options.tree_rounds) == (2017, 5, 10)


def test_patterns_name_files_once(tmp_path):
    for name in ("a.parquet", "b.parquet", "c.csv"):
        (tmp_path / name).touch()
    found = price_files([str(tmp_path / "a.parquet"), str(tmp_path / "*.parquet")])
    assert [path.name for path in found] == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("wrong", [["suggestion", "--members", "forest", "--small"], ["suggestion"]])
def test_options_that_cannot_be_are_refused(wrong, capsys):
    assert main([*wrong, "--progress-json"]) == 1
    assert "invalid_value" in capsys.readouterr().out
