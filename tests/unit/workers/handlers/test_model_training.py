"""Training as a job: what the pipeline gets, what becomes of what it gives, and that it never outlives its job."""

import fcntl
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from backend.core.jobs.model_training import ModelTrainingPayload, ModelTrainingResult
from backend.core.jobs.outcomes import Cancelled, GivenBack, InvalidJob, Outcome, TryLater
from backend.core.jobs.provenance import BarsUsed
from market_data.errors import ProviderUnavailable, UnknownSymbol
from market_data.timeframe import Timeframe
from model_files import Manifest
from tests.bar_bench import bars
from tests.contexts import make_context
from tests.waiting import eventually
from workers.context import Context, LoadedBars
from workers.handlers.model_training import model_training
from workers.training_run import Trainer, TrainingFailed

PROJECT = Path(__file__).parents[4]
FAKE = Trainer(command=(sys.executable, "-m", "tests.fake_training"), libraries=("json",), grace_s=0.5)


@dataclass
class Job:
    """A training job by hand: its context, and everything that happened to it."""

    folder: Path
    is_cancelled: bool = False
    is_stopping: bool = False
    context: Context | None = None
    now: datetime = datetime(2024, 1, 5, tzinfo=UTC)
    stages: list[str | None] = field(default_factory=list)
    kept: list[Manifest] = field(default_factory=list)

    def is_cancel_wanted(self) -> bool:
        return self.is_cancelled

    def report(self, fraction: float, stage: str | None, counters: Mapping[str, float]) -> None:
        self.stages.append(stage)

    def keep(self, folder: Path, manifest: Manifest) -> None:
        manifest.check_files(folder)
        self.kept.append(manifest)

    def load(self, symbol: str, timeframe: Timeframe) -> LoadedBars:
        if symbol == "LOST":
            raise UnknownSymbol("no source knows 'LOST'")
        if symbol == "AWAY":
            raise ProviderUnavailable("no answer", retry_after_s=2.0)
        used = BarsUsed(
            symbol=symbol,
            timeframe=timeframe,
            source="import",
            revision=1,
            bar_count=3,
            first_bar="",
            last_bar="",
            fingerprint="f" + symbol,
        )
        return LoadedBars(bars(symbol), used)

    def run(self, trainer: Trainer = FAKE, **payload: object) -> Outcome:
        context = make_context(
            monitor=self,
            load_shared_bars=self.load,
            shared_symbols=lambda timeframe: ("AAA", "BBB"),
            models=self,
            work_folder=self.folder,
            is_stopping=lambda: self.is_stopping,
        )
        self.context = context
        context.now = lambda: self.now  # type: ignore[method-assign]
        return model_training(ModelTrainingPayload(**payload), context, trainer)  # type: ignore[arg-type]

    @property
    def place(self) -> Path:
        return self.folder / f"training-{'0' * 16}"

    def noted(self) -> dict[str, object] | None:
        """What the pipeline noted of itself."""
        with suppress(OSError, ValueError):
            told: dict[str, object] = json.loads((self.place / "checkpoints" / "noted.json").read_text())
            return told
        return None


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))  # where the fake is
    return Job(tmp_path / "work")


def test_trained_model_is_kept_and_becomes_a_candidate(job: Job) -> None:
    outcome = job.run(seed=7)
    assert isinstance(outcome.result, ModelTrainingResult)
    (row,) = outcome.rows
    (trained,) = outcome.result.models
    assert [(manifest.name, manifest.version) for manifest in job.kept] == [(trained.name, trained.version)]
    assert (row.table, row.or_skip) == ("models", True)
    assert (row.values["stage"], row.values["source"], row.values["sha256"]) == ("candidate", "store", trained.sha256)
    assert row.values["card"].startswith("# trained")
    assert trained.metrics == {"auc": 0.51}
    assert [used.symbol for used in outcome.result.provenance.bars] == ["AAA", "BBB"]


def test_pipeline_gets_the_bars_as_a_file(job: Job) -> None:
    job.run()
    table = pq.read_table(job.place / "bars.parquet")
    assert table.column_names == ["symbol", "date", "open", "high", "low", "close", "volume"]
    assert table["symbol"].to_pylist() == ["AAA"] * 3 + ["BBB"] * 3
    assert [str(day)[:10] for day in table["date"].to_pylist()[:2]] == ["2024-01-01", "2024-01-02"]
    assert set(table["close"].to_pylist()) == {10.0}


def test_bar_that_is_still_forming_is_left_out(job: Job) -> None:
    job.now = datetime(2024, 1, 3, 23, tzinfo=UTC)
    job.run()
    days = pq.read_table(job.place / "bars.parquet")["date"].to_pylist()
    assert [str(day)[:10] for day in days] == ["2024-01-01", "2024-01-02"] * 2


def test_progress_of_the_pipeline_is_the_jobs(job: Job) -> None:
    job.run()
    assert "half of it" in job.stages


def test_pipeline_gets_no_secret_and_gives_way(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "NEWS__FINNHUB_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "s3cret")
    niceness = os.nice(0)
    job.run()
    noted = job.noted()
    assert noted is not None
    assert "s3cret" not in json.dumps(noted["environment"])
    assert noted["environment"]["OMP_NUM_THREADS"] == "1"  # type: ignore[index]
    assert noted["niceness"] == min(niceness + 10, 19)
    assert noted["group"] == noted["pid"] != os.getpgrp()


def test_same_training_again_gives_the_same_model(job: Job) -> None:
    first, second = (job.run().result for _ in range(2))
    assert first == second


def test_unknown_symbols_are_left_out_and_told(job: Job) -> None:
    outcome = job.run(symbols=("AAA", "LOST"))
    assert isinstance(outcome.result, ModelTrainingResult)
    assert outcome.result.warnings == ("left out: no source knows 'LOST'",)
    assert [used.symbol for used in outcome.result.provenance.bars] == ["AAA"]


def test_training_on_nothing_is_refused(job: Job) -> None:
    with pytest.raises(InvalidJob, match="daily bars of at least one symbol: left out: no source knows") as refused:
        job.run(symbols=("LOST",))
    assert refused.value.code == "no_bars"


def test_provider_that_is_away_is_waited_for(job: Job) -> None:
    with pytest.raises(TryLater):
        job.run(symbols=("AAA", "AWAY"))


def test_refusal_of_the_pipeline_ends_the_job_with_its_words(job: Job) -> None:
    with pytest.raises(InvalidJob, match="ten years of bars") as refused:
        job.run(members=("xgboost",))
    assert refused.value.code == "data_refused"


def test_fault_of_the_pipeline_is_told_with_the_end_of_what_it_said(job: Job) -> None:
    with pytest.raises(TrainingFailed, match=r"(?s)exit code 1: Traceback.*out of ideas"):
        job.run(tuning_trials=13)
    assert job.kept == []


def test_pipeline_that_ends_without_a_word_is_a_fault(job: Job) -> None:
    silent = Trainer(command=(sys.executable, "-c", ""), libraries=())
    with pytest.raises(TrainingFailed, match="exit code 0: it said nothing"):
        job.run(silent)


def test_missing_libraries_are_named_with_the_way_to_get_them(job: Job) -> None:
    with pytest.raises(InvalidJob, match=r"needs no_such_library.*make setup-train") as refused:
        job.run(Trainer(libraries=("json", "no_such_library")))
    assert refused.value.code == "training_not_installed"
    assert not job.folder.exists()


def lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.parametrize("member", ["lstm", "transformer"])
@pytest.mark.parametrize(
    ("happen", "expected"),
    [
        (lambda job: setattr(job, "is_cancelled", True), Cancelled),
        (lambda job: setattr(job, "is_stopping", True), GivenBack),
        (lambda job: setattr(job.context, "ends_by", 0.0), InvalidJob),
    ],
)
def test_end_of_the_job_is_the_end_of_the_pipeline_and_its_heirs(
    job: Job, member: str, happen: Callable[[Job], None], expected: type[Exception]
) -> None:
    def report(fraction: float, stage: str | None, counters: Mapping[str, float]) -> None:
        if stage == "hanging":
            happen(job)

    job.report = report  # type: ignore[method-assign]
    with pytest.raises(expected):
        job.run(members=(member,))
    assert happened_to(job) == [False, False]


def happened_to(job: Job) -> list[bool]:
    """Tell whether the pipeline and its heir live."""
    noted = job.noted()
    assert noted is not None
    pids = [int(str(noted["pid"])), int((job.place / "checkpoints" / "heir.pid").read_text())]
    eventually(lambda: not any(map(lives, pids)), timeout_s=5, what="the end of the pipeline")
    return [lives(pid) for pid in pids]


def test_pipeline_dies_with_its_worker(job: Job) -> None:
    worker = os.fork()
    if worker == 0:
        with suppress(BaseException):
            job.run(members=("transformer",))
        os._exit(0)
    eventually((job.place / "checkpoints" / "heir.pid").exists, what="the pipeline")
    noted = job.noted()
    assert noted is not None
    os.kill(worker, 9)
    os.waitpid(worker, 0)
    eventually(lambda: not lives(int(str(noted["pid"]))), timeout_s=5, what="the end of the pipeline")
    os.kill(int((job.place / "checkpoints" / "heir.pid").read_text()), 9)


def test_same_training_by_another_job_is_refused_at_once(job: Job) -> None:
    job.place.mkdir(parents=True)
    with (job.place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InvalidJob, match="another job is running this very training") as refused:
            job.run()
    assert refused.value.code == "training_in_progress"


def test_work_of_long_ago_is_removed_unless_somebody_is_at_it(job: Job) -> None:
    old, busy, new = (job.folder / f"training-{name}" for name in ("old", "busy", "new"))
    for folder in (old, busy, new):
        folder.mkdir(parents=True)
        (folder / "checkpoint").write_text("x")
    for folder in (old, busy):
        os.utime(folder, (0, 0))
    with (busy / "lock").open("w") as lock:
        os.utime(busy, (0, 0))
        fcntl.flock(lock, fcntl.LOCK_EX)
        job.run()
    assert (old.exists(), busy.exists(), new.exists()) == (False, True, True)
