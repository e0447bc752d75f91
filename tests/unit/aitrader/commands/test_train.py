"""`aitrader train`: what it shows of the pipeline, and what it says where that cannot run."""

import sys
from pathlib import Path

import pytest

from aitrader.commands.train import run_pipeline
from aitrader.errors import CommandFailed

PROJECT = Path(__file__).parents[4]
FAKE = (sys.executable, "-m", "tests.fake_training")


@pytest.fixture(autouse=True)
def _find_the_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))


def run(*arguments: str) -> int:
    """Return the exit code of the command, with a pipeline that does as the first member says."""
    return run_pipeline(arguments, pipeline=FAKE, libraries=("json",))


def places(folder: Path) -> list[str]:
    return ["--data", "x", "--out", str(folder / "models"), "--work", str(folder / "work"), "--seed", "1"]


def test_progress_goes_to_standard_error_and_models_to_standard_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("suggestion", *places(tmp_path), "--members", "lightgbm") == 0
    said = capfd.readouterr()
    (manifest,) = (tmp_path / "models").glob("*/*/manifest.json")
    assert said.out == f"{manifest}\n"
    assert "50.0%  half of it" in said.err
    assert "chatter" not in said.out + said.err


def test_refusal_is_told_with_its_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("suggestion", *places(tmp_path), "--members", "xgboost") == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "error: training needs ten years of bars, there was one (data_refused)" in said.err


@pytest.mark.parametrize("arguments", [["--help"], ["suggestion", "--help"]])
def test_help_is_the_pipelines_own(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 0
    assert "--tuning-trials" in capfd.readouterr().out


def test_missing_libraries_are_named_with_the_way_to_get_them() -> None:
    with pytest.raises(CommandFailed, match=r"needs no_such_library, which .+: run `make setup-train`") as failed:
        run_pipeline(["all"], libraries=("json", "no_such_library"))
    assert failed.value.code == "training_not_installed"
