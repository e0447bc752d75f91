"""How the runner records, where the database misbehaves at the worst moment."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from backend.core.db import statements
from backend.core.db.sessions import sync_engine
from backend.core.jobs.outcomes import Outcome, Row
from backend.core.jobs.probe import ProbeResult
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.submission import submission
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.platform import Platform
from workers.desk import Desk, Finished, Wish
from workers.runner import Runner

BACKTEST = {"symbols": ["AAPL"], "strategy": {"kind": "sma_cross"}}


class AnswerLost(Desk):
    """Loses the database's answer to the first finish, after it was committed."""

    has_lost = False

    def finish(self, *arguments: object, **named: object) -> Finished:
        finished = super().finish(*arguments, **named)  # type: ignore[arg-type]
        if not self.has_lost:
            self.has_lost = True
            raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))
        return finished


@pytest.fixture
def settings(scratch_platform: Platform) -> Settings:
    return Settings(
        database_url=scratch_platform.database_url,
        redis_url=scratch_platform.redis_url,
        AITRADER_DATA_DIR=scratch_platform.data_dir,
        market={"providers": "sample"},
    )


@pytest.fixture
def queue_backtest(settings: Settings) -> Iterator[object]:
    engine = sync_engine(settings.database)

    def queue_one(payload: dict[str, object], **columns: object) -> str:
        wanted = submission("backtest", payload)
        create_token(engine, user_name="alice", role="premium")
        with engine.begin() as connection:
            user = find_user(connection, "alice")
            job = connection.execute(statements.insert_job(wanted.new_row(user, None) | columns)).mappings().one()
            connection.execute(statements.open_lane("backtest", user.id, None))
        return str(job["id"])

    yield queue_one
    engine.dispose()


def test_a_success_whose_answer_was_lost_keeps_its_artifacts(settings, scratch_platform, queue_backtest) -> None:
    job_id = queue_backtest(BACKTEST)
    runner = Runner(settings, worker_id="w")
    runner._desk = runner._recorder._desk = AnswerLost(settings, worker_id="w")
    try:
        assert runner.run_next("backtest")
    finally:
        runner.close()
    rows = scratch_platform.rows("SELECT state FROM jobs WHERE id = %s", job_id)
    paths = scratch_platform.rows("SELECT path FROM artifacts WHERE job_id = %s", job_id)
    assert rows == [{"state": "succeeded"}]
    assert {Path(row["path"]).stem for row in paths} >= {"trades", "equity"}
    assert all((Path(settings.data_dir) / "artifacts" / row["path"]).is_file() for row in paths)


@pytest.mark.parametrize("cash", [0.01, 1e15])
def test_every_allowed_amount_of_cash_can_be_recorded(settings, scratch_platform, queue_backtest, cash: float) -> None:
    job_id = queue_backtest(BACKTEST | {"account": {"cash": cash}})
    runner = Runner(settings, worker_id="w")
    try:
        assert runner.run_next("backtest")
    finally:
        runner.close()
    state = scratch_platform.rows("SELECT state, error FROM jobs WHERE id = %s", job_id)
    recorded = scratch_platform.rows("SELECT initial_cash FROM backtest_results WHERE job_id = %s", job_id)
    assert state == [{"state": "succeeded", "error": None}]
    assert float(recorded[0]["initial_cash"]) == cash


def test_a_record_that_is_gone_cannot_be_run_again(settings, scratch_platform, queue_backtest) -> None:
    gone = uuid4()
    job_id = queue_backtest(BACKTEST, reproduces=gone)
    runner = Runner(settings, worker_id="w")
    try:
        assert runner.run_next("backtest")
    finally:
        runner.close()
    (job,) = scratch_platform.rows("SELECT state, attempt, error FROM jobs WHERE id = %s", job_id)
    assert (job["state"], job["attempt"], job["error"]["code"]) == ("failed", 1, "record_gone")
    assert str(gone) in job["error"]["message"]


def test_an_effect_that_is_refused_fails_its_own_job_and_no_other(settings, scratch_platform, queue_backtest) -> None:
    ids = [queue_backtest(BACKTEST) for _ in range(2)]
    runner = Runner(settings, worker_id="w")
    claims = [claim for _ in ids for claim in runner._desk.claim(Wish(JOB_TYPES["backtest"], at_once=1))]
    good = Outcome(ProbeResult(attempt=1, slept_s=0.0))
    bad = Outcome(ProbeResult(attempt=1, slept_s=0.0), rows=[Row("probe_effects", {"attempt": None})])
    try:
        recorded = runner._recorder.record(list(zip([claim.lease for claim in claims], (good, bad), strict=True)), None)
    finally:
        runner.close()
    states = [str(recorded.ended[claim.lease.job.id].job.state) for claim in claims]
    assert states == ["succeeded", "scheduled"]
    kept = scratch_platform.rows("SELECT error FROM jobs WHERE id = %s", claims[1].lease.job.id)
    assert "IntegrityError" in kept[0]["error"]["message"]
