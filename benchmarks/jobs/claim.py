"""The product's claim, as the growth measure runs it. What it is coupled to in the product is all here."""

from __future__ import annotations

import os

from sqlalchemy import Connection, Engine, text

from backend.core.db import claims
from backend.core.db.sessions import sync_engine
from workers.pace import FIRST

QUEUE = "probe"
ASKED = {
    "queue": QUEUE,
    "at_most": FIRST,
    "lease_s": 30.0,
    "hard_limit_s": 3_660.0,
    "worker_id": "bench",
    "worker_pid": os.getpid(),
}

FILL = text(
    """
INSERT INTO jobs (id, job_type, queue, user_id, state, priority, max_attempts, version, is_short,
                  request_hash, payload, created_at, run_at, finished_at, started_at, attempt, progress)
SELECT gen_random_uuid(), 'probe', 'probe', u.ids[1 + n / 10 % :users],
       CASE WHEN n % 10 = 0 THEN 'queued' ELSE 'succeeded' END, 5, 3, 1, false, '\\x00', '{}',
       moment, moment,
       CASE WHEN n % 10 = 0 THEN NULL ELSE moment END, CASE WHEN n % 10 = 0 THEN NULL ELSE moment END,
       CASE WHEN n % 10 = 0 THEN 0 ELSE 1 END, CASE WHEN n % 10 = 0 THEN 0 ELSE 1 END
FROM (SELECT n, clock_timestamp() - make_interval(secs => (:last - n) * 0.1) AS moment
      FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n) rows,
     (SELECT array_agg(id ORDER BY id) AS ids FROM users WHERE name LIKE 'crowd-%') u
"""
)
"""Rows `first` to `last`: nine of ten have succeeded, one waits; all users have as many."""

OPEN_LANES = text(
    "INSERT INTO job_lanes (queue, user_id) SELECT 'probe', id FROM users WHERE name LIKE 'crowd-%'"
    " ON CONFLICT DO NOTHING"
)


def claiming_engine(url: str) -> Engine:
    """Return an engine whose sessions plan as those of workers do."""
    return sync_engine(url, options=claims.PLANNER_OPTIONS)


def claim_one(connection: Connection) -> bool:
    """Claim the best job of the queue; False when there was none."""
    return connection.execute(claims.CLAIM, ASKED).first() is not None


def explained(connection: Connection) -> str:
    """Return how Postgres carries a claim out."""
    explain = text("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) " + claims.CLAIM.text)
    return "\n".join(connection.execute(explain, ASKED).scalars())
