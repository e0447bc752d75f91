"""Runs one job: claim -> decode -> handle -> record -> announce.

Whatever a handler does, the job ends in one of the lifecycle's moves. A process that dies in the middle is the
keeper's and the relay's business.
"""

import hashlib
import json
import os
import signal
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

import structlog
from pydantic import ValidationError
from sqlalchemy import Executable, RowMapping, insert, select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from backend.core.artifacts import ArtifactStore, StoredArtifact
from backend.core.db import statements
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import artifacts, job_attempts
from backend.core.jobs.job import JobSummary, summary_of
from backend.core.jobs.lifecycle import JobState, Move
from backend.core.jobs.outcomes import Cancelled, GivenBack, InvalidJob, LeaseLost, Outcome, TryLater
from backend.core.jobs.registry import JOB_TYPES, JobSpec
from backend.core.logging import get_logger
from backend.core.redis import sync_redis
from backend.settings import Settings
from market_data.timeframe import Timeframe
from workers.announce import Herald
from workers.bar_source import BarSource
from workers.context import Context, LoadedBars
from workers.effects import write_effects
from workers.ending import Ended, Ending, Lease, end_attempt, failure, try_later
from workers.handlers import HANDLERS
from workers.inference.model_store import TASK_OF_QUEUE, ModelStore
from workers.news_desk import NewsDesk
from workers.signal_book import SignalBook

MAX_TRACEBACK_CHARACTERS = 20_000
RECORD_FOR_S = 20.0
RECORD_AGAIN_S = 0.5
SPECS_BY_QUEUE: Mapping[str, JobSpec] = {spec.queue: spec for spec in JOB_TYPES.values()}

log = get_logger(__name__)


class Runner:
    """One pool child's way of running jobs, one at a time."""

    def __init__(self, settings: Settings, *, worker_id: str) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._engine = sync_engine(settings.database)
        redis = sync_redis(settings.redis)
        self._herald = Herald(self._engine, redis)
        self._store = ArtifactStore(settings.artifacts)
        self._bars = BarSource(self._engine, redis, settings)
        self._models = ModelStore(self._engine, settings)
        self._news = NewsDesk(self._engine, redis, settings)
        self._signals = SignalBook(self._engine, self._bars)
        self._is_stopping = False

    def warm(self, queues: Iterable[str]) -> None:
        """Open the models that jobs of these queues need, before the first one comes."""
        self._models.warm([TASK_OF_QUEUE[queue] for queue in queues if queue in TASK_OF_QUEUE])

    def stop_soon(self, *_: object) -> None:
        """Let the running job end at its next check, and claim no other. Called by a signal."""
        self._is_stopping = True

    def run_next(self, queue: str) -> bool:
        """Run the queue's best job to an end; False when there is none to claim."""
        if self._is_stopping:
            return False
        claim = self._claim(queue)
        if claim is None:
            return False
        with structlog.contextvars.bound_contextvars(job_id=str(claim.lease.job.id), attempt=claim.lease.job.attempt):
            self._herald.tell([claim.lease.job])
            started = time.monotonic()
            result = self._attempt(claim)
            ended = None if result is None else self._record(claim.lease, result)
            if ended is not None:
                self._herald.tell([ended.job], [queue] if ended.rings else [])
                if _has_signals(result):
                    self._herald.tell_signals_of(ended.job.id)
            state = "lease_lost" if ended is None else ended.job.state
            log.info("attempt_ended", state=state, duration_s=round(time.monotonic() - started, 4))
        return True

    def _claim(self, queue: str) -> "_Claim | None":
        asked = {
            "queue": queue,
            "lease_s": self._settings.jobs.lease_s,
            "hard_limit_s": SPECS_BY_QUEUE[queue].hard_limit_s,
            "worker_id": self._worker_id,
            "worker_pid": os.getpid(),
        }
        try:
            self._engine.connect().close()  # a database that is away is found out before anything could be claimed
        except SQLAlchemyError as error:
            log.warning("claim_failed", queue=queue, error=type(error).__name__)
            return None
        try:
            row = self._execute(statements.CLAIM, asked) or self._execute(statements.CLAIM_WAITING, asked)
        except SQLAlchemyError as error:
            _end_this_process("claim_unsure", error)
        return None if row is None else _Claim(Lease.of(row), row["payload"])

    def _attempt(self, claim: "_Claim") -> Ending | Outcome | None:
        """Call the handler; whatever comes out of it is data, never an exception. None: the job is not ours now."""
        job = claim.lease.job
        try:
            spec = JOB_TYPES[job.job_type]
            payload = spec.payload.model_validate_json(json.dumps(claim.payload))
            return HANDLERS[job.job_type](payload, self._context(claim, spec))
        except LeaseLost:
            return None
        except BaseException as error:  # noqa: BLE001 - MemoryError and SystemExit too: no job may end its worker
            return _ending_of(error, job)

    def _context(self, claim: "_Claim", spec: JobSpec) -> Context:
        canonical = json.dumps(claim.payload, sort_keys=True, separators=(",", ":"))
        payload_hash = hashlib.sha256(f"{spec.job_type}\n{canonical}".encode()).hexdigest()
        job = claim.lease.job

        def load_bars(symbol: str, timeframe: Timeframe, start: date | None, end: date | None) -> LoadedBars:
            return self._bars.load(job.user_id, symbol, timeframe, start, end)

        return Context(
            attempt=job.attempt,
            seed=int(payload_hash[:8], 16),
            payload_hash=payload_hash,
            ends_by=time.monotonic() + spec.soft_limit_s,
            monitor=_Monitor(self, claim.lease),
            load_bars=load_bars,
            load_shared_bars=self._bars.load_shared,
            shared_symbols=self._bars.shared_symbols,
            models=self._models,
            signals=self._signals,
            news=self._news,
            work_folder=self._settings.data_dir / "cache" / "work",
            is_stopping=lambda: self._is_stopping,
        )

    def _record(self, lease: Lease, result: Ending | Outcome) -> Ended | None:
        """Write the ending down; an outcome that cannot be written is a failure like any other.

        While the database is away, try again for a while: the work is done, only its record is missing.
        """
        give_up_at = time.monotonic() + RECORD_FOR_S
        is_refused = False
        while True:
            try:
                return self._record_success(lease, result) if isinstance(result, Outcome) else self._end(lease, result)
            except (OperationalError, InterfaceError) as error:
                log.warning("record_failed", error=type(error).__name__)
                if time.monotonic() > give_up_at:
                    _end_this_process("record_unsure", error)
                time.sleep(RECORD_AGAIN_S)
            except BaseException as error:  # noqa: BLE001 - the same as for handlers
                if is_refused:  # not even the failure can be written: somebody else must take over
                    _end_this_process("record_refused", error)
                result, is_refused = failure(lease.job, _bug(error)), True

    def _record_success(self, lease: Lease, outcome: Outcome) -> Ended | None:
        text = outcome.result.model_dump_json()
        limit = self._settings.jobs.max_result_bytes
        if len(text) > limit:
            told = f"the result has {len(text)} bytes, {limit} are allowed"
            return self._end(lease, Ending(Move.FAIL, "failed", {"code": "result_too_large", "message": told}))
        stored = [self._store.write(lease.job.id, lease.token, artifact) for artifact in outcome.artifacts]
        changes = {"result": json.loads(text), "progress": 1.0}
        ended = self._end(lease, Ending(Move.SUCCEED, "succeeded", changes=changes), outcome, stored)
        is_kept = self._is_recorded(lease) if ended is None else ended.job.state == JobState.SUCCEEDED
        if not is_kept:
            self._store.drop_attempt(lease.job.id, lease.token)
        return ended

    def _is_recorded(self, lease: Lease) -> bool:
        """Tell whether an earlier try to record this success had worked, and only its answer was lost."""
        mine = (job_attempts.c.lease_token == lease.token) & (job_attempts.c.outcome == "succeeded")
        return self._execute(select(job_attempts.c.job_id).where(mine), {}) is not None

    def _end(
        self,
        lease: Lease,
        ending: Ending,
        outcome: Outcome | None = None,
        stored: Sequence[StoredArtifact] = (),
    ) -> Ended | None:
        with self._engine.begin() as connection:
            ended = end_attempt(connection, lease, ending)
            if ended is None or outcome is None or ended.job.state != JobState.SUCCEEDED:
                return ended
            write_effects(connection, lease, outcome)
            for artifact in stored:
                connection.execute(insert(artifacts).values(job_id=lease.job.id, **vars(artifact)))
        return ended

    def _execute(self, statement: Executable, values: Mapping[str, Any]) -> RowMapping | None:  # Any: SQL values
        with self._engine.begin() as connection:
            return connection.execute(statement, values).mappings().one_or_none()

    def report(self, lease: Lease, fraction: float, stage: str | None) -> None:
        row = self._execute(statements.report_progress(lease.job.id, lease.token, fraction, stage), {})
        if row is None:
            raise LeaseLost
        self._herald.tell([summary_of(row)], progress_only=True)

    def is_cancel_wanted(self, lease: Lease) -> bool:
        with self._engine.connect() as connection:
            wanted = connection.execute(statements.cancel_wanted(lease.job.id, lease.token)).scalar_one_or_none()
        if wanted is None:
            raise LeaseLost
        return bool(wanted)


@dataclass(frozen=True)
class _Claim:
    lease: Lease
    payload: Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True)
class _Monitor:
    runner: Runner
    lease: Lease

    def is_cancel_wanted(self) -> bool:
        return self.runner.is_cancel_wanted(self.lease)

    def report(self, fraction: float, stage: str | None) -> None:
        self.runner.report(self.lease, fraction, stage)


def _has_signals(result: Ending | Outcome | None) -> bool:
    return isinstance(result, Outcome) and any(row.table == "signals" for row in result.rows)


def _ending_of(error: BaseException, job: JobSummary) -> Ending:
    """Return how an attempt ends whose handler raised; what is not said in `outcomes` is a bug."""
    match error:
        case Cancelled():
            ending = Ending(Move.STOP, "cancelled")
        case GivenBack():
            ending = Ending(Move.GIVE_BACK, "given_back", changes={"attempt": job.attempt - 1, "progress": 0.0})
        case InvalidJob():
            ending = Ending(Move.FAIL, "failed", {"code": error.code, "message": str(error)})
        case ValidationError():
            ending = Ending(Move.FAIL, "failed", {"code": "invalid_payload", "message": str(error)})
        case TryLater():
            ending = try_later(job, {"code": error.code, "message": str(error)}, error.after_s)
        case _:
            ending = failure(job, _bug(error))
    return ending


def _end_this_process(event: str, error: BaseException) -> NoReturn:
    """End a child that cannot know what it holds. The keeper sees it gone, and moves whatever that was."""
    log.error(event, error=type(error).__name__)
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def _bug(error: BaseException) -> dict[str, str | None]:
    told = "".join(traceback.format_exception(error))[-MAX_TRACEBACK_CHARACTERS:]
    return {"code": "handler_error", "message": f"{type(error).__name__}: {error}"[:2_000], "traceback": told}
