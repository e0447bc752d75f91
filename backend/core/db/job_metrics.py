"""What is counted of jobs for operators: totals and gauges, kept in Postgres by the relay, read by any API process.

Totals are exact and survive restarts. The relay counts each job that has ended once: it remembers the snapshot that it
counted in, and the next time takes the ended rows that were not visible there. No row is marked, no index is kept for
it, and a job's end pays nothing: `floor_at` (when the oldest transaction that was then open had begun) is all that the
index on `finished_at` needs. Rare events (a lost lease, a failed publish) are added where they happen.
"""

from typing import Final

from sqlalchemy import text

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0)
"""Upper bounds of the histograms' buckets."""

ENDED = "ended"
DURATION = "duration"
WAIT = "wait"
EVENT = "event"
DUTY = "duty"
DUTY_FAILED = "duty_failed"
STATE = "state"
QUEUE = "queue"

LOCK_CURSOR = text("SELECT 1 FROM job_metrics_cursor FOR UPDATE")
"""Counting is done by one process at a time, even while two believe that they are the active relay."""

COUNT_ENDED = text(
    """
WITH cursor AS MATERIALIZED (
  SELECT floor_at, CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS newest,
    -- A database that was restored elsewhere numbers its transactions anew.
    CASE WHEN pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) THEN snapshot
         ELSE pg_current_snapshot() END AS snapshot
  FROM job_metrics_cursor
), ended AS MATERIALIZED (
  SELECT j.job_type, j.state,
    CAST(extract(epoch FROM j.finished_at - j.started_at) AS float8) AS duration_s,
    CAST(GREATEST(extract(epoch FROM j.started_at - GREATEST(j.run_at, j.created_at)), 0) AS float8) AS wait_s
  FROM jobs j, cursor c
  WHERE j.finished_at IS NOT NULL AND j.finished_at >= c.floor_at
    -- xmin has 32 bits of 64: the others are those of the newest transaction, or one less.
    AND NOT pg_visible_in_snapshot(
      CAST(CAST(c.newest - ((c.newest - CAST(CAST(j.xmin AS text) AS bigint)) & 4294967295) AS text) AS xid8),
      c.snapshot)
), counted AS (
  SELECT 'ended' AS metric, job_type, state AS label, count(*) AS count, CAST(0 AS float8) AS sum
  FROM ended GROUP BY 2, 3
  UNION ALL
  SELECT 'duration', job_type, CAST(width_bucket(duration_s, :buckets) AS text), count(*), sum(duration_s)
  FROM ended WHERE duration_s IS NOT NULL GROUP BY 2, 3
  UNION ALL
  SELECT 'wait', job_type, CAST(width_bucket(wait_s, :buckets) AS text), count(*), sum(wait_s)
  FROM ended WHERE wait_s IS NOT NULL GROUP BY 2, 3
), moved AS (
  UPDATE job_metrics_cursor SET snapshot = pg_current_snapshot(), floor_at = LEAST(
      (SELECT min(xact_start) FROM pg_stat_activity WHERE backend_xid IS NOT NULL), statement_timestamp())
    - interval '10 seconds'  -- for statements that had begun and had no transaction number yet
)
INSERT INTO job_metrics (metric, job_type, label, count, sum) SELECT * FROM counted
ON CONFLICT (metric, job_type, label) DO UPDATE
SET count = job_metrics.count + excluded.count, sum = job_metrics.sum + excluded.sum, changed_at = clock_timestamp()
""".replace(":buckets", f"CAST(ARRAY[{', '.join(map(str, BUCKETS_S))}] AS float8[])")
)

FORGET_GAUGES = text("DELETE FROM job_metrics WHERE metric IN ('state', 'queue')")
REFRESH_GAUGES = text(
    """
WITH unfinished AS (
  SELECT job_type, queue, state, count(*) AS count, min(run_at) AS oldest_at FROM jobs
  WHERE finished_at IS NULL GROUP BY 1, 2, 3
)
INSERT INTO job_metrics (metric, job_type, label, count, oldest_at)
SELECT 'state', job_type, state, sum(count), NULL FROM unfinished GROUP BY 2, 3
UNION ALL
SELECT 'queue', '', queue, sum(count), min(oldest_at) FROM unfinished WHERE state = 'queued' GROUP BY 3
"""
)
"""Count what is unfinished, by type and state; and what is queued, by queue, with the time of the oldest."""

ADD = text(
    """
INSERT INTO job_metrics (metric, job_type, label, count, sum) VALUES (:metric, :job_type, :label, :count, :sum)
ON CONFLICT (metric, job_type, label) DO UPDATE
SET count = job_metrics.count + excluded.count, sum = job_metrics.sum + excluded.sum, changed_at = clock_timestamp()
"""
)

READ = text(
    """
SELECT metric, job_type, label, count, sum,
  CAST(extract(epoch FROM clock_timestamp() - oldest_at) AS float8) AS age_s,
  CAST(extract(epoch FROM clock_timestamp() - changed_at) AS float8) AS told_s
FROM job_metrics
"""
)


def event(name: str, job_type: str = "", count: int = 1) -> dict[str, str | int | float]:
    """Return the parameters of `ADD` for something rare that happened."""
    return {"metric": "event", "job_type": job_type, "label": name, "count": count, "sum": 0.0}


def duty_done(name: str, took_s: float, *, is_failed: bool) -> dict[str, str | int | float]:
    """Return the parameters of `ADD` for a round of one of the relay's duties."""
    return {"metric": "duty_failed" if is_failed else "duty", "job_type": "", "label": name, "count": 1, "sum": took_s}
