"""Keeps the leases of one worker's jobs, from a process that no computation can starve.

    python -m workers.keeper WORKER_ID MAIN_PID SLOTS QUEUE,QUEUE

It renews a lease only while the child that holds the job lives, and never past the attempt's time. A child that is
gone, it notices within a second, and the job moves on at once instead of when the lease runs out. A child whose job
is over its time, or was cancelled and does not notice, it ends, after asking the database again whose job that is.
"""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from types import FrameType
from typing import Any

import psutil
from redis.exceptions import RedisError
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.exc import SQLAlchemyError

from backend.core import heartbeats
from backend.core.db import upkeep
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import jobs
from backend.core.heartbeats import WorkerBeat
from backend.core.jobs.job import summary_of
from backend.core.logging import configure_logging, get_logger
from backend.core.processes import die_with_parent
from backend.core.redis import sync_redis
from backend.settings import Settings
from workers.aftermath import follow_jobs
from workers.announce import Herald
from workers.ending import Lease, end_attempt, loss

LOOK_EVERY_S = 0.5
LAST_LOOK_S = 1.5
REDIS_WITHIN_S = 0.4
"""A Redis that hangs must not keep the keeper from its leases."""

log = get_logger(__name__)


class Keeper:
    def __init__(self, settings: Settings, *, worker_id: str, main_pid: int, slots: int, queues: Sequence[str]) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._main_pid = main_pid
        self._slots = slots
        self._queues = tuple(queues)
        self._engine = sync_engine(settings.database, pool_size=1)
        self._redis = sync_redis(settings.redis, within_s=REDIS_WITHIN_S)
        self._herald = Herald(self._engine, self._redis)
        self._renewed_at = 0.0
        self._beaten_at = 0.0

    def look(self) -> None:
        """Look once: renew, rescue, end."""
        with self._engine.begin() as connection:
            running = connection.execute(upkeep.running_of(self._worker_id)).mappings().all()
        living = {pid for pid in {job["worker_pid"] for job in running} if self._lives(pid)}
        self._rescue([job for job in running if job["worker_pid"] not in living])
        held = [job for job in running if job["worker_pid"] in living]
        self._renew([job["lease_token"] for job in held])
        grace = timedelta(seconds=self._settings.jobs.cancel_grace_s)
        for job in held:
            # A handler that checks ends at its deadline by itself; a type's hard limit has the soft one before it.
            is_over_time = job["overdue_for"] > (grace if job["is_expired"] else timedelta(0))
            if is_over_time or (job["cancel_age"] is not None and job["cancel_age"] > grace):
                self._end_child(job)
        self._beat(len(held))

    def leave(self) -> None:
        """The worker is going: move what its children held, as soon as they are gone too."""
        with contextlib.suppress(SQLAlchemyError):
            with self._engine.begin() as connection:
                running = connection.execute(upkeep.running_of(self._worker_id)).mappings().all()
            deadline = time.monotonic() + LAST_LOOK_S
            while any(self._lives(job["worker_pid"]) for job in running) and time.monotonic() < deadline:
                time.sleep(0.02)
            self._rescue([job for job in running if not self._lives(job["worker_pid"])])
        with contextlib.suppress(RedisError):
            heartbeats.stop_beating(self._redis, self._sign(0))

    def _lives(self, pid: int) -> bool:
        """Tell whether the pool has a child with this pid; a zombie does not live."""
        try:
            child = psutil.Process(pid)
            # A child whose parent has just died is still to be killed by the kernel: it counts as living.
            return child.ppid() in {self._main_pid, 1} and child.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _rescue(self, lost: Sequence[RowMapping]) -> None:
        for row in lost:
            lease = Lease.of(row)
            with self._engine.begin() as connection:
                ending = loss(lease, is_overdue=row["is_overdue"], is_expired=row["is_expired"])
                ended = end_attempt(connection, lease, ending)
            if ended is not None:
                log.warning("job_rescued", **lease.job.log_names, pid=lease.worker_pid, state=ended.job.state)
                self._herald.tell([ended.job], [lease.queue] if ended.rings else [])
                follow_jobs(self._engine, self._herald, [ended.job])

    def _renew(self, tokens: Sequence[Any]) -> None:  # Any: UUID
        now = time.monotonic()
        if not tokens or now - self._renewed_at < self._settings.jobs.renew_every_s:
            return
        with self._engine.begin() as connection:
            connection.execute(upkeep.renew_leases(tokens, self._settings.jobs.lease_s))
        self._renewed_at = now

    def _end_child(self, job: RowMapping) -> None:
        """Kill the child that holds this job, if it still does: the row stays locked until the child got the signal."""
        with self._engine.begin() as connection:
            if not _still_holds(connection, job):
                return
            names = summary_of(job).log_names
            log.warning("child_ended", **names, pid=job["worker_pid"], is_overdue=job["is_overdue"])
            with contextlib.suppress(ProcessLookupError):
                os.kill(job["worker_pid"], signal.SIGKILL)

    def _beat(self, busy: int) -> None:
        now = time.monotonic()
        if now - self._beaten_at < heartbeats.EVERY_S:
            return
        heartbeats.beat(self._redis, self._sign(busy))
        self._beaten_at = now

    def _sign(self, busy: int) -> WorkerBeat:
        return WorkerBeat(self._worker_id, socket.gethostname(), self._main_pid, self._queues, self._slots, busy)


def _still_holds(connection: Connection, job: RowMapping) -> bool:
    same = (jobs.c.lease_token == job["lease_token"]) & (jobs.c.worker_pid == job["worker_pid"])
    locked = select(jobs.c.id).where(jobs.c.id == job["id"], same).with_for_update()
    return connection.execute(locked).one_or_none() is not None


def main(arguments: Sequence[str]) -> int:
    worker_id, main_pid, slots, queues = arguments
    settings = Settings()
    configure_logging(settings, service="keeper")
    is_over = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_over
        is_over = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(int(main_pid), signal.SIGTERM)
    keeper = Keeper(settings, worker_id=worker_id, main_pid=int(main_pid), slots=int(slots), queues=queues.split(","))
    while not is_over and os.getppid() == int(main_pid):
        try:
            keeper.look()
        except (SQLAlchemyError, RedisError, OSError) as error:
            log.warning("look_failed", error=type(error).__name__)
        time.sleep(LOOK_EVERY_S)
    keeper.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
