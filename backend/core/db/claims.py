"""Claiming and finishing: the two statements that every job pays for.

A claim takes the lane with the least running, then its best rows: one, or several where all of them are short. It
never scans what is queued: it walks the lanes' index and the claim index, and stops at the first rows that fit
(docs/benchmarks.md shows its plans at a million rows). The parts that look odd are why: a scalar subselect where
EXISTS would be un-nested into a join, `= ANY (ARRAY(...))` where a join would be sorted, and the planner's settings.

Locks: a claim holds a lane and skips jobs that are locked; a finish holds jobs, then takes their lanes in order. So
neither waits for the other in a circle.
"""

from sqlalchemy import TextClause, text

from backend.core.db.hook_deliveries import NEEDED, deliveries_sql
from backend.core.jobs.lifecycle import MOVES, Move

PLANNER_OPTIONS = (
    "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off -c plan_cache_mode=force_generic_plan"
)
"""For connections that claim: the plan must not depend on what was queued when statistics were last taken."""

_CLAIM = """
WITH lane AS MATERIALIZED (
  SELECT l.user_id, LEAST(:at_most, l.max_running - l.running) AS room FROM job_lanes l
  WHERE l.queue = :queue AND (l.max_running IS NULL OR l.running < l.max_running)
    AND NOT (SELECT count(*) > 0 FROM queue_controls c WHERE c.queue = :queue AND c.is_paused)
    AND (SELECT true FROM jobs j
         WHERE j.queue = l.queue AND j.user_id = l.user_id AND j.state = '{queued}'
           AND (j.deadline_at IS NULL OR j.deadline_at > clock_timestamp()) LIMIT 1)
  ORDER BY l.running, l.last_claimed_at LIMIT 1 FOR NO KEY UPDATE {skip_locked_lanes}
), first AS MATERIALIZED (
  SELECT j.is_short FROM jobs j
  WHERE j.queue = :queue AND j.user_id = (SELECT user_id FROM lane) AND j.state = '{queued}'
    AND (j.deadline_at IS NULL OR j.deadline_at > clock_timestamp())
  ORDER BY j.priority, j.run_at, j.id LIMIT 1
), best AS MATERIALIZED (
  SELECT j.id, j.is_short, j.priority, j.run_at FROM jobs j
  WHERE j.queue = :queue AND j.user_id = (SELECT user_id FROM lane) AND j.state = '{queued}'
    AND (j.deadline_at IS NULL OR j.deadline_at > clock_timestamp())
  ORDER BY j.priority, j.run_at, j.id
  LIMIT (SELECT CASE WHEN first.is_short THEN lane.room ELSE 1 END FROM lane, first)
  FOR NO KEY UPDATE SKIP LOCKED
), pick AS MATERIALIZED (
  SELECT id FROM (SELECT id, row_number() OVER ranked AS place, bool_and(is_short) OVER ranked AS are_short
                  FROM best WINDOW ranked AS (ORDER BY priority, run_at, id)) b
  WHERE place = 1 OR are_short
), counted AS (
  UPDATE job_lanes l SET running = l.running + p.number, last_claimed_at = clock_timestamp()
  FROM lane, (SELECT count(*) AS number FROM pick) p
  WHERE l.queue = :queue AND l.user_id = lane.user_id AND p.number > 0
), claimed AS (
  UPDATE jobs SET state = '{running}', attempt = attempt + 1, version = version + 1, changed_at = clock_timestamp(),
    progress = CASE WHEN fan_out IS NULL THEN 0 ELSE progress END, stage = NULL, counters = NULL, error = NULL,
    lease_token = gen_random_uuid(), lease_until = clock_timestamp() + make_interval(secs => :lease_s),
    attempt_ends_by = LEAST(clock_timestamp() + make_interval(secs => :hard_limit_s), deadline_at),
    worker_id = :worker_id, worker_pid = :worker_pid, started_at = clock_timestamp()
  WHERE id = ANY (ARRAY(SELECT id FROM pick)) AND state = '{queued}'
  RETURNING *
), note AS (
  INSERT INTO job_outbox (job_id, version) SELECT id, version FROM claimed WHERE NOT is_short
  ON CONFLICT (job_id) DO UPDATE SET version = excluded.version, changed_at = clock_timestamp()
)
SELECT claimed.*{unhurried} FROM claimed ORDER BY priority, run_at, id
"""
_UNHURRIED = ", set_config('synchronous_commit', 'off', true) AS unhurried"
(_QUEUED,) = MOVES[Move.CLAIM].sources
_STATES = {"queued": _QUEUED, "running": MOVES[Move.CLAIM].target, "succeeded": MOVES[Move.SUCCEED].target}


def _claim(*, skip_locked_lanes: str, unhurried: str) -> TextClause:
    return text(_CLAIM.format(**_STATES, skip_locked_lanes=skip_locked_lanes, unhurried=unhurried))


CLAIM = _claim(skip_locked_lanes="SKIP LOCKED", unhurried=_UNHURRIED)
"""Claim the best rows of a queue (parameters: queue, at_most, lease_s, hard_limit_s, worker_id, worker_pid).

The commit does not wait for the disk: a claim that a crash of Postgres swallows is a job that is still queued. Short
jobs are not noted in the outbox: the word of their end follows at once.
"""

CLAIM_WAITING = _claim(skip_locked_lanes="", unhurried=_UNHURRIED)
"""The same, but wait for a lane that another claim holds: an empty answer is then really empty."""

CLAIM_NEXT = _claim(skip_locked_lanes="SKIP LOCKED", unhurried="")
"""The same in the transaction of a finish, which waits for the disk, and must wait for no lane."""

_HELD = """
SELECT * FROM jobs WHERE state = '{running}' AND worker_id = :worker_id AND worker_pid = :worker_pid
ORDER BY priority, run_at, id
"""
HELD = text(_HELD.format(**_STATES))
"""What a process holds: asked when the answer to a claim was lost."""

_FINISH = """
WITH done AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:done AS jsonb)) AS d(id uuid, token uuid, result text, summary text)
), moved AS (
  UPDATE jobs j SET state = '{succeeded}', version = j.version + 1, changed_at = clock_timestamp(),
    finished_at = clock_timestamp(), progress = 1, result = CAST(d.result AS jsonb), summary = d.summary,
    lease_token = NULL, lease_until = NULL, attempt_ends_by = NULL, worker_id = NULL, worker_pid = NULL
  FROM done d
  WHERE j.id = d.id AND j.state = '{running}' AND j.lease_token = d.token AND j.cancel_requested_at IS NULL
  RETURNING {told}, j.queue, d.token
), attempts AS (
  INSERT INTO job_attempts (lease_token, job_id, attempt, worker_id, worker_pid, started_at, ended_at, outcome)
  SELECT token, id, attempt, :worker_id, :worker_pid, started_at, finished_at, '{succeeded}' FROM moved
), note AS (
  INSERT INTO job_outbox (job_id, version) SELECT id, version FROM moved
  ON CONFLICT (job_id) DO UPDATE SET version = excluded.version, changed_at = clock_timestamp()
), hooked AS (
  {hooked}
), lanes AS MATERIALIZED (
  SELECT l.queue, l.user_id, m.number, l.running >= l.max_running AS was_full FROM job_lanes l
  JOIN (SELECT queue, user_id, count(*) AS number FROM moved GROUP BY 1, 2) m USING (queue, user_id)
  ORDER BY 1, 2 FOR NO KEY UPDATE OF l
), counted AS (
  UPDATE job_lanes l SET running = GREATEST(l.running - lanes.number, 0) FROM lanes
  WHERE l.queue = lanes.queue AND l.user_id = lanes.user_id
)
SELECT moved.id, moved.version, moved.finished_at, COALESCE(lanes.was_full, false) AS was_full
FROM moved LEFT JOIN lanes USING (queue, user_id)
"""
_TOLD = ", ".join(f"j.{name}" for name in NEEDED)
FINISH = text(_FINISH.format(**_STATES, told=_TOLD, hooked=deliveries_sql("moved")))
"""Finish the jobs that succeeded, under their leases (parameters: done, as JSON, and the worker).

An id that is missing in the answer was fenced out: its lease was lost, or a cancel was acknowledged.
"""
