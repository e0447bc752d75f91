"""What two runs of one record are found to have in common, and which difference comes first."""

import json
from copy import deepcopy
from pathlib import Path
from uuid import UUID

import pytest

from backend.core.errors import Conflict
from backend.core.jobs.backtest import BacktestResult
from backend.core.jobs.reproduction import MOST_TOLD, Given, compare
from backend.core.jobs.submission import reproduction_of

JOB = UUID(int=7)
GOLDEN = Path(__file__).parents[4] / "golden"
RESULT = json.loads((GOLDEN / "backtest.result.json").read_text())
PAYLOAD = json.loads((GOLDEN / "backtest.payload.json").read_text())
RESULT["provenance"]["machine"] = {"cpu": "a", "kernels": "k", "numba": "1", "numpy": "2", "pyarrow": "3"}
FILES = {"trades": "aa", "equity": "bb"}


def compared(change=None, files=FILES):
    now = deepcopy(RESULT)
    if change is not None:
        change(now)
    return compare(JOB, Given(RESULT, FILES), Given(now, files))


def test_the_same_is_the_same():
    found = compared()
    assert (found.of, found.matches, found.differs_first) == (str(JOB), True, None)
    assert (found.conditions, found.fields, found.artifacts) == ((), (), ())
    assert found.told == "same bytes"


def test_a_figure_that_differs_is_named_with_both_values():
    found = compared(lambda now: now["metrics"].update(sharpe=1.5))
    assert not found.matches
    assert found.differs_first.what == "metrics.sharpe"
    assert (found.differs_first.then, found.differs_first.now) == (repr(RESULT["metrics"]["sharpe"]), "1.5")
    assert found.told == "differs: metrics.sharpe"


def test_a_file_that_differs_is_named_and_so_is_one_that_is_missing():
    found = compared(files={"trades": "aa", "equity": "xx"})
    assert [one.what for one in found.artifacts] == ["artifact equity"]
    missing = compared(files={"trades": "aa"})
    assert (missing.differs_first.what, missing.differs_first.now) == ("artifact equity", "none")


def other_engine(now):
    now["provenance"]["engine_version"] = "9"


def other_bars(now):
    now["provenance"]["bars"][0].update(revision=2, fingerprint="ff")


def other_cpu(now):
    now["provenance"]["machine"]["cpu"] = "b"


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ((other_engine, other_bars, other_cpu), "engine_version"),
        ((other_bars, other_cpu), "bars AAPL 1d"),
        ((other_cpu,), "cpu"),
    ],
)
def test_the_likeliest_cause_comes_before_what_it_caused(changes, first):
    def change(now):
        now["metrics"]["sharpe"] = 1.5
        for one in changes:
            one(now)

    found = compared(change)
    assert found.differs_first.what == first
    assert [one.what for one in found.fields] == ["metrics.sharpe"]


def test_other_conditions_that_changed_nothing_are_told_and_the_bytes_match():
    found = compared(other_bars)
    assert (found.matches, found.differs_first) == (True, None)
    (condition,) = found.conditions
    assert "revision 1, 61 from 2012-12-03" in condition.then
    assert "revision 2, 61 from 2012-12-03" in condition.now


def test_a_record_from_before_machines_were_told_says_none():
    now = deepcopy(RESULT)
    then = deepcopy(RESULT) | {"provenance": RESULT["provenance"] | {"machine": None}}
    found = compare(JOB, Given(then, FILES), Given(now, FILES))
    assert found.matches
    assert ("cpu", "none", "a") in [(one.what, one.then, one.now) for one in found.conditions]


def test_many_differences_are_cut_and_still_a_result():
    found = compared(lambda now: now["equity_curve"].update(equity=[1.0] * 61))
    assert len(found.fields) == MOST_TOLD
    assert found.fields[0].what == "equity_curve.equity.0"
    shorter = compared(lambda now: now["equity_curve"].update(equity=[1.0]))
    assert [one.what for one in shorter.fields] == ["equity_curve.equity"]
    record = BacktestResult.model_validate_json(json.dumps(RESULT)).model_copy(update={"reproduction": found})
    assert BacktestResult.model_validate_json(record.model_dump_json()) == record


def row(**changes):
    return {"id": JOB, "job_type": "backtest", "state": "succeeded", "payload": PAYLOAD} | changes


def test_a_record_is_run_again_with_its_payload_as_it_was_stored():
    wanted = reproduction_of(row())
    assert (wanted.origin["reproduces"], wanted.origin["payload"]) == (JOB, PAYLOAD)
    assert (wanted.may_reuse, wanted.origin["reuse_key"]) == (False, None)
    assert wanted.request_hash != reproduction_of(row(id=UUID(int=8))).request_hash


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
def test_only_a_success_is_run_again(state):
    with pytest.raises(Conflict, match=f"only a succeeded job can be reproduced; this one is {state}"):
        reproduction_of(row(state=state))


def test_other_types_and_unreadable_payloads_are_refused():
    with pytest.raises(Conflict, match="can be reproduced: backtest; this one is a probe"):
        reproduction_of(row(job_type="probe"))
    with pytest.raises(Conflict, match="cannot be read any more"):
        reproduction_of(row(payload=PAYLOAD | {"symbols": []}))
