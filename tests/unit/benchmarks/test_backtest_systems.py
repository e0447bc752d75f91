from pathlib import Path

import pytest

from benchmarks.backtests import engines
from benchmarks.backtests.agreement import EXACT, RULES, differences
from benchmarks.backtests.crew import IN_C, OURS, Crew, crew_in
from benchmarks.backtests.peers import backtrader_folder
from benchmarks.backtests.systems import c_code
from benchmarks.backtests.work import save_prices

SIZE = 2_520


@pytest.fixture
def here(tmp_path: Path) -> Crew:
    save_prices(tmp_path / f"prices-{SIZE}.npz", SIZE)
    return crew_in(tmp_path, backtrader=None)


def test_every_system_here_does_what_the_engine_does(here: Crew) -> None:
    outcomes = {}
    for name in here.names:
        if name.startswith("vectorbt"):  # it takes a minute to load; the benchmark asks it the same before it measures
            continue
        with here.member(name) as member:
            outcomes[name] = member.outcome(SIZE)
            assert member.time_s(SIZE, 0.0) > 0.0
    ours = outcomes.pop(OURS)
    assert len(ours.size) > 40
    for name, theirs in outcomes.items():
        assert differences(ours, theirs, RULES.get(name, EXACT)) == [], name
    assert {*IN_C, "kernel", "backtesting_py"} <= set(outcomes)


def test_missing_compiler_and_peers_leave_their_columns_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert c_code.built_in(tmp_path) is None
    lonely = crew_in(tmp_path, backtrader=None)
    assert not {*IN_C, "backtrader_plain"} & set(lonely.names)
    assert {OURS, "kernel", "backtesting_py"} <= set(lonely.names)
    assert ["C loop" in lonely.missing[0], "backtrader" in lonely.missing[-1]] == [True, True]
    rows = engines.rows_of({OURS: 0.001, "kernel": 0.0001, "backtesting_py": 0.02}, SIZE)
    assert rows[0].cells[2:8] == ("1,000", "", "20,000 (20x)", "", "", "")


def test_compiler_that_fails_is_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert c_code.built_in(tmp_path) is None


def test_backtrader_that_cannot_be_installed_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("benchmarks.backtests.peers.BACKTRADER", "./no-such-package")
    assert backtrader_folder() is None


def test_system_that_ends_early_is_named(here: Crew) -> None:
    with here.member("kernel") as member, pytest.raises(RuntimeError, match="kernel ended at time 7 1"):
        member.ask("time", 7, 1)
