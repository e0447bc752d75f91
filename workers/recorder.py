"""Writes down how attempts ended: successes together, with the next claim; everything else one by one.

While the database is away it tries again for a while: the work is done, only its record is missing. A process that
cannot know what it holds ends itself; the keeper sees it gone, and moves whatever that was.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar
from uuid import UUID

from sqlalchemy import Engine, RowMapping, select
from sqlalchemy.exc import InterfaceError, OperationalError

from backend.core.artifacts import ArtifactStore, StoredArtifact
from backend.core.db import statements
from backend.core.db.tables import job_attempts
from backend.core.jobs.lifecycle import JobState, Move
from backend.core.jobs.outcomes import Artifact, Cancelled, FanOut, Outcome, Page, one_line
from backend.core.logging import get_logger
from workers.context import CHECK_EVERY_S
from workers.desk import Claim, Desk, Finished, Success, Wish
from workers.ending import Ended, Ending, Lease, end_attempt, failure
from workers.fan_out import FanOuts
from workers.reproduction import Records

MAX_TRACEBACK_CHARACTERS = 20_000
RECORD_FOR_S = 20.0
RECORD_AGAIN_S = 0.5

Answer = TypeVar("Answer")
log = get_logger(__name__)


@dataclass(frozen=True)
class Recorded:
    """How the jobs are now, by id (without those that were not ours any more), and the jobs claimed with it."""

    ended: dict[UUID, Ended]
    next_claims: Sequence[Claim] = ()


class Recorder:
    def __init__(
        self, desk: Desk, engine: Engine, store: ArtifactStore, fan_outs: FanOuts, *, max_result_bytes: int
    ) -> None:
        self._desk = desk
        self._engine = engine
        self._store = store
        self._fan_outs = fan_outs
        self._records = Records(engine)
        self._max_result_bytes = max_result_bytes

    def record(self, results: Sequence[tuple[Lease, Ending | Outcome | FanOut]], then: Wish | None) -> Recorded:
        """Write all endings down; with the last of them, claim what is wished for next."""
        ended: dict[UUID, Ended] = {}
        done: list[Success] = []
        for lease, result in results:
            ready = self._ready(lease, result) if isinstance(result, Outcome) else result
            if isinstance(ready, Success):
                done.append(ready)
            elif isinstance(ready, FanOut):
                _note(ended, lease, self._fan_out(lease, ready))
            else:
                _note(ended, lease, self._end(lease, ready))
        if not done:
            return Recorded(ended)
        finished, refused = self._finish(done, then)
        for success in done:
            job_id = success.lease.job.id
            how = self._failed(success, refused[job_id]) if job_id in refused else self._ended(success, finished)
            _note(ended, success.lease, how)
        return Recorded(ended, finished.next_claims)

    def _ready(self, lease: Lease, outcome: Outcome) -> Success | Ending:
        """Return the success with its artifacts stored; an outcome that cannot be kept is a failure like any other."""
        try:
            text = outcome.result.model_dump_json()
            if len(text) > self._max_result_bytes:
                told = f"the result has {len(text)} bytes, {self._max_result_bytes} are allowed"
                return Ending(Move.FAIL, "failed", {"code": "result_too_large", "message": told})
            stored = self._stored(lease, outcome.artifacts)
            if lease.job.reproduces is not None:
                outcome = self._records.compared(lease.job, outcome, stored)
                text = outcome.result.model_dump_json()
        except Cancelled:
            self._store.drop_attempt(lease.job.id, lease.token)
            return Ending(Move.STOP, "cancelled")
        except BaseException as error:  # noqa: BLE001 - the same as for handlers
            self._store.drop_attempt(lease.job.id, lease.token)
            return failure(lease.job, bug(error))
        return Success(lease, outcome, text, stored)

    def _stored(self, lease: Lease, artifacts: Sequence[Artifact | Page]) -> list[StoredArtifact]:
        """Store the artifacts; where that takes long, look now and then whether anybody still wants them."""
        stored, looked_at = [], time.monotonic()
        for artifact in artifacts:
            if time.monotonic() - looked_at >= CHECK_EVERY_S:
                looked_at = time.monotonic()
                with self._engine.connect() as connection:
                    if connection.execute(statements.cancel_wanted(lease.job.id, lease.token)).scalar():
                        raise Cancelled
            stored.append(self._store.write(lease.job.id, lease.token, artifact))
        return stored

    def _finish(self, done: Sequence[Success], then: Wish | None) -> tuple[Finished, Mapping[UUID, BaseException]]:
        """Finish all together; where the database refuses that, each alone, and tell which were refused, and why."""
        give_up_at = time.monotonic() + RECORD_FOR_S
        is_again = False
        while True:
            try:
                return self._desk.finish(done, then, is_again=is_again), {}
            except (OperationalError, InterfaceError) as error:
                _wait(error, give_up_at)
                is_again = True
            except BaseException as error:  # noqa: BLE001 - what a result or row holds may be refused in many ways
                if len(done) == 1:
                    return Finished({}, rings=True, next_claims=()), {done[0].lease.job.id: error}
                break
        rows: dict[UUID, RowMapping] = {}
        refused: dict[UUID, BaseException] = {}
        for success in done:
            alone, why = self._finish([success], None)
            rows |= alone.rows
            refused |= why
        return Finished(rows, rings=True, next_claims=()), refused

    def _failed(self, success: Success, error: BaseException) -> Ended | None:
        """End the attempt whose success the database refused as a failure like any other."""
        self._store.drop_attempt(success.lease.job.id, success.lease.token)
        return self._end(success.lease, failure(success.lease.job, bug(error)))

    def _ended(self, success: Success, finished: Finished) -> Ended | None:
        """Return the job as it was left; a success that was fenced out leaves nothing behind."""
        lease = success.lease
        row = finished.rows.get(lease.job.id)
        if row is not None:
            changes = {"state": JobState.SUCCEEDED, "version": row["version"], "finished_at": row["finished_at"]}
            told = {"progress": 1.0, "summary": one_line(success.outcome.summary)}
            return Ended(lease.job.model_copy(update=changes | told), rings=finished.rings)
        ended = self._end(lease, Ending(Move.STOP, "cancelled"))
        if ended is not None or not self._is_recorded(lease):
            self._store.drop_attempt(lease.job.id, lease.token)
        return ended

    def _is_recorded(self, lease: Lease) -> bool:
        """Tell whether an earlier try to record this success had worked, and only its answer was lost."""
        mine = (job_attempts.c.lease_token == lease.token) & (job_attempts.c.outcome == "succeeded")
        with self._engine.connect() as connection:
            return connection.execute(select(job_attempts.c.job_id).where(mine)).one_or_none() is not None

    def _fan_out(self, lease: Lease, fan_out: FanOut) -> Ended | None:
        """Let the job wait for its children; a fan-out that cannot be written is a failure like any other."""
        try:
            return _again_and_again(lambda: self._fan_outs.record(lease, fan_out))
        except BaseException as error:  # noqa: BLE001 - the same as for handlers
            return self._end(lease, failure(lease.job, bug(error)))

    def _end(self, lease: Lease, ending: Ending) -> Ended | None:
        def write() -> Ended | None:
            with self._engine.begin() as connection:
                return end_attempt(connection, lease, ending)

        try:
            return _again_and_again(write)
        except BaseException as error:  # noqa: BLE001 - not even a failure can be written: somebody else must take over
            end_this_process("record_refused", error)


def bug(error: BaseException) -> dict[str, str | None]:
    """Return what is kept of an exception that nobody expected."""
    told = traceback.TracebackException.from_exception(error)  # its text is safe where `str(error)` itself fails
    text = "".join(told.format())[-MAX_TRACEBACK_CHARACTERS:]
    return {"code": "handler_error", "message": f"{type(error).__name__}: {told}"[:2_000], "traceback": text}


def end_this_process(event: str, error: BaseException) -> NoReturn:
    """End a child that cannot know what it holds."""
    log.error(event, error=type(error).__name__)
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def _again_and_again(write: Callable[[], Answer]) -> Answer:
    give_up_at = time.monotonic() + RECORD_FOR_S
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            _wait(error, give_up_at)


def _wait(error: Exception, give_up_at: float) -> None:
    log.warning("record_failed", error=type(error).__name__)
    if time.monotonic() > give_up_at:
        end_this_process("record_unsure", error)
    time.sleep(RECORD_AGAIN_S)


def _note(ended: dict[UUID, Ended], lease: Lease, how: Ended | None) -> None:
    if how is not None:
        ended[lease.job.id] = how
