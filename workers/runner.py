"""Runs jobs: claim -> decode -> handle -> record, and claim the next -> announce.

Whatever a handler does, its job ends in one of the lifecycle's moves. A process that dies in the middle is the
keeper's and the relay's business.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from backend.core.artifacts import ArtifactStore
from backend.core.db import job_metrics, statements
from backend.core.db.sessions import sync_engine
from backend.core.jobs.job import JobSummary
from backend.core.jobs.lifecycle import Move
from backend.core.jobs.outcomes import Cancelled, FanOut, GivenBack, InvalidJob, LeaseLost, Outcome, TryLater
from backend.core.jobs.registry import JOB_TYPES, JobSpec
from backend.core.logging import get_logger
from backend.core.redis import sync_redis
from backend.settings import Settings
from workers.aftermath import follow_jobs
from workers.announce import Herald
from workers.bar_source import BarSource
from workers.context import Context
from workers.desk import Claim, Desk, Wish
from workers.ending import Ended, Ending, Lease, failure, try_later
from workers.fan_out import FanOuts
from workers.inference.model_store import TASK_OF_QUEUE, ModelStore
from workers.news_desk import NewsDesk
from workers.pace import Pace
from workers.recorder import Recorder, bug, end_this_process
from workers.reproduction import LoadBars, Records, recorded_bars
from workers.scribe import Notes, Scribe
from workers.signal_book import SignalBook

DRAIN_S = 1.0
"""How long one doorbell keeps a child at its queue; then other queues' bells have their turn."""
SETTLE_EVERY_S = 0.25
SPECS_BY_QUEUE: Mapping[str, JobSpec] = {spec.queue: spec for spec in JOB_TYPES.values()}

log = get_logger(__name__)


class Runner:
    """One pool child's way of running jobs, one at a time."""

    def __init__(self, settings: Settings, *, worker_id: str) -> None:
        self._settings = settings
        self._engine = sync_engine(settings.database)
        self._redis = redis = sync_redis(settings.redis)
        self._herald = Herald(self._engine, redis, settle_every_s=SETTLE_EVERY_S)
        self._desk = Desk(settings, worker_id=worker_id)
        store = ArtifactStore(settings.artifacts)
        self._fan_outs = FanOuts(self._engine, self._herald, settings.jobs)
        limit = settings.jobs.max_result_bytes
        self._recorder = Recorder(self._desk, self._engine, store, self._fan_outs, max_result_bytes=limit)
        self._bars = BarSource(self._engine, redis, settings)
        self._models = ModelStore(self._engine, settings)
        self._news = NewsDesk(self._engine, redis, settings)
        self._signals = SignalBook(self._engine, self._bars)
        self._records = Records(self._engine)
        self._scribe = Scribe(self._engine, self._herald.tell_progress)
        self._pace = Pace()
        self._is_stopping = False

    def warm(self, queues: Iterable[str]) -> None:
        """Open the models that jobs of these queues need, before the first one comes."""
        self._models.warm([TASK_OF_QUEUE[queue] for queue in queues if queue in TASK_OF_QUEUE])

    def stop_soon(self, *_: object) -> None:
        """Let the running job end at its next check, and claim no other. Called by a signal."""
        self._is_stopping = True

    def close(self) -> None:
        """Let go of every connection."""
        self._desk.close()
        self._engine.dispose()
        self._redis.close()

    def run_next(self, queue: str) -> bool:
        """Run the queue's jobs, best first, until none is left or others shall have a turn; False: there was none."""
        spec = SPECS_BY_QUEUE[queue]
        until = time.monotonic() + DRAIN_S
        claims = first = self._claim(spec, waits=True)
        is_busy = False  # the first finish claims nothing: where jobs are rare, that would only keep its end waiting
        while claims:
            claims = self._run(claims, spec, until, is_busy=is_busy) or self._claim_until(spec, until)
            is_busy = True
        if first and not self._goes_on(until):
            self._herald.tell([], [queue])
        self._herald.settle()
        return bool(first)

    def _goes_on(self, until: float) -> bool:
        return not self._is_stopping and time.monotonic() < until

    def _claim_until(self, spec: JobSpec, until: float) -> Sequence[Claim]:
        """Claim once more, and not wait: whoever holds a lane looks at it again, as this child does."""
        return self._claim(spec, waits=False) if self._goes_on(until) else ()

    def _claim(self, spec: JobSpec, *, waits: bool) -> Sequence[Claim]:
        if self._is_stopping:
            return ()
        try:
            self._desk.open()  # a database that is away is found out before anything could be claimed
        except SQLAlchemyError as error:
            log.warning("claim_failed", queue=spec.queue, error=type(error).__name__)
            return ()
        try:
            return self._desk.claim(self._wish(spec), waits=waits)
        except SQLAlchemyError as error:
            end_this_process("claim_unsure", error)

    def _wish(self, spec: JobSpec) -> Wish:
        return Wish(spec, self._pace.at_once(spec.queue))

    def _run(self, claims: Sequence[Claim], spec: JobSpec, until: float, *, is_busy: bool) -> Sequence[Claim]:
        """Run what was claimed to its end; return what was claimed with the last record."""
        begun = [claim.lease.job for claim in claims if claim.lease.is_short]  # told with the word of their end
        self._herald.tell([claim.lease.job for claim in claims if not claim.lease.is_short])
        started = time.monotonic()
        results = [tried for claim in claims if (tried := self._attempt(claim)) is not None]
        if begun:
            self._pace.note(spec.queue, len(claims), time.monotonic() - started)
        recorded = self._recorder.record(results, self._wish(spec) if is_busy and self._goes_on(until) else None)
        endings = list(recorded.ended.values())
        rings = any(ended.rings for ended in endings) and not recorded.next_claims
        self._herald.tell([*begun, *(ended.job for ended in endings)], [spec.queue] if rings else [])
        follow_jobs(self._engine, self._herald, [ended.job for ended in endings])
        for lease, result in results:
            if lease.job.id in recorded.ended and _has_signals(result):
                self._herald.tell_signals_of(lease.job.id)
        self._log(claims, recorded.ended, time.monotonic() - started)
        return recorded.next_claims

    def _log(self, claims: Sequence[Claim], ended: Mapping[UUID, Ended], duration_s: float) -> None:
        for job in (claim.lease.job for claim in claims):
            state = ended[job.id].job.state if job.id in ended else "lease_lost"
            log.info("attempt_ended", **_said_of(job), state=state, duration_s=round(duration_s, 4))
            if job.id not in ended:
                self._herald.note(job_metrics.event("lease_lost", job.job_type))

    def _attempt(self, claim: Claim) -> tuple[Lease, Ending | Outcome | FanOut] | None:
        """Call the handler; whatever comes out of it is data, never an exception. None: the job is not ours now."""
        job, token = claim.lease.job, claim.lease.token
        with structlog.contextvars.bound_contextvars(**_said_of(job)), self._scribe.following(job.id, token) as notes:
            try:
                result: Ending | Outcome | FanOut = self._handle(claim, notes)
            except LeaseLost:
                return None
            except BaseException as error:  # noqa: BLE001 - MemoryError and SystemExit too: no job may end its worker
                result = _ending_of(error, job)
        return (replace(claim.lease, job=job.model_copy(update=notes.said)) if notes.said else claim.lease), result

    def _handle(self, claim: Claim, notes: Notes) -> Outcome | FanOut:
        if self._is_stopping:
            raise GivenBack
        spec = JOB_TYPES[claim.lease.job.job_type]
        payload = spec.payload.model_validate_json(json.dumps(claim.payload))
        return self._fan_outs.handle(claim, payload, self._context(claim, spec, notes))

    def _context(self, claim: Claim, spec: JobSpec, notes: Notes) -> Context:
        job = claim.lease.job

        return Context(
            attempt=job.attempt,
            hash_payload=lambda: spec.payload_hash(claim.payload),
            ends_by=time.monotonic() + spec.soft_limit_s,
            expires_by=time.monotonic() + claim.lease.expires_in_s,
            monitor=_Monitor(self, claim.lease, notes),
            load_bars=self._way_to_bars(job),
            load_shared_bars=self._bars.load_shared,
            shared_symbols=self._bars.shared_symbols,
            models=self._models,
            signals=self._signals,
            news=self._news,
            work_folder=self._settings.data_dir / "cache" / "work",
            is_stopping=lambda: self._is_stopping,
        )

    def _way_to_bars(self, job: JobSummary) -> LoadBars:
        """Return how the job gets its bars: as its user sees them, and where it runs a record again, as that had."""
        record = self._records.of(job)
        load = partial(self._bars.load, job.user_id)
        return load if record is None else recorded_bars(load, record)

    def is_cancel_wanted(self, lease: Lease) -> bool:
        with self._engine.connect() as connection:
            wanted = connection.execute(statements.cancel_wanted(lease.job.id, lease.token)).scalar_one_or_none()
        if wanted is None:
            raise LeaseLost
        return bool(wanted)


@dataclass(frozen=True)
class _Monitor:
    runner: Runner
    lease: Lease
    notes: Notes

    def is_cancel_wanted(self) -> bool:
        return self.runner.is_cancel_wanted(self.lease)

    def report(self, fraction: float, stage: str | None, counters: Mapping[str, float]) -> None:
        self.notes.report(fraction, stage, counters)


def _said_of(job: JobSummary) -> dict[str, str | int]:
    """Return what every line about an attempt carries."""
    return {**job.log_names, "attempt": job.attempt}


def _has_signals(result: Ending | Outcome | FanOut | None) -> bool:
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
            ending = failure(job, bug(error))
    return ending
