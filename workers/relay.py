"""Mends what crashes leave behind. Any number may run; a Postgres advisory lock lets one be active.

    python -m workers.relay

Each round, on Postgres's clock: due jobs are queued, expired leases are taken back, jobs past their deadline are
failed, unannounced changes are announced, doorbells that got lost are rung anew. Now and then: lanes are put right,
what ended long ago is pruned. What stands in `workers/relay_duties/` is done each round, too.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType
from uuid import UUID, uuid4

from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from backend.core import heartbeats
from backend.core.artifacts import ArtifactStore
from backend.core.db import upkeep
from backend.core.db.agenda import AGENDA
from backend.core.db.lines import AUTOCOMMIT
from backend.core.db.sessions import sync_engine
from backend.core.db.signals import unannounced_signals
from backend.core.event_log import Announcement, publish
from backend.core.heartbeats import RelayBeat
from backend.core.jobs.job import summary_of
from backend.core.logging import configure_logging, get_logger
from backend.core.pruning import Ages, Pruned, Pruner
from backend.core.redis import sync_redis
from backend.core.signals import signal_of
from backend.settings import Settings
from workers.aftermath import follow_jobs
from workers.announce import Herald
from workers.ending import Lease, end_attempt, loss
from workers.relay_duties.deadlines import fail_expired_jobs
from workers.relay_duties.lanes import delete_idle_lanes, follow_caps, open_missing_lanes
from workers.relay_duties.metrics import COUNT_EVERY_S, GAUGES_EVERY_S, Census
from workers.relay_duties.relatives import Relatives
from workers.relay_duties.schedules import fire_schedules
from workers.webhooks.sender import SenderThread

ACTIVE_LOCK = 0x52_45_4C_41  # "RELA"
BATCH = 500
ANNOUNCE_AFTER_S = 1.0
ABANDONED_EVERY_S = 2.0
RECOUNT_EVERY_S = 10.0
FOLLOW_CAPS_EVERY_S = 2.0
PRUNE_EVERY_S = 10.0
PRUNE_FOR_S = 2.0
KEEPERS_MARGIN_S = 2.0

log = get_logger(__name__)


class Relay:
    """The active relay's work. Each duty is its own transaction, and none of them counts on another."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._redis = sync_redis(settings.redis)
        self._herald = Herald(engine, self._redis)
        self._pruner = Pruner(engine, ArtifactStore(settings.artifacts))
        self._census = Census(engine)
        self._relatives = Relatives(engine, self._herald)
        self._next: dict[str, float] = {}
        self._agenda: frozenset[str] = frozenset()

    def round(self) -> None:
        """Do every duty that is due; most of them only where a look at the tables found something for them."""
        self._duty("look", 0, self.look)
        self._called_for("queue_due_jobs", 0, self.queue_due_jobs)
        self._called_for("take_back_leases", 0, self.take_back_leases)
        self._called_for("announce_missed", 0, self.announce_missed)
        self._called_for("announce_missed_signals", 0, self.announce_missed_signals)
        self._called_for("ring_lost_bells", 0, self.ring_lost_bells)
        self._called_for("wake_parents", 0, self._relatives.wake_parents)
        self._called_for("finish_batches", 0, self._relatives.finish_batches)
        self._called_for("cancel_abandoned_children", ABANDONED_EVERY_S, self._relatives.cancel_abandoned_children)
        self._called_for("fail_expired_jobs", 0, lambda: fail_expired_jobs(self._engine, self._herald))
        limits = self._settings.jobs
        self._called_for("fire_schedules", 0, lambda: fire_schedules(self._engine, self._herald, limits))
        self._duty("recount_lanes", RECOUNT_EVERY_S, self.recount_lanes)
        self._duty("prune", PRUNE_EVERY_S, self.prune)
        self._duty("follow_caps", FOLLOW_CAPS_EVERY_S, lambda: follow_caps(self._engine, limits))
        self._duty("delete_idle_lanes", RECOUNT_EVERY_S, lambda: delete_idle_lanes(self._engine))
        self._duty("open_missing_lanes", RECOUNT_EVERY_S, lambda: open_missing_lanes(self._engine, limits))
        self._duty("count_ended", COUNT_EVERY_S, self._census.count)
        self._duty("refresh_gauges", GAUGES_EVERY_S, self._census.refresh_gauges)

    def look(self) -> None:
        """Ask what there may be to do in this round; where that cannot be known, nothing of it is done."""
        self._agenda = frozenset()
        with self._engine.connect().execution_options(isolation_level=AUTOCOMMIT) as connection:
            found = connection.execute(AGENDA, {"settled_s": ANNOUNCE_AFTER_S}).mappings().one()
        self._agenda = frozenset(duty for duty, is_called_for in found.items() if is_called_for)

    def queue_due_jobs(self) -> None:
        with self._engine.begin() as connection:
            rows = connection.execute(upkeep.due_jobs(BATCH)).mappings().all()
        self._herald.tell([summary_of(row) for row in rows], [row["queue"] for row in rows])

    def take_back_leases(self) -> None:
        with self._engine.connect() as connection:
            keepers_time_s = self._settings.jobs.cancel_grace_s + KEEPERS_MARGIN_S
            expired = connection.execute(upkeep.expired_leases(BATCH, keepers_time_s)).mappings().all()
        for row in expired:
            self.take_back(row["lease_token"], keepers_time_s)

    def take_back(self, token: UUID, keepers_time_s: float) -> None:
        """Move the job of a lease that ran out: looked at anew under its lock, for its keeper may be late, not gone."""
        with self._engine.begin() as connection:
            row = connection.execute(upkeep.expired_lease(token, keepers_time_s)).mappings().one_or_none()
            if row is None:
                return
            lease = Lease.of(row)
            ending = loss(lease, is_overdue=row["is_overdue"], is_expired=row["is_expired"])
            ended = end_attempt(connection, lease, ending)
        if ended is not None:
            told = {"worker_id": lease.worker_id, "state": ended.job.state}
            log.warning("lease_expired", **lease.job.log_names, **told)
            self._herald.tell([ended.job], [lease.queue] if ended.rings else [])
            follow_jobs(self._engine, self._herald, [ended.job])

    def announce_missed(self) -> None:
        with self._engine.connect() as connection:
            rows = connection.execute(upkeep.unannounced_jobs(ANNOUNCE_AFTER_S, BATCH)).mappings().all()
        self._herald.tell([summary_of(row) for row in rows])

    def announce_missed_signals(self) -> None:
        with self._engine.connect() as connection:
            rows = connection.execute(unannounced_signals(ANNOUNCE_AFTER_S, BATCH)).mappings().all()
        self._herald.tell_signals([signal_of(row) for row in rows])

    def ring_lost_bells(self) -> None:
        """Ring the difference where fewer bells wait than jobs could be started."""
        with self._engine.connect() as connection:
            claimable = {row["queue"]: int(row["jobs"]) for row in connection.execute(upkeep.CLAIMABLE).mappings()}
        if not claimable:
            return
        slots = heartbeats.slots_by_queue(self._redis)
        for queue, count in claimable.items():
            missing = min(count, slots.get(queue, 1)) - int(self._redis.llen(queue))
            if missing > 0:
                publish(self._redis, Announcement(bells=[(queue, None)] * missing, slots=slots))

    def recount_lanes(self) -> None:
        """Correct lanes whose count has come apart from the rows; each under its lock, one at a time."""
        with self._engine.connect() as connection:
            doubtful = connection.execute(upkeep.doubtful_lanes()).all()
        for queue, user_id in doubtful:
            with self._engine.begin() as connection:
                connection.execute(upkeep.lock_lane(queue, user_id))
                lane = {"queue": queue, "user_id": user_id}
                if connection.execute(upkeep.RECOUNT_LANES, lane).rowcount:
                    log.warning("lane_recounted", queue=queue, user_id=str(user_id))

    def prune(self) -> None:
        """Delete what ended long ago, as much of it as a short while allows; the next time goes on."""
        limits = self._settings.jobs
        ages = Ages(limits.retention_days * 86_400, limits.delivery_retention_days * 86_400)
        pruned = self._pruner.prune(ages, for_s=PRUNE_FOR_S)
        if pruned != Pruned():
            log.info("pruned", jobs=pruned.jobs, batches=pruned.batches, deliveries=pruned.deliveries)

    def _called_for(self, name: str, every_s: float, do: Callable[[], object]) -> None:
        if name in self._agenda:
            self._duty(name, every_s, do)

    def _duty(self, name: str, every_s: float, do: Callable[[], object]) -> None:
        now = time.monotonic()
        if now < self._next.get(name, 0.0):
            return
        self._next[name] = now + every_s
        self._census.watched(name, do)


class Turn:
    """The right to be the active relay: an advisory lock, held as long as its connection lives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def is_mine(self) -> bool:
        """Take the lock if it is free; notice when the connection that held it is gone."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                taken = self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ACTIVE_LOCK})
                if not taken:
                    self.give_up()
            else:
                self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            log.warning("turn_lost", error=type(error).__name__)
            self.give_up()
        return self._connection is not None

    def give_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None


def run(settings: Settings, is_over: threading.Event) -> None:
    """Be a relay until `is_over`: active while it is our turn, else standing by."""
    engine = sync_engine(settings.database, pool_size=2)
    redis = sync_redis(settings.redis)
    relay, turn = Relay(settings, engine), Turn(engine)
    sender = SenderThread(settings, is_over)
    sender.start()
    sign = RelayBeat(uuid4().hex, socket.gethostname(), os.getpid(), is_active=False)
    while not is_over.is_set():
        sender.require_life()
        sign = replace(sign, is_active=turn.is_mine())
        if sign.is_active:
            relay.round()
        with contextlib.suppress(RedisError):
            heartbeats.beat(redis, sign)
        is_over.wait(settings.jobs.relay_interval_s)
    turn.give_up()
    sender.join()
    with contextlib.suppress(RedisError):
        heartbeats.stop_beating(redis, sign)
    engine.dispose()


def main(arguments: Sequence[str]) -> int:
    del arguments
    settings = Settings()
    configure_logging(settings, service="relay")
    is_over = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        is_over.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("relay_started")
    run(settings, is_over)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
