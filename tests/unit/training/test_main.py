"""The training program as it is typed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.__main__ import main
from training.arguments import parser, price_files, suggestion_options

ROOT = Path(__file__).parents[3]
SMALL = ["--small", "--members", "lightgbm", "--progress-json"]


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
